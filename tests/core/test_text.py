"""Text files are decoded, and names stored, in one way."""

import unicodedata
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.core.text import decode_text, find_spelling, read_lines, split_lines, store_name


@pytest.mark.parametrize("data", [b"a\nb", b"a\r\nb\r\n", b"\xef\xbb\xbfa\nb\n", b"a\nb\n\n \r\n\t\n"])
def test_lines_are_the_same_whatever_ends_them(tmp_path, data):
    (tmp_path / "names.txt").write_bytes(data)
    assert read_lines(tmp_path / "names.txt") == ["a", "b"]


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029", "\x0c", "\x0b", "\x1c", "\r"])
def test_lines_end_at_line_feeds_alone(mark):
    assert split_lines(f"a{mark}b\nc") == [f"a{mark}b", "c"]


def test_blank_lines_between_others_stay():
    assert split_lines("\na\n\nb\n") == ["", "a", "", "b"]
    assert split_lines("") == split_lines("\n\n") == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\n\xe9", r"^names:2: is not UTF-8 \(byte 3 of the file is 0xe9\); save it as UTF-8$"),
        (b"\xef\xbb\xbfa\n\xe9", r"^names:2: is not UTF-8 \(byte 6 of the file is 0xe9\)"),
        (b"\xff\xfea\x00", "^names: is in UTF-16; save it as UTF-8$"),
    ],
)
def test_what_is_not_utf_8_is_refused_with_its_place(data, message):
    with pytest.raises(InputError, match=message):
        decode_text(data, "names")


@pytest.mark.parametrize("name", ["absent", "\0", "\ud800"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        read_lines(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("benign/a-1", "benign/a-1"),
        ("Zoe\u0301", "Zo\u00e9"),
        ("Zo\udce9", "Zo\\xe9"),
        ("a\ud800", "a\\ud800"),
        ("a\0\x1b\n\x85", "a\\x00\\x1b\\n\x85"),
        ("名前 \u200d\u2028\\", "名前 \u200d\u2028\\"),
    ],
)
def test_names_are_stored_in_one_form(name, stored):
    assert store_name(name) == stored
    assert store_name(stored) == stored
    stored.encode()


def test_a_folder_is_listed_once_for_all_names_that_are_spelled_otherwise(tmp_path, monkeypatch):
    names = [f"\u00e9{number}.png" for number in range(50)]
    for name in names:
        (tmp_path / name).touch()
    listed, list_any = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: listed.append(folder) or list_any(folder))
    spelled = [find_spelling(tmp_path / unicodedata.normalize("NFD", name)).name for name in names]
    assert spelled == names
    assert listed == [tmp_path]
    (tmp_path / "\u00e9x").touch()
    assert find_spelling(tmp_path / "e\u0301x").name == "\u00e9x"
