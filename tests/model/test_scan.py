"""The text of a prototxt as people have it: any encoding of comments, any line ends, and lines of layers."""

from pathlib import Path

import pytest
from small_prototxt import NEWER, SMALL

from harness.core.errors import InputError
from harness.core.limits import MAX_PROTOTXT_BYTES
from harness.model.prototxt import read_prototxt
from harness.model.scan import find_layers

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "prototxt"
COMMENT = NEWER.replace("layer {\n", "# MARK\nlayer {  # MARK\n")


def read_data(tmp_path, data):
    path = tmp_path / "deploy.prototxt"
    path.write_bytes(data)
    return read_prototxt(path)


@pytest.mark.parametrize(
    "data",
    [
        NEWER.replace("\n", "\r\n").encode(),
        NEWER.encode("utf-8-sig"),
        COMMENT.replace("MARK", "réseau").encode("latin-1"),
        COMMENT.replace("MARK", "人脸识别网络").encode("gbk"),
        COMMENT.replace("MARK", "顔認識ソ構").encode("shift-jis"),
        COMMENT.replace("MARK", "it's a \"quote\\").encode(),
        COMMENT.replace("MARK", "人").encode("utf-8-sig").replace(b"\n", b"\r\n"),
        NEWER.replace('name: "small"', "name: 'small' # \"").encode(),
        NEWER.encode() + b"\n\n \r\n",
    ],
    ids=["crlf", "bom", "latin-1", "gbk", "shift-jis", "quotes", "all", "mark in comment", "blank end"],
)
def test_a_network_is_read_in_any_text(tmp_path, data):
    assert read_data(tmp_path, data) == SMALL


@pytest.mark.parametrize("encoding", ["latin-1", "gbk"])
def test_other_encodings_outside_comments_are_refused_by_line(tmp_path, encoding):
    text = "# é\n" + NEWER.replace('top: "pool1"', 'top: "é"')
    with pytest.raises(InputError, match=r"deploy\.prototxt, line 20: is not UTF-8 \(0x"):
        read_data(tmp_path, text.encode(encoding))


def test_a_mark_in_a_string_is_no_comment(tmp_path):
    text = NEWER.replace('"small"', '"a # b"').replace('name: "drop2"', "name: 'it\\'s # \"drop\"'")
    network = read_data(tmp_path, text.encode())
    assert (network.name, network.layers[4].name) == ("a # b", 'it\'s # "drop"')


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "Git LFS pointer.*git lfs",
        ),
        (b"\n<!DOCTYPE html>\n<html lang='en'>", "is a web page"),
        (b"PK\x03\x04" + bytes(100), "is a zip archive"),
        (b"\x1f\x8b\x08" + bytes(100), "packed by gzip"),
        (NEWER.encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b"\x0a\x05small\xa2\x06\x04\x0a\x02ab", "is no text.*--caffemodel"),
        (b"#" * (MAX_PROTOTXT_BYTES + 1), "too large"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path, data, words):
    with pytest.raises(InputError, match=rf"deploy\.prototxt: .*{words}"):
        read_data(tmp_path, data)


def test_lines_of_layers():
    text = (
        'name: "layer {"\nlayer { a { } }\n\nlayer: <\n name: "}" >\nlayer: [ { }, {\n } ] layers{}\nstate {}'
    )
    assert find_layers(text) == [2, 4, 6, 6, 7]


@pytest.mark.parametrize("name", ["bom", "crlf", "gbk-comment", "input-shape", "layers-unnamed-relu"])
def test_files_from_outside_are_read(name):
    path = CASES / f"{name}.prototxt"
    if not path.is_file():
        pytest.skip("the cases from outside are not beside the project")
    network = read_prototxt(path)
    assert network.input.shape == (3, 64, 64)
    assert [blob.name for blob in network.blobs[1:4]] == ["conv1_1", "conv1_2", "pool1"]
