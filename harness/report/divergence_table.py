"""The table of divergences: as wide as a terminal, or as lines of text that are as long as they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.report.blocks import draw_blocks
from harness.report.causes import name_groups
from harness.report.divergences import (
    list_departing,
    list_steady,
    mark_answer,
    rank_divergences,
    show_expected,
    show_tuple,
)
from harness.summary.document import DivergenceSummary, Summary
from harness.system.numbers import NONE, show_margin
from harness.system.text import make_line, wrap_name

SAME = "·"
MARK = "!"
RIGHT = ("margin",)
WHOLE = ("attack", "baseline", "margin", "expected")  # never in several lines
SHORTEST = 12  # of a name, the columns of one line
BESIDES = "  "  # between two columns
SPARE = {"margin": NONE, "expected": "no"}  # columns that are left out where they say nothing but this


def draw_divergences(summary: Summary, most_rows: int, rest: str, console: Console) -> RenderableType | None:
    """The first diverging examples, with what differs in red: a table where it fits, else blocks of lines."""
    if not summary.divergences:
        return None
    shown = rank_divergences(summary.divergences, most_rows)
    head, rows = list_divergences(summary, shown)
    widths = fit_widths(head, rows, console.width)
    drawn = draw_blocks(shown) if widths is None else draw_table(head, rows, widths)
    left = len(summary.divergences) - len(shown)
    more = [Text(f"  and {left} {rest}")] if left else []
    steady = [Padding(Text(line.strip(), "dim"), (0, 0, 0, 2), expand=False) for line in tell_steady(summary)]
    return Group(Text(title_divergences(summary), "bold"), drawn, *more, *steady)


def draw_table(head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> RenderableType:
    """Rows below their head, in columns of these widths."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, width in zip(head, widths, strict=True):
        justify: Literal["left", "right"] = "right" if name in RIGHT else "left"
        table.add_column(Text(wrap_name(name, width)), justify=justify, width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(draw_cell, row))
    return table


def fit_widths(head: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[int] | None:
    """Widths of a table's columns in a terminal of so many, the widest ones shrunk; None where none fit.

    Names take several lines then; numbers never do.
    """
    cells = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    widths = [max(cell_len(name), width) for name, width in zip(head, cells, strict=True)]
    least = [min(width, SHORTEST) for width in widths]
    for place, name in enumerate(head):
        least[place] = widths[place] if name in WHOLE else max(least[place], cells[place] if place else 0)
    excess = sum(widths) + len(BESIDES) * len(widths) + 1 - columns
    while excess > 0:
        widest = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
        if widths[widest] <= least[widest]:
            return None
        widths[widest] -= 1
        excess -= 1
    return widths


def write_divergences(summary: Summary) -> str | None:
    """All diverging examples as plain lines."""
    if not summary.divergences:
        return None
    shown = rank_divergences(summary.divergences)
    head, rows = list_divergences(summary, shown)
    if summary.causes is not None:
        head = [*head, "cause"]
        rows = [[*row, name_groups(one, summary.causes)] for row, one in zip(rows, shown, strict=True)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["─" * width for width in widths]
    lines = [align_row(row, head, widths) for row in (head, rule, *rows)]
    return "\n".join([title_divergences(summary), "", *lines, *tell_steady(summary), ""])


def align_row(row: Sequence[str], head: Sequence[str], widths: Sequence[int]) -> str:
    """A line with its columns below those of others."""
    cells = [
        text.rjust(width) if name in RIGHT else text.ljust(width)
        for text, name, width in zip(row, head, widths, strict=True)
    ]
    return f" {'  '.join(cells)}".rstrip()


def title_divergences(summary: Summary) -> str:
    """How many there are, and how to read them."""
    baseline = make_line(str(summary.baseline))
    how = f"Gold-Original-Attribute, {MARK} marks what differs from the baseline, {baseline}"
    return f"diverging: {len(summary.divergences)} ({how})"


def tell_steady(summary: Summary) -> list[str]:
    """A line on the environments that never depart, where there are some."""
    steady = list_steady(summary)
    return [f"  never departing from the baseline: {make_line(', '.join(steady))}"] if steady else []


def list_divergences(
    summary: Summary, shown: Sequence[DivergenceSummary]
) -> tuple[list[str], list[list[str]]]:
    """Head and rows; only environments that depart somewhere have a column."""
    names = list_departing(summary, shown)
    head = ["example", "attack", "baseline", *map(make_line, names), "margin", "expected"]
    rows = [
        [
            make_line(one.example),
            make_line(one.attack),
            show_tuple(one.baseline),
            *(show_departure(one, name) for name in names),
            show_margin(one.smallest_margin, NONE),
            show_expected(one),
        ]
        for one in shown
    ]
    return drop_spare(head, rows)


def drop_spare(head: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows without the columns of which nothing is known, or nothing expected."""
    kept = [place for place, name in enumerate(head) if any(row[place] != SPARE.get(name) for row in rows)]
    return [head[place] for place in kept], [[row[place] for place in kept] for row in rows]


def show_departure(one: DivergenceSummary, name: str) -> str:
    """An environment's tuple, a dot where it is the baseline's, a dash where there is none."""
    if name not in one.tuples:
        return NONE
    return mark_answer(one, name) if name in one.departing else SAME


def draw_cell(text: str) -> Text:
    """Text with numbers that differ in red, dots and dashes dim."""
    drawn = Text(text, "dim" if text in {SAME, NONE} else "", no_wrap=MARK in text)
    drawn.highlight_regex(r"\d+!(?=-|$)", "bold red")
    return drawn
