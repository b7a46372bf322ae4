"""The local launcher: cells in virtual environments on this machine, within its cores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.launch.install import find_python, has_venv, locate_venv, make_python
from harness.launch.launcher import CellRun, Opening, Place, Unavailable
from harness.launch.worker import run_worker
from harness.plan.environments import Environment
from harness.system.locks import Say
from harness.system.machine import Interpreter, count_cores, find_interpreter
from harness.system.stopping import POLL_SECONDS, Stopped

MakePython = Callable[[Environment, Interpreter, Path, threading.Event, Say], Path]

NEEDS = ""


@dataclass(frozen=True)
class LocalSession:
    """Turns at installing, and what installs: it can be replaced by something that installs nothing."""

    cache: Path
    installs: threading.Semaphore
    make_python: MakePython


def check_environments(environments: Sequence[Environment], root: Path) -> None:
    """Nothing: a local environment names nothing of the project."""


def open_session(opening: Opening) -> LocalSession:
    """As many install at once as the machine has cores."""
    return LocalSession(opening.cache, threading.Semaphore(count_cores()), make_python)


def find_place(session: LocalSession, environment: Environment) -> Place[Interpreter] | Unavailable:
    """The interpreter that a virtual environment is made from."""
    found = find_interpreter(environment.python)
    if found is None:
        return Unavailable(f"no python{environment.python} on PATH runs; install it to have this environment")
    is_ready = has_venv(environment, found, session.cache)
    return Place(
        own=found,
        described={"python": found.version},
        to_make="" if is_ready else "install",
        folders=(locate_venv(environment, found, session.cache),),
    )


def prepare_place(session: LocalSession, place: Place[Interpreter], run: CellRun) -> Place[Interpreter]:
    """The place as it is; packages are installed only for a cell that is not in the store."""
    return place


def run_cell(session: LocalSession, place: Place[Interpreter], run: CellRun) -> tuple[Path, str | None]:
    """Install what is missing, wait for cores, run the worker."""
    return run_process(prepare_python(session, place.own, run), run)


def run_process(python: Path, run: CellRun) -> tuple[Path, str | None]:
    """Wait for cores and run the worker in a process of an interpreter."""
    context, threads = run.context, run.environment.settings.threads
    run.tell("queued")
    with context.cores.lend(threads, context.stop, run.expected_seconds):
        workplace = run.make_workplace()
        run.tell_progress(0, 0)
        reason = run_worker(
            python,
            context.snapshot,
            run.environment,
            run.cell.job,
            workplace,
            run.tell_progress,
            context.stop,
        )
    return workplace, reason


def prepare_python(session: LocalSession, interpreter: Interpreter, run: CellRun) -> Path:
    """The environment's interpreter, with its packages installed in this cell's turn."""
    context = run.context
    ready = find_python(run.environment, interpreter, context.cache)
    if ready is not None:
        return ready
    while not session.installs.acquire(timeout=POLL_SECONDS):
        if context.stop.is_set():
            raise Stopped
    try:
        run.tell("installing")
        say = partial(run.tell, "installing", lasting=True)
        return session.make_python(run.environment, interpreter, context.cache, context.stop, say)
    finally:
        session.installs.release()


def close_session(session: LocalSession) -> None:
    """Nothing: virtual environments stay."""
