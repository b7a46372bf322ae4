"""Locks between processes: files that the system lets go of when a process ends, however it ends.

`filelock` knows how each system locks. Its own lock of a path does less than is wanted here: it leaves files
behind, cannot say whom it waits for, and takes it for an error when a thread waits for what it has itself.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from filelock import lock_descriptor

from harness.core.errors import InputError
from harness.system.stopping import ASKED, POLL_SECONDS, Stopped

LOCKS = "locks"
WAIT_SECONDS = 1.0  # whoever waits longer is told what for

Say = Callable[[str], None]


class NoLocksError(InputError):
    """A file system that keeps no locks."""


@contextlib.contextmanager
def hold_lock(cache: Path, name: str, stop: threading.Event, say: Say) -> Iterator[None]:
    """Keep other threads and processes out of what `name` stands for; Stopped while waiting for them.

    `say` is told what is waited for. InputError where the file system keeps no locks.
    """
    path = cache / LOCKS / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = wait_for_lock(path, stop, say)
    try:
        yield
    finally:
        release(path, file)


def wait_for_lock(path: Path, stop: threading.Event, say: Say) -> IO[Any]:
    """A lock's file as soon as it is ours."""
    started, told = time.monotonic(), False
    while True:
        file = take_lock(path)
        if file is not None:
            write_note(file, str(os.getpid()).encode())
            return file
        if stop.is_set() or ASKED.is_set():
            raise Stopped
        if not told and time.monotonic() - started > WAIT_SECONDS:
            tell_holder(path, say)
            told = True
        time.sleep(POLL_SECONDS)


def take_lock(path: Path) -> IO[Any] | None:
    """A lock's file, made where it is missing; None where another has it."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("a+b", buffering=0))
        if not (try_lock(file, path) and is_at(path, file)):
            return None
        stack.pop_all()
    return file


def release(path: Path, file: IO[Any]) -> None:
    """Let go of a lock, and remove its file while it is ours (Windows removes what nobody has open)."""
    for step in (file.close, path.unlink) if os.name == "nt" else (path.unlink, file.close):
        with contextlib.suppress(OSError):
            step()


def is_at(path: Path, file: IO[Any]) -> bool:
    """Whether an open file is still the one of its name: who had the lock removes it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def tell_holder(path: Path, say: Say) -> None:
    """Say which other process has a lock; what another thread of this one does is told by that."""
    try:
        number = read_note(path).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        number = ""
    if number != str(os.getpid()):
        holder = f"process {number}" if number.isdigit() else "another process"
        say(f"waiting for {holder}, which has {path}")


def write_note(file: IO[Any], note: bytes) -> None:
    """Have a lock's file say something to others; a full disk does without."""
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(b" " + note)


def read_note(path: Path) -> bytes:
    """What a lock's file says, after a blank; OSError where there is none."""
    with path.open("rb", buffering=0) as file:
        if os.name == "nt":
            file.seek(1)  # nobody but who has the lock may read its first byte there
        return file.read()


def try_lock(file: IO[Any], path: Path) -> bool:
    """Whether an open file could be locked without waiting; NoLocksError where nobody can lock there."""
    try:
        return lock_descriptor(file.fileno(), blocking=False)
    except OSError as error:
        raise NoLocksError(
            f"{path}: cannot be locked ({error.strerror}): its file system keeps no locks, without which two"
            " processes would spoil each other's files; take a folder on another disk"
            " (HARNESS_HOME, where it is the cache's)"
        ) from error
