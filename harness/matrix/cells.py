"""Running all cells of a plan: reused from the store or launched, each in a thread of its own."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from harness.ami.errors import InputError
from harness.matrix.cache import POLL_SECONDS, Stopped, hold_lock
from harness.matrix.environments import Environment
from harness.matrix.install import find_python, make_python
from harness.matrix.launch import Cores, run_worker
from harness.matrix.machine import Interpreter
from harness.matrix.plan import Cell
from harness.matrix.store import find_damage, keep_result, locate_result, make_workplace

State = Literal["waiting", "installing", "queued", "running", "done", "reused", "failed", "unavailable"]
FindInterpreter = Callable[[str | None], Interpreter | None]
MakePython = Callable[[Environment, Interpreter, Path, threading.Event], Path]


@dataclass(frozen=True)
class Event:
    """Something that happened to a cell; `done` of `total` examples while it runs."""

    cell: str
    state: State
    done: int = 0
    total: int = 0
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a cell ended; `folder` holds its files, where it has any."""

    cell: Cell
    status: Literal["done", "failed", "unavailable"]
    reused: bool = False
    reason: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Site:
    """Where and with what cells run; `make_python` can be replaced by one that installs nothing."""

    cache: Path
    snapshot: Path
    cores: Cores
    installs: threading.Semaphore
    stop: threading.Event
    events: queue.Queue[Event]
    make_python: MakePython = make_python


def run_cells(
    cells: Sequence[Cell],
    interpreters: dict[str, Interpreter | None],
    site: Site,
    show: Callable[[Event], None],
) -> tuple[Outcome, ...]:
    """Outcomes of all cells, in their order; `show` is called from this thread with every event.

    When this thread is interrupted, running cells are ended and the finished ones stay in the store.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(cells))) as pool:
        futures = [pool.submit(run_cell, cell, interpreters[cell.name], site) for cell in cells]
        try:
            while not all(future.done() for future in futures):
                drain(site.events, show, POLL_SECONDS)
        except BaseException:
            site.stop.set()
            raise
        drain(site.events, show, 0)
    return tuple(collect(future) for future in futures)


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


def run_cell(cell: Cell, interpreter: Interpreter | None, site: Site) -> Outcome:
    """One cell, start to end; a cell that breaks is an outcome and stops no other."""
    if interpreter is None:
        reason = f"no python{cell.environment.python} on PATH runs; install it to have this environment"
        site.events.put(Event(cell.name, "unavailable", note=reason))
        return Outcome(cell, "unavailable", reason=reason)
    try:
        with hold_lock(site.cache, f"cell-{cell.key[:20]}", site.stop):
            outcome = reuse_cell(cell, site) or launch_cell(cell, interpreter, site)
    except (InputError, OSError) as error:
        outcome = Outcome(cell, "failed", reason=str(error))
    state: State = "reused" if outcome.reused else outcome.status
    site.events.put(Event(cell.name, state, note=outcome.reason or ""))
    return outcome


def reuse_cell(cell: Cell, site: Site) -> Outcome | None:
    """The stored result with the cell's key, where there is one and it is whole."""
    folder = locate_result(site.cache, cell.key)
    damage = find_damage(folder)
    if damage:
        site.events.put(Event(cell.name, "waiting", note=f"{damage}; it is run again"))
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        return None
    return Outcome(cell, "done", reused=True, folder=folder)


def launch_cell(cell: Cell, interpreter: Interpreter, site: Site) -> Outcome:
    """Install what is missing, wait for cores, run the worker and keep what it made."""
    python = prepare_python(cell, interpreter, site)
    site.events.put(Event(cell.name, "queued"))
    with site.cores.lend(cell.environment.settings.threads, site.stop):
        workplace = make_workplace(site.cache, cell.key)
        report = partial(report_progress, site, cell.name)
        report(0, 0)
        reason = run_worker(python, site.snapshot, cell.environment, cell.job, workplace, report, site.stop)
    if reason:
        return Outcome(cell, "failed", reason=reason, folder=workplace)
    return Outcome(cell, "done", folder=keep_result(site.cache, cell.key, workplace))


def report_progress(site: Site, name: str, done: int, total: int) -> None:
    """Tell how far a running cell is."""
    site.events.put(Event(name, "running", done, total))


def prepare_python(cell: Cell, interpreter: Interpreter, site: Site) -> Path:
    """The environment's interpreter; only as many install at once as the machine has cores."""
    ready = find_python(cell.environment, interpreter, site.cache)
    if ready is not None:
        return ready
    while not site.installs.acquire(timeout=POLL_SECONDS):
        if site.stop.is_set():
            raise Stopped
    try:
        site.events.put(Event(cell.name, "installing"))
        return site.make_python(cell.environment, interpreter, site.cache, site.stop)
    finally:
        site.installs.release()
