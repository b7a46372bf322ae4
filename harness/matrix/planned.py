"""What a cell was planned to be made of, held against what its worker says that it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.network_files import read_notes
from harness.plan.plan import JUDGE
from harness.records.cell import read_cell

WITNESSES = "witnesses "


def find_departure(job: Mapping[str, Any], folder: Path) -> str | None:
    """In what a folder's done cell is not the one of a job; None where all hashes are the planned ones."""
    try:
        planned, hashes = dict(list_planned(job)), read_cell(folder).get("hashes")
    except InputError as error:
        return str(error)
    found = dict(flatten_hashes(hashes)) if isinstance(hashes, dict) else {}
    for name, digest in planned.items():
        if name not in found and may_be_unread(job, name):
            continue
        if found.get(name) != digest:
            was = str(found.get(name))[:12]
            return f"{folder / 'cell.json'}: its {name} has the hash {was}, not the planned {digest[:12]}"
    return None


def may_be_unread(job: Mapping[str, Any], name: str) -> bool:
    """Whether a job's task may have nothing to do with what has that name: witnesses, unless it judges."""
    return name.startswith(WITNESSES) and job.get("task", JUDGE) != JUDGE


def list_planned(job: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything that a job names by its hash, as `flatten_hashes` has it; InputError without its network."""
    yield from job.get("hashes", {}).items()
    model, examples = job.get("model", {}), job.get("examples", {})
    if "sha256" in examples:
        yield "examples", examples["sha256"]
    for attribute, entry in model.get("witnesses", {}).items():
        yield f"{WITNESSES}{attribute}", entry["sha256"]
    if "network" in model:
        for name, entry in read_notes(Path(model["network"]))["parameters"].items():
            yield f"parameters {name}", entry["sha256"]


def flatten_hashes(hashes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Hashes of a `cell.json` by their names, `parameters fc8.bias` where they are in groups."""
    for name, value in hashes.items():
        if isinstance(value, dict):
            yield from ((f"{name} {inner}", digest) for inner, digest in value.items())
        else:
            yield name, value
