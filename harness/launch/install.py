"""Virtual environments: made once for each Python and package list, under a lock, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from harness.core.errors import name_file
from harness.plan.environments import Environment
from harness.system.drafts import hold_draft, replace_folder, write_json
from harness.system.locks import Say, hold_lock
from harness.system.machine import Interpreter
from harness.system.manifest import find_change, write_manifest
from harness.system.processes import run_step

FORM = "2"  # of what is beside the packages; a version that knows another makes others


def key_venv(environment: Environment, interpreter: Interpreter) -> str:
    """Name of the virtual environment; environments with the same packages share one."""
    parts = [FORM, interpreter.version, str(interpreter.path), *sorted(environment.packages)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def locate_venv(environment: Environment, interpreter: Interpreter, cache: Path) -> Path:
    """Folder of the virtual environment, whether it is there or not."""
    return cache / "venvs" / key_venv(environment, interpreter)


def locate_python(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_venv_damage(folder: Path) -> str | None:
    """Why a virtual environment cannot be used; None where every file in it is what was installed."""
    if not locate_python(folder).exists():
        return f"{locate_python(folder)} is missing, or what it leads to"
    return find_change(folder)


def has_venv(environment: Environment, interpreter: Interpreter, cache: Path) -> bool:
    """Whether there is a virtual environment, which may turn out to be damaged."""
    return locate_venv(environment, interpreter, cache).is_dir()


def find_python(environment: Environment, interpreter: Interpreter, cache: Path) -> Path | None:
    """The environment's interpreter where all of it is ready."""
    folder = locate_venv(environment, interpreter, cache)
    return None if find_venv_damage(folder) else locate_python(folder)


def make_python(
    environment: Environment, interpreter: Interpreter, cache: Path, stop: threading.Event, say: Say
) -> Path:
    """The environment's interpreter, with its packages installed where they are not yet.

    `say` is told what is wrong with one that is there, and made anew. InputError, with the last lines of the
    log, where packages cannot be installed; Stopped when `stop` is set meanwhile.
    """
    folder = locate_venv(environment, interpreter, cache)
    with hold_lock(cache, f"venv-{folder.name}", stop, say):
        damage = find_venv_damage(folder)
        if damage and os.path.lexists(folder):
            say(f"{damage}; the environment is made anew")
        if damage:
            build_venv(environment, interpreter, folder, stop)
    return locate_python(folder)


def build_venv(
    environment: Environment, interpreter: Interpreter, folder: Path, stop: threading.Event
) -> None:
    """Make a virtual environment under another name, take down what is in it, and put it in its place."""
    with hold_draft(folder.parent) as made:
        log = folder.with_suffix(".log")
        with name_file(log):
            log.write_text(f"{environment.name}: Python {interpreter.version}\n", encoding="utf-8")
        fill_venv(environment, interpreter, made, log, stop)
        write_json(made / "ready.json", {"python": interpreter.version, "packages": environment.packages})
        write_manifest(made)
        replace_folder(made, folder)


def fill_venv(
    environment: Environment, interpreter: Interpreter, folder: Path, log: Path, stop: threading.Event
) -> None:
    """Make a virtual environment in a folder, and install the pinned packages."""
    place = f"environment {environment.name}"
    bare = [] if environment.packages else ["--without-pip"]
    run_step(
        [str(interpreter.path), "-m", "venv", "--clear", *bare, str(folder)],
        log,
        stop,
        f"{place}: no virtual environment could be made with {interpreter.path}",
    )
    if environment.packages:
        pip = [str(locate_python(folder)), "-m", "pip", "install", "--only-binary=:all:"]
        run_step(
            [*pip, "--disable-pip-version-check", "--no-input", *environment.packages],
            log,
            stop,
            f"{place}: its packages ({', '.join(environment.packages)}) cannot be installed",
        )
