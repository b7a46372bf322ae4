"""What is seen of a fetch: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from harness.system.consoles import make_text

PLAIN_SECONDS = 15.0  # between two lines where there is no terminal


@dataclass
class DownloadConsole:
    """Shows a fetch on a console, which should be that of standard error."""

    console: Console
    progress: Progress | None = None
    bar: TaskID | None = None
    shown: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Show a line."""
        self.console.print(make_text(text), soft_wrap=True)

    def show_bytes(self, done: int, total: int | None) -> None:
        """Show how many bytes are there, of how many."""
        if self.progress is not None:
            if self.bar is None:
                self.bar = self.progress.add_task("", total=total)
            self.progress.update(self.bar, completed=done, total=total)
        elif time.monotonic() - self.shown >= PLAIN_SECONDS:
            self.shown = time.monotonic()
            of = f" of {total / 1e6:.1f}" if total else ""
            self.say(f"{done / 1e6:.1f}{of} MB")


@contextmanager
def open_screen(console: Console) -> Iterator[DownloadConsole]:
    """A screen with a bar where the console is a terminal."""
    if not console.is_terminal:
        yield DownloadConsole(console)
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield DownloadConsole(console, progress)
