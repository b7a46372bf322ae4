"""What is seen while divergences are explained, and what was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from harness.launch.events import Event
from harness.report.causes import draw_part
from harness.report.progress import PLAIN_SECONDS
from harness.summary.causes import CausesSummary
from harness.system.consoles import make_text
from harness.system.numbers import count

ROOM = 65  # columns of a terminal that a bar, what is done and the time take


@dataclass
class ExplainScreen:
    """Shows on a console how many divergences are explained, and what is being run for the next ones."""

    console: Console
    bar: Progress | None = None
    told: float = field(default_factory=lambda: float("-inf"))

    def say(self, text: str) -> None:
        """Show a line."""
        self.console.print(make_text(text), soft_wrap=True)

    def show_cells(self, names: Sequence[str]) -> AbstractContextManager[Callable[[Event], None]]:
        """Show what cells do beside the divergences that are explained."""
        return show_beside(self, names)

    def tell(self, done: int, total: int, executions: int) -> None:
        """Bring the line up to date."""
        text = f"{done} of {total} explained, {count(executions, 'execution')}"
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=done, total=total, text=text)
        elif done == total or time.monotonic() - self.told > PLAIN_SECONDS:
            self.told = time.monotonic()
            self.say(text)

    def begin(self, text: str) -> None:
        """Say what is done now that all is explained."""
        if self.bar is None:
            self.say(text)
        else:
            self.bar.update(self.bar.task_ids[0], total=None, text=text)

    def note(self, text: str) -> None:
        """What is going on beside it."""
        if self.bar is not None:
            room = max(self.console.width - ROOM, 0)  # else the columns before it are cut
            self.bar.update(self.bar.task_ids[0], note=text[:room])


@contextmanager
def show_beside(screen: ExplainScreen, _names: Sequence[str]) -> Iterator[Callable[[Event], None]]:
    """Notes of cells' events."""

    def show(event: Event) -> None:
        if event.lasting or event.state == "failed":
            screen.say(f"{event.cell}: {event.note or event.state}")
        done = f" {event.done} of {event.total}" if event.total else ""
        screen.note(f"{event.cell.partition('+')[0]}: {event.state}{done}")

    yield show
    screen.note("")


@contextmanager
def open_screen(console: Console) -> Iterator[ExplainScreen]:
    """A screen with one bar on a terminal, with lines elsewhere."""
    if not console.is_terminal:
        yield ExplainScreen(console)
        return
    columns = (
        BarColumn(bar_width=12),
        TextColumn("{task.fields[text]}", markup=False, table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True)),
        TextColumn("{task.fields[note]}", markup=False, table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=console) as bar:
        bar.add_task("explain", total=None, text="reading the run", note="")
        yield ExplainScreen(console, bar)


def print_causes(causes: Mapping[str, Any], console: Console) -> None:
    """Every group with its sentence and the command that explains one of them again, as reports have them."""
    console.print(draw_part(CausesSummary.model_validate(causes)))
