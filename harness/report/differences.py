"""In what the cells' surroundings differ, one line a cell where that is wide enough."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.summary.document import DifferenceSummary, Summary
from harness.system.text import make_line

MOST_CHARACTERS = 120
NARROW = 40  # columns beside the names; with fewer, what differs goes below its name
NOTHING = "none"


def draw_differences(summary: Summary, console: Console, see: str) -> RenderableType | None:
    """What matters of the differences from the baseline's environment, and where to `see` the rest."""
    cells = [cell for cell in summary.cells if cell.differences]
    if not cells or summary.baseline is None:
        return None
    names = [make_line(cell.environment) for cell in cells]
    room = console.width - max(map(cell_len, names)) - 4
    columns = room if room >= NARROW else console.width - 4
    told = [fit_differences(cell.differences, columns) for cell in cells]
    title = f"what differs from {make_line(summary.baseline)}'s environment"
    left = f" ({see} for all)" if any(is_cut for _, is_cut in told) else ""
    lines = [text for text, _ in told]
    drawn = place_beside(names, lines) if room >= NARROW else place_below(names, lines)
    return Group(Text(title + left, "bold"), drawn)


def place_beside(names: Sequence[str], lines: Sequence[str]) -> RenderableType:
    """Names, and beside each its text, which may take more lines."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, line in zip(names, lines, strict=True):
        table.add_row(Text(name), Text(line))
    return Padding(table, (0, 0, 0, 2), expand=False)


def place_below(names: Sequence[str], lines: Sequence[str]) -> RenderableType:
    """Names, and below each its text."""
    parts = [
        Padding(Text(text, overflow="fold"), (0, 0, 0, indent), expand=False)
        for name, line in zip(names, lines, strict=True)
        for text, indent in ((name, 2), (line, 4))
    ]
    return Group(*parts)


def fit_differences(differences: Sequence[DifferenceSummary], columns: int) -> tuple[str, bool]:
    """As many of the differences that matter as fit, at least one, and whether any is left out or cut."""
    matter = [one for one in differences if one.matters]
    told = [show_difference(one) for one in matter]
    minor = len(differences) - len(told)
    for count in range(len(told), 0, -1):
        text = "; ".join([*told[:count], *say_more(len(told) - count, minor)])
        if len(text) <= columns or count == 1:
            return text, count < len(differences) or any(map(is_long, matter[:count]))
    return "; ".join(["nothing that is known to matter", *say_more(0, minor)]), minor > 0


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


def is_long(one: DifferenceSummary) -> bool:
    """Whether a value is longer than it is shown."""
    return any(value is not None and len(value) > MOST_CHARACTERS for value in (one.here, one.baseline))
