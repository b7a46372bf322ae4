"""TOML, and documents of a known shape, within the limits of `harness.core.documents`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from harness.core.documents import check_depth, parse_float, read_bytes, read_json, shorten
from harness.core.errors import InputError
from harness.core.limits import MAX_DEPTH, MAX_INTEGER, MAX_LABELS, MAX_NAME, MAX_TABLE_BYTES, MIN_INTEGER
from harness.core.text import decode_text, read_lines, store_name

# tomllib takes time by the square of a key's parts. Possessive, so that it takes linear time itself.
LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}"""
)
Shape = TypeVar("Shape")
Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
"""What names something, and stands in reports as often as that is spoken of."""
Integer = Annotated[int, msgspec.Meta(ge=MIN_INTEGER, le=-MIN_INTEGER - 1)]
"""A whole number that arrays can hold."""


def read_toml(path: Path, within: Path | None = None) -> dict[str, Any]:
    """Plain data of a TOML file; InputError where it is none, or more than is read of one."""
    return parse_toml(read_bytes(path, MAX_TABLE_BYTES, within), str(path))


def parse_toml(data: bytes, place: str) -> dict[str, Any]:
    """Plain data of TOML; InputError, with the place, as `harness.core.documents.parse_json` has it."""
    text = decode_text(data, place)
    try:
        if LONG_KEY.search(text):
            raise InputError(f"{place}: has a key of more than {MAX_DEPTH} parts")
        table = tomllib.loads(text, parse_float=parse_float)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: is no TOML that can be read ({error}); correct it there") from error
    check_depth(table, place)
    check_integers(table, place)
    return table


def check_integers(value: Any, place: str) -> None:
    """InputError for plain data that holds an integer of more than 64 bits."""
    keys = find_large(value)
    if keys is not None:
        where = ": ".join([place, *map(shorten, keys)])
        raise InputError(f"{where}: is an integer of more than 64 bits")


def find_large(value: Any) -> list[str] | None:
    """Keys that lead to an integer of more than 64 bits; None where there is none."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            keys = find_large(inner)
            if keys is not None:
                return [str(key), *keys]
        return None
    return [] if isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER else None


def read_names(path: Path, within: Path | None = None) -> list[str]:
    """Lines of a text file as stored names; InputError, with the line, for one that is too long for one."""
    lines = [store_name(line.strip()) for line in read_lines(path, within=within)]
    if len(lines) > MAX_LABELS:
        raise InputError(f"{path}: has {len(lines)} lines; {MAX_LABELS} are read at most")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_NAME:
            raise InputError(f"{path}:{number}: has more than {MAX_NAME} characters; no name is as long")
    return lines


def read_shape(path: Path, shape: type[Shape], limit: int, within: Path | None = None) -> Shape:
    """A JSON file of a known shape; InputError, with the key, where it has another."""
    return take_shape(read_json(path, limit, within), shape, str(path))


def take_shape(data: Any, shape: type[Shape], place: str) -> Shape:
    """Plain data as a known shape; InputError, with place and key, where it has another."""
    try:
        return msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        raise InputError(f"{place}: {error}") from error
