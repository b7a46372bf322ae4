"""Who uses what of the cache: every running harness says so in a file that it keeps locked."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from harness.system.locks import LOCKS, Say, hold_lock, read_note, release, take_lock, write_note

GATE = "clear"  # the lock of whoever clears, and of whoever begins to use
PREFIX = "use-"
NEVER = threading.Event()


class Use(msgspec.Struct):
    """What a process uses: paths in the cache, or None as long as it may be anything."""

    pid: int
    paths: list[str] | None


@dataclass(frozen=True)
class Uses:
    """All that is in use, and the processes that may use anything."""

    paths: frozenset[str]
    unknown: tuple[str, ...]


@contextlib.contextmanager
def declare_use(cache: Path, say: Say) -> Iterator[Callable[[Iterable[str]], None]]:
    """Keep everything from being cleared, until what is given is called with all that is used."""
    with hold_lock(cache, GATE, NEVER, say):
        path = cache / LOCKS / f"{PREFIX}{secrets.token_hex(4)}.lock"
        file = take_lock(path)
        assert file is not None  # nobody sweeps while the gate is held
        write_use(file, None)
    try:
        yield partial(write_use, file)
    finally:
        release(path, file)


def write_use(file: IO[Any], paths: Iterable[str] | None) -> None:
    """Say what this process uses; a full disk lets it say nothing, which keeps everything."""
    write_note(file, msgspec.json.encode(Use(os.getpid(), None if paths is None else sorted(paths))))


def read_uses(cache: Path) -> Uses:
    """What running processes use; the gate has to be held."""
    paths: set[str] = set()
    unknown = []
    for path in (cache / LOCKS).glob(f"{PREFIX}*.lock"):
        file = take_lock(path)
        if file is not None:
            release(path, file)
            continue
        try:
            use = msgspec.json.decode(read_note(path), type=Use)
        except (OSError, ValueError):
            unknown.append("another process")
            continue
        if use.paths is None:
            unknown.append(f"process {use.pid}")
        paths.update(use.paths or ())
    return Uses(frozenset(paths), tuple(unknown))
