"""A `run.json`: what a run was asked for, its examples, and how each of its cells ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from harness.core.documents import call_document
from harness.core.errors import InputError
from harness.core.limits import MAX_CELLS, MAX_RUN_BYTES
from harness.core.text import store_name
from harness.records.cell import ADVICE, CellJob
from harness.system.documents import Name, read_shape

RUN_FILE = "run.json"


class RunCell(msgspec.Struct):
    """A cell as its run's file lists it; its environment names it where no id does, as none did once."""

    environment: Name
    status: Literal["done", "failed", "unavailable"]
    reason: str | None = None
    job: CellJob | None = None
    id: Name | None = None

    def name(self) -> str:
        """What the cell is called within its run."""
        return self.id or self.environment


class RunExamples(msgspec.Struct):
    """The examples of a run."""

    ids: list[Name]


class RunFile(msgspec.Struct):
    """What is read of a `run.json`; `request` is what the command line asked for."""

    schema: Literal[1]
    examples: RunExamples
    reference: Name | None = None
    cells: Annotated[list[RunCell], msgspec.Meta(max_length=MAX_CELLS)] = []
    request: dict[str, Any] | None = None


def read_run(folder: Path) -> RunFile | None:
    """A run's `run.json`, None where there is none; InputError where it is none of this version."""
    path = folder / RUN_FILE
    if not os.path.lexists(path):
        return None
    try:
        told = read_shape(path, RunFile, MAX_RUN_BYTES, within=folder)
    except InputError as error:
        raise call_document(error, str(path), "is no run of this version", ADVICE) from error
    told.examples.ids = list(map(store_name, told.examples.ids))
    return told
