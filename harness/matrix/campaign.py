"""One run: select, plan, run the cells, judge them, and write the run's folder."""

from __future__ import annotations

import datetime as dt
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import harness
from harness.core.arrays import NPY_CONVENTIONS
from harness.core.errors import InputError
from harness.core.text import store_data
from harness.diff.cells import CellResult, read_done
from harness.examples.conventions import AUTO
from harness.examples.select import choose_examples
from harness.examples.subject import Prepared, Subject, list_notes, prepare_subject
from harness.images.recipes import read_images
from harness.launch.docker.session import Fleet, close_fleet
from harness.launch.install import is_there, make_python
from harness.launch.local import Stock
from harness.launch.places import (
    Absent,
    Berth,
    Place,
    check_images,
    describe_images,
    find_fleet,
    find_image_id,
    find_places,
)
from harness.matrix.clear import tell_used
from harness.matrix.durations import read_durations, remember_durations
from harness.matrix.litter import sweep_cache
from harness.matrix.schedule import Event, MakePython, Outcome, Site, run_cells
from harness.model.folder import read_model
from harness.plan.environments import read_environments
from harness.plan.feeding import note_feeding
from harness.plan.plan import Cell, Override, check_override, list_ports, name_port, plan_cells, settle_cell
from harness.plan.register import Register, note_rules, read_register, select_environments
from harness.plan.store import copy_result, locate_result
from harness.summary.document import CellSummary, Summary
from harness.system.cache import find_cache, read_hashes, snapshot_worker
from harness.system.drafts import hold_draft, move_folder, try_writing, write_atomically, write_json
from harness.system.machine import Interpreter, count_cores, describe_machine
from harness.system.processes import read_end
from harness.system.usage import declare_use
from harness.verdict.judge import Header, count, make_summary

ROOT = Path(harness.__file__).resolve().parents[1]


@dataclass(frozen=True)
class Request:
    """What is asked for on the command line; paths replace those of `model.toml`.

    `only` names examples by id or glob, of which alone records are wanted. Every environment is run
    `repeat` times; `fresh` takes nothing from the store.
    """

    model: str
    groups: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    override: Override = field(default_factory=Override)
    examples: tuple[str, ...] = ()
    npy: str | None = None
    only: tuple[str, ...] = ()
    prototxt: Path | None = None
    caffemodel: Path | None = None
    labels: Path | None = None
    witnesses: Path | None = None
    stages: tuple[str, ...] = ()
    level: int | None = None
    reports: Path | None = None
    ca_bundle: Path | None = None
    must_compare: bool = True
    repeat: int = 1
    fresh: bool = False


class Screen(Protocol):
    """What a run shows while it goes on."""

    def say(self, text: str) -> None:
        """Show a line."""

    def show_cells(self, names: Sequence[str]) -> AbstractContextManager[Callable[[Event], None]]:
        """Show cells, one line each, as their events come in."""


@dataclass(frozen=True)
class Plan:
    """A run that can start."""

    id: str
    register: Register
    prepared: Prepared
    labels: tuple[str, ...]
    cells: tuple[Cell, ...]
    places: dict[str, Place]
    cache: Path
    snapshot: Path
    fleet: Fleet | None
    stop: threading.Event
    fresh: bool
    use: Callable[[Iterable[str]], None]

    @property
    def subject(self) -> Subject:
        """What is run."""
        return self.prepared.subject


def find_root() -> Path:
    """The project's folder: the one people are in where it has environments, or this code's own."""
    here = Path.cwd()
    return here if (here / "environments" / "matrix.toml").is_file() else ROOT


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
    site = Site(
        cache=plan.cache,
        snapshot=plan.snapshot,
        cores=Stock(count_cores()),
        installs=threading.Semaphore(count_cores()),
        stop=plan.stop,
        events=queue.Queue(),
        make_python=make,
        fleet=plan.fleet,
        durations=read_durations(plan.cache),
        fresh=plan.fresh,
    )
    tell_used(plan.use, plan.cells, plan.places, site)
    try:
        with screen.show_cells([cell.id for cell in plan.cells]) as show:
            outcomes = run_cells(plan.cells, plan.places, site, show)
    finally:
        if plan.fleet is not None:
            close_fleet(plan.fleet)
    fresh = {one.cell.environment.name: one.folder for one in outcomes if one.folder and not one.reused}
    remember_durations(plan.cache, fresh)
    return write_run(folder, request, plan, outcomes, started), folder


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
        notes=(*list_notes(plan.prepared), *(plan.fleet.notes if plan.fleet else ())),
        asked=list_asked(request, plan.cells),
        refused=len(plan.prepared.refused),
        labels=dict(enumerate(plan.labels)),
        environments=plan.register.environments,
    )
    expected = [entry for entry in plan.register.expected if entry.is_about(plan.subject.model)]
    return make_summary(header, results, expected)


