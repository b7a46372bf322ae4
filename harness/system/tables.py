"""TOML files that people write, read into frozen models with messages that name file and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from harness.core.errors import InputError
from harness.system.documents import read_toml

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
PIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[^=<>!~;*\s]+$")

LONGEST_VALUE = 200


class Table(BaseModel):
    """A frozen table that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


def read_table(path: Path, model: type[Model], **more: Any) -> Model:
    """A TOML file as `model`, with `more` keys that the file may not set; InputError lists what is wrong."""
    data = read_toml(path)
    for key in more:
        if key in data:
            raise InputError(f"{path}: {key}: cannot be set in the file; remove it")
    try:
        return model.model_validate({**data, **more})
    except ValidationError as error:
        raise InputError("; ".join(describe_error(path, model, one) for one in error.errors())) from error


def describe_error(path: Path, model: type[BaseModel], error: Any) -> str:
    """One of pydantic's errors: file, key, what is allowed, what was found."""
    place = [str(part) for part in error["loc"]]
    key = ".".join(place)
    if error["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key; there are {', '.join(find_keys(model, place[:-1]))}"
    if error["type"] == "missing":
        return f"{path}: {key}: is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    if not place:  # the table's keys contradict each other, and the message names them
        return f"{path}: {message}"
    return f"{path}: {key} = {shorten_value(error['input'])}: {message[:1].lower()}{message[1:]}"


def shorten_value(value: Any) -> str:
    """What was found, as much of it as a message can hold."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def find_keys(model: type[BaseModel], place: list[str]) -> list[str]:
    """The keys of the table at a place inside `model`."""
    for part in place:
        field = model.model_fields.get(part)
        inner = [one for one in flatten_type(field.annotation if field else None) if is_model(one)]
        model = inner[0] if inner else model
    return list(model.model_fields)


def flatten_type(annotation: Any) -> list[Any]:
    """A type and the types inside it."""
    inside = [one for argument in getattr(annotation, "__args__", ()) for one in flatten_type(argument)]
    return [annotation, *inside]


def is_model(annotation: Any) -> bool:
    """Whether a type is a table."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
