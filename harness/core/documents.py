"""Files that others have made: read as bytes, JSON or JSON lines, within limits, or refused by name.

A file is read only where it is a regular one: a pipe would be waited for, a device has no end. Links are
followed where somebody here named the file. Within a run, a list or a model (`within`), which may come from
elsewhere, nothing may be a link: it would bring this machine's files into reports.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from harness.core.errors import InputError
from harness.core.limits import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_INTEGER,
    MAX_KEY,
    MAX_LINE_BYTES,
    MAX_NAME,
    MAX_VALUE,
    MIB,
    MIN_INTEGER,
)

CHUNK_BYTES, PIECE_BYTES = 4 * MIB, 1 << 16
NAME = f"a text of at most {MAX_NAME} characters"
HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?", re.ASCII)
MAX_DIGITS = len(str(MAX_INTEGER))
KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_file(path: Path, within: Optional[Path] = None) -> BinaryIO:
    """A regular file, open for reading; InputError where it is none, or a link leads to it in `within`."""
    if within is not None:
        refuse_links(path, within)
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY") + ("O_NOFOLLOW",) * (within is not None):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(str(path), flags)
    except (OSError, ValueError) as error:
        raise explain_unreadable(path, error) from error
    kind = name_kind(os.fstat(descriptor).st_mode)
    if kind is not None:
        os.close(descriptor)
        raise InputError(f"{path}: is {kind}, not a file that can be read")
    return os.fdopen(descriptor, "rb")


def explain_unreadable(path: Path, error: Exception) -> InputError:
    """What a system's refusal of a file is called."""
    return InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})")


def name_kind(mode: int) -> Optional[str]:
    """What a place is, as its mode tells; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((name for is_kind, name in KINDS if is_kind(mode)), "no regular file")


def refuse_links(path: Path, within: Path) -> None:
    """InputError where a path leaves a folder, or where it or a folder on the way to it is a link."""
    try:
        parts = Path(path).relative_to(within).parts
    except ValueError as error:
        raise InputError(f"{path}: lies outside {within}, where it belongs") from error
    place = Path(within)
    for part in parts:
        place /= part
        if part == "..":
            raise InputError(f"{path}: lies outside {within}, where it belongs")
        if os.path.islink(place):  # noqa: PTH114 - Path.is_symlink raises where a name is too long
            raise InputError(f"{place}: is a link; put the file itself there, since links may lead anywhere")


def is_file(path: Path) -> bool:
    """Whether there is a regular file at a path, or a link to one; a name that no file can have has none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a name is too long


def is_folder(path: Path) -> bool:
    """The same of a folder."""
    return os.path.isdir(path)  # noqa: PTH112 - likewise


def read_bytes(path: Path, limit: int, within: Optional[Path] = None) -> bytes:
    """All bytes of a regular file; InputError where it is none, cannot be read, or has more than `limit`."""
    with open_file(path, within) as file:
        try:
            pieces = [file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)]
            while pieces[-1] and sum(map(len, pieces)) <= limit:  # of what grows, or does not know its size
                pieces.append(file.read(PIECE_BYTES))
        except OSError as error:
            raise explain_unreadable(path, error) from error
    if sum(map(len, pieces)) > limit:
        raise InputError(f"{path}: is too large; at most {limit / MIB:g} MiB of such a file are read")
    return b"".join(pieces)


def read_json(path: Path, limit: int, within: Optional[Path] = None, *, names: bool = False) -> Any:
    """Plain data of a JSON file, as `parse_json` says."""
    return parse_json(read_bytes(path, limit, within), str(path), names=names)


def parse_json(data: bytes, place: str, *, names: bool = False) -> Any:
    """Plain data of JSON in UTF-8; InputError, with the place, for what is none, or too much.

    Too much is more than MAX_DEPTH lists and tables within each other, or an integer of more than 64 bits.
    None is what JSON does not have (NaN, Infinity), a key given twice, or half a character; but with `names`
    those are taken by which Python stands for the bytes of a file's name that is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
        value = DECODER.decode(text)
        if HALF_CHARACTER.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape" if names else "strict")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: is no JSON that can be read ({error})") from error
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:  # else it cannot be deeper
        check_depth(value, place)
    return value


def check_depth(value: Any, place: str) -> None:
    """InputError for plain data of more than MAX_DEPTH lists and tables within each other."""
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise InputError(f"{place}: has more than {MAX_DEPTH} lists and tables within each other")
        level = [child for one in level for child in list_children(one)]
        depth += 1


def check_entries(table: Mapping[str, Any], place: str) -> None:
    """InputError where a key holds more than MAX_ENTRIES entries, or a text of over MAX_VALUE characters."""
    for key, value in table.items():
        level, count = [value], 0
        while level:
            if any(isinstance(one, str) and len(one) > MAX_VALUE for one in level):
                raise InputError(f"{place}: {key}: holds a text of more than {MAX_VALUE} characters")
            level = [child for one in level for child in list_children(one)]
            count += len(level)
            if count > MAX_ENTRIES:
                raise InputError(f"{place}: {key}: has more than {MAX_ENTRIES} entries")


def list_children(value: Any) -> List[Any]:
    """The lists and tables in a list or a table, and what else is in it."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def read_json_lines(
    path: Path, limit: int, within: Optional[Path] = None, *, names: bool = False
) -> Iterator[Tuple[int, Any]]:
    """Numbers and plain data of a file's lines that are not blank, one JSON value a line."""
    return parse_json_lines(read_bytes(path, limit, within), str(path), names=names)


