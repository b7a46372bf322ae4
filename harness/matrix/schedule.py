"""Running all cells of a plan: reused from the store or launched, each in a thread of its own."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from harness.core.errors import InputError, explain_refusal
from harness.launch.docker.containers import ContainerJob, run_container
from harness.launch.docker.session import DockerSession, provide_image
from harness.launch.install import find_python, locate_venv, make_python
from harness.launch.local import ResourcePool, note_failure, run_worker
from harness.launch.places import ContainerImage, Place, Unavailable
from harness.matrix.durations import UNKNOWN
from harness.matrix.planned import find_departure
from harness.plan.environments import Environment
from harness.plan.plan import Cell, settle_cell
from harness.plan.store import (
    RESUMABLE,
    find_damage,
    keep_result,
    locate_result,
    lock_cell,
    make_workplace,
    stamp_execution,
)
from harness.system.drafts import remove_path
from harness.system.locks import Say, hold_lock
from harness.system.machine import Interpreter
from harness.system.manifest import distrust
from harness.system.stopping import POLL_SECONDS, Stopped, check_asked

State = Literal["waiting", "installing", "queued", "running", "done", "reused", "failed", "unavailable"]
MakePython = Callable[[Environment, Interpreter, Path, threading.Event, Say], Path]


@dataclass(frozen=True)
class Event:
    """Something that happened to a cell; `done` of `total` examples while it runs.

    A `lasting` note is to stay in sight, whatever happens next.
    """

    cell: str
    state: State
    done: int = 0
    total: int = 0
    note: str = ""
    lasting: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a cell ended; `folder` holds its files, where it has any."""

    cell: Cell
    status: Literal["done", "failed", "unavailable"]
    reused: bool = False
    reason: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class RunContext:
    """Where and with what cells run; `make_python` can be replaced by one that installs nothing.

    `session` is there where some cell has a place in a container; `durations` are last time's seconds; with
    `fresh`, nothing is taken from the store.
    """

    cache: Path
    snapshot: Path
    cores: ResourcePool
    installs: threading.Semaphore
    stop: threading.Event
    events: queue.Queue[Event]
    make_python: MakePython = make_python
    session: DockerSession | None = None
    durations: Mapping[str, float] = field(default_factory=dict)
    fresh: bool = False


def run_cells(
    cells: Sequence[Cell],
    places: Mapping[str, Place],
    context: RunContext,
    show: Callable[[Event], None],
) -> tuple[Outcome, ...]:
    """Outcomes of all cells, in their order; `show` is called from this thread with every event.

    When this thread is interrupted, running cells are ended and the finished ones stay in the store.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(cells))) as pool:
        try:
            futures = {
                cell.id: pool.submit(run_cell, cell, places[cell.environment.name], context)
                for cell in sorted(cells, key=partial(expect_seconds, context), reverse=True)
            }
            while not all(future.done() for future in futures.values()):
                check_asked()
                drain(context.events, show, POLL_SECONDS)
        except BaseException:
            context.stop.set()  # leaving the pool waits for all that were started
            raise
        drain(context.events, show, 0)
    return tuple(collect(futures[cell.id]) for cell in cells)


def expect_seconds(context: RunContext, cell: Cell) -> float:
    """What a cell of the same environment took last time."""
    return context.durations.get(cell.environment.name, UNKNOWN)


def collect(future: Future[Outcome]) -> Outcome:
    """A cell's outcome."""
    return future.result()


def drain(events: queue.Queue[Event], show: Callable[[Event], None], seconds: float) -> None:
    """Show the events that there are, waiting for the first."""
    try:
        show(events.get(timeout=seconds) if seconds else events.get_nowait())
        while True:
            show(events.get_nowait())
    except queue.Empty:
        return


def run_cell(cell: Cell, place: Place, context: RunContext) -> Outcome:
    """One cell, start to end; a cell that breaks is an outcome and stops no other."""
    if isinstance(place, Unavailable):
        context.events.put(Event(cell.id, "unavailable", note=place.reason))
        return Outcome(cell, "unavailable", reason=place.reason)
    try:
        if isinstance(place, ContainerImage) and place.id is None:
            cell, place = build_place(cell, place, context)
        say = partial(send_note, context, cell.id, "waiting")
        with hold_lock(context.cache, lock_cell(cell.key), context.stop, say):
            outcome = (not context.fresh and reuse_cell(cell, context)) or launch_cell(cell, place, context)
    except InputError as error:
        outcome = Outcome(cell, "failed", reason=str(error))
    except OSError as error:
        outcome = Outcome(cell, "failed", reason=explain_refusal(error))
    state: State = "reused" if outcome.reused else outcome.status
    context.events.put(Event(cell.id, state, note=outcome.reason or ""))
    return outcome


def reuse_cell(cell: Cell, context: RunContext) -> Outcome | None:
    """The stored result with the cell's key, where there is one and it is whole."""
    folder = locate_result(context.cache, cell.key)
    if not os.path.lexists(folder):
        return None
    damage = find_damage(folder) or find_departure(cell.job, folder)
    if damage:
        send_note(context, cell.id, "waiting", f"{damage}; it is run again")
        remove_path(folder)
        return None
    return Outcome(cell, "done", reused=True, folder=folder)


