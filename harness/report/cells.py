"""The table of cells: status, cases, rates with intervals, seconds, memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.ami.cases import CASES
from harness.report.words import RATES as RATE_WORDS
from harness.report.words import capitalise, say_status
from harness.summary.document import CellSummary, RatesSummary, RateSummary, Summary
from harness.system.numbers import NONE, count, show_megabytes, show_percent, show_rate, show_seconds
from harness.system.text import make_line, wrap_name

STYLES = {"done": "green", "reused": "green", "copy": "yellow", "failed": "bold red", "unavailable": "yellow"}
# Levels of detail: at the lowest there is room for hardly anything.
LEAST, RATES, STATUS, COUNT = -3, -2, -1, 0
# Levels of detail from which on rates are shown, two of them without intervals.
RATE_LEVELS = {
    "detection": LEAST,
    "alarms": RATES,
    "evasion": 3,
    "recovery": 3,
    "alarms_all": 4,
    "accuracy": 2,
    "attribute_accuracy": 4,
}
BARE = ("accuracy", "attribute_accuracy")
# Level of detail from which on it is shown, text.
LEGEND = (
    *((RATE_LEVELS[one.key], f"{capitalise(one.word)}: {one.meaning}.") for one in RATE_WORDS),
    (LEAST, "In brackets: 95 % intervals (Wilson)."),
)


def rates_of(cell: CellSummary) -> RatesSummary:
    """Rates of a cell that has some."""
    assert cell.rates is not None
    return cell.rates


def show_case(case: str, cell: CellSummary) -> str:
    """How many examples of a cell are one case."""
    return str(rates_of(cell).cases.get(case, 0))


def show_cell_rate(key: str, cell: CellSummary) -> str:
    """A rate of a cell, most with their intervals."""
    rate: RateSummary | None = getattr(rates_of(cell), key)
    if key in BARE:
        return NONE if rate is None else show_percent(rate.rate)
    return show_rate(rate)


# Heading, level of detail from which on it is shown, text of a cell that has rates.
COLUMNS: tuple[tuple[str, int, Callable[[CellSummary], str]], ...] = (
    ("n", COUNT, lambda cell: str(rates_of(cell).examples)),
    *((case, 1, partial(show_case, case)) for case in CASES),
    *((f"{one.word} %", RATE_LEVELS[one.key], partial(show_cell_rate, one.key)) for one in RATE_WORDS),
    ("s", 2, lambda cell: show_seconds(cell.run_seconds)),
    ("MB", 2, lambda cell: show_megabytes(cell.peak_memory_bytes)),
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
    return Group(Text(make_line(title_cells(summary)), "bold"), table, Text(legend, "dim"))


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
    is_marked = any(is_starred(cell, summary) for cell in summary.cells)
    star = "* the reference." if summary.baseline in (None, summary.reference) else "* the baseline."
    texts = [text for level, text in LEGEND if level <= detail]
    return " ".join([star, *texts] if is_marked else texts)


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
        status = "copy" if cell.copy_of is not None else say_status(cell)  # a note says of which
        numbers = [show(cell) if cell.rates else NONE for _, show in columns]
        words = [Text(status, STYLES[status])] if detail >= STATUS else []
        table.add_row(Text(wrap_name(name_cell(cell, summary), width)), *words, *numbers)
    return table


def name_cell(cell: CellSummary, summary: Summary) -> str:
    """A cell's environment, marked where it is the baseline."""
    return make_line(cell.environment) + (" *" if is_starred(cell, summary) else "")


def is_starred(cell: CellSummary, summary: Summary) -> bool:
    """Whether others are held against a cell, or would be if any were done."""
    return cell.environment == (summary.baseline or summary.reference)


def measure_names(summary: Summary) -> int:
    """Columns that the longest name takes."""
    return max((cell_len(name_cell(cell, summary)) for cell in summary.cells), default=0)


def title_cells(summary: Summary) -> str:
    """Model, examples, how many cells were reused or are copies, and how long it took."""
    reused, cells = sum(cell.reused for cell in summary.cells), count(len(summary.cells), "cell")
    copies = sum(cell.copy_of is not None for cell in summary.cells)
    counts = f"{count(summary.examples, 'example')}, {cells}{f'; reused {reused} of {cells}' * bool(reused)}"
    counts += f", of which {copies} copied" * bool(copies)
    return f"{summary.model}: {counts}, {show_seconds(summary.seconds)} s"
