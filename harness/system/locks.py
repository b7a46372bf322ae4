"""Locks between processes: files that the system lets go of when a process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from harness.core.errors import InputError
from harness.system.stopping import ASKED, POLL_SECONDS, Stopped

LOCKS = "locks"
WAIT_SECONDS = 1.0  # whoever waits longer is told what for
HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)  # what systems answer where another has the lock
FAR = 1 << 30  # Windows lets nobody read what is locked: it locks a byte that no file has

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
    file = wait_for(path, stop, say)
    try:
        yield
    finally:
        release(path, file)


def wait_for(path: Path, stop: threading.Event, say: Say) -> IO[Any]:
    """A lock's file as soon as it is ours."""
    started, told = time.monotonic(), False
    while True:
        file = take_lock(path)
        if file is not None:
            with contextlib.suppress(OSError):  # a full disk does without
                file.truncate(0)
                file.write(str(os.getpid()).encode())
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
        number = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        number = ""
    if number != str(os.getpid()):
        holder = f"process {number}" if number.isdigit() else "another process"
        say(f"waiting for {holder}, which has {path}")


def try_lock(file: IO[Any], path: Path) -> bool:
    """Whether an open file could be locked without waiting; NoLocksError where nobody can lock there."""
    try:
        lock_file(file.fileno())
    except OSError as error:
        if error.errno in HELD:
            return False
        raise NoLocksError(
            f"{path}: cannot be locked ({error.strerror}): its file system keeps no locks, without which two"
            " processes would spoil each other's files; take a folder on another disk"
            " (HARNESS_HOME, where it is the cache's)"
        ) from error
    return True


def lock_file(descriptor: int) -> None:
    """Lock an open file; OSError where that is not possible at once."""
    if sys.platform == "win32":
        import msvcrt

        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, place, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
