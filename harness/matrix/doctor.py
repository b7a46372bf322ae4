"""The doctor: what this machine can run, and how to get the rest."""

from __future__ import annotations

import platform
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.core.errors import InputError
from harness.images.base import advise_emulation, is_emulated
from harness.images.engine import name_engine_choice
from harness.images.recipes import Image, native_architecture, read_images
from harness.images.sweep import ImageStatus, list_statuses
from harness.launch.docker.session import DockerSession
from harness.launch.gpus import has_gpu, list_gpus
from harness.launch.launcher import Launcher, Opening, Unavailable
from harness.launch.launchers import LAUNCHERS, find_placement
from harness.plan.environments import Environment, read_environments
from harness.system.cache import choose_cache, find_cache
from harness.system.invocation import write_command
from harness.system.machine import count_cores, find_interpreter
from harness.worker.fingerprint import read_cpu

LOW_DISK_BYTES = 10 << 30
GIGABYTE = 1e9


@dataclass(frozen=True)
class Finding:
    """One thing about this machine: whether it is there, what it is, and how to get it where it is not."""

    topic: str
    name: str
    ok: bool
    text: str
    advice: str = ""


def examine(root: Path) -> list[Finding]:
    """Everything that can be found out; what goes wrong on the way is a finding, too."""
    findings = gather_findings("machine", lambda: examine_machine(root))
    try:
        environments = read_environments(root / "environments")
        images = read_images(root / "dockerfiles")
    except InputError as error:
        return [*findings, Finding("project", "files", ok=False, text=str(error), advice="correct them")]
    findings += gather_findings("python", lambda: examine_pythons(environments))
    sessions = open_launchers(root)
    docker = sessions["docker"]
    findings += gather_findings("engine", lambda: examine_engine(docker))
    if isinstance(docker, DockerSession):
        findings += gather_findings("image", lambda: examine_images(docker, list(images.values())))
    findings += gather_findings("other", examine_extras)
    return findings + gather_findings("environment", lambda: examine_environments(environments, sessions))


def gather_findings(topic: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Findings of one kind, or that they could not be made."""
    try:
        return list(look())
    except (InputError, OSError, psutil.Error) as error:
        return [Finding(topic, "cannot be examined", ok=False, text=" ".join(str(error).split()))]


def examine_machine(root: Path) -> Iterator[Finding]:
    """System, processor, memory, disk."""
    yield Finding("machine", "system", ok=True, text=f"{platform.system()} {platform.release()}")
    cpu, cores = str(read_cpu()["model"]), count_cores()
    yield Finding("machine", "processor", ok=True, text=f"{cpu}, {platform.machine()}, {cores} cores")
    memory = psutil.virtual_memory()
    text = f"{memory.total / GIGABYTE:.1f} GB, {memory.available / GIGABYTE:.1f} GB of it free"
    yield Finding("machine", "memory", ok=True, text=text)
    cache, (_, reason) = find_cache(root), choose_cache(root)
    free = shutil.disk_usage(cache).free
    yield Finding(
        "machine",
        "disk",
        ok=free >= LOW_DISK_BYTES,
        text=f"{free / GIGABYTE:.0f} GB free at {cache}{reason and f' ({reason})'}",
        advice="environments take 2 GB, all images 14 GB; free some, or set HARNESS_HOME to another disk",
    )


def examine_pythons(environments: Sequence[Environment]) -> Iterator[Finding]:
    """The interpreters that environments ask for."""
    asked: list[str | None] = [None, *sorted({one.python for one in environments if one.python})]
    for version in asked:
        found = find_interpreter(version)
        yield Finding(
            "python",
            version or "any",
            ok=found is not None,
            text=f"{found.version} at {found.path}" if found else "is not on PATH, or does not start",
            advice=f"install Python {version} (pyenv, or your system's packages)",
        )


def open_launchers(root: Path) -> dict[str, Any]:
    """Sessions of all launchers, or why there are none."""
    opening = Opening(root, find_cache(root), threading.Event(), say=lambda _: None)
    return {name: try_opening(launcher, opening) for name, launcher in LAUNCHERS.items()}


def try_opening(launcher: Launcher[Any, Any], opening: Opening) -> Any:
    """A launcher's session, which is there to ask only, or why there is none."""
    try:
        return launcher.open_session(opening)
    except InputError as error:
        return Unavailable(str(error))


def examine_engine(session: DockerSession | Unavailable) -> Iterator[Finding]:
    """The Docker engine."""
    if isinstance(session, Unavailable):
        yield Finding("engine", "docker", ok=False, text=session.reason, advice=advise_engine())
        return
    engine = session.engine
    size = f"{engine.architecture}, {engine.cores} cores, {engine.memory_megabytes / 1000:.1f} GB"
    yield Finding(
        "engine", "docker", ok=True, text=f"{engine.version} at {engine.place} on {engine.system}, {size}"
    )


def advise_engine() -> str:
    """How to get an engine: the one that was chosen, else one here."""
    chosen = name_engine_choice()
    if chosen is not None:
        return f"start the engine that {chosen} names; or correct that, or unset it"
    if platform.system() != "Linux":
        return "install Docker Desktop and start it"
    if shutil.which("dockerd"):
        return "start it: sudo systemctl start docker (or sudo dockerd), and join the group docker"
    return "install one (Debian: sudo apt-get install docker.io), start it, and join the group docker"


def examine_images(session: DockerSession, images: Sequence[Image]) -> Iterator[Finding]:
    """The images, built or not."""
    with session.connect() as client:
        statuses = list_statuses(client, images)
    for image, status in zip(images, statuses, strict=True):
        built = status.id is not None
        size = f"{(status.size or 0) / GIGABYTE:.2f} GB, {status.tag}"
        text = size if built else "is not built"
        yield Finding("image", image.name, ok=built, text=text, advice=advise_image(image, status))


def advise_image(image: Image, status: ImageStatus) -> str:
    """How to get an image."""
    build = write_command("images", "build", image.name)
    if status.has_base:
        return f"{build} (a run builds it, too)"
    foreign = image.recipe.architecture != native_architecture()
    arch = ["--arch", image.recipe.architecture] if foreign else []
    base = write_command("images", "base", image.recipe.release, *arch, sudo=True)
    return f"{build}; where {image.base} cannot be pulled, first: {base}"


def examine_extras() -> Iterator[Finding]:
    """Other processors, and graphics processors."""
    other = {"amd64": "arm64", "arm64": "amd64"}.get(native_architecture(), "arm64")
    emulated = is_emulated(other)
    yield Finding(
        "other",
        f"emulation of {other}",
        ok=emulated,
        text="qemu is registered with binfmt_misc" if emulated else "is not to be had yet",
        advice=advise_emulation(other),
    )
    yield Finding(
        "other",
        "GPU",
        ok=has_gpu(),
        text=", ".join(list_gpus()) or ("there is a driver" if has_gpu() else "there is none of NVIDIA's"),
        advice="run the group gpu on a machine that has one",
    )


def examine_environments(
    environments: Sequence[Environment], sessions: Mapping[str, Any]
) -> Iterator[Finding]:
    """Whether each environment can run here."""
    for one in environments:
        found = find_placement(one, sessions)
        if found is sessions[one.launcher]:
            yield Finding("environment", one.name, ok=False, text=f"needs {LAUNCHERS[one.launcher].NEEDS}")
        elif isinstance(found, Unavailable):
            yield Finding("environment", one.name, ok=False, text=found.reason)
        else:
            first = f"; has to {found.place.to_make} first" if found.place.to_make else ""
            yield Finding("environment", one.name, ok=True, text=f"can run{first}")
