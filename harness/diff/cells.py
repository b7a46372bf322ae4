"""One cell's folder read for comparison: what it is, what it took, and its records as columns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from harness.core.documents import read_chunks
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.limits import MAX_NAME
from harness.diff.columns import Columns, read_columns
from harness.plan.identity import Identity, write_identity
from harness.plan.plan import name_port
from harness.plan.store import SUMS, find_damage, find_lost_batch
from harness.records.cell import (
    CELL,
    CellFile,
    CellJob,
    CellTimings,
    JobPort,
    explain_cell,
    read_cell,
    take_cell,
)
from harness.records.record import read_record
from harness.summary.document import CellSummary
from harness.system.processes import read_end
from harness.worker.records import BATCHES, RECORDS


def read_past(label: str, folder: Path) -> CellResult:
    """A cell that was run before, under a label; InputError where its files are damaged."""
    cell = read_cell(folder)
    told = check_cell(folder, cell)
    summary = describe_job(label, told.job or CellJob(), told.status, told.error)
    if told.status == "failed":
        more = {"log_end": read_end(folder / "log.txt"), "reason": told.error or "it does not say why"}
        return CellResult(summary.model_copy(update=more), cell=cell)
    check_sums(folder)
    return read_done(summary, folder)


def describe_job(
    label: str, job: CellJob, status: Literal["done", "failed", "unavailable"], reason: str | None
) -> CellSummary:
    """A cell under a label, as its job and its ending tell."""
    return CellSummary(
        environment=label,
        cell=job.cell or label,
        status=status,
        reason=reason,
        backend=job.backend,
        port=name_job_port(job),
        parameters=job.parameters or {},
    )


def name_job(job: CellJob) -> str:
    """Id of a job's cell; empty where it names no environment."""
    return job.environment and write_identity(Identity(job.environment, replicate=job.replicate))


def name_job_port(job: CellJob) -> str:
    """`notebook`, or `notebook (ddof 1)`."""
    return name_port(msgspec.structs.asdict(job.port or JobPort()))


def read_done(summary: CellSummary, folder: Path) -> CellResult:
    """A done cell's costs and records."""
    cell = read_cell(folder)
    told = check_cell(folder, cell)
    timings = told.timings or CellTimings()
    more = {
        "run_seconds": timings.run_seconds,
        "load_seconds": timings.load_seconds,
        "peak_memory_bytes": told.peak_memory_bytes,
        "origin": told.origin,
        "selection": told.imported and told.imported.selection,
        "execution": told.execution,
    }
    execution = told.execution or recognise_execution(folder)
    return CellResult(summary.model_copy(update=more), read_columns(folder), cell, execution)


def recognise_execution(folder: Path) -> str | None:
    """What tells copies of a cell that does not say its execution: its records, if they are timed.

    None where they are not: equal answers alone may be those of two executions.
    """
    path = folder / RECORDS
    lines = next(read_chunks(path, within=folder), [b""])
    try:
        first = read_record(lines[0], str(path))
    except InputError:
        return None  # whoever reads the records says what is wrong with them
    return f"records {hash_file(path)}" if "seconds" in first else None


def check_cell(folder: Path, cell: dict[str, Any]) -> CellFile:
    """What a `cell.json` says; InputError where something in it is of another kind than it has to be."""
    told = take_cell(cell, folder / CELL)
    try:
        check_port(told.job or CellJob())
    except InputError as error:
        raise explain_cell(error, folder / CELL) from error
    return told


def check_port(job: CellJob) -> None:
    """InputError for a port that no header can name."""
    if len(name_job_port(job)) > MAX_NAME:
        raise InputError(f"job.port: has rules of more than {MAX_NAME} characters")


def check_sums(folder: Path) -> None:
    """InputError where a cell's files are not what was vouched for; without vouchers they are believed."""
    if os.path.lexists(folder / SUMS):
        damage = find_damage(folder)
    elif os.path.lexists(folder / BATCHES):
        damage = find_lost_batch(folder)
    else:
        damage = None
    if damage:
        raise InputError(f"{damage}; copy the cell's folder anew, or run the cell again")


@dataclass(frozen=True)
class CellResult:
    """A cell with its records, none unless it is done, what its `cell.json` says, and its execution."""

    summary: CellSummary
    columns: Columns | None = None
    cell: Mapping[str, Any] = field(default_factory=dict)
    execution: str | None = None
