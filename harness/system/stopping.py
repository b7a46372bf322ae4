"""Stopping: asked for by Ctrl-C, by a signal, or by an event that threads look at."""

from __future__ import annotations

import signal
import threading
from typing import Any

POLL_SECONDS = 0.1
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
ASKED = threading.Event()  # stays set where an exception gets lost, as in foreign code that is being imported


class Stopped(Exception):  # noqa: N818 - it is no error: somebody pressed Ctrl-C
    """Somebody asked for everything to stop."""


def take_signals() -> None:
    """Take every request to end like Ctrl-C, so that whatever was started is ended too."""
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # which nohup asks for
            signal.signal(number, interrupt)


def interrupt(_number: int, _frame: Any) -> None:
    """Take note of the request, and raise KeyboardInterrupt."""
    ASKED.set()
    raise KeyboardInterrupt


def check_asked() -> None:
    """KeyboardInterrupt where a signal asked for the end, whatever became of its first exception."""
    if ASKED.is_set():
        raise KeyboardInterrupt
