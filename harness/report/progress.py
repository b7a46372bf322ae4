"""What is seen while cells run: a line each on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from harness.launch.events import Event
from harness.system.consoles import make_text
from harness.system.text import make_line

PLAIN_SECONDS = 15.0  # between two progress lines of one cell where there is no terminal
NOTE_LENGTH = 40
FINAL = ("done", "reused", "failed", "unavailable")


@dataclass(frozen=True)
class ConsoleScreen:
    """Shows a run on a console, which should be that of standard error."""

    console: Console

    def say(self, text: str) -> None:
        """Show a line."""
        self.console.print(make_text(text), soft_wrap=True)

    def show_cells(self, names: Sequence[str]) -> AbstractContextManager[Callable[[Event], None]]:
        """Show cells, one line each, as their events come in."""
        return show_bars(self.console, names) if self.console.is_terminal else show_lines(self)


@contextmanager
def show_bars(console: Console, names: Sequence[str]) -> Iterator[Callable[[Event], None]]:
    """One bar a cell."""
    columns = (
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[state]:<11}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[count]:>13}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    width = max(map(len, names), default=0)
    with Progress(*columns, console=console) as progress:
        bars = {
            name: progress.add_task(
                make_line(name).ljust(width), start=False, total=1, state="waiting", count="", note=""
            )
            for name in names
        }
        yield partial(move_bar, progress, bars)


def move_bar(progress: Progress, bars: Mapping[str, TaskID], event: Event) -> None:
    """Bring a cell's bar up to an event."""
    bar = bars[event.cell]
    if event.lasting:
        progress.console.print(make_text(f"{event.cell}: {event.note}"), soft_wrap=True)
    progress.update(bar, state=event.state, note=make_line(event.note.partition("\n")[0], NOTE_LENGTH))
    if event.state in {"installing", "running"}:
        progress.start_task(bar)
    if event.total:
        count = f"{event.done} of {event.total}"
        progress.update(bar, completed=event.done, total=event.total, count=count)
    if event.state == "reused":
        progress.update(bar, completed=1, total=1)
    if event.state in FINAL:
        progress.stop_task(bar)


@dataclass
class Lines:
    """What was last shown of each cell."""

    screen: ConsoleScreen
    states: dict[str, str] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    def show(self, event: Event) -> None:
        """A line where a cell's state changed or some seconds went by."""
        now = time.monotonic()
        changed = self.states.get(event.cell) != event.state or bool(event.note)
        if not changed and now - self.times[event.cell] < PLAIN_SECONDS:
            return
        self.states[event.cell], self.times[event.cell] = event.state, now
        count = f" {event.done} of {event.total}" if event.total else ""
        note = f": {event.note.partition(chr(10))[0]}" if event.note else ""
        self.screen.say(f"{event.cell}: {event.state}{count}{note}")


@contextmanager
def show_lines(screen: ConsoleScreen) -> Iterator[Callable[[Event], None]]:
    """A line for every change, and now and then one while a cell runs."""
    yield Lines(screen).show
