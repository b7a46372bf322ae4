"""What the page says of causes: groups, proven ones first; waterfalls as bars; ladders as strips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.explain.ladders import Ladder, Rung, find_ladders
from harness.report.causes import show_share
from harness.report.families import UNKNOWN, Family, list_families, name_causes, tell_sets
from harness.report.html.rows import write_json
from harness.report.meanings import list_meanings
from harness.summary.causes import CauseGroup, SharePart, Waterfall
from harness.summary.document import Summary
from harness.system.numbers import show_margin, show_percent, show_ratio
from harness.system.text import make_line

MOST_OPEN = 10  # causes that are seen at once; the others are folded
MOST_RUNGS = 400
HEIGHT = 36.0  # of a strip
DECADES = 6  # above noise that a strip tells apart
LAST_BITS = 1e-7  # of a value: what float32 can tell apart
SMALL_SHARE = 1e-4
SMALLEST = 1e-30  # an audit's noise where a stage rounds nothing is float32's least number
NOT_KNOWN = "none"
Row = list[Any]


@dataclass(frozen=True)
class Bar:
    """A line of a waterfall: from where to where of 100, its words, and what it stands for."""

    kind: str
    factor: str
    cause: str
    words: str
    left: float
    width: float


@dataclass(frozen=True)
class Strip:
    """A ladder as bars: shade, height, and how far the cells are apart, of each stage; and as paths.

    `place` is its number on the page, `start` where it opens; at `turns` a graft gives another tuple than at
    the stage before. `begins` and `ends` say in words where the cells part, and where grafts turn the tuple.
    """

    place: int
    ladder: Ladder
    bars: tuple[tuple[str, float, float], ...]
    paths: tuple[tuple[str, str], ...]
    start: int
    turns: tuple[int, ...]
    begins: str
    ends: str


@dataclass(frozen=True)
class CauseView:
    """A group of the summary's at its place, with the query that finds its examples, and its strip.

    `slugs` are its causes, each once, and whether the page says what it is.
    """

    place: int
    group: CauseGroup
    name: str
    query: dict[str, str]
    strip: Strip | None
    slugs: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class FamilyView:
    """A leading group with those under it: departures of all, the query that finds them, sets in words."""

    lead: CauseView
    variants: tuple[CauseView, ...]
    count: int
    query: dict[str, str]
    sets: str


def view_families(summary: Summary, ladders: Sequence[Ladder]) -> list[FamilyView]:
    """The families of groups, proven ones first, then the largest."""
    families = list_families(summary.causes) if summary.causes else []
    return [view_family(one, summary, ladders) for one in families]


def view_family(family: Family, summary: Summary, ladders: Sequence[Ladder]) -> FamilyView:
    """One family."""
    lead = view_group(family.place, family.lead, name_causes(family.lead), summary, ladders)
    variants = (view_group(one.place, one.group, one.name, summary, ladders) for one in family.variants)
    query = ask_group(family.lead, family.name, summary)
    return FamilyView(lead, tuple(variants), family.count, query, tell_sets(family))


def view_group(
    place: int, group: CauseGroup, name: str, summary: Summary, ladders: Sequence[Ladder]
) -> CauseView:
    """One group; a ladder is that of one of its examples."""
    known = (draw_strip(number, one) for number, one in enumerate(ladders) if is_of(one, group))
    query = ask_group(group, name_causes(group), summary)
    slugs = dict.fromkeys(one.cause for one in group.causes) or {UNKNOWN: None}
    meant = tuple((one, bool(list_meanings([one]))) for one in slugs)
    return CauseView(place, group, name, query, next(known, None), meant)


def row_causes(summary: Summary) -> list[Row]:
    """Of every group: causes, verdict, its family's name, the example whose stage was measured."""
    families = list_families(summary.causes) if summary.causes else []
    rows = {
        place: [make_line(name_causes(group)), group.verdict, make_line(family.name), find_example(group)]
        for family in families
        for place, group in family.groups
    }
    return [rows[place] for place in sorted(rows)]


