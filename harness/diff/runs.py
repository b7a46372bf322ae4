"""Cells of runs that were made before, here or elsewhere, read for comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.ami.errors import InputError
from harness.diff.columns import read_columns
from harness.matrix.plan import name_port
from harness.matrix.store import read_cell
from harness.report.judge import CellResult, summarise_cell
from harness.report.summary import CellSummary


def find_run(place: str, reports: Path) -> Path:
    """Folder of a run that is named by path or by id; InputError with the runs there are."""
    for folder in (Path(place), reports / place):
        if (folder / "cells").is_dir() or (folder / "cell.json").is_file():
            return folder
    found = sorted(path.parent.name for path in reports.glob("*/run.json"))[-5:]
    raise InputError(
        f"{place}: is no run (a folder with cells/); the last in {reports} are {', '.join(found) or 'none'}"
    )


def read_runs(folders: Sequence[Path]) -> list[CellResult]:
    """All cells of some runs; where two are of one environment, their runs' names are added."""
    cells = [(folder, path) for folder in folders for path in list_cells(folder)]
    counts = Counter(path.name for _, path in cells)
    results = []
    for folder, path in cells:
        label = path.name if counts[path.name] == 1 else f"{path.name}@{folder.resolve().name}"
        results.append(read_past(label, path))
    labels = Counter(result.summary.environment for result in results)
    doubled = [label for label, count in labels.items() if count > 1]
    if doubled:
        raise InputError(f"{doubled[0]}: is given twice; name every run once")
    return results


def list_cells(folder: Path) -> list[Path]:
    """Folders of a run's cells, or the folder itself where it is one cell's."""
    if (folder / "cell.json").is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob("cells/*/cell.json"))


def read_past(label: str, folder: Path) -> CellResult:
    """One cell under a label."""
    cell = read_cell(folder)
    job: dict[str, Any] = cell.get("job") or {}
    timings = cell.get("timings") or {}
    port = job.get("port") or {}
    summary = CellSummary(
        environment=label,
        cell=str(job.get("cell", label)),
        status="done" if cell["status"] == "done" else "failed",
        reason=cell.get("error"),
        backend=str(job.get("backend", "unknown")),
        port=name_port(port),
        parameters=job.get("parameters") or {},
        run_seconds=timings.get("run_seconds"),
        load_seconds=timings.get("load_seconds"),
        peak_memory_bytes=cell.get("peak_memory_bytes"),
    )
    if summary.status != "done":
        return CellResult(summary, cell=cell)
    columns = read_columns(folder)
    return CellResult(summarise_cell(summary, columns), columns, cell)
