"""Child processes in groups of their own, so that stopping one stops what it started too."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

GRACE_SECONDS = 3.0


def start_process(
    command: Sequence[str], variables: dict[str, str], folder: Path, log: IO[bytes], *, piped: bool = False
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own; its output goes to the log, or stdout to a pipe."""
    return subprocess.Popen(
        list(command),
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if piped else log,
        stderr=log,
        start_new_session=True,
    )


def stop_process(process: subprocess.Popen[Any]) -> None:
    """End a process and its group: asked first; what is left then, or after some seconds, is killed."""
    if process.poll() is not None:
        return
    signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def signal_group(process: subprocess.Popen[Any], number: int) -> None:
    """Send a signal to a process and to all in its group."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
