"""A run's summary as terminal text: cells, divergences, what could not run, the verdict."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.report.cells import NONE, STYLES, draw_cells
from harness.report.consoles import PLAIN_WIDTH
from harness.report.judge import is_expected
from harness.report.summary import CellSummary, DivergenceSummary, Summary

MOST_ROWS = 50

VERDICT_STYLES = {0: "bold green", 1: "bold red", 2: "bold yellow"}
VERDICT_WORDS = {0: "SAME", 1: "DIVERGED", 2: "COULD NOT RUN"}


def render_text(summary: Summary, folder: Path, width: int = PLAIN_WIDTH) -> str:
    """The picture as plain text, with every divergence."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    print_summary(summary, folder, console, most_rows=None)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def render_svg(summary: Summary, folder: Path, width: int = PLAIN_WIDTH) -> str:
    """The picture as a terminal would show it, as SVG."""
    console = Console(file=io.StringIO(), width=width, record=True, highlight=False)
    print_summary(summary, folder, console)
    return console.export_svg(title="harness")


def print_summary(
    summary: Summary, folder: Path, console: Console, most_rows: int | None = MOST_ROWS
) -> None:
    """Draw the whole picture; of divergences at most so many, or all."""
    for part in (
        draw_cells(summary, console),
        draw_notes(summary),
        draw_divergences(summary, most_rows),
        draw_incomparable(summary, most_rows),
        draw_troubles(summary.cells),
    ):
        if part is not None:
            console.print(part)
            console.print()
    console.print(draw_verdict(summary, folder), soft_wrap=True)


def draw_notes(summary: Summary) -> RenderableType | None:
    """What differs between the cells by intent, and what was left out."""
    lines = [Text(f"note: {note}" if not note.startswith(" ") else note) for note in summary.notes]
    return Group(*lines) if lines else None


def draw_divergences(summary: Summary, most_rows: int | None) -> RenderableType | None:
    """The diverging examples: the baseline's tuple, and each departing environment's where it differs."""
    if not summary.divergences:
        return None
    shown = sorted(summary.divergences, key=is_expected)[:most_rows]
    names = [
        cell.environment for cell in summary.cells if any(cell.environment in one.departing for one in shown)
    ]
    agreeing = [
        cell.environment
        for cell in summary.cells
        if cell.status == "done" and not any(cell.environment in one.departing for one in summary.divergences)
    ]
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("example", overflow="fold", min_width=12)
    table.add_column("attack")
    table.add_column("baseline", no_wrap=True)
    for name in names:
        table.add_column(Text(name), overflow="fold")
    table.add_column("expected")
    for one in shown:
        tuples = [draw_tuple(one, name) for name in names]
        table.add_row(
            Text(one.example), Text(one.attack), show_tuple(one.baseline), *tuples, show_expected(one)
        )
    title = f"diverging: {len(summary.divergences)} (Gold-Original-Attribute, ! marks what differs)"
    parts: list[RenderableType] = [Text(title, "bold"), table]
    if len(summary.divergences) > len(shown):
        parts.append(Text(f"  and {len(summary.divergences) - len(shown)} more in report.txt"))
    if agreeing:
        parts.append(Text(f"  never departing from the baseline: {', '.join(agreeing)}", "dim"))
    return Group(*parts)


def show_tuple(values: Sequence[int]) -> str:
    """`12-3-45`."""
    return "-".join(map(str, values))


def draw_tuple(one: DivergenceSummary, name: str) -> Text:
    """An environment's tuple with `!` after every number that is not the baseline's; a dot where all are."""
    if name not in one.tuples:
        return Text(NONE, "dim")
    if name not in one.departing:
        return Text("·", "dim")
    text = Text(no_wrap=True)
    for place, (value, baseline) in enumerate(zip(one.tuples[name], one.baseline, strict=True)):
        text.append("-" if place else "")
        text.append(
            str(value) if value == baseline else f"{value}!", None if value == baseline else "bold red"
        )
    return text


def show_expected(one: DivergenceSummary) -> str:
    """Whether the register expects it: yes, no, or in some environments."""
    known = [reason is not None for reason in one.expected.values()]
    return "yes" if all(known) else "in part" if any(known) else "no"


def draw_incomparable(summary: Summary, most_rows: int | None) -> RenderableType | None:
    """The examples that could not be compared, with the reasons."""
    if not summary.incomparable:
        return None
    title = Text(f"not compared: {len(summary.incomparable)}", "bold")
    lines = [
        Text(f"  {one.example} in {one.environment}: {one.reason}")
        for one in summary.incomparable[:most_rows]
    ]
    more = len(summary.incomparable) - len(lines)
    return Group(title, *lines, *([Text(f"  and {more} more in report.txt")] if more > 0 else []))


def draw_troubles(cells: Sequence[CellSummary]) -> RenderableType | None:
    """Cells that failed or were unavailable: why, and how their logs end."""
    parts: list[RenderableType] = []
    for cell in cells:
        if cell.status == "done":
            continue
        parts.append(
            Text.assemble((f"{cell.environment} {cell.status}", STYLES[cell.status]), f": {cell.reason}")
        )
        parts.extend(Text(f"  | {line}", "dim") for line in cell.log_end.splitlines())
    return Group(*parts) if parts else None


def draw_verdict(summary: Summary, folder: Path) -> Group:
    """The last lines: the verdict, what is wrong with the register, and where everything lies."""
    style = VERDICT_STYLES[summary.exit_code]
    problems = [Text(f"register: {problem}", "bold red") for problem in summary.register_problems]
    word = VERDICT_WORDS[summary.exit_code]
    return Group(
        *problems,
        Text.assemble((word, style), f": {summary.verdict}"),
        Text(f"run folder: {show_place(folder)}"),
    )


def show_place(folder: Path) -> str:
    """A folder as one would type it from here."""
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
