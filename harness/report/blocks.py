"""Divergences where a table has no room: an example's line, and a line for each tuple that departs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from harness.report.divergences import mark_answer, show_expected, show_tuple
from harness.summary.document import DivergenceSummary
from harness.system.numbers import show_margin
from harness.system.text import make_line

MARKED = r"\d+!(?=-|$|\s)"  # a number that differs, wherever it stands


def draw_blocks(shown: Sequence[DivergenceSummary]) -> RenderableType:
    """Every example with its baseline's tuple, and below it who says something else."""
    return Group(*(line for one in shown for line in draw_block(one)))


def draw_block(one: DivergenceSummary) -> Iterator[RenderableType]:
    """One example; environments that say the same share a line."""
    expected = show_expected(one)
    parts = [make_line(one.attack), show_tuple(one.baseline)]
    parts += [f"margin {show_margin(one.smallest_margin)}"] if one.smallest_margin is not None else []
    parts += [] if expected == "no" else ["expected" if expected == "yes" else "expected in part"]
    head = Text.assemble((make_line(one.example), "bold"), *(f"  {part}" for part in parts), overflow="fold")
    yield Padding(head, (0, 0, 0, 1), expand=False)
    for marked, names in group_departing(one).items():
        line = Text(f"{marked}  {make_line(', '.join(names))}", overflow="fold")
        line.highlight_regex(MARKED, "bold red")
        yield Padding(line, (0, 0, 0, 3), expand=False)


def group_departing(one: DivergenceSummary) -> dict[str, list[str]]:
    """What is not the baseline's, each with its environments, those of most first."""
    groups: dict[str, list[str]] = {}
    for name in one.departing:
        groups.setdefault(mark_answer(one, name), []).append(name)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