def parse_json_lines(data: bytes, place: str, *, names: bool = False) -> Iterator[Tuple[int, Any]]:
    """The same of bytes; InputError, with the line, where one is none or of more than MAX_LINE_BYTES.

    A line ends at a line feed alone: JSON may hold every other character that Python takes for a line's end.
    """
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            check_line(line, place, number)
            yield number, parse_json(line, f"{place}:{number}", names=names)


def check_line(line: bytes, place: str, number: int) -> None:
    """InputError for a line of more than MAX_LINE_BYTES."""
    if len(line) > MAX_LINE_BYTES:
        raise InputError(f"{place}:{number}: is a line of over {MAX_LINE_BYTES / MIB:g} MiB; none is read")


def read_chunks(
    path: Path, within: Optional[Path] = None, size: Optional[int] = None
) -> Iterator[List[bytes]]:
    """Lines of a file of any size, some at a time; InputError, with the line, for one that is too long."""
    number, size = 1, size or CHUNK_BYTES
    with open_file(path, within) as file:
        try:
            while data := file.read(size):
                lines = io.BytesIO(data + file.readline(MAX_LINE_BYTES + 1)).readlines()
                for place, line in enumerate(lines, start=number):
                    check_line(line, str(path), place)
                yield lines
                number += len(lines)
        except OSError as error:
            raise explain_unreadable(path, error) from error


def call_document(error: InputError, place: str, what: str, advice: str) -> InputError:
    """An error of reading a document, as one that says what it had to be, and what to do."""
    start = f"{place}: "
    reason = str(error).removeprefix(start)
    return InputError(f"{place}: {what} ({reason}); {advice}")


def check_fields(
    data: Any,
    fields: Mapping[str, str],
    place: str,
    optional: Sequence[str] = (),
    defaulted: Sequence[str] = (),
) -> None:
    """InputError for what is no table, lacks a field, or has one that does not fit its kind.

    An optional field may be missing or null, a defaulted one only missing.
    """
    if not isinstance(data, dict):
        raise InputError(f"{place}: is no table of {', '.join(fields)}")
    for key, kind in fields.items():
        if (key in optional and data.get(key) is None) or (key in defaulted and key not in data):
            continue
        if key not in data:
            raise InputError(f"{place}: has no {key!r}; it has to have {', '.join(fields)}")
        if not FITS[kind](data[key]):
            raise InputError(f"{place}: {key!r} must be {kind}, not {shorten(repr(data[key]))}")


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_name(value: Any) -> bool:
    """Whether a value is text of no more than MAX_NAME characters."""
    return isinstance(value, str) and len(value) <= MAX_NAME


def parse_integer(text: str) -> int:
    """A whole number in ASCII digits; ValueError for other digits, signs, spaces, `_` or more than 64 bits.

    Python's `int` takes all of these, and another program's reader of the same file does not.
    """
    if not is_integer(text):
        raise ValueError(f"{shorten(text)!r} is no whole number in digits 0 to 9")
    if len(text.lstrip("-")) > MAX_DIGITS or not MIN_INTEGER <= int(text) <= MAX_INTEGER:
        raise ValueError(f"{shorten(text)} has more than 64 bits")
    return int(text)


def is_integer(text: str) -> bool:
    """Whether a text is a whole number in ASCII digits, of any size."""
    return WHOLE_NUMBER.fullmatch(text) is not None


def parse_number(text: str) -> float:
    """A number in ASCII digits, with a point or an exponent or without; ValueError for anything else."""
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{shorten(text)!r} is no number in digits 0 to 9")
    return parse_float(text)


def parse_float(text: str) -> float:
    """A number; ValueError for one beyond all that a float holds, or that is none."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shorten(text)} is no finite number")
    return value


def refuse_constant(text: str) -> None:
    """NaN and Infinity, which are no JSON."""
    raise ValueError(f"{text} is no number of JSON")


def take_pairs(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """A table of its keys and values; ValueError for a key that is too long, or is given twice.

    Readers of JSON keep either of two, and not all of them the same.
    """
    table = dict(pairs)
    if any(len(key) > MAX_KEY for key in table):
        raise ValueError(f"a key has more than {MAX_KEY} characters")
    if len(table) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {shorten(twice)!r} is given twice")
    return table


def shorten(text: str, most: int = 60) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= most else f"{text[:most]}…"


DECODER = json.JSONDecoder(
    object_pairs_hook=take_pairs,
    parse_int=parse_integer,
    parse_float=parse_float,
    parse_constant=refuse_constant,
)
FITS: Dict[str, Callable[[Any], bool]] = {
    NAME: is_name,
    "a text": lambda value: isinstance(value, str),
    "a whole number": is_whole,
    "a number": lambda value: is_whole(value) or isinstance(value, float),
    "a table": lambda value: isinstance(value, dict),
    "a table of names": lambda value: isinstance(value, dict) and all(map(is_name, value.values())),
    "a list": lambda value: isinstance(value, list),
    "a list of names": lambda value: isinstance(value, list) and all(map(is_name, value)),
    "a list of numbers": lambda value: (
        isinstance(value, list) and all(is_whole(one) or isinstance(one, float) for one in value)
    ),
    "a truth value": lambda value: isinstance(value, bool),
}