def launch_cell(cell: Cell, place: Interpreter | ContainerImage, context: RunContext) -> Outcome:
    """Run the cell where its place is, and keep what it made."""
    if isinstance(place, ContainerImage):
        workplace, reason = launch_container(cell, place, context)
    else:
        workplace, reason = launch_worker(cell, place, context)
    reason = reason or refuse_other(cell, workplace)
    stamp_execution(workplace)
    if reason:
        distrust_made(cell, place, context)
        return Outcome(cell, "failed", reason=reason, folder=workplace)
    return Outcome(
        cell, "done", folder=keep_result(context.cache, cell.key, workplace, replace=context.fresh)
    )


def refuse_other(cell: Cell, workplace: Path) -> str | None:
    """Why a done cell is not the planned one, or None; such a one is not gone on with either."""
    departure = find_departure(cell.job, workplace)
    if departure is None:
        return None
    for name in RESUMABLE:
        (workplace / name).unlink(missing_ok=True)
    reason = f"{departure}; something was changed meanwhile: start again"
    note_failure(workplace, reason, cell.job)
    return reason


def distrust_made(cell: Cell, place: Interpreter | ContainerImage, context: RunContext) -> None:
    """Have all that a failed cell ran in read again next time: a disk may give other bytes than it got."""
    if "model" in cell.job:
        distrust(Path(cell.job["model"]["network"]))
    if isinstance(place, Interpreter):
        distrust(locate_venv(cell.environment, place, context.cache))


def launch_worker(cell: Cell, interpreter: Interpreter, context: RunContext) -> tuple[Path, str | None]:
    """Install what is missing, wait for cores, run the worker; its workplace, and why it failed."""
    python = prepare_python(cell, interpreter, context)
    context.events.put(Event(cell.id, "queued"))
    with context.cores.lend(cell.environment.settings.threads, context.stop, expect_seconds(context, cell)):
        workplace = make_workplace(context.cache, cell.key, fresh=context.fresh)
        report = partial(send_progress, context, cell.id)
        report(0, 0)
        reason = run_worker(
            python, context.snapshot, cell.environment, cell.job, workplace, report, context.stop
        )
    return workplace, reason


def launch_container(cell: Cell, place: ContainerImage, context: RunContext) -> tuple[Path, str | None]:
    """Wait for memory, run the worker in a container in its turn; its workplace, and why it failed."""
    session, environment = require_session(context), cell.environment
    contents = provide_image(session, place.image, place.id, partial(send_building, context, cell.id))
    context.events.put(Event(cell.id, "queued"))
    with session.memory.lend(environment.memory_megabytes, context.stop, expect_seconds(context, cell)):
        workplace = make_workplace(context.cache, cell.key, fresh=context.fresh)
        architecture = place.image.recipe.architecture
        job = ContainerJob(
            cell.id, environment, cell.job, contents, architecture, context.snapshot, workplace
        )
        report = partial(send_progress, context, cell.id)
        reason = run_container(
            session, job, partial(hold_cores, cell, session, context), report, context.stop
        )
    return workplace, reason


@contextmanager
def hold_cores(cell: Cell, session: DockerSession, context: RunContext) -> Iterator[None]:
    """Hold the cores that a cell's container runs on."""
    cores = context.cores if session.engine.is_here else session.cores
    with cores.lend(cell.environment.settings.threads, context.stop, expect_seconds(context, cell)):
        send_progress(context, cell.id, 0, 0)
        yield


def build_place(cell: Cell, place: ContainerImage, context: RunContext) -> tuple[Cell, ContainerImage]:
    """Build the image of a cell, which then has the key that goes with it."""
    say = partial(send_building, context, cell.id)
    contents = provide_image(require_session(context), place.image, None, say)
    return settle_cell(cell, contents.id), ContainerImage(place.image, contents.id)


def require_session(context: RunContext) -> DockerSession:
    """The run's session, which is there wherever a cell runs in an image."""
    assert context.session is not None
    return context.session


def send_note(context: RunContext, name: str, state: State, text: str) -> None:
    """Tell what a cell waits for, or what is made anew for it."""
    context.events.put(Event(name, state, note=text, lasting=True))


def send_building(context: RunContext, name: str, text: str) -> None:
    """Tell how far a cell's image is."""
    context.events.put(Event(name, "installing", note=text))


def send_progress(context: RunContext, name: str, done: int, total: int) -> None:
    """Tell how far a running cell is."""
    context.events.put(Event(name, "running", done, total))


def prepare_python(cell: Cell, interpreter: Interpreter, context: RunContext) -> Path:
    """The environment's interpreter; only as many install at once as the machine has cores."""
    ready = find_python(cell.environment, interpreter, context.cache)
    if ready is not None:
        return ready
    while not context.installs.acquire(timeout=POLL_SECONDS):
        if context.stop.is_set():
            raise Stopped
    try:
        context.events.put(Event(cell.id, "installing"))
        say = partial(send_note, context, cell.id, "installing")
        return context.make_python(cell.environment, interpreter, context.cache, context.stop, say)
    finally:
        context.installs.release()
