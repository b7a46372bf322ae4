"""A run's summary as terminal text: cells, divergences, what could not run, the verdict."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.ami.cases import CASES
from harness.report.consoles import PLAIN_WIDTH
from harness.report.summary import CellSummary, DivergenceSummary, RateSummary, Summary

MOST_ROWS = 50
WIDE = 150  # columns from which on the rarer rates are shown too
WIDE_COLUMNS = ("FPR all %", "attribute accuracy %")
LEGEND = (
    "* the reference. Detected: of attacked examples with Original other than Gold. FPR: detected of benign"
    " examples with Original = Gold (all: of all benign ones). In brackets: 95 % intervals (Wilson)."
)

DASH = "\N{EN DASH}"
NONE = DASH
STYLES = {"done": "green", "reused": "green", "failed": "bold red", "unavailable": "yellow"}
VERDICT_STYLES = {0: "bold green", 1: "bold red", 2: "bold yellow"}
VERDICT_WORDS = {0: "SAME", 1: "DIVERGED", 2: "COULD NOT RUN"}


def render_text(summary: Summary, folder: Path, width: int = PLAIN_WIDTH) -> str:
    """The picture as plain text."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    print_summary(summary, folder, console)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def print_summary(summary: Summary, folder: Path, console: Console) -> None:
    """Draw the whole picture."""
    for part in (
        draw_cells(summary, wide=console.width >= WIDE),
        draw_notes(summary),
        draw_divergences(summary),
        draw_incomparable(summary),
        draw_troubles(summary.cells),
    ):
        if part is not None:
            console.print(part)
            console.print()
    console.print(draw_verdict(summary, folder), soft_wrap=True)


def draw_cells(summary: Summary, *, wide: bool) -> RenderableType:
    """One row a cell: status, cases, rates with intervals, seconds, memory."""
    table = Table(box=box.SIMPLE_HEAD, title=draw_title(summary), title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("environment", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name in ("n", *CASES, "detected %", "FPR %"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in WIDE_COLUMNS if wide else ():
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("accuracy %", "s", "MB"):
        table.add_column(name, justify="right", no_wrap=True)
    for cell in summary.cells:
        status = "reused" if cell.reused else cell.status
        mark = " *" if cell.environment == summary.reference else ""
        numbers = list_numbers(cell, wide=wide)
        table.add_row(Text(cell.environment + mark), Text(status, STYLES[status]), *numbers)
    return Group(table, Text(LEGEND, "dim"))


def draw_title(summary: Summary) -> Text:
    """Model, examples, how many cells were reused, and how long it took."""
    done = [cell for cell in summary.cells if cell.status == "done"]
    reused = sum(cell.reused for cell in done)
    text = f"{summary.model}: {summary.examples} examples, {len(summary.cells)} cells"
    return Text(f"{text}; reused {reused} of {len(summary.cells)} cells, {summary.seconds:.1f} s", "bold")


def list_numbers(cell: CellSummary, *, wide: bool) -> list[str]:
    """The numbers of one cell, dashes where it has none."""
    if cell.rates is None:
        return [NONE] * (len(CASES) + 6 + (len(WIDE_COLUMNS) if wide else 0))
    rates = cell.rates
    more = [show_rate(rates.alarms_all), show_share(rates.attribute_accuracy)] if wide else []
    return [
        str(rates.examples),
        *(str(rates.cases.get(case, 0)) for case in CASES),
        show_rate(rates.detection),
        show_rate(rates.alarms),
        *more,
        show_share(rates.accuracy),
        NONE if cell.run_seconds is None else f"{cell.run_seconds:.1f}",
        NONE if cell.peak_memory_bytes is None else f"{cell.peak_memory_bytes / 1e6:.0f}",
    ]


def show_share(rate: RateSummary) -> str:
    """`97.0`, or a dash where there is nothing to count."""
    return NONE if rate.rate is None else f"{rate.rate * 100:.1f}"


def show_rate(rate: RateSummary) -> str:
    """`97.0 (91 to 99)` with a dash for the word, or a dash where there is nothing to count."""
    if rate.rate is None or rate.low is None or rate.high is None:
        return NONE
    return f"{rate.rate * 100:.1f} ({rate.low * 100:.0f}{DASH}{rate.high * 100:.0f})"


def draw_notes(summary: Summary) -> RenderableType | None:
    """What differs between the cells by intent, and what was left out."""
    lines = [Text(f"note: {note}" if not note.startswith(" ") else note) for note in summary.notes]
    return Group(*lines) if lines else None


def draw_divergences(summary: Summary) -> RenderableType | None:
    """The diverging examples: the baseline's tuple, and each departing environment's where it differs."""
    if not summary.divergences:
        return None
    shown = summary.divergences[:MOST_ROWS]
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
        title=Text(f"{len(summary.divergences)} diverging examples (Gold-Original-Attribute)", "bold"),
        title_justify="left",
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
    parts: list[RenderableType] = [table]
    if len(summary.divergences) > MOST_ROWS:
        parts.append(Text(f"  and {len(summary.divergences) - MOST_ROWS} more in summary.json"))
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


def draw_incomparable(summary: Summary) -> RenderableType | None:
    """The examples that could not be compared, with the reasons."""
    if not summary.incomparable:
        return None
    title = Text(f"{len(summary.incomparable)} records could not be compared", "bold")
    lines = [
        Text(f"  {one.example} in {one.environment}: {one.reason}")
        for one in summary.incomparable[:MOST_ROWS]
    ]
    more = len(summary.incomparable) - MOST_ROWS
    return Group(title, *lines, *([Text(f"  and {more} more in summary.json")] if more > 0 else []))


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
        *problems, Text.assemble((word, style), f": {summary.verdict}"), Text(f"run folder: {folder}")
    )
