"""Example lists."""

import json

import numpy as np
import pytest

from harness.ami.decode import decode_array, decode_image
from harness.ami.errors import InputError
from harness.ami.examples import hash_bytes, hash_file, list_examples, locate_copy, read_examples

DATA = b"pixels"
HUGE = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999)}"
GOOD = {
    "id": "a",
    "source": "a",
    "attack": "benign",
    "gold": 3,
    "file": "a.png",
    "sha256": hash_bytes(DATA),
}


def write(folder, *entries):
    (folder / "a.png").write_bytes(DATA)
    path = folder / "examples.jsonl"
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in entries))
    return path


def test_a_list_is_read(tmp_path):
    path = write(tmp_path, GOOD, "", {**GOOD, "id": "b", "parameters": {"epsilon": 8}})
    first, second = read_examples(path, 10, hash_file(path))
    assert (first.id, second.id, first.gold, first.path) == ("a", "b", 3, tmp_path / "a.png")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "lists no example"),
        (["{"], ":1: is no JSON"),
        (["[1]"], ":1: has no 'id'"),
        ([GOOD, {k: v for k, v in GOOD.items() if k != "gold"}], ":2: has no 'gold'"),
        ([{**GOOD, "gold": "3"}], "'gold' must be of type int, not '3'"),
        ([{**GOOD, "gold": True}], "'gold' must be of type int, not True"),
        ([{**GOOD, "gold": 10}], "gold 10 of example 'a' is no class; there are 10"),
        ([{**GOOD, "gold": -1}], "gold -1"),
        ([GOOD, GOOD], ":2: example 'a' is listed twice"),
        ([{**GOOD, "file": "b.png"}], r"b\.png: cannot be read"),
        ([{**GOOD, "sha256": "0" * 64}], r"a\.png: sha256 is .* but example 'a' is listed with 000000000000"),
    ],
)
def test_wrong_lists_are_named(tmp_path, entries, words):
    with pytest.raises(InputError, match=words):
        read_examples(write(tmp_path, *entries), 10)


def test_a_changed_list_is_refused(tmp_path):
    with pytest.raises(InputError, match="changed since"):
        read_examples(write(tmp_path, GOOD), 10, "0" * 64)


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"PK\x03\x04", b"not an array", HUGE])
def test_what_is_no_array_is_refused(data):
    with pytest.raises(InputError, match="not a"):
        decode_array(data)


def test_object_arrays_are_never_unpickled(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a"):
        decode_array((tmp_path / "o.npy").read_bytes())


@pytest.mark.parametrize("decoder", ["pillow", "opencv"])
def test_decoders_give_rgb_and_refuse_garbage(tmp_path, decoder):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    if decoder == "opencv":
        pytest.importorskip("cv2", reason="needs OpenCV")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode_image((tmp_path / "a.png").read_bytes(), decoder), pixels)
    for garbage in (b"", b"garbage", (tmp_path / "a.png").read_bytes()[:40]):
        with pytest.raises(InputError, match="not an image"):
            decode_image(garbage, decoder)


def test_an_unknown_decoder_is_refused():
    with pytest.raises(InputError, match=r"'gimp'.*pillow"):
        decode_image(b"", "gimp")


def test_copies_are_found_by_hash_wherever_the_list_saw_them(tmp_path):
    path = write(tmp_path, {**GOOD, "file": "/gone/a.png"})
    with pytest.raises(InputError, match="cannot be read"):
        read_examples(path, 10)
    (copy,) = list_examples(path, 10)
    place = tmp_path / "copies" / locate_copy(copy)
    place.parent.mkdir(parents=True)
    place.write_bytes(DATA)
    (example,) = read_examples(path, 10, files=tmp_path / "copies")
    assert (example.id, example.path) == ("a", place)
