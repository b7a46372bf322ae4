"""Wheelhouses: pinned wheels downloaded here with their hashes, so that building an image needs no index."""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.text import read_lines
from harness.images.follow import Say, follow_log
from harness.images.recipes import Recipe
from harness.system.drafts import hold_draft, move_folder, remove_path, write_atomically
from harness.system.locks import hold_lock
from harness.system.processes import run_step

LIST = "requirements.txt"
# Python and the C library's minor version of Debian's releases.
RELEASES = {"bullseye": ("3.9", 31), "bookworm": ("3.11", 36), "trixie": ("3.13", 41)}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
OLD_TAGS = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def fill_wheelhouse(recipe: Recipe, cache: Path, stop: threading.Event, say: Say) -> Path:
    """A folder with the recipe's wheels and a `requirements.txt` of their hashes; downloaded once.

    InputError, with the end of pip's log, where a wheel cannot be had.
    """
    key = key_wheelhouse(recipe)
    folder = cache / "wheelhouses" / key
    with hold_lock(cache, f"wheelhouse-{key}", stop, say):
        if has_all_wheels(folder):
            return folder
        remove_path(folder)
        with hold_draft(folder.parent) as made:
            with follow_log(folder.with_suffix(".log"), "downloading wheels", say):
                download_wheels(recipe, made, folder.with_suffix(".log"), stop)
            write_atomically(made / LIST, list_wheels(made, recipe.packages))
            move_folder(made, folder)
    return folder


def key_wheelhouse(recipe: Recipe) -> str:
    """Name of the folder; images with the same packages on the same release share one."""
    parts = [recipe.release, recipe.architecture, *sorted(recipe.packages)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def download_wheels(recipe: Recipe, folder: Path, log: Path, stop: threading.Event) -> None:
    """Let pip download the wheels that fit the release's Python, C library and processor."""
    if recipe.release not in RELEASES:
        raise InputError(
            f"wheels for {recipe.release}: its Python is not known; choose {', '.join(RELEASES)}"
        )
    log.write_text(f"{recipe.release} {recipe.architecture}\n", encoding="utf-8")
    python, libc = RELEASES[recipe.release]
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input"]
    fit = ["--no-deps", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    platforms = [f"--platform={tag}" for tag in list_platforms(libc, MACHINES[recipe.architecture])]
    run_step(
        [*pip, *fit, *platforms, "--dest", str(folder), *recipe.packages],
        log,
        stop,
        f"wheels for {recipe.release}: cannot be downloaded ({', '.join(recipe.packages)})",
    )


def list_platforms(libc: int, machine: str) -> list[str]:
    """Platform tags of wheels that run there, newest C library first."""
    tags = []
    for minor in range(libc, 4, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in OLD_TAGS and (machine == "x86_64" or minor == 17):
            tags.append(f"{OLD_TAGS[minor]}_{machine}")
    return [*tags, f"linux_{machine}"]


def list_wheels(folder: Path, packages: Sequence[str]) -> str:
    """Lines for pip with the hash of every wheel; InputError unless there is one for each package."""
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        found[normalise_name(name)] = f"{name}=={version} --hash=sha256:{hash_file(path)}\n"
    missing = {normalise_name(re.split(r"[\[=]", package)[0]) for package in packages} - set(found)
    if missing:
        raise InputError(f"{folder}: holds no wheel of {', '.join(sorted(missing))}; correct the packages")
    return "".join(found.values())


def normalise_name(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def has_all_wheels(folder: Path) -> bool:
    """Whether every wheel that a wheelhouse lists is there and unchanged."""
    try:
        lines = read_lines(folder / LIST)
        hashes = {hash_file(path) for path in folder.glob("*.whl")}
    except InputError:
        return False
    return bool(lines) and hashes == {line.rpartition(":")[2] for line in lines}
