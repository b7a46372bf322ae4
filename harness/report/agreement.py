"""The agreement of environments as a matrix in the terminal; those that agree on all examples share a row."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.report.cells import measure_width
from harness.report.words import FLEISS, KAPPA, SAME_TUPLE
from harness.summary.document import PairSummary, Summary
from harness.system.numbers import show_kappa, show_percent
from harness.system.text import make_line

MOST_ROWS = 12
MOST_PAIRS = 10
Pairs = dict[tuple[str, str], PairSummary]


def draw_agreement(summary: Summary, console: Console) -> RenderableType | None:
    """A matrix where it fits, else the pairs that agree least; None where no two environments differ."""
    pairs = {(pair.first, pair.second): pair for pair in summary.agreement.pairs}
    groups = group_environments(pairs)
    if len(groups) < 2:
        return None
    table = draw_matrix(groups, pairs)
    fits = len(groups) <= MOST_ROWS and measure_width(table, console) <= console.width
    fleiss = show_kappa(summary.agreement.fleiss_kappa)
    title = f"agreement: {SAME_TUPLE} (above the diagonal); Cohen's {KAPPA} (below)"
    parts: list[RenderableType] = [Text(title, "bold"), table] if fits else list_pairs(pairs)
    words = [f"the same everywhere: {join_names(group)}" for group in groups if group[1:]]
    words.append(f"{FLEISS}, all environments: {fleiss}")
    parts.extend(Padding(Text(text, "dim"), (0, 0, 0, 2), expand=False) for text in words)
    return Group(*parts)


def group_environments(pairs: Pairs) -> list[list[str]]:
    """Environments, those together that have the same tuple of every example."""
    groups: list[list[str]] = []
    for name in dict.fromkeys(name for names in pairs for name in names):
        for group in groups:
            rate = pairs[group[0], name].agreement
            if rate.hits == rate.of:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def draw_matrix(groups: list[list[str]], pairs: Pairs) -> Table:
    """A row and a column for each group, by the group's first environment."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("environment", no_wrap=True)
    for number in range(1, len(groups) + 1):
        table.add_column(str(number), justify="right", no_wrap=True)
    for row, (first, *others) in enumerate(groups):
        more = f" and {len(others)} more" if others else ""
        cells = [show_pair(row, column, groups, pairs) for column in range(len(groups))]
        table.add_row(Text(f"{row + 1} {make_line(first)}{more}"), *cells)
    return table


def show_pair(row: int, column: int, groups: list[list[str]], pairs: Pairs) -> str:
    """Agreement of two groups, or kappa below the diagonal."""
    if row == column:
        return "·"
    if row < column:
        return show_percent(pairs[groups[row][0], groups[column][0]].agreement.rate)
    return show_kappa(pairs[groups[column][0], groups[row][0]].kappa)


def list_pairs(pairs: Pairs) -> list[RenderableType]:
    """The pairs that agree least, a row each: `  97.0  0.83  one, other`."""
    found = sorted(pairs.values(), key=lambda pair: pair.agreement.hits)
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for pair in found[:MOST_PAIRS]:
        names = join_names([pair.first, pair.second])
        table.add_row(show_percent(pair.agreement.rate), show_kappa(pair.kappa), Text(names))
    title = f"agreement, {table.row_count} of {len(found)} pairs: {SAME_TUPLE}; Cohen's {KAPPA}"
    return [Text(title, "bold"), Padding(table, (0, 0, 0, 2), expand=False)]


def join_names(names: list[str]) -> str:
    """Names in one line, whatever is in them."""
    return ", ".join(map(make_line, names))
