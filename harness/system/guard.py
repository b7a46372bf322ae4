"""Run a command, and end it with all that it started when whoever started this program is gone.

It knows by its standard input, a pipe that nobody writes to: it ends when that process does, in whatever way.
Run by its path, `python -I -S guard.py COMMAND…`; it ends as the command does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

CANNOT_START = 127
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def main(command: Sequence[str]) -> int:
    """Run the command to its end; its exit code."""
    signal.signal(signal.SIGTERM, wait_on)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: does not start ({error.strerror})\n")
        return CANNOT_START
    threading.Thread(target=watch, args=(child,), daemon=True).start()
    close_output()
    return end_alike(child.wait())


def wait_on(_number: int, _frame: object) -> None:
    """Leave a request to end to the command, which gets it, too."""


def watch(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole group, this program with it, at the end of standard input."""
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    if hasattr(os, "killpg"):
        os.killpg(0, KILL)
    child.kill()


def close_output() -> None:
    """Let go of standard output, so that it ends when the command closes it."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.close(descriptor)


def end_alike(code: int) -> int:
    """The command's exit code, or an end by the signal that ended it."""
    if code < 0:
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command's own is enough
        with contextlib.suppress(OSError, ValueError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
