"""The table of cells: status, cases, rates with intervals, seconds, memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.ami.cases import CASES
from harness.report.judge import count
from harness.report.summary import CellSummary, RatesSummary, RateSummary, Summary
from harness.system.text import make_line, wrap_name

if TYPE_CHECKING:
    from harness.evaluate.rates import Rate

DASH = "\N{EN DASH}"
NONE = DASH
STYLES = {"done": "green", "reused": "green", "failed": "bold red", "unavailable": "yellow"}
# Levels of detail: at the lowest there is room for hardly anything.
LEAST, RATES, STATUS, COUNT = -3, -2, -1, 0
# Level of detail from which on it is shown, text.
LEGEND = (
    (LEAST, "Detected: of attacked examples with Original other than Gold."),
    (RATES, "FPR: detected of benign examples with Original = Gold."),
    (4, "FPR all: of all benign examples."),
    (2, "Accuracy: Original = Gold, of benign examples."),
    (4, "Attribute accuracy: Attribute = Gold, of the same."),
    (3, "Evasion: Original other than Gold and not detected, of attacked examples."),
    (3, "Recovery: Attribute = Gold, of attacked examples with Original other than Gold."),
    (LEAST, "In brackets: 95 % intervals (Wilson)."),
)


def show_rate(rate: Rate | RateSummary | None) -> str:
    """`97.0 (91 to 99)` with a dash for the word, or a dash where there is nothing to count."""
    if rate is None or rate.rate is None or rate.low is None or rate.high is None:
        return NONE
    return f"{rate.rate * 100:.1f} ({rate.low * 100:.0f}{DASH}{rate.high * 100:.0f})"


def show_share(rate: RateSummary) -> str:
    """`97.0`, or a dash where there is nothing to count."""
    return NONE if rate.rate is None else f"{rate.rate * 100:.1f}"


def rates_of(cell: CellSummary) -> RatesSummary:
    """Rates of a cell that has some."""
    assert cell.rates is not None
    return cell.rates


def show_case(case: str, cell: CellSummary) -> str:
    """How many examples of a cell are one case."""
    return str(rates_of(cell).cases.get(case, 0))


def show_seconds(cell: CellSummary) -> str:
    """Seconds that the cell's examples took."""
    return NONE if cell.run_seconds is None else f"{cell.run_seconds:.1f}"


def show_megabytes(cell: CellSummary) -> str:
    """Peak memory of a cell."""
    return NONE if cell.peak_memory_bytes is None else f"{cell.peak_memory_bytes / 1e6:.0f}"


# Heading, level of detail from which on it is shown, text of a cell that has rates.
COLUMNS: tuple[tuple[str, int, Callable[[CellSummary], str]], ...] = (
    ("n", COUNT, lambda cell: str(rates_of(cell).examples)),
    *((case, 1, partial(show_case, case)) for case in CASES),
    ("detected %", LEAST, lambda cell: show_rate(rates_of(cell).detection)),
    ("FPR %", RATES, lambda cell: show_rate(rates_of(cell).alarms)),
    ("evasion %", 3, lambda cell: show_rate(rates_of(cell).evasion)),
    ("recovery %", 3, lambda cell: show_rate(rates_of(cell).recovery)),
    ("FPR all %", 4, lambda cell: show_rate(rates_of(cell).alarms_all)),
    ("accuracy %", 2, lambda cell: show_share(rates_of(cell).accuracy)),
    ("attribute accuracy %", 4, lambda cell: show_share(rates_of(cell).attribute_accuracy)),
    ("s", 2, show_seconds),
    ("MB", 2, show_megabytes),
)
ALL = max(level for _, level, _ in COLUMNS)
# Detail, padding, and whether names take several lines; the first that fits is taken.
LAYOUTS = (
    *((detail, padding, False) for detail in range(ALL, LEAST, -1) for padding in (1, 0)),
    (RATES, 0, True),
    (LEAST, 0, True),
)
SHORTEST = 10  # of an environment's name, the columns of one line


def draw_cells(summary: Summary, console: Console, see: str) -> RenderableType:
    """One row a cell, with as many columns as fit: the rarer rates go first, then costs, cases, status.

    What was left out is named, with where to `see` it.
    """
    detail, table = fit_table(summary, console)
    left = [name for name, level, _ in COLUMNS if level > detail] + ["status"] * (detail < STATUS)
    more = [f"Not shown at this width: {', '.join(left)} ({see})."] if left else []
    legend = " ".join([explain_table(summary, detail), *more])
    return Group(Text(title_cells(summary), "bold"), table, Text(legend, "dim"))


def fit_table(summary: Summary, console: Console) -> tuple[int, Table]:
    """The most detailed table that fits, and its level of detail."""
    for detail, padding, is_folded in LAYOUTS:
        table = draw_table(summary, detail, padding)
        excess = measure_width(table, console) - console.width
        if is_folded:
            table = draw_table(summary, detail, padding, max(measure_names(summary) - excess, SHORTEST))
            excess = measure_width(table, console) - console.width
        if excess <= 0:
            break
    return detail, table


def explain_table(summary: Summary, detail: int) -> str:
    """What the table's columns say, up to a level of detail."""
    has_reference = any(cell.environment == summary.reference for cell in summary.cells)
    texts = [text for level, text in LEGEND if level <= detail]
    return " ".join(["* the reference.", *texts] if has_reference else texts)


def measure_width(table: Table, console: Console) -> int:
    """Columns that a table takes when nothing is cut off."""
    return console.measure(table, options=console.options.update(width=1000)).maximum


def draw_table(summary: Summary, detail: int, padding: int, width: int = 1000) -> Table:
    """The cells with the columns up to a level of detail; names in lines of some width."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, padding, 0, 0),
    )
    columns = [(name, show) for name, level, show in COLUMNS if level <= detail]
    table.add_column("environment", no_wrap=True, overflow="fold")
    if detail >= STATUS:
        table.add_column("status", no_wrap=True)
    for name, _ in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for cell in summary.cells:
        status = "reused" if cell.reused else cell.status
        numbers = [show(cell) if cell.rates else NONE for _, show in columns]
        words = [Text(status, STYLES[status])] if detail >= STATUS else []
        table.add_row(Text(wrap_name(name_cell(cell, summary), width)), *words, *numbers)
    return table


def name_cell(cell: CellSummary, summary: Summary) -> str:
    """A cell's environment, marked where it is the reference."""
    return make_line(cell.environment) + (" *" if cell.environment == summary.reference else "")


def measure_names(summary: Summary) -> int:
    """Columns that the longest name takes."""
    return max((cell_len(name_cell(cell, summary)) for cell in summary.cells), default=0)


def title_cells(summary: Summary) -> str:
    """Model, examples, how many cells were reused, and how long it took."""
    reused, cells = sum(cell.reused for cell in summary.cells), count(len(summary.cells), "cell")
    counts = f"{count(summary.examples, 'example')}, {cells}{f'; reused {reused} of {cells}' * bool(reused)}"
    return f"{summary.model}: {counts}, {summary.seconds:.1f} s"
