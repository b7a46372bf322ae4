"""Long steps that only their log knows of: now and then, what it says last."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.system.processes import read_end

SECONDS = 15.0  # between two lines
MOST_CHARACTERS = 100

Say = Callable[[str], None]


@contextlib.contextmanager
def follow_log(log: Path, doing: str, say: Say, seconds: float = SECONDS) -> Iterator[None]:
    """Say what is being done, at once and then every so many seconds, with the last line of its log."""
    say(doing)
    ended = threading.Event()
    teller = threading.Thread(target=tell, args=(log, doing, say, seconds, ended), daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def tell(log: Path, doing: str, say: Say, seconds: float, ended: threading.Event) -> None:
    """Say how far the step is until it has ended."""
    started = time.monotonic()
    while not ended.wait(seconds):
        line = read_end(log, 1).strip()[:MOST_CHARACTERS]
        say(f"{doing}, {time.monotonic() - started:.0f} s{': ' if line else ''}{line}")
