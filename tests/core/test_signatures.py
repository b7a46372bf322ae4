"""Files that are something else than they were taken for, told by their beginning."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from caffe_files import MESSAGES, NETWORK, WEIGHTS

from harness.core.errors import InputError
from harness.core.signatures import recognise
from harness.model.caffemodel import list_parameters


def make_tar():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("VGG_FACE.caffemodel"))
    return data.getvalue()


def make_zip():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("VGG_FACE.caffemodel", b"x")
    return data.getvalue()


def make_array():
    data = io.BytesIO()
    np.save(data, np.zeros(3))
    return data.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
FILES = {
    "pointer": (POINTER, "Git LFS pointer.*run: git lfs pull"),
    "page": (b"<!doctype html><html><head><title>Sign in", "web page.*fetch the file itself"),
    "xml page": (b'<?xml version="1.0"?>\n<!-- x -->\n<html xmlns="x">', "web page"),
    "page with bom": (b"\xef\xbb\xbf\r\n<HTML>", "web page"),
    "zip": (make_zip(), "zip archive.*unpack"),
    "gzip": (gzip.compress(b"x"), "packed by gzip; unpack"),
    "tar": (make_tar(), "tar archive; unpack"),
    "empty": (b"", "is empty"),
    "prototxt": (b'name: "VGG"\r\nlayers {\r\n', "is text.*--prototxt"),
    "labels": (b"Ana\nBea\n", "is text"),
    "json": (b'{"message": "Not Found"}', "is text"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5 snapshot; save it"),
    "pickle": (b"\x80\x02}q\x00.", "Python pickle"),
    "onnx": (b"\x08\x08\x12\x07pytorch", "ONNX"),
    "array": (make_array(), "NumPy array"),
    "png": (b"\x89PNG\r\n\x1a\n", "PNG image"),
}


@pytest.mark.parametrize(("data", "words"), FILES.values(), ids=FILES.keys())
def test_what_is_no_caffemodel_is_called_what_it_is(tmp_path, data, words):
    path = tmp_path / "VGG_FACE.caffemodel"
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"VGG_FACE\.caffemodel: .*{words}"):
        list_parameters(path, NETWORK)


@pytest.mark.parametrize("form", MESSAGES)
def test_a_caffemodel_is_nothing_else(form):
    assert recognise(MESSAGES[form](WEIGHTS).SerializeToString()) is None
