"""A run's summary as terminal text: cells, divergences, what could not run, the verdict."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from harness.records.run import RUN_FILE
from harness.report.agreement import draw_agreement
from harness.report.causes import draw_brief, draw_causes
from harness.report.cells import STYLES, draw_cells
from harness.report.differences import draw_differences
from harness.report.divergence_table import draw_divergences, write_divergences
from harness.report.families import list_families
from harness.report.numerics import draw_numerics
from harness.report.words import PAGE
from harness.summary.document import CellSummary, Summary
from harness.system.consoles import PLAIN_WIDTH, make_text
from harness.system.invocation import name_place, write_command
from harness.system.text import make_line, make_lines

MOST_ROWS = 50
MOST_NAMES = 3

VERDICT_STYLES = {0: "bold green", 1: "bold red", 2: "bold yellow"}


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
    lists = (
        (draw_divergences(summary, most_rows, rest, console), draw_incomparable(summary, most_rows, rest))
        if most_rows is not None
        else (write_divergences(summary), write_incomparable(summary))
    )
    for part in (
        draw_banner(summary),
        draw_cells(summary, console, "see report.md" if folder else "see --output DIR"),
        draw_notes(summary),
        draw_differences(summary, console, "see report.html" if folder else "see --output DIR"),
        draw_agreement(summary, console),
        *lists,
        draw_troubles(summary.cells),
        draw_causes(summary) if most_rows is not None else draw_causes(summary, None),
        draw_numerics(summary),
    ):
        if isinstance(part, str):
            console.file.write(f"{part}\n")  # too long for the console, which measures every line
        elif part is not None:
            console.print(part)
            console.print()
    console.print(draw_verdict(summary, folder), soft_wrap=not console.record)  # a picture would cut it


def draw_banner(summary: Summary) -> RenderableType:
    """The verdict; it comes first, and again at the end of what may be a long text."""
    word = summary.outcome.upper()
    return Text.assemble((word, VERDICT_STYLES[summary.exit_code]), f": {make_line(summary.verdict)}")


def draw_notes(summary: Summary) -> RenderableType | None:
    """What differs between the cells by intent, and what was left out."""
    lines = [make_text(note if note.startswith(" ") else f"note: {note}") for note in summary.notes]
    return Group(*lines) if lines else None


def draw_incomparable(summary: Summary, most_rows: int, rest: str) -> RenderableType | None:
    """The examples that could not be compared, those of one environment and reason in one line."""
    if not summary.incomparable:
        return None
    groups: dict[tuple[str, str], list[str]] = {}
    for one in summary.incomparable:
        groups.setdefault((one.environment, one.reason), []).append(one.example)
    lines = [
        make_text(f"  {name_examples(examples)} in {environment}: {reason}")
        for (environment, reason), examples in list(groups.items())[:most_rows]
    ]
    more = len(groups) - len(lines)
    title = Text(title_incomparable(summary), "bold")
    return Group(title, *lines, *([Text(f"  and {more} {rest}")] if more > 0 else []))


def write_incomparable(summary: Summary) -> str | None:
    """A line for every example that could not be compared."""
    if not summary.incomparable:
        return None
    lines = (make_line(f"  {one.example} in {one.environment}: {one.reason}") for one in summary.incomparable)
    return "\n".join([title_incomparable(summary), *lines, ""])


def title_incomparable(summary: Summary) -> str:
    """How many there are."""
    return f"not compared: {len(summary.incomparable)}"


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
        if cell.log_end:
            parts.extend(Text(f"  | {line}", "dim") for line in make_lines(cell.log_end).split("\n"))
    return Group(*parts) if parts else None


def draw_verdict(summary: Summary, folder: Path | None) -> Group:
    """The last lines: the verdict, what is wrong with the register, and where everything lies."""
    problems = [make_text(f"register: {problem}", "bold red") for problem in summary.register_problems]
    causes = summary.causes
    return Group(
        *problems,
        draw_banner(summary),
        *([draw_brief(causes)] if causes is not None and causes.groups else []),
        *([make_text(f"run folder: {name_place(folder)}")] if folder else []),
        *([make_text(f"to look at: {name_place(folder / PAGE)}")] if folder else []),
        *([make_text(f"next: {next_command}")] if (next_command := find_next(summary, folder)) else []),
    )


def find_next(summary: Summary, folder: Path | None) -> str:
    """The command that says most next: why examples diverge, or of the first cause, how it was proven."""
    if summary.causes is not None:
        families = list_families(summary.causes)
        return families[0].lead.command if families else ""
    runs = folder is not None and (folder / RUN_FILE).exists() and len(summary.divergences) > 0
    return write_command("explain", name_place(folder)) if folder is not None and runs else ""
