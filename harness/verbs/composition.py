"""A run from request to report: its cells run, judged, and written into its folder."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import harness
from harness.core.errors import InputError
from harness.core.text import store_data
from harness.diff.cells import CellResult, read_done
from harness.examples.subject import list_notes
from harness.launch.docker.session import close_session
from harness.launch.install import make_python
from harness.launch.local import ResourcePool
from harness.matrix.campaign import Plan, Request, Screen, describe_plan, find_reports, make_plan
from harness.matrix.clear import tell_used
from harness.matrix.durations import read_durations, remember_durations
from harness.matrix.schedule import MakePython, Outcome, RunContext, run_cells
from harness.plan.plan import Cell, name_port
from harness.plan.store import copy_result
from harness.summary.document import CellSummary, Summary
from harness.system.drafts import hold_draft, move_folder, write_atomically, write_json
from harness.system.machine import count_cores
from harness.system.processes import read_end
from harness.verdict.judge import Header, make_summary


def run_matrix(
    request: Request, root: Path, screen: Screen, make: MakePython = make_python
) -> tuple[Summary, Path]:
    """Run what is asked for; the summary and the run's folder.

    InputError where nothing can start. When interrupted, finished cells stay in the store.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        plan = make_plan(request, root, screen, stack)
        return run_plan(request, plan, make, find_reports(request, root) / plan.id, screen, started)


def run_plan(
    request: Request, plan: Plan, make: MakePython, folder: Path, screen: Screen, started: float
) -> tuple[Summary, Path]:
    """Run a plan's cells, and write the run's folder."""
    describe_plan(plan, screen)
    context = RunContext(
        cache=plan.cache,
        snapshot=plan.snapshot,
        cores=ResourcePool(count_cores()),
        installs=threading.Semaphore(count_cores()),
        stop=plan.stop,
        events=queue.Queue(),
        make_python=make,
        session=plan.session,
        durations=read_durations(plan.cache),
        fresh=plan.fresh,
    )
    tell_used(plan.use, plan.cells, plan.places, context)
    try:
        with screen.show_cells([cell.id for cell in plan.cells]) as show:
            outcomes = run_cells(plan.cells, plan.places, context, show)
    finally:
        if plan.session is not None:
            close_session(plan.session)
    fresh = {one.cell.environment.name: one.folder for one in outcomes if one.folder and not one.reused}
    remember_durations(plan.cache, fresh)
    return write_run_folder(folder, request, plan, outcomes, started), folder


def judge_run(request: Request, plan: Plan, outcomes: Sequence[Outcome], started: float) -> Summary:
    """The summary of what the cells came to; `started` is when the run did, by the monotonic clock."""
    results = [read_result(outcome, request.globs) for outcome in outcomes]
    header = Header(
        run=plan.id,
        harness=harness.__version__,
        model=plan.subject.model,
        reference=plan.register.reference,
        known=dict.fromkeys((cell.id for cell in plan.cells), plan.subject.example_ids),
        seconds=time.monotonic() - started,
        must_compare=request.must_compare or len(plan.cells) > 1,
        must_occur=not request.only,
        notes=(*list_notes(plan.prepared), *(plan.session.notes if plan.session else ())),
        asked=list_asked(request, plan.cells),
        refused=len(plan.prepared.refused),
        labels=dict(enumerate(plan.labels)),
        environments=plan.register.environments,
    )
    expected = [entry for entry in plan.register.expected if entry.is_about(plan.subject.model)]
    return make_summary(header, results, expected)


def list_asked(request: Request, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Environments in containers that were asked for by name or group: some of them have to run."""
    named = bool(request.groups or request.globs)
    return tuple(cell.id for cell in cells if named and cell.environment.launcher == "docker")


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


def write_run_folder(
    folder: Path, request: Request, plan: Plan, outcomes: Sequence[Outcome], started: float
) -> Summary:
    """Write the run's folder, whole or not at all; what it comes to."""
    from harness.report.write import write_reports

    try:
        with hold_draft(folder.parent) as made:
            kept = [keep_copy(outcome, made / "cells" / outcome.cell.id) for outcome in outcomes]
            summary = judge_run(request, plan, kept, started)
            write_json(made / "run.json", store_data(describe_run(request, plan, outcomes)))
            write_atomically(made / "labels.txt", "".join(f"{label}\n" for label in plan.labels))
            write_reports(made, summary, folder)
            move_folder(made, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error}); choose another with --reports") from error
    for outcome in outcomes:
        if outcome.status == "failed" and outcome.folder is not None:
            shutil.rmtree(outcome.folder, ignore_errors=True)
    return summary


def keep_copy(outcome: Outcome, folder: Path) -> Outcome:
    """An outcome with the run's own copy of its files, which no fresh run replaces while they are read."""
    if outcome.folder is not None:
        copy_result(outcome.folder, folder, whole=outcome.status == "done")
    return replace(outcome, folder=outcome.folder and folder)


def describe_run(request: Request, plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What was asked for, what was planned, and how each cell ended."""
    asked = {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(request).items()
    }
    return {
        "schema": 1,
        "run": plan.id,
        "harness": harness.__version__,
        "request": asked,
        "reference": plan.register.reference,
        "examples": {"sha256": plan.subject.examples_sha256, "ids": list(plan.subject.example_ids)},
        "refused": list(plan.prepared.refused),
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
