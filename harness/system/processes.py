"""Child processes in groups of their own: whatever one starts ends with it, and all end with the harness."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from harness.system import guard

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
