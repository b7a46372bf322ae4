"""TOML and documents of a known shape."""

import msgspec
import pytest

from harness.core.errors import InputError
from harness.core.limits import MAX_DEPTH
from harness.system.documents import parse_toml, read_shape, read_toml


class Shape(msgspec.Struct):
    """A shape."""

    a: int
    b: list[str] = []


def test_toml_is_read(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa.b = 1\r\n[c]\nd = [0.5]\n")
    assert read_toml(tmp_path / "a.toml") == {"a": {"b": 1}, "c": {"d": [0.5]}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = " + "[" * 10_000, "recursion"),
        ("a = " + "[" * 100 + "]" * 100, "lists and tables within each other"),
        (".".join(["a"] * 20_000) + " = 1", f"key of more than {MAX_DEPTH} parts"),
        ("[" + " . ".join(['"a b"', "'c'"] * 10_000) + "]", f"key of more than {MAX_DEPTH} parts"),
        ("a = {" + ".".join(["a"] * 20_000) + " = 1}", f"key of more than {MAX_DEPTH} parts"),
        ("a = " + "9" * 5_000, "digits"),
        ("[a]\nb = [1, 18446744073709551616]", "a: b: 1: is an integer of more than 64 bits"),
        ("a = nan", "no finite number"),
        ("a", "Expected"),
    ],
)
def test_what_is_no_toml_is_refused(text, reason):
    with pytest.raises(InputError, match=f"^here: .*{reason}"):
        parse_toml(text.encode(), "here")


def test_long_values_are_no_long_keys():
    text = "a = [" + "0.5, " * 10_000 + "]\nb = '" + "A sentence. " * 100 + "'\n" + "c" * 500_000 + " = 1"
    assert len(parse_toml(text.encode(), "here")["a"]) == 10_000


def test_a_shape_is_taken_or_its_key_named(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1, "c": 3}')
    assert read_shape(tmp_path / "a.json", Shape, 100) == Shape(1)
    (tmp_path / "a.json").write_text('{"a": 1, "b": [2]}')
    with pytest.raises(InputError, match=r"a\.json: .*\$\.b\[0\]"):
        read_shape(tmp_path / "a.json", Shape, 100)
