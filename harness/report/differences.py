"""In what the cells' surroundings differ, one line a cell."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from harness.report.plain import make_line
from harness.report.summary import CellSummary, DifferenceSummary, Summary

MOST_CHARACTERS = 28
NOTHING = "none"


def draw_differences(summary: Summary, console: Console) -> RenderableType | None:
    """What matters of the differences from the baseline's environment, as much as fits in a line each."""
    cells = [cell for cell in summary.cells if cell.differences]
    if not cells or summary.baseline is None:
        return None
    width = max(len(make_line(cell.environment)) for cell in cells)
    lines = [draw_cell(cell, width, console.width) for cell in cells]
    title = f"what differs from {make_line(summary.baseline)}'s environment"
    return Group(Text(title, "bold"), *lines)


def draw_cell(cell: CellSummary, width: int, columns: int) -> Text:
    """One cell's line: its name, padded, and its differences."""
    start = f"  {make_line(cell.environment):<{width}}  "
    return Text(start + fit_differences(cell.differences, columns - len(start)), no_wrap=True)


def fit_differences(differences: Sequence[DifferenceSummary], columns: int) -> str:
    """As many of the differences that matter as fit, at least one, and how many more there are."""
    told = [show_difference(one) for one in differences if one.matters]
    minor = len(differences) - len(told)
    for count in range(len(told), 0, -1):
        text = "; ".join([*told[:count], *say_more(len(told) - count, minor)])
        if len(text) <= columns or count == 1:
            return text
    return "; ".join(["nothing that is known to matter", *say_more(0, minor)])


def say_more(left: int, minor: int) -> list[str]:
    """How many differences are not shown."""
    parts = [f"{left} more"] * bool(left) + [f"{minor} minor"] * bool(minor)
    return [f"and {' and '.join(parts)}"] if parts else []


def show_difference(one: DifferenceSummary) -> str:
    """`numpy 2.4.6 → 1.19.5`."""
    here, baseline = (
        NOTHING if value is None else make_line(value, MOST_CHARACTERS) for value in (one.here, one.baseline)
    )
    return f"{make_line(one.what)} {baseline} → {here}"
