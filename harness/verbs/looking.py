"""One cell of a run looked into: which examples are near to flip, and what its passes hold."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.core.traces import INDEX, read_trace
from harness.diff.locate import find_run
from harness.diff.runs import find_cell
from harness.explain.cells import open_answers
from harness.explain.counterfactual import Answers, Failure, Side
from harness.explain.errands import run_errands, trace
from harness.explain.margins import Nearness, rank_examples, shake, weigh_trace
from harness.explain.run import PastRun, read_past_run, read_side
from harness.matrix.campaign import open_workspace
from harness.plan.environments import read_environments
from harness.records.record import read_records
from harness.report.explaining import open_screen
from harness.system.consoles import open_errors
from harness.system.drafts import hold_draft, move_folder

SHAKEN = 10  # times as many are shaken as are listed


@dataclass(frozen=True)
class Look:
    """What is asked for on the command line."""

    run: str
    cell: str | None
    reports: Path
    most: int
    shake: bool
    trace: bool


def open_cell(look: Look) -> tuple[PastRun, str, Path]:
    """A run, the label of its cell that is meant, and where that is; InputError where there is none."""
    run = read_past_run(find_run(look.run, look.reports), least=1)
    label = choose_cell(run, look.cell)
    folder = run.sources[label].folder
    assert folder is not None  # it has records
    return run, label, folder


def choose_cell(run: PastRun, name: str | None) -> str:
    """Label of the cell that is meant."""
    names = run.join.environments
    label = find_cell(list(run.sources.values()), name).label if name else names[0]
    if label not in names:
        raise InputError(f"--cell {name}: has no records; there are {', '.join(names)}")
    return label


def list_fragile(look: Look, root: Path) -> tuple[str, list[Nearness], int]:
    """A cell's label, the examples that are nearest to flip, and how many it has."""
    run, label, folder = open_cell(look)
    found = rank_examples(read_records(folder))
    if not found:
        raise InputError(f"{label}: says no margins, as cells of logs do; name one that ran (--cell)")
    if not (look.shake or look.trace):
        return label, found[: look.most], len(found)
    environments = {one.name: one for one in read_environments(root / "environments")}
    side = read_side(run, label, [one.example for one in found], environments)
    with open_screen(open_errors()) as screen, open_workspace(root, screen) as workspace:
        answers = open_answers(workspace, run, [side])
        if look.shake:
            found = shake(side, found[: SHAKEN * look.most], answers) + found[SHAKEN * look.most :]
        if look.trace:
            found = weigh_traces(side, found[: look.most], answers)
    return label, found[: look.most], len(read_records(folder))


def weigh_traces(side: Side, found: Sequence[Nearness], answers: Answers) -> list[Nearness]:
    """The same with what their traces tell."""
    traced = read_trace(trace_side(side, [one.example for one in found], answers))
    weighed = [weigh_trace(one, traced) for one in found]
    return sorted(weighed, key=lambda one: (-len(one.flips), one.reach, one.example))


def trace_side(side: Side, examples: Sequence[str], answers: Answers) -> Path:
    """Folder of a side's trace; InputError where it cannot be traced here."""
    (found,) = run_errands(answers, [trace(side, examples)])
    if isinstance(found, Failure):
        raise InputError(f"{side.label}: cannot be traced here ({found.reason})")
    return found


def write_trace(look: Look, examples: Sequence[str], output: Path | None, root: Path) -> Path:
    """Trace some examples of a cell, and copy that to a folder, which must be new."""
    run, label, folder = open_cell(look)
    known = {str(one.get("example")) for one in read_records(folder)}
    for example in examples:
        if example not in known:
            raise InputError(f"--example {example}: {label} has no such example")
    place = output or run.folder / "traces" / label
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InputError(f"{place}: is there already; name a new folder with --output")
    environments = {one.name: one for one in read_environments(root / "environments")}
    side = read_side(run, label, examples, environments)
    with open_screen(open_errors()) as screen, open_workspace(root, screen) as workspace:
        copy_trace(trace_side(side, examples, open_answers(workspace, run, [side])), place)
    return place


def copy_trace(source: Path, place: Path) -> None:
    """Copy what of a cell is a trace, whole or not at all; InputError where there is no room."""
    index = read_trace(source)
    try:
        with hold_draft(place.parent) as draft:
            for name in index.examples:
                copy_file(index.find_archive(name), draft)
            copy_file(source / INDEX, draft)
            if place.exists():  # an empty folder, in whose place no system moves another
                place.rmdir()
            move_folder(draft, place)
    except OSError as error:
        refused = f"{error.strerror or error}; make room, or name another folder with --output"
        raise InputError(f"{place}: cannot be written ({refused})") from error


def copy_file(path: Path, folder: Path) -> None:
    """Copy a file into a folder under its own name."""
    shutil.copyfile(path, folder / path.name)
