"""A run from request to report: its cells run, judged, and written into its folder."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import harness
from harness.core.errors import InputError
from harness.core.text import store_data
from harness.diff.cells import CellResult, read_done
from harness.examples.subject import PreparedSubject, list_notes
from harness.launch.launchers import LAUNCHERS
from harness.matrix.campaign import (
    CampaignPlan,
    Screen,
    foresee,
    open_workspace,
    remove_failed,
    run_campaign,
)
from harness.matrix.request import (
    RunRequest,
    RunSelection,
    make_campaign,
    prepare_run,
    select_run,
)
from harness.matrix.schedule import Outcome
from harness.plan.feeding import note_feeding
from harness.plan.plan import Cell, name_port
from harness.plan.store import copy_result
from harness.summary.document import CellSummary, Summary
from harness.system.drafts import hold_draft, move_folder, try_writing, write_atomically, write_json
from harness.system.machine import count_cores
from harness.system.numbers import count
from harness.system.processes import read_end
from harness.verdict.judge import RunDescription, make_summary


@dataclass(frozen=True)
class Run:
    """A run on its way to its folder; `started` is when it did, by the monotonic clock.

    `notes` are what its launchers had to say.
    """

    id: str
    request: RunRequest
    selection: RunSelection
    prepared: PreparedSubject
    started: float
    notes: tuple[str, ...] = ()


def run_matrix(request: RunRequest, root: Path, screen: Screen) -> tuple[Summary, Path]:
    """Run what is asked for; the summary and the run's folder.

    InputError where nothing can start. When interrupted, finished cells stay in the store.
    """
    started = time.monotonic()
    selection = select_run(request, root)
    check_reports(find_reports(request, root))
    with open_workspace(root, screen) as workspace:
        prepared = prepare_run(request, selection, workspace)
        folder = name_folder(find_reports(request, root))
        run = Run(folder.name, request, selection, prepared, started)
        result = run_campaign(
            workspace, make_campaign(request, selection, prepared), partial(describe_plan, run, screen)
        )
        cells = [outcome.cell for outcome in result.outcomes]
        done = replace(run, prepared=note_feeding(prepared, cells), notes=result.notes)
        return write_run_folder(folder, done, result.outcomes), folder


def find_reports(request: RunRequest, root: Path) -> Path:
    """The folder of all runs' folders."""
    return (request.reports or root / "reports").absolute()


def check_reports(folder: Path) -> None:
    """InputError where no run could be written there, before any is made."""
    try:
        try_writing(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); choose another with --reports"
        ) from error


def name_folder(reports: Path) -> Path:
    """`20260102T030405Z-1a2b`: time in UTC, and a suffix for runs that start together; no run has it yet."""
    while True:
        name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        if not (reports / name).exists():
            return reports / name


def describe_plan(run: Run, screen: Screen, plan: CampaignPlan) -> None:
    """Show what is going to happen before anything starts."""
    subject = run.prepared.subject
    counts = [(subject.example_ids, "example"), (plan.cells, "cell")]
    words = ", ".join(count(len(ones), noun) for ones, noun in counts)
    screen.say(f"{subject.model}: {words}, {count(count_cores(), 'core')}, run {run.id}")
    width = max(len(cell.id) for cell in plan.cells)
    for cell in plan.cells:
        screen.say(f"  {cell.id:<{width}}  {cell.key[:12]}  {foresee(plan, cell)}")
    for text in list_notes(note_feeding(run.prepared, plan.cells)):
        screen.say(text)


def judge_run(run: Run, outcomes: Sequence[Outcome]) -> Summary:
    """The summary of what the cells came to."""
    request, register, subject = run.request, run.selection.register, run.prepared.subject
    cells = [outcome.cell for outcome in outcomes]
    header = RunDescription(
        run=run.id,
        harness=harness.__version__,
        model=subject.model,
        reference=register.reference,
        known=dict.fromkeys((cell.id for cell in cells), subject.example_ids),
        seconds=time.monotonic() - run.started,
        must_compare=request.must_compare or len(cells) > 1,
        must_occur=not request.only,
        notes=(*list_notes(run.prepared), *run.notes),
        asked=list_asked(request, cells),
        refused=len(run.prepared.refused),
        labels=dict(enumerate(run.selection.model.labels)),
        environments=register.environments,
    )
    expected = [entry for entry in register.expected if entry.is_about(subject.model)]
    results = [read_result(outcome, request.globs) for outcome in outcomes]
    return make_summary(header, results, expected)


def list_asked(request: RunRequest, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Cells asked for by name or group whose launcher needs what a machine may lack: some have to run."""
    named = bool(request.groups or request.globs)
    return tuple(cell.id for cell in cells if named and LAUNCHERS[cell.environment.launcher].NEEDS)


def read_result(outcome: Outcome, named: Collection[str]) -> CellResult:
    """An outcome with its records; a cell whose files cannot be read has failed.

    `named` are environments' names and globs; who names an environment wants that one to run.
    """
    cell = outcome.cell
    summary = CellSummary(
        environment=cell.id,
        cell=cell.job["cell"],
        status=outcome.status,
        named=cell.environment.name in named,
        reused=outcome.reused,
        reason=store_data(outcome.reason),
        key=cell.key,
        backend=cell.environment.backend,
        port=name_port(cell.job["port"]),
        parameters=cell.job["parameters"],
    )
    if outcome.status != "done" or outcome.folder is None:
        end = read_end(outcome.folder / "log.txt") if outcome.folder else ""
        return CellResult(summary.model_copy(update={"log_end": end}))
    try:
        return read_done(summary, outcome.folder)
    except InputError as error:
        return CellResult(summary.model_copy(update={"status": "failed", "reason": str(error)}))


def write_run_folder(folder: Path, run: Run, outcomes: Sequence[Outcome]) -> Summary:
    """Write the run's folder, whole or not at all; what it comes to."""
    from harness.report.write import write_reports

    try:
        with hold_draft(folder.parent) as made:
            kept = [keep_copy(outcome, made / "cells" / outcome.cell.id) for outcome in outcomes]
            summary = judge_run(run, kept)
            write_json(made / "run.json", store_data(describe_run(run, outcomes)))
            write_atomically(
                made / "labels.txt", "".join(f"{label}\n" for label in run.selection.model.labels)
            )
            write_reports(made, summary, folder)
            move_folder(made, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); choose another with --reports") from error
    remove_failed(outcomes)
    return summary


def keep_copy(outcome: Outcome, folder: Path) -> Outcome:
    """An outcome with the run's own copy of its files, which no fresh run replaces while they are read."""
    if outcome.folder is not None:
        copy_result(outcome.folder, folder, whole=outcome.status == "done")
    return replace(outcome, folder=outcome.folder and folder)


def describe_run(run: Run, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What was asked for, what was planned, and how each cell ended."""
    subject = run.prepared.subject
    asked = {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(run.request).items()
    }
    return {
        "schema": 1,
        "run": run.id,
        "harness": harness.__version__,
        "request": asked,
        "reference": run.selection.register.reference,
        "examples": {"sha256": subject.examples_sha256, "ids": list(subject.example_ids)},
        "refused": list(run.prepared.refused),
        "cells": [
            {
                "id": outcome.cell.id,
                "environment": outcome.cell.environment.name,
                "key": outcome.cell.key,
                "job": dict(outcome.cell.job),
                "status": outcome.status,
                "reused": outcome.reused,
                "reason": outcome.reason,
            }
            for outcome in outcomes
        ],
    }
