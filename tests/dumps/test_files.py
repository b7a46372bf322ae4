"""Dumps of all formats are read alike, and what is none is refused in one line."""

import json
import pickle
import zipfile

import numpy as np
import pytest
from scipy.io import savemat

from harness.core.errors import InputError
from harness.dumps import files
from harness.dumps.files import read_dump

ARRAYS = {
    "conv1_1": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "fc6": np.linspace(-1, 1, 5),
    "levels": np.arange(12, dtype=np.uint8).reshape(2, 2, 3),
}


def write_safetensors(path, arrays, kinds=None, change=None):
    """The format, from its description: length of the header, header, bytes."""
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, values in arrays.items():
        data = np.ascontiguousarray(values).tobytes()
        kind = (kinds or {}).get(name) or {"f4": "F32", "f8": "F64", "f2": "F16", "u1": "U8"}[
            values.dtype.str[1:]
        ]
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": offsets}
        body += data
    if change is not None:
        change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def write_folder(path, arrays):
    path.mkdir()
    for name, values in arrays.items():
        np.save(path / f"{name}.npy", values)


WRITE = {
    "dump.npz": lambda path: np.savez(path, **ARRAYS),
    "packed.npz": lambda path: np.savez_compressed(path, **ARRAYS),
    "dump.safetensors": lambda path: write_safetensors(path, ARRAYS),
    "folder": lambda path: write_folder(path, ARRAYS),
    "dump.mat": lambda path: savemat(path, ARRAYS, do_compression=True),
}


@pytest.mark.parametrize("name", WRITE)
def test_every_format_holds_the_same(tmp_path, name):
    WRITE[name](tmp_path / name)
    found = {one.name: one.values for one in read_dump(tmp_path / name)}
    assert sorted(found) == sorted(ARRAYS)
    for key, values in ARRAYS.items():
        assert found[key].dtype == values.dtype
        assert np.array_equal(found[key].reshape(values.shape), values)


def test_a_folder_s_arrays_are_named_by_their_paths(tmp_path):
    (tmp_path / "d" / "plain").mkdir(parents=True)
    np.save(tmp_path / "d" / "plain" / "conv1_1.npy", ARRAYS["conv1_1"])
    (one,) = read_dump(tmp_path / "d")
    assert one.name == "plain/conv1_1"


def test_half_precision_is_read_and_noted(tmp_path):
    brain = (ARRAYS["conv1_1"].view(np.uint32) >> 16).astype(np.uint16)
    half = ARRAYS["fc6"].astype(np.float16)
    write_safetensors(tmp_path / "d.safetensors", {"a": brain, "b": half}, {"a": "BF16"})
    first, second = read_dump(tmp_path / "d.safetensors")
    assert (first.kind, second.kind) == ("bfloat16", "float16")
    assert np.array_equal(first.values, ARRAYS["conv1_1"])
    assert second.values.dtype == np.float32


def write_bomb(path):
    """A member that unpacks to far more than it is, and whose header claims all memory."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(5_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", data)


def set_header(key, value):
    return lambda header: header["conv1_1"].update({key: value})


def write_bent(key, value):
    return lambda path: write_safetensors(path, ARRAYS, change=set_header(key, value))


class Harmful:
    """What prints a word as soon as it is unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


def write_newer(path):
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(600))


BAD = {
    "objects.npz": (
        lambda path: np.savez(path, a=np.array([Harmful()], object)),
        "holds Python objects, which are never",
    ),
    "objects.npy": (
        lambda path: np.save(path, np.array([{}], object)),
        "holds Python objects, which are never",
    ),
    "pickle.npy": (lambda path: path.write_bytes(pickle.dumps(Harmful())), "does not begin as one"),
    "bomb.npz": (write_bomb, "is cut off: an array (1099511627776,)"),
    "cut.npz": (
        lambda path: path.write_bytes(b"PK\x03\x04"),
        "is no archive of arrays, or is cut off; dump it again",
    ),
    "text.npz": (lambda path: path.write_text("x"), "is no archive of arrays, or is cut off; dump it again"),
    "words.npy": (lambda path: np.save(path, np.array(["a"])), "it holds <U1"),
    "complex.mat": (lambda path: savemat(path, {"a": {"b": 1}}), "a: is a MATLAB struct, not numbers"),
    "cells.mat": (
        lambda path: savemat(path, {"a": np.array([{}], object)}),
        "a: is a MATLAB cell, not numbers",
    ),
    "newer.mat": (write_newer, "is of MATLAB 7.3, which is not read; save it with save(..., '-v7')"),
    "text.mat": (lambda path: path.write_text("x" * 500), "is no .mat file that can be read"),
    "huge.safetensors": (write_bent("shape", [1 << 40]), "conv1_1: its bytes are not those of an array"),
    "beyond.safetensors": (
        write_bent("data_offsets", [0, 1 << 50]),
        "conv1_1: its bytes are not those of an array",
    ),
    "less.safetensors": (write_bent("shape", [-1, 3]), "conv1_1: shape and offsets must be whole numbers"),
    "kind.safetensors": (write_bent("dtype", "F8_E4M3"), "conv1_1: is of F8_E4M3; dump float32"),
    "cut.safetensors": (
        lambda path: path.write_bytes(b"\xff" * 12),
        "is no .safetensors file, or is cut off",
    ),
    "list.safetensors": (
        lambda path: path.write_bytes((2).to_bytes(8, "little") + b"[]"),
        "its header is no table",
    ),
    "empty.npy": (lambda path: np.save(path, np.empty((0, 3))), "is empty; leave it out"),
    "nothing": (lambda path: path.mkdir(), "holds no arrays; dump .npz, .npy, .mat or .safetensors"),
    "dump.h5": (lambda path: path.write_text("x"), "is none of .npz, .npy, .mat, .safetensors"),
    "none.npz": (lambda _path: None, "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_dump_is_one_line(tmp_path, name, capsys):
    write, said = BAD[name]
    write(tmp_path / name)
    with pytest.raises(InputError) as caught:
        read_dump(tmp_path / name)
    assert said in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_no_more_is_read_than_a_trace_may_be(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_ARRAY_BYTES", 1000)
    np.savez_compressed(tmp_path / "d.npz", a=np.zeros(100_000))
    with pytest.raises(InputError, match="unpacks to more than"):
        read_dump(tmp_path / "d.npz")


def test_two_arrays_of_one_name_are_refused(tmp_path):
    (tmp_path / "d").mkdir()
    np.savez(tmp_path / "d" / "a.npz", fc6=ARRAYS["fc6"])
    np.save(tmp_path / "d" / "fc6.npy", ARRAYS["fc6"])
    with pytest.raises(InputError, match="names two arrays 'fc6'; rename one"):
        read_dump(tmp_path / "d")
