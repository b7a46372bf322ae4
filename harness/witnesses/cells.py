"""The cells that extract witnesses: one for each environment, of which this interpreter can be one."""

from __future__ import annotations

import dataclasses
import platform
import queue
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.examples.subject import Subject
from harness.images.recipes import Image, read_images
from harness.launch.docker.session import DockerSession, close_session
from harness.launch.install import make_python
from harness.launch.local import ResourcePool
from harness.launch.places import (
    Place,
    Unavailable,
    check_image_names,
    describe_images,
    find_image_id,
    find_places,
    prepare_session,
)
from harness.matrix.campaign import Screen
from harness.matrix.schedule import Outcome, RunContext, run_cells
from harness.plan.environments import Environment, read_environments
from harness.plan.plan import Cell, Override, hash_parts, plan_cells, settle_cell
from harness.plan.register import read_register, select_environments
from harness.system.cache import snapshot_worker
from harness.system.locks import Say
from harness.system.machine import Interpreter, count_cores, describe_machine
from harness.worker.fingerprint import list_packages

HERE = "here-"
ONE_THREAD = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def choose_environments(
    root: Path, model: str, globs: Sequence[str], backends: Sequence[str], decoder: str
) -> tuple[Environment, ...]:
    """Those that are named, and this interpreter for each backend; the reference where nothing is named."""
    named: tuple[Environment, ...] = ()
    if globs:
        known = read_environments(root / "environments")
        register = read_register(root / "environments", known)
        named = tuple(select_environments(known, register, model, (), globs))
    wanted = backends or (() if named else ("reference",))
    return (*named, *(describe_here(backend, decoder) for backend in dict.fromkeys(wanted)))


def describe_here(backend: str, decoder: str) -> Environment:
    """This interpreter, with the packages it has, as an environment."""
    return Environment(
        name=f"{HERE}{backend}",
        description=f"the {backend} backend in the interpreter that runs the harness",
        backend=backend,
        decoder=decoder,  # type: ignore[arg-type]
        groups=(),
        packages=(),
        variables=ONE_THREAD,
    )


def run_environments(
    environments: Sequence[Environment],
    subject: Subject,
    pairs: Mapping[str, Any],
    root: Path,
    cache: Path,
    screen: Screen,
    ca_bundle: Path | None = None,
    *,
    fresh: bool = False,
) -> tuple[Outcome, ...]:
    """Outcomes of one cell for each environment, run or, unless they are to be `fresh`, from the store."""
    images = read_images(root / "dockerfiles") if any(one.image for one in environments) else {}
    check_image_names(root / "environments", environments, images)
    stop = threading.Event()
    snapshot, worker = snapshot_worker(cache, stop, screen.say)
    session = prepare_session(environments, subject, root, cache, stop, screen.say, ca_bundle)
    context = make_context(
        cache, snapshot, stop, session if isinstance(session, DockerSession) else None, fresh
    )
    places = locate_environments(
        environments, images, session or Unavailable("no environment asks for an engine")
    )
    cells = plan_cells(
        environments,
        subject,
        Override(),
        worker,
        {name: place.version for name, place in places.items() if isinstance(place, Interpreter)},
        describe_machine(),
        describe_images(environments, images, session),
    )
    aimed = [aim_cell(cell, pairs, places[cell.environment.name]) for cell in cells]
    try:
        with screen.show_cells([cell.id for cell in aimed]) as show:
            return run_cells(aimed, places, context, show)
    finally:
        if context.session is not None:
            close_session(context.session)


def make_context(
    cache: Path, snapshot: Path, stop: threading.Event, session: DockerSession | None, fresh: bool
) -> RunContext:
    """Where and with what the cells run: all cores, and as many installations at once."""
    return RunContext(
        cache=cache,
        snapshot=snapshot,
        cores=ResourcePool(count_cores()),
        installs=threading.Semaphore(count_cores()),
        stop=stop,
        events=queue.Queue(),
        make_python=provide_python,
        session=session,
        fresh=fresh,
    )


def locate_environments(
    environments: Sequence[Environment], images: Mapping[str, Image], session: DockerSession | Unavailable
) -> dict[str, Place]:
    """Place of every environment by its name; this interpreter is one for its own."""
    here = {one.name: find_here() for one in environments if is_here(one)}
    return {**find_places(environments, images, session), **here}


def is_here(environment: Environment) -> bool:
    """Whether an environment is this interpreter."""
    return environment.launcher == "local" and environment.name.startswith(HERE)


def find_here() -> Interpreter:
    """This interpreter; its version is marked, so that no virtual environment is taken for it."""
    return Interpreter(Path(sys.executable), f"{platform.python_version()}, as it is")


def provide_python(
    environment: Environment, interpreter: Interpreter, cache: Path, stop: threading.Event, say: Say
) -> Path:
    """The environment's interpreter: this one, or a virtual environment's."""
    if is_here(environment):
        return interpreter.path
    return make_python(environment, interpreter, cache, stop, say)


def aim_cell(cell: Cell, pairs: Mapping[str, Any], place: Place) -> Cell:
    """The cell as one that extracts, under a key of its own; this interpreter's packages are part of it."""
    packages = list_packages() if is_here(cell.environment) else None
    key = hash_parts({"cell": cell.key, "extraction": pairs, "packages": packages})
    job = {**cell.job, "task": "extract", "extraction": pairs}
    aimed = dataclasses.replace(cell, key=key, job=job)
    return settle_cell(aimed, find_image_id(place))