def make_plan(request: Request, root: Path, screen: Screen, stack: ExitStack) -> Plan:
    """Read everything and plan the cells; nothing is started. The cache is in use as long as the stack."""
    if request.npy not in (None, AUTO, *NPY_CONVENTIONS):
        raise InputError(f"--npy {request.npy}: unknown; there are {', '.join(NPY_CONVENTIONS)} and {AUTO}")
    environments = read_environments(root / "environments")
    register = read_register(root / "environments", environments)
    images = read_images(root / "dockerfiles") if any(one.image for one in environments) else {}
    check_images(root / "environments", environments, images)
    model = read_model(
        request.model,
        prototxt=request.prototxt,
        caffemodel=request.caffemodel,
        labels=request.labels,
        witnesses=request.witnesses,
        level=request.level,
        stages=request.stages,
    )
    chosen = select_environments(environments, register, model.name, request.groups, request.globs)
    check_override(chosen, request.override)
    check_reports(find_reports(request, root))
    cache, stop = find_cache(root), threading.Event()
    use = stack.enter_context(declare_use(cache, screen.say))
    sweep_cache(cache)
    hashes = read_hashes(cache)
    prepared = prepare_subject(
        model, request.examples, request.npy, cache, hashes, screen.say, list_ports(chosen, request.override)
    )
    hashes.save()
    rules = note_rules(environments, register, model.name, request.groups, request.globs)
    prepared = choose_examples(replace(prepared, notes=(*rules, *prepared.notes)), request.only)
    snapshot, worker = snapshot_worker(cache, stop, screen.say)
    fleet = find_fleet(chosen, prepared.subject, root, cache, stop, screen.say, request.ca_bundle)
    places = find_places(chosen, images, fleet or Absent("no environment asks for an engine"))
    cells = plan_cells(
        chosen,
        prepared.subject,
        request.override,
        worker,
        {name: place.version for name, place in places.items() if isinstance(place, Interpreter)},
        describe_machine(),
        describe_images(chosen, images, fleet),
        request.repeat,
    )
    settled = tuple(settle_cell(cell, find_image_id(places[cell.environment.name])) for cell in cells)
    found = fleet if isinstance(fleet, Fleet) else None
    run = name_run(find_reports(request, root))
    prepared = note_feeding(prepared, cells)
    return Plan(
        run,
        register,
        prepared,
        model.labels,
        settled,
        places,
        cache,
        snapshot,
        found,
        stop,
        request.fresh,
        use,
    )


def list_asked(request: Request, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Environments in containers that were asked for by name or group: some of them have to run."""
    named = bool(request.groups or request.globs)
    return tuple(cell.id for cell in cells if named and cell.environment.launcher == "docker")


def find_reports(request: Request, root: Path) -> Path:
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


def name_run(reports: Path) -> str:
    """`20260102T030405Z-1a2b`: time in UTC, and a suffix for runs that start together; no run has it yet."""
    while True:
        name = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        if not (reports / name).exists():
            return name


def describe_plan(plan: Plan, screen: Screen) -> None:
    """Show what is going to happen before anything starts."""
    counts = [(plan.subject.example_ids, "example"), (plan.cells, "cell")]
    words = ", ".join(count(len(ones), noun) for ones, noun in counts)
    screen.say(f"{plan.subject.model}: {words}, {count(count_cores(), 'core')}, run {plan.id}")
    width = max(len(cell.id) for cell in plan.cells)
    for cell in plan.cells:
        screen.say(f"  {cell.id:<{width}}  {cell.key[:12]}  {foresee(plan, cell)}")
    for text in list_notes(plan.prepared):
        screen.say(text)


def foresee(plan: Plan, cell: Cell) -> str:
    """What will be done for a cell."""
    place = plan.places[cell.environment.name]
    if isinstance(place, Absent):
        return f"unavailable: {place.reason}"
    if not plan.fresh and locate_result(plan.cache, cell.key).is_dir():
        return "in the store"
    if isinstance(place, Berth):
        return "to run" if place.id else f"to build {place.image.name} and run"
    ready = is_there(cell.environment, place, plan.cache)
    return "to run" if ready else "to install and run"


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


def write_run(
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
