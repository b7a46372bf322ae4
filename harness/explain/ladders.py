"""What a line of `ladders.jsonl` says: one example in two cells, stage by stage, with error and noise."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from harness.core.documents import parse_json, read_chunks
from harness.core.errors import InputError
from harness.explain.causes import Tuple
from harness.system.documents import Name, take_shape

LADDERS = "ladders.jsonl"
Value = float | str | None


class Rung(msgspec.Struct, frozen=True):
    """A stage: its value in both cells, by how much they differ, the noise there, and error ÷ noise.

    Values are single numbers, or root mean squares of many; `difference` is that of B's values less A's, and
    `apart` its share of A's: how far the cells have come apart, of their own doing or by what came before.
    `error` is the stage's own: of its output, computed anew from its input. `run` is the pass that it is of;
    `tuple` comes out of B when it goes on from A's value.
    """

    stage: Name
    run: str = msgspec.field(name="pass", default="")
    a: Value = None
    b: Value = None
    error: float | None = None
    noise: float | None = None
    ratio: float | None = None
    tuple: Tuple | None = None
    difference: float | None = None
    apart: float | None = None


class Ladder(msgspec.Struct, frozen=True):
    """The stages of a representative example of a group, from the file to the tuple."""

    example: Name
    cells: tuple[Name, Name]
    stages: list[Rung]
    schema: Literal[1] = 1


def read_ladders(folder: Path) -> list[Ladder]:
    """All ladders of a run, none where it has none; a line that a killed process left half is not read.

    InputError, with the line, for a file that is none of this version.
    """
    path = folder / LADDERS
    if not path.exists():
        return []
    found: list[Ladder] = []
    for lines in read_chunks(path, folder):
        for line in lines:
            if line.endswith(b"\n"):
                place = f"{path}:{len(found) + 1}"
                found.append(take_shape(parse_json(line, place), Ladder, place))
    return found


def find_ladders(folder: Path) -> list[Ladder]:
    """The same for whoever draws what there is: none where the file cannot be read."""
    try:
        return read_ladders(folder)
    except InputError:
        return []


def write_ladder(one: Ladder) -> str:
    """A ladder as a line."""
    return msgspec.json.encode(one).decode() + "\n"
