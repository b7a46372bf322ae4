"""Files that others have made: what is read of them, and what is refused."""

import os
import socket

import pytest

from harness.core.documents import (
    NAME,
    check_fields,
    parse_integer,
    parse_json,
    parse_json_lines,
    parse_number,
    read_bytes,
    read_chunks,
    read_json,
    read_json_lines,
)
from harness.core.errors import MOST_CHARACTERS, InputError
from harness.core.limits import MAX_DEPTH, MAX_LINE_BYTES


def test_a_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")
    assert read_bytes(tmp_path / "a", 4) == b"1234"
    with pytest.raises(InputError, match=r"a: is too large; at most .* MiB"):
        read_bytes(tmp_path / "a", 3)


def test_what_is_missing_is_said(tmp_path):
    for name in ("a", "a\0b", "n" * 300):
        with pytest.raises(InputError, match="cannot be read"):
            read_bytes(tmp_path / name, 10)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for place, kind in (
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "a pipe"),
        (tmp_path / "link", "a device"),
    ):
        with pytest.raises(InputError, match=f"is {kind}, not a file"):
            read_bytes(place, 10)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no sockets in folders")
def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        with pytest.raises(InputError, match="cannot be read"):
            read_bytes(tmp_path / "socket", 10)


def test_links_are_followed_where_somebody_named_them_alone(tmp_path):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    (run / "cells").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "log.txt").write_bytes(b"secret")
    (run / "log.txt").symlink_to(elsewhere / "log.txt")
    (run / "cells" / "a").symlink_to(elsewhere)
    (tmp_path / "named").symlink_to(elsewhere)
    assert read_bytes(run / "log.txt", 10) == b"secret"
    assert read_bytes(tmp_path / "named" / "log.txt", 10, tmp_path / "named") == b"secret"
    for place, link in ((run / "log.txt",) * 2, (run / "cells" / "a" / "log.txt", run / "cells" / "a")):
        with pytest.raises(InputError) as caught:
            read_bytes(place, 10, run)
        assert str(caught.value).startswith(f"{link}: is a link; put the file itself there")


def test_a_path_stays_within_its_folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    for place in (tmp_path / "run" / ".." / "secret", tmp_path / "secret"):
        with pytest.raises(InputError, match="lies outside"):
            read_bytes(place, 10, tmp_path / "run")


def test_json_is_read(tmp_path):
    (tmp_path / "a.json").write_text('\ufeff{"a": [1, 2.5, null, "\\ud83d\\ude00"]}\r\n', encoding="utf-8")
    assert read_json(tmp_path / "a.json", 100) == {"a": [1, 2.5, None, "\U0001f600"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "recursion"),
        ("[" * 500 + "]" * 500, "lists and tables within each other"),
        ('{"a":' * 500 + "1" + "}" * 500, "lists and tables within each other"),
        ("9" * 5_000, "more than 64 bits"),
        (str(1 << 64), "more than 64 bits"),
        ("NaN", "NaN"),
        ("[-Infinity]", "Infinity"),
        ("1e999", "no finite number"),
        ('{"a": 1, "a": 1}', "'a' is given twice"),
        ('"\\ud800"', "surrogates"),
        ("", "Expecting value"),
    ],
)
def test_what_is_no_json_is_refused(text, reason):
    with pytest.raises(InputError, match=f"^here: .*{reason}"):
        parse_json(text.encode(), "here")


def test_bytes_that_are_no_utf8_are_refused():
    for data in (b'"\xff"', '{"a": 1}'.encode("utf-16")):
        with pytest.raises(InputError, match="here: is no JSON"):
            parse_json(data, "here")


def test_the_deepest_that_is_allowed_is_read():
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "here") is not None
    with pytest.raises(InputError, match="within each other"):
        parse_json(b"[" * (MAX_DEPTH + 1) + b"1" + b"]" * (MAX_DEPTH + 1), "here")


def test_lines_end_at_line_feeds_alone(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"id": "a\u2028b\u0085c"}\r\n\n[2]'.encode())
    assert list(read_json_lines(path, 1000)) == [(1, {"id": "a\u2028b\u0085c"}), (3, [2])]
    path.write_bytes(b"1\n{\n")
    with pytest.raises(InputError, match=r"a\.jsonl:2: is no JSON"):
        list(read_json_lines(path, 1000))


def test_a_line_has_an_end(tmp_path):
    data = b'1\n"' + b" " * MAX_LINE_BYTES + b'"\n'
    with pytest.raises(InputError, match=r"here:2: is a line of over .* MiB"):
        list(parse_json_lines(data, "here"))
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError, match=r"a:2: is a line of over .* MiB"):
        list(read_chunks(tmp_path / "a"))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_chunks_are_whole_lines(tmp_path, size):
    data = "one\rmore\n\ntwo\u2028\u0085\x0b\nthree".encode()
    (tmp_path / "a").write_bytes(data)
    chunks = list(read_chunks(tmp_path / "a", size=size))
    assert b"".join(line for lines in chunks for line in lines) == data
    assert [len(line) for lines in chunks for line in lines] == [9, 1, 10, 5]


FIELDS = {"id": NAME, "gold": "a whole number", "rates": "a list of numbers", "more": "a table of names"}
GOOD = {"id": "a", "gold": 1, "rates": [1, 0.5], "more": {"a": "b"}}


def test_fields_are_checked():
    check_fields(GOOD, FIELDS, "here")
    check_fields({"id": "a"}, FIELDS, "here", optional=("gold", "rates", "more"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "is no table of id, gold, rates, more"),
        ({**GOOD, "gold": True}, "'gold' must be a whole number, not True"),
        ({**GOOD, "gold": None}, "'gold' must be a whole number, not None"),
        ({**GOOD, "id": "a" * 1025}, "'id' must be a text of at most 1024 characters, not 'aaa"),
        ({**GOOD, "rates": [1, "2"]}, "'rates' must be a list of numbers"),
        ({**GOOD, "more": {"a": 1}}, "'more' must be a table of names"),
        ({"id": "a"}, "has no 'gold'; it has to have id, gold, rates, more"),
    ],
)
def test_a_field_of_another_kind_is_named(data, reason):
    with pytest.raises(InputError, match=f"^here: {reason}"):
        check_fields(data, FIELDS, "here")


def test_a_message_has_an_end():
    text = str(InputError("here: " + "x" * 1_000_000 + "; do this"))
    assert len(text) <= MOST_CHARACTERS
    assert text.startswith("here: xxx")
    assert text.endswith("; do this")
    assert str(InputError("x" * MOST_CHARACTERS)) == "x" * MOST_CHARACTERS


def test_integers_are_ascii_digits():
    assert [parse_integer(text) for text in ("0", "-7", "007", str((1 << 64) - 1))] == [
        0,
        -7,
        7,
        (1 << 64) - 1,
    ]
    for text in ("0_2", "٣", " 1", "+1", "1.0", "", "-", "1\n", "²", "9" * 5_000, str(1 << 64)):
        with pytest.raises(ValueError, match=r"whole number|64 bits"):
            parse_integer(text)


def test_numbers_are_ascii_digits():
    assert [parse_number(text) for text in ("2", "-0.5", ".5", "1e3", "+2.")] == [2, -0.5, 0.5, 1000, 2]
    for text in ("1_0.5", "٣", " 1", "nan", "inf", "1e999", "", ".", "1e", "0x1", "1.5\n"):
        with pytest.raises(ValueError, match=r"number"):
            parse_number(text)
