"""The docker launcher: one locked-in container a cell, with files sent in and results copied out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.images.base import advise_emulation, is_emulated
from harness.images.build import read_bundle
from harness.images.engine import EngineMissingError, find_image
from harness.images.recipes import LISTING, Image, read_images
from harness.launch.docker.containers import ContainerJob, fetch_output, run_container
from harness.launch.docker.files import list_shared_files
from harness.launch.docker.leftovers import sweep_leftovers
from harness.launch.docker.session import DockerSession, connect_session, provide_image, remove_volume
from harness.launch.launcher import CellRun, Opening, Place, Unavailable
from harness.plan.environments import Environment

NEEDS = "a Docker engine"


@dataclass(frozen=True)
class ImagePlace:
    """An image that containers are made from; `id` is None where it has to be built first."""

    image: Image
    id: str | None


def check_environments(environments: Sequence[Environment], root: Path) -> None:
    """InputError, with file and key, for an environment in an image that does not exist."""
    images = read_images(root / "dockerfiles")
    for environment in environments:
        if environment.image not in images:
            raise InputError(
                f"{root / 'environments' / environment.name}.toml: image = {environment.image!r}: there is no"
                f" such in {LISTING}; there are {', '.join(images)}"
            )


def open_session(opening: Opening) -> DockerSession | Unavailable:
    """The engine's side of a run, swept of what killed runs left."""
    images = read_images(opening.root / "dockerfiles")
    if opening.ca_bundle is not None:
        read_bundle(opening.ca_bundle)  # a wrong path is said before anything runs
    try:
        session = connect_session(opening, images)
        removed = sweep_engine(session) if opening.runs else []
    except EngineMissingError as error:
        return Unavailable(str(error))
    if removed:
        opening.say(f"removed what killed runs left: {', '.join(removed)}")
    session.shared_files = list_shared_files(
        [(subject, environment.batch_size) for environment, subject in opening.runs]
    )
    return session


def sweep_engine(session: DockerSession) -> list[str]:
    """Names of what killed runs left and was removed."""
    with session.connect() as client:
        return sweep_leftovers(client, session.cache, fetch_output)


def find_place(session: DockerSession, environment: Environment) -> Place[ImagePlace] | Unavailable:
    """The environment's image, built or not."""
    image = session.images.get(str(environment.image))
    if image is None:
        return Unavailable(f"there is no image {environment.image!r}")
    wanted = image.recipe.architecture
    if wanted != session.engine.architecture and session.engine.is_here and not is_emulated(wanted):
        return Unavailable(
            f"image {image.name} is for {wanted}, which this machine cannot run; {advise_emulation(wanted)}"
        )
    try:
        with session.connect() as client:
            found = find_image(client, image.tag)
    except InputError as error:
        return Unavailable(str(error))
    return Place(
        own=ImagePlace(image, found.id if found else None),
        described={"image": describe_recipe(session, image)},
        identity=found.id if found else None,
        to_make="" if found else f"build {image.name}",
    )


def describe_recipe(session: DockerSession, image: Image) -> Mapping[str, Any]:
    """What of its image a container's results depend on before it is built; and of an engine elsewhere."""
    return {"recipe": image.key, "engine": None if session.engine.is_here else session.engine.id}


def prepare_place(session: DockerSession, place: Place[ImagePlace], run: CellRun) -> Place[ImagePlace]:
    """The image, built."""
    contents = provide_image(session, place.own.image, None, partial(run.tell, "installing"))
    return replace(place, own=replace(place.own, id=contents.id), identity=contents.id)


def run_cell(session: DockerSession, place: Place[ImagePlace], run: CellRun) -> tuple[Path, str | None]:
    """Wait for memory, and run the worker in a container in its turn."""
    image, context = place.own.image, run.context
    contents = provide_image(session, image, place.own.id, partial(run.tell, "installing"))
    run.tell("queued")
    with session.memory.lend(run.environment.memory_megabytes, context.stop, run.expected_seconds):
        workplace = run.make_workplace()
        job = ContainerJob(
            cell=run.cell.id,
            environment=run.environment,
            content=run.cell.job,
            image=contents,
            architecture=image.recipe.architecture,
            snapshot=context.snapshot,
            workplace=workplace,
        )
        reason = run_container(
            session, job, partial(hold_cores, session, run), run.tell_progress, context.stop
        )
    return workplace, reason


@contextlib.contextmanager
def hold_cores(session: DockerSession, run: CellRun) -> Iterator[None]:
    """Hold the cores that a cell's container runs on."""
    cores = run.context.cores if session.engine.is_here else session.cores
    with cores.lend(run.environment.settings.threads, run.context.stop, run.expected_seconds):
        run.tell_progress(0, 0)
        yield


def close_session(session: DockerSession) -> None:
    """Remove the run's volume; what cannot be removed now is swept by a later run."""
    remove_volume(session)
