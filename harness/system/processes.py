"""Child processes in groups of their own: whatever one starts ends with it, and all end with the harness."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from harness.core.documents import open_file
from harness.core.errors import InputError, name_file
from harness.core.limits import MAX_END_BYTES
from harness.system import guard
from harness.system.stopping import POLL_SECONDS, Stopped

LOW_BYTES = 1 << 30

LOG_LINES = 12
INSTALL_SECONDS = 3600

GRACE_SECONDS = 3.0


def start_process(
    command: Sequence[str], variables: dict[str, str], folder: Path, log: IO[bytes], *, piped: bool = False
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own; its output goes to the log, or stdout to a pipe.

    OSError where there is no such program.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, "is not there, or is no program", command[0])
    return subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, *command],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if piped else log,
        stderr=log,
        start_new_session=True,
    )


def stop_process(process: subprocess.Popen[Any]) -> None:
    """End a process and its group: asked first; what is left then, or after some seconds, is killed."""
    if process.poll() is None:
        ask_to_end(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def ask_to_end(process: subprocess.Popen[Any]) -> None:
    """Ask a process and its group to end; on Windows, where nobody can, its guard ends what it guards."""
    if hasattr(os, "killpg"):
        signal_group(process, signal.SIGTERM)
    elif process.stdin is not None:
        process.stdin.close()


def signal_group(process: subprocess.Popen[Any], number: int) -> None:
    """Send a signal to a process and to all in its group."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def run_step(command: list[str], log: Path, stop: threading.Event, failure: str) -> None:
    """Run one command into the log; InputError with the log's end where it fails."""
    with log.open("ab") as file:
        with name_file(log):
            file.write(f"\n$ {json.dumps(command)}\n".encode())
            file.flush()
        process = start_process(command, dict(os.environ), log.parent, file)
        try:
            code = wait_for(process, stop)
        finally:
            stop_process(process)
    if code:
        place, last = describe_room(log.parent), read_end(log, 1).strip()
        raise InputError(
            f"{failure} (exit {code}{place}): {last}; correct the environment or the network and run again;"
            f" {log} ends:\n" + read_end(log)
        )


def describe_room(folder: Path) -> str:
    """What room a disk has left, where that may be why something failed there."""
    free = shutil.disk_usage(folder).free
    return f", with {free >> 20} MiB left on the disk of {folder}" if free < LOW_BYTES else ""


def wait_for(process: subprocess.Popen[bytes], stop: threading.Event) -> int:
    """Exit code of a process; Stopped when `stop` is set meanwhile."""
    deadline = time.monotonic() + INSTALL_SECONDS
    while process.poll() is None:
        if stop.is_set():
            raise Stopped
        if time.monotonic() > deadline:
            return 124
        time.sleep(POLL_SECONDS)
    return process.returncode


def read_end(log: Path, lines: int = LOG_LINES) -> str:
    """Last lines of a log file; empty where there is none. InputError where it is a link, or no file."""
    if not os.path.lexists(log):
        return ""
    with open_file(log, within=log.parent) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_END_BYTES))
        text = file.read(MAX_END_BYTES).decode("utf-8", "replace")
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
