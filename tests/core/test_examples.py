"""Example lists."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from picture_files import write_png

from harness.core.decode import decode_array, decode_image
from harness.core.errors import InputError, RefusedError
from harness.core.examples import hash_bytes, hash_file, list_examples, locate_copy, read_examples, read_file
from harness.core.image_headers import MOST_BYTES

DATA = b"pixels"
LONG = b"\x93NUMPY\x02\x00" + (1 << 20).to_bytes(4, "little") + b" " * (1 << 20)
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
    assert (first.npy, second.npy) == (None, None)


def test_a_list_says_what_its_arrays_hold(tmp_path):
    (example,) = read_examples(write(tmp_path, {**GOOD, "npy": "raw-bgr"}), 10)
    assert example.npy == "raw-bgr"


def test_a_file_that_is_empty_or_huge_is_refused_before_it_is_read(tmp_path):
    path = write(tmp_path, {**GOOD, "sha256": hash_bytes(b"")})
    (tmp_path / "a.png").write_bytes(b"")
    (example,) = read_examples(path, 10)
    with pytest.raises(RefusedError, match="is empty"):
        read_file(example)
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(RefusedError, match="read at most"):
        read_file(example)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "lists no example"),
        (["{"], ":1: is no JSON"),
        (["[" * 100_000], ":1: is no JSON"),
        (["[1]"], ":1: is no table of id, source"),
        ([GOOD, {k: v for k, v in GOOD.items() if k != "gold"}], ":2: has no 'gold'"),
        ([{**GOOD, "gold": "3"}], "'gold' must be a whole number, not '3'"),
        ([{**GOOD, "gold": True}], "'gold' must be a whole number, not True"),
        ([json.dumps(GOOD).replace("3", "9" * 5000)], ":1: is no JSON .*more than 64 bits"),
        ([json.dumps(GOOD).replace("3", "NaN")], ":1: is no JSON .*NaN"),
        ([json.dumps(GOOD).replace('"gold"', '"id": "b", "gold"')], ":1: is no JSON .*'id' is given twice"),
        ([{**GOOD, "id": "a" * 1025}], "'id' must be a text of at most 1024 characters, not 'aaa"),
        ([{**GOOD, "attack": "a" * 1025}], "'attack' must be a text of at most 1024 characters"),
        ([{**GOOD, "id": "\ud800"}], ":1: is no JSON .*surrogates"),
        ([{**GOOD, "file": "n" * 300}], "cannot be read .File name too long"),
        ([{**GOOD, "file": "a\0b"}], ":1: file .* holds a NUL"),
        ([{**GOOD, "gold": 10}], "gold 10 of example 'a' is no class; there are 10"),
        ([{**GOOD, "gold": -1}], "gold -1"),
        ([{**GOOD, "npy": "rgb"}], ":1: npy = 'rgb'; there are raw-rgb"),
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


def save_array(array, **options):
    """Bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


SMALL, SHAPE = save_array(np.zeros((1, 1), dtype=np.float32)), b"(99999999, 99999999), }"
HUGE = SMALL.replace(b"(1, 1), }".ljust(len(SHAPE)), SHAPE)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x93NUMPY", "header is damaged"),
        (b"PK\x03\x04", "does not begin as one"),
        (b"not an array", "does not begin as one"),
        (HUGE, r"cut off: an array \(99999999, 99999999\) of float32 takes 39999999200000004 bytes"),
        (SMALL.replace(b"(1, 1)", b"(-1,1)"), "header is damaged"),
        (LONG, "header of 1048576 bytes"),
        (SMALL.replace(b"UMPY\x01", b"UMPY\x03"), "version"),
        (save_array(np.zeros((3, 4)))[:-1], "is cut off"),
        (save_array(np.array([{}], dtype=object), allow_pickle=True), "Python objects"),
        (save_array(np.zeros(3, dtype=[("a", "f4")])), "holds"),
        (save_array(np.array(["a"])), "holds <U1"),
        (save_array(np.zeros(3, dtype=complex)), "holds complex128"),
    ],
)
def test_what_is_no_array_is_refused(data, words):
    with pytest.raises(RefusedError, match=words):
        decode_array(data)


