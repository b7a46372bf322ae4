"""A notebook's log made a cell: what the log and the user say of it, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.ami.cases import name_case
from harness.ami.port import read_port
from harness.ami.steering import Parameters, check_parameters
from harness.core.errors import InputError
from harness.core.examples import UNKNOWN, hash_bytes, hash_file
from harness.core.text import store_data
from harness.logs.image_list import find_selection, name_results, read_images
from harness.logs.notebook_log import Log, read_log
from harness.logs.running_rate import check_rates
from harness.plan.identity import VARIANT
from harness.system.drafts import hold_draft, write_json
from harness.worker.records import append_batch

NAME = re.compile(r"[\w.+-]{1,100}")
Ids = Literal["images", "lines"]


@dataclass(frozen=True)
class Claim:
    """What somebody says of a log; None and empty where nothing is said."""

    environment: str
    attack: str | None = None
    images: Path | None = None
    labels: Path | None = None
    model: str | None = None
    port: str | None = None
    parameters: dict[str, float] = field(default_factory=dict)


def import_log(path: Path, output: Path, claim: Claim) -> dict[str, Any]:
    """Write a log as a new cell's folder; its `cell.json`.

    InputError for a claim that cannot be, a log or list of images that is damaged, or an existing folder.
    """
    check_claim(claim)
    if output.exists():
        raise InputError(f"{output}: is there already; name a new folder")
    log = read_log(path)
    images = None if claim.images is None else read_images(claim.images)
    names = None if images is None else name_results(images, claim.labels, path, log)
    left_out = None if images is None else len(images.names) - len(log.results)
    cell = describe_cell(path, log, claim, left_out)
    write_folder(output, cell, list(make_records(log, claim, names)), path)
    return cell


def check_claim(claim: Claim) -> None:
    """InputError for names that no list can show, an unknown port, or parameters that cannot be."""
    for option, name in (
        ("environment", claim.environment),
        ("attack", claim.attack),
        ("model", claim.model),
    ):
        if name is not None and not NAME.fullmatch(name):
            raise InputError(f"--{option} {name!r}: is no name; take letters, digits, and . _ + -")
    if VARIANT in claim.environment:
        raise InputError(f"--environment {claim.environment!r}: holds {VARIANT}, which names variants")
    if claim.labels is not None and claim.images is None:
        raise InputError(f"--labels {claim.labels}: is for names of images; give --images, too")
    if claim.port is not None:
        read_port(claim.port, {})
    check_parameters(Parameters(**claim.parameters))


def describe_cell(path: Path, log: Log, claim: Claim, left_out: int | None) -> dict[str, Any]:
    """`cell.json` of a log that leaves out so many of its list's images."""
    check = check_rates(log.results)
    job: dict[str, Any] = {
        "cell": f"{claim.model or UNKNOWN}/{claim.environment}",
        "environment": claim.environment,
        "parameters": claim.parameters,
    }
    if claim.port is not None:
        job["port"] = {"preset": claim.port, "rules": {}}
    ids: Ids = "lines" if claim.images is None else "images"
    selection = find_selection(log.results)
    imported = {
        "ids": ids,
        "log": describe_file(path),
        "images": claim.images and describe_file(claim.images),
        "labels": claim.labels and describe_file(claim.labels),
        "left_out": left_out,
        "attack": claim.attack or UNKNOWN,
        "results": len(log.results),
        "selection": selection,
        "other_lines": [{"line": line, "text": text[:200]} for line, text in log.others],
        "running_rate": asdict(check),
    }
    return {
        "schema": 1,
        "status": "done",
        "error": None,
        "job": job,
        "origin": describe_origin(path, ids, selection),
        "imported": imported,
    }


def describe_file(path: Path) -> dict[str, str]:
    """Name and hash of a file."""
    return {"name": path.name, "sha256": hash_file(path)}


def describe_origin(path: Path, ids: Ids, selection: str | None) -> str:
    """One sentence's predicate for the header of comparisons."""
    named = "numbered as they were printed" if ids == "lines" else "named by a list of images"
    more = f"; all have {selection}, and rates that would count others are left out" if selection else ""
    return f"is from the log {path.name}, its examples {named}{more}"


def make_records(log: Log, claim: Claim, names: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """One record a result: its tuple, and what follows from that."""
    attack = claim.attack or UNKNOWN
    for place, one in enumerate(log.results):
        yield {
            "example": f"{attack}/{names[place] if names else f'line-{one.number}'}",
            "source": names[place] if names else None,
            "attack": attack,
            "gold": one.gold,
            "original": one.original,
            "attribute": one.attribute,
            "case": name_case(one.gold, one.original, one.attribute),
            "detected": one.original != one.attribute,
        }


def write_folder(output: Path, cell: dict[str, Any], records: Sequence[dict[str, Any]], log: Path) -> None:
    """Write a cell's folder, with the log itself, whole or not at all; InputError where that fails."""
    try:
        with hold_draft(output.parent) as draft:
            append_batch(draft, hash_bytes(json.dumps(cell["job"], sort_keys=True).encode()), records)
            write_json(draft / "cell.json", store_data(cell))
            shutil.copyfile(log, draft / "log.txt")
            draft.rename(output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror})") from error
