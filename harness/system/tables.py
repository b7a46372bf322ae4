"""TOML files that people write, read in their shapes with messages that name file, line and key."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_TABLE_BYTES
from harness.system.documents import parse_toml

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
PIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[^=<>!~;*\s]+$")
LONGEST_VALUE = 200
MOST_LINES = 1000  # beyond, no line is looked for
UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
Shape = TypeVar("Shape")


class TomlTable(BaseModel):
    """A frozen table that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_toml_table(path: Path, shape: type[Shape], within: Path | None = None, **more: Any) -> Shape:
    """A TOML file in a shape, with `more` keys that the file may not set; InputError lists what is wrong.

    A shape is a table (of `TomlTable`, or a dataclass), or a dict of them.
    """
    text = read_bytes(path, MAX_TABLE_BYTES, within)
    data = parse_toml(text, str(path))
    for key in more:
        if key in data:
            raise InputError(f"{show_place(path, text, [key])}: {key}: cannot be set in the file; remove it")
    try:
        return TypeAdapter(shape).validate_python({**data, **more})
    except ValidationError as error:
        problems = [
            f"{show_place(path, text, one['loc'])}: {explain_problem(shape, one)}" for one in error.errors()
        ]
        raise InputError("; ".join(problems)) from error


def explain_problem(shape: Any, problem: Mapping[str, Any]) -> str:
    """One of pydantic's complaints: key, what is allowed, what was found."""
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    if problem["type"] in UNKNOWN:
        return f"{key}: unknown key; there are {', '.join(find_keys(shape, place[:-1]))}"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{key}: is missing; add it"
    if problem["type"] in ("model_type", "dataclass_type"):
        return f"{key} = {shorten_value(problem['input'])}: must be a table, [{key}]"
    message = problem["msg"].removeprefix("Value error, ")
    if not place:  # the table's keys contradict each other, and the message names them
        return str(message)
    return f"{key} = {shorten_value(problem['input'])}: {message[:1].lower()}{message[1:]}"


def show_place(path: Path, text: bytes, keys: Sequence[str | int]) -> str:
    """A file, and the line of what keys lead to in it, or of as much of them as is there."""
    line = None
    while keys and line is None:
        line, keys = locate_key(text.decode("utf-8-sig"), keys), keys[:-1]
    return str(path) if line is None else f"{path}:{line}"


def locate_key(text: str, keys: Sequence[str | int]) -> int | None:
    """The line on which what keys lead to begins: what comes before is whole without it, and has it not."""
    lines, start = text.replace("\r\n", "\n").split("\n"), 1
    for count in range(1, min(len(lines), MOST_LINES) + 1):
        try:
            data = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:  # in the middle of something
            continue
        if has_keys(data, keys):
            return start
        start = count + 1
    return None


def has_keys(data: Any, keys: Sequence[str | int]) -> bool:
    """Whether keys lead somewhere."""
    try:
        for key in keys:
            data = data[key]
    except (LookupError, TypeError):
        return False
    return True


def shorten_value(value: Any) -> str:
    """What was found, as much of it as a message can hold."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def find_keys(shape: Any, place: Sequence[str]) -> list[str]:
    """The keys of the table at a place inside a shape."""
    table = find_table(shape)
    for part in place:
        table = find_table(get_type_hints(table).get(part)) or table
    return list_fields(table)


def find_table(annotation: Any) -> Any:
    """The first table that a type is, or has inside; None where there is none."""
    if list_fields(annotation):
        return annotation
    inside = map(find_table, getattr(annotation, "__args__", ()))
    return next((one for one in inside if one is not None), None)


def list_fields(table: Any) -> list[str]:
    """Names of a table's keys; none of what is no table."""
    if dataclasses.is_dataclass(table):
        return [one.name for one in dataclasses.fields(table)]
    return list(getattr(table, "model_fields", ()))
