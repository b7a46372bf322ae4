"""Places: what each environment of a plan would run in here, or why there is none."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.examples.subject import Subject
from harness.images.base import advise_emulation, is_emulated
from harness.images.build import read_bundle
from harness.images.engine import EngineMissingError, find_image
from harness.images.recipes import LISTING, Image
from harness.launch.docker.containers import fetch_output, list_shared_files
from harness.launch.docker.leftovers import sweep_leftovers
from harness.launch.docker.session import DockerSession, open_session
from harness.plan.environments import Environment
from harness.system.machine import Interpreter, find_interpreter

NVIDIA = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class ContainerImage:
    """An image that containers are made from; `id` is None where it has to be built first."""

    image: Image
    id: str | None


@dataclass(frozen=True)
class Unavailable:
    """This machine cannot run the environment, and why."""

    reason: str


Place = Interpreter | ContainerImage | Unavailable


def find_places(
    environments: Sequence[Environment], images: Mapping[str, Image], session: DockerSession | Unavailable
) -> dict[str, Place]:
    """Place of every environment by its name; nothing is made or started."""
    return {one.name: find_place(one, images, session) for one in environments}


def find_place(
    environment: Environment, images: Mapping[str, Image], session: DockerSession | Unavailable
) -> Place:
    """Place of one environment."""
    if environment.settings.device == "cuda" and not has_gpu():
        return Unavailable("needs an NVIDIA GPU with its driver; there is none here")
    if environment.launcher == "local":
        found = find_interpreter(environment.python)
        reason = f"no python{environment.python} on PATH runs; install it to have this environment"
        return found or Unavailable(reason)
    if isinstance(session, Unavailable):
        return session
    return find_container_image(images[str(environment.image)], session)


def find_container_image(image: Image, session: DockerSession) -> ContainerImage | Unavailable:
    """An image's place with an engine that answers."""
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
    return ContainerImage(image, found.id if found else None)


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU and its driver."""
    return NVIDIA.exists() or bool(list_gpus())


def list_gpus() -> list[str]:
    """Names of the GPUs that NVIDIA's own program lists; none where it is missing or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    question = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.split("\n")[:-1] if answer.returncode == 0 else []


def check_image_names(folder: Path, environments: Sequence[Environment], images: Mapping[str, Image]) -> None:
    """InputError, with file and key, for an environment in an image that does not exist."""
    for environment in environments:
        if environment.image is not None and environment.image not in images:
            raise InputError(
                f"{folder / environment.name}.toml: image = {environment.image!r}: there is no such in"
                f" {LISTING}; there are {', '.join(images)}"
            )


def prepare_session(
    chosen: Sequence[Environment],
    subject: Subject,
    root: Path,
    cache: Path,
    stop: threading.Event,
    say: Callable[[str], None],
    ca_bundle: Path | None = None,
) -> DockerSession | Unavailable | None:
    """The engine's side of a run, swept of what killed runs left; None where no environment needs one."""
    if all(one.launcher == "local" for one in chosen):
        return None
    if ca_bundle is not None:
        read_bundle(ca_bundle)  # a wrong path is said before anything runs
    try:
        session = open_session(cache, root / "environments", stop, ca_bundle)
        with session.connect() as client:
            removed = sweep_leftovers(client, cache, fetch_output)
    except EngineMissingError as error:
        return Unavailable(str(error))
    if removed:
        say(f"removed what killed runs left: {', '.join(removed)}")
    session.shared_files = list_shared_files(
        subject, {one.batch_size for one in chosen if one.launcher == "docker"}
    )
    return session


def describe_images(
    chosen: Sequence[Environment], images: Mapping[str, Image], session: DockerSession | Unavailable | None
) -> dict[str, Any]:
    """What of its image a container's results depend on before it is built; and of an engine elsewhere."""
    far = session.engine.id if isinstance(session, DockerSession) and not session.engine.is_here else None
    return {
        one.name: {"recipe": images[one.image].key, "engine": far} for one in chosen if one.image is not None
    }


def find_image_id(place: Place) -> str | None:
    """Id of the image that a place is, where it is built."""
    return place.id if isinstance(place, ContainerImage) else None
