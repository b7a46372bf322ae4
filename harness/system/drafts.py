"""Drafts: what is being made has another name, gets its own once it is whole, and outlives no process.

A draft belongs to whoever has its lock, so that those of killed processes can be told and removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from harness.core.errors import name_file
from harness.system.locks import NoLocksError, release, take_lock

DRAFT = re.compile(r"\.making-\w{8}")
LOCK = ".lock"
TRIED_BYTES = 1 << 16  # a disk that is full may have room for a name


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write a file that is either whole or not there, from its text or from pieces of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with name_file(path), replace_file(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.writelines([text] if isinstance(text, str) else text)


def try_writing(folder: Path) -> None:
    """Make a folder where it is missing, and write a file in it; OSError, with its name, where that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    with name_file(folder), claim_draft(folder) as draft:
        draft.write_bytes(bytes(TRIED_BYTES))


def write_json(path: Path, data: Any) -> None:
    """Write plain data as JSON, atomically."""
    write_atomically(path, json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n")


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """An empty file that takes a place at the end, unless what is done meanwhile fails."""
    with claim_draft(path.parent) as draft:
        draft.touch()
        yield draft
        draft.replace(path)


@contextlib.contextmanager
def hold_draft(parent: Path) -> Iterator[Path]:
    """A new folder, beside the place that it will be moved to; what is left of it at the end is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    with claim_draft(parent) as draft:
        draft.mkdir()
        yield draft


@contextlib.contextmanager
def claim_draft(parent: Path) -> Iterator[Path]:
    """A new name that is ours until the end; whatever has it then is removed: it may fill the disk."""
    sweep_drafts(parent)
    draft, lock = take_name(parent)
    try:
        yield draft
    finally:
        with contextlib.suppress(OSError):
            remove_path(draft)
        release(draft.with_name(draft.name + LOCK), lock)


def take_name(parent: Path) -> tuple[Path, IO[Any]]:
    """A new name, and the file beside it that holds it as long as it is open."""
    while True:
        draft = parent / f".making-{secrets.token_hex(4)}"
        place = draft.with_name(draft.name + LOCK)
        try:
            lock = take_lock(place)
        except NoLocksError:  # nobody can tell then that the draft is left, and it stays
            lock = place.open("ab")
        if lock is not None:  # else somebody sweeps just there
            return draft, lock


def replace_folder(made: Path, folder: Path) -> None:
    """Rename a finished folder into place; whatever is there is removed."""
    if os.path.lexists(folder):
        with hold_draft(folder.parent) as aside:
            folder.rename(aside / folder.name)
    made.rename(folder)


def sweep_drafts(parent: Path, prepare: Callable[[Path], None] | None = None) -> None:
    """Remove the drafts of processes that are gone; `prepare` is called with each before."""
    with contextlib.suppress(OSError):
        for path in list(parent.glob(".making-*")):
            name = path.name.removesuffix(LOCK)
            if DRAFT.fullmatch(name):
                with contextlib.suppress(OSError, NoLocksError):
                    sweep_draft(path.with_name(name), prepare)


def sweep_draft(draft: Path, prepare: Callable[[Path], None] | None) -> None:
    """Remove a draft unless somebody has its lock, or has the file itself, as in earlier versions."""
    with contextlib.ExitStack() as stack:
        for place in (draft.with_name(draft.name + LOCK), *([draft] if draft.is_file() else ())):
            lock = take_lock(place)
            if lock is None:
                return
            stack.callback(release, place, lock)
        if prepare is not None:
            prepare(draft)
        remove_path(draft)


def remove_path(path: Path) -> None:
    """Remove whatever is at a place, a folder with all that is in it; OSError where it stays."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    mounted = find_mounts(path)
    if mounted:
        raise OSError(errno.EBUSY, "is mounted, so that the folder around it is not removed", str(mounted[0]))
    shutil.rmtree(path)


def find_mounts(folder: Path) -> list[Path]:
    """Where file systems are mounted within a folder."""
    import psutil

    places = [Path(one.mountpoint) for one in psutil.disk_partitions(all=True)]
    return sorted(place for place in places if folder.absolute() in place.parents)


def move_folder(made: Path, folder: Path) -> None:
    """Rename a finished folder into place; where another run was faster, its folder stays."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(made, ignore_errors=True)