def find_example(group: CauseGroup) -> str:
    """The example of a group whose first stage was measured; nothing where there is none."""
    return group.stage.example if group.stage else ""


def ask_group(group: CauseGroup, name: str, summary: Summary) -> dict[str, str]:
    """What finds the group's examples; nothing does of a pair without the baseline: so its first one."""
    others = [cell for cell in group.cells if cell != summary.baseline]
    if len(others) != 1:
        return {"example": group.examples[0]} if group.examples else {}
    return {"cause": make_line(name), "verdict": group.verdict, "environment": make_line(others[0])}


def gather_ladders(summary: Summary, runs: Sequence[Path], most_bytes: int) -> list[Ladder]:
    """Ladders of the summary's groups, the first of each, as many as have room on a page."""
    groups = summary.causes.groups if summary.causes else ()
    found = [one for run in runs for one in find_ladders(run) if one.stages] if groups else []
    kept: list[Ladder] = []
    for group in groups:
        one = next((one for one in found if is_of(one, group)), None)
        most_bytes -= len(write_json(row_ladder(one)).encode("utf-8", "replace")) if one else 0
        if one and most_bytes >= 0:
            kept.append(one)
    return kept


def is_of(ladder: Ladder, group: CauseGroup) -> bool:
    """Whether a ladder is of a group."""
    return ladder.cells == group.cells and ladder.example in group.examples


def draw_strip(place: int, ladder: Ladder) -> Strip:
    """Bars of a ladder's stages."""
    rungs = list_rungs(ladder)
    start, turns = find_start(rungs), find_turns(rungs)
    begins = rungs[start].stage if rungs and is_beyond(rungs[start]) else ""
    ends = rungs[turns[-1]].stage if turns else ""
    bars = tuple((shade_rung(one), raise_rung(one), raise_apart(one.apart)) for one in rungs)
    return Strip(place, ladder, bars, draw_paths(bars), start, turns, make_line(begins), make_line(ends))


def draw_paths(bars: Sequence[tuple[str, float, float]]) -> tuple[tuple[str, str], ...]:
    """All bars of a kind as one path: a tenth of what as many rectangles take; the pale ones lie lowest."""
    paths = {"apart": "".join(draw_bar(place, apart, 1.0) for place, (_, _, apart) in enumerate(bars))}
    for place, (shade, height, _) in enumerate(bars):
        paths[f"shade-{shade}"] = paths.get(f"shade-{shade}", "") + draw_bar(place, height, 0.9)
    return tuple(paths.items())


def draw_bar(place: int, height: float, width: float) -> str:
    """A bar that stands on the axis; nothing for none."""
    left = place + (1 - width) / 2
    return f"M{left:g} 40v-{height:.1f}h{width:g}v{height:.1f}" if height else ""


def find_turns(rungs: Sequence[Rung]) -> tuple[int, ...]:
    """The stages of both cells at which a graft gives another tuple than at the one before."""
    grafted = [(place, one.tuple) for place, one in enumerate(rungs) if one.tuple and one.a is not None]
    return tuple(place for (_, before), (place, now) in pairwise(grafted) if now != before)


def raise_apart(apart: float | None) -> float:
    """Height of what lies between last bits and a wholly other value, by powers of ten."""
    if apart is None or math.isnan(apart) or apart <= LAST_BITS:
        return 0.0
    return HEIGHT * min(1.0, math.log10(apart / LAST_BITS) / -math.log10(LAST_BITS))


def list_rungs(ladder: Ladder) -> list[Rung]:
    """The stages that are drawn."""
    return ladder.stages[:MOST_RUNGS]


def shade_rung(one: Rung) -> str:
    """Shade of error ÷ noise: `same` within noise, 0 to 9 beyond it, `none` where it is not known."""
    if is_told(one):
        return "9"
    if one.ratio is None or math.isnan(one.ratio):
        return NOT_KNOWN
    return "same" if one.ratio <= 1 else str(min(9, int(1.5 * count_decades(one.ratio))))


