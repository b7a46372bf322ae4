"""One run: select, plan, run the cells, judge them, and write the run's folder."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from harness.core.arrays import NPY_CONVENTIONS
from harness.core.errors import InputError
from harness.examples.conventions import AUTO
from harness.examples.select import choose_examples
from harness.examples.subject import Prepared, Subject, list_notes, prepare_subject
from harness.images.recipes import read_images
from harness.launch.docker.session import DockerSession
from harness.launch.install import has_venv
from harness.launch.places import (
    ContainerImage,
    Place,
    Unavailable,
    check_image_names,
    describe_images,
    find_image_id,
    find_places,
    prepare_session,
)
from harness.matrix.litter import sweep_cache
from harness.matrix.schedule import Event
from harness.model.folder import read_model
from harness.plan.environments import read_environments
from harness.plan.feeding import note_feeding
from harness.plan.plan import Cell, Override, check_override, list_ports, plan_cells, settle_cell
from harness.plan.register import Register, note_rules, read_register, select_environments
from harness.plan.store import locate_result
from harness.system.cache import find_cache, read_hashes, snapshot_worker
from harness.system.drafts import try_writing
from harness.system.machine import Interpreter, count_cores, describe_machine
from harness.system.numbers import count
from harness.system.usage import declare_use


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
    session: DockerSession | None
    stop: threading.Event
    fresh: bool
    use: Callable[[Iterable[str]], None]

    @property
    def subject(self) -> Subject:
        """What is run."""
        return self.prepared.subject


def make_plan(request: Request, root: Path, screen: Screen, stack: ExitStack) -> Plan:
    """Read everything and plan the cells; nothing is started. The cache is in use as long as the stack."""
    if request.npy not in (None, AUTO, *NPY_CONVENTIONS):
        raise InputError(f"--npy {request.npy}: unknown; there are {', '.join(NPY_CONVENTIONS)} and {AUTO}")
    environments = read_environments(root / "environments")
    register = read_register(root / "environments", environments)
    images = read_images(root / "dockerfiles") if any(one.image for one in environments) else {}
    check_image_names(root / "environments", environments, images)
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
    session = prepare_session(chosen, prepared.subject, root, cache, stop, screen.say, request.ca_bundle)
    places = find_places(chosen, images, session or Unavailable("no environment asks for an engine"))
    cells = plan_cells(
        chosen,
        prepared.subject,
        request.override,
        worker,
        {name: place.version for name, place in places.items() if isinstance(place, Interpreter)},
        describe_machine(),
        describe_images(chosen, images, session),
        request.repeat,
    )
    settled = tuple(settle_cell(cell, find_image_id(places[cell.environment.name])) for cell in cells)
    found = session if isinstance(session, DockerSession) else None
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
    if isinstance(place, Unavailable):
        return f"unavailable: {place.reason}"
    if not plan.fresh and locate_result(plan.cache, cell.key).is_dir():
        return "in the store"
    if isinstance(place, ContainerImage):
        return "to run" if place.id else f"to build {place.image.name} and run"
    ready = has_venv(cell.environment, place, plan.cache)
    return "to run" if ready else "to install and run"
