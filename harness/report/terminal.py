"""A run's summary as terminal text: cells, divergences, what could not run, the verdict."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.report.agreement import draw_agreement
from harness.report.cells import NONE, STYLES, draw_cells
from harness.report.consoles import PLAIN_WIDTH
from harness.report.differences import draw_differences
from harness.report.divergences import (
    list_departing,
    list_steady,
    rank_divergences,
    show_expected,
    show_margin,
    show_tuple,
)
from harness.report.plain import make_line, make_lines
from harness.report.summary import CellSummary, DivergenceSummary, Summary

MOST_ROWS = 50
MOST_NAMES = 3

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
    summary: Summary, folder: Path | None, console: Console, most_rows: int | None = MOST_ROWS
) -> None:
    """Draw the whole picture; of divergences at most so many, or all. Without a folder, none are written."""
    rest = "more in report.txt" if folder else "more; --output DIR writes all"
    for part in (
        draw_banner(summary),
        draw_cells(summary, console),
        draw_notes(summary),
        draw_differences(summary, console),
        draw_agreement(summary, console),
        draw_divergences(summary, most_rows, rest),
        draw_incomparable(summary, most_rows, rest),
        draw_troubles(summary.cells),
    ):
        if part is not None:
            console.print(part)
            console.print()
    console.print(draw_verdict(summary, folder), soft_wrap=True)


def draw_banner(summary: Summary) -> RenderableType:
    """The verdict; it comes first, and again at the end of what may be a long text."""
    word = VERDICT_WORDS[summary.exit_code]
    return Text.assemble((word, VERDICT_STYLES[summary.exit_code]), f": {make_line(summary.verdict)}")


def draw_notes(summary: Summary) -> RenderableType | None:
    """What differs between the cells by intent, and what was left out."""
    lines = [Text(make_line(note if note.startswith(" ") else f"note: {note}")) for note in summary.notes]
    return Group(*lines) if lines else None


def draw_divergences(summary: Summary, most_rows: int | None, rest: str) -> RenderableType | None:
    """The diverging examples: the baseline's tuple, and each departing environment's where it differs."""
    if not summary.divergences:
        return None
    shown = rank_divergences(summary.divergences)[:most_rows]
    names = list_departing(summary, shown)
    steady = list_steady(summary)
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("example", overflow="fold", min_width=12)
    table.add_column("attack")
    table.add_column("baseline", no_wrap=True)
    for name in names:
        table.add_column(Text(make_line(name)), overflow="fold")
    table.add_column("margin", justify="right", no_wrap=True)
    table.add_column("expected")
    for one in shown:
        tuples = [draw_tuple(one, name) for name in names]
        start = (Text(make_line(one.example)), Text(make_line(one.attack)), show_tuple(one.baseline))
        table.add_row(*start, *tuples, show_margin(one.smallest_margin, NONE), show_expected(one))
    title = f"diverging: {len(summary.divergences)} (Gold-Original-Attribute, ! marks what differs)"
    parts: list[RenderableType] = [Text(title, "bold"), table]
    if len(summary.divergences) > len(shown):
        parts.append(Text(f"  and {len(summary.divergences) - len(shown)} {rest}"))
    if steady:
        parts.append(Text(f"  never departing from the baseline: {make_line(', '.join(steady))}", "dim"))
    return Group(*parts)


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


def draw_incomparable(summary: Summary, most_rows: int | None, rest: str) -> RenderableType | None:
    """The examples that could not be compared, with the reasons."""
    if not summary.incomparable:
        return None
    title = Text(f"not compared: {len(summary.incomparable)}", "bold")
    told = list_incomparable(summary, together=most_rows is not None)
    lines = [Text(make_line(f"  {line}")) for line in told[:most_rows]]
    more = len(told) - len(lines)
    return Group(title, *lines, *([Text(f"  and {more} {rest}")] if more > 0 else []))


def list_incomparable(summary: Summary, *, together: bool) -> list[str]:
    """A line for every example that could not be compared, or for those of one environment and reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for one in summary.incomparable:
        apart = "" if together else one.example
        groups.setdefault((one.environment, one.reason, apart), []).append(one.example)
    return [
        f"{name_examples(examples)} in {environment}: {reason}"
        for (environment, reason, _), examples in groups.items()
    ]


def name_examples(examples: Sequence[str]) -> str:
    """`a, b, c and 5 more`."""
    more = f" and {len(examples) - MOST_NAMES} more" if len(examples) > MOST_NAMES else ""
    return ", ".join(examples[:MOST_NAMES]) + more


def draw_troubles(cells: Sequence[CellSummary]) -> RenderableType | None:
    """Cells that failed or were unavailable: why, and how their logs end."""
    parts: list[RenderableType] = []
    for cell in cells:
        if cell.status == "done":
            continue
        parts.append(
            Text.assemble(
                (make_line(f"{cell.environment} {cell.status}"), STYLES[cell.status]),
                make_line(f": {cell.reason}"),
            )
        )
        parts.extend(Text(f"  | {line}", "dim") for line in make_lines(cell.log_end).splitlines())
    return Group(*parts) if parts else None


def draw_verdict(summary: Summary, folder: Path | None) -> Group:
    """The last lines: the verdict, what is wrong with the register, and where everything lies."""
    problems = [Text(make_line(f"register: {problem}"), "bold red") for problem in summary.register_problems]
    return Group(
        *problems,
        draw_banner(summary),
        *([Text(f"run folder: {show_place(folder)}")] if folder else []),
    )


def show_place(folder: Path) -> str:
    """A folder as one would type it from here."""
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