def raise_rung(one: Rung) -> float:
    """Height of a bar: a low one within noise, then by powers of ten; all of it for what is no number."""
    if is_told(one):
        return HEIGHT
    if one.ratio is None or math.isnan(one.ratio) or one.ratio <= 1:
        return 4.0
    return 4 + (HEIGHT - 4) * min(1.0, count_decades(one.ratio) / DECADES)


def count_decades(ratio: float) -> float:
    """Powers of ten beyond noise."""
    return math.log10(min(max(ratio, 1.0), 1e30))


def row_ladder(ladder: Ladder) -> Row:
    """Example, cells, and each stage as the page's script shows it."""
    cells = [make_line(cell) for cell in ladder.cells]
    return [make_line(ladder.example), *cells, [row_rung(one) for one in list_rungs(ladder)]]


def row_rung(one: Rung) -> Row:
    """Stage, pass, value in A and B, difference, its share, error, noise, error ÷ noise, tuple; in words."""
    ratio = show_ratio(one.ratio) if one.ratio is not None and math.isfinite(one.ratio) else ""
    values = map(show_value, (one.a, one.b, find_difference(one)))
    error, noise = show_value(one.error), show_noise(one.noise)
    told = "-".join(map(str, one.tuple or ()))
    return [
        make_line(one.stage),
        make_line(one.run),
        *values,
        show_apart(one.apart),
        error,
        noise,
        ratio,
        told,
    ]


def show_noise(noise: float | None) -> str:
    """What rounding can do at a stage; `none` where nothing is rounded."""
    return "none" if noise is not None and noise < SMALLEST else show_value(noise)


def show_apart(apart: float | None) -> str:
    """`24.5 %` of the first cell's value, `1.1e-07` where it is next to nothing."""
    if apart is None or not math.isfinite(apart):
        return ""
    return f"{100 * apart:.3g} %" if apart >= SMALL_SHARE or apart == 0 else show_margin(apart)


def find_difference(one: Rung) -> float | None:
    """By how much the values of both cells differ; None where they are no numbers."""
    if one.difference is not None:
        return one.difference
    known = [value for value in (one.a, one.b) if value is not None and not isinstance(value, str)]
    return abs(known[0] - known[1]) if len(known) == 2 else None


def find_start(rungs: Sequence[Rung]) -> int:
    """The first stage beyond noise, or whose texts differ; the first of all where there is none."""
    found = (place for place, one in enumerate(rungs) if is_beyond(one))
    return next(found, 0)


def is_beyond(one: Rung) -> bool:
    """Whether a stage differs in more than noise."""
    return is_told(one) or (one.ratio is not None and one.ratio > 1)


def is_told(one: Rung) -> bool:
    """Whether a stage differs in what is no number: hashes, an order, which channels."""
    return one.ratio is None and one.a != one.b and isinstance(one.b if one.a is None else one.a, str)


def show_value(value: float | str | None) -> str:
    """A number as margins are written; a text as it is."""
    if value is None or isinstance(value, str):
        return make_line(value or "")
    return show_margin(value)


def draw_waterfall(waterfall: Waterfall) -> list[Bar]:
    """Its lines: the rate in A, what every factor adds to it, the rate in B."""
    first, second = waterfall.cells
    return [
        total_bar(first, waterfall.start),
        *step_bars(waterfall),
        total_bar(second, waterfall.end),
    ]


def total_bar(cell: str, rate: float) -> Bar:
    """A whole rate."""
    return Bar("total", cell, "", f"{show_percent(rate)} %", 0.0, 100 * rate)


def step_bars(waterfall: Waterfall) -> Iterator[Bar]:
    """Each part, beginning where the one before ended."""
    here = waterfall.start
    for part in waterfall.parts:
        low, high = sorted((here, here + part.share))
        low, high = (min(max(place, 0.0), 1.0) for place in (low, high))
        yield Bar(name_kind(part), part.factor, part.cause, show_share(part), 100 * low, 100 * (high - low))
        here += part.share


def name_kind(part: SharePart) -> str:
    """Whether a part adds, takes, or changes nothing."""
    return "adds" if part.share > 0 else "takes" if part.share < 0 else "stays"