def test_arrays_are_read_in_either_order():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    for one in (array, np.asfortranarray(array)):
        np.testing.assert_array_equal(decode_array(save_array(one)), array)


@pytest.mark.parametrize("decoder", ["pillow", "opencv", "libjpeg-9e"])
def test_decoders_give_rgb_and_refuse_garbage(tmp_path, decoder):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    needed = {"opencv": "cv2", "libjpeg-9e": "jpeglib"}.get(decoder, "PIL")
    pytest.importorskip(needed, reason=f"needs {needed}")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode_image((tmp_path / "a.png").read_bytes(), decoder), pixels)
    whole = (tmp_path / "a.png").read_bytes()
    for garbage in (b"", b"garbage", whole[:40]):
        with pytest.raises(RefusedError):
            decode_image(garbage, decoder)
    no_such_filter = write_png(4, 5, rows=b"\x09" * 65)
    with pytest.raises(RefusedError, match=f"is not an image that {decoder} can decode"):
        decode_image(no_such_filter, decoder)


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


def test_a_line_ends_at_a_line_feed_alone(tmp_path):
    path = tmp_path / "examples.jsonl"
    text = json.dumps({**GOOD, "id": "a\u2028b\u0085c"}, ensure_ascii=False)
    path.write_text(f"\ufeff{text}\r\n\n", encoding="utf-8")
    assert [one.id for one in list_examples(path, 10)] == ["a\u2028b\u0085c"]


def test_nothing_below_a_list_is_a_link(tmp_path):
    folder, elsewhere = tmp_path / "list", tmp_path / "elsewhere"
    for one in (folder, elsewhere):
        one.mkdir()
    (elsewhere / "a.png").write_bytes(DATA)
    path = write(folder, GOOD)
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to(elsewhere / "a.png")
    (folder / "images").symlink_to(elsewhere)
    with pytest.raises(InputError, match=r"list.a\.png: is a link"):
        list_examples(path, 10)
    write(folder / "images", {**GOOD, "file": "images/a.png"})
    path.write_text(json.dumps({**GOOD, "file": "images/a.png"}))
    with pytest.raises(InputError, match=r"list.images: is a link"):
        list_examples(path, 10)


def test_a_list_may_lie_behind_a_link_and_name_places_elsewhere(tmp_path):
    folder, elsewhere = tmp_path / "list", tmp_path / "elsewhere"
    folder.mkdir()
    (elsewhere / "more").mkdir(parents=True)
    (tmp_path / "named").symlink_to(folder)
    write(folder, GOOD)
    assert read_examples(tmp_path / "named" / "examples.jsonl", 10)
    (elsewhere / "b.png").write_bytes(DATA)
    (elsewhere / "a.png").symlink_to("b.png")
    for place in (str(elsewhere / "a.png"), "../elsewhere/a.png"):
        write(folder, {**GOOD, "file": place})
        assert read_file(*read_examples(folder / "examples.jsonl", 10)) == DATA


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    path = write(tmp_path, GOOD)
    (example,) = list_examples(path, 10)
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    for read in (lambda: read_examples(path, 10), lambda: read_file(example)):
        with pytest.raises(InputError, match=r"a\.png: is a pipe, not a file"):
            read()


def test_a_list_here_names_places_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    entry = {**GOOD, "file": str(tmp_path / "there" / "a.png")}
    (tmp_path / "here").mkdir()
    write(tmp_path / "there", GOOD)
    write(tmp_path / "here", entry, {**GOOD, "id": "b"})
    monkeypatch.chdir(tmp_path / "here")
    first, second = read_examples(Path("examples.jsonl"), 10)
    assert (first.path, second.path) == (tmp_path / "there" / "a.png", Path("a.png"))
