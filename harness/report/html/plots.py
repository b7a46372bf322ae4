"""Dates as people read them, and the geometry of the small plots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.html.overview import Bar
from harness.summary.document import RateSummary
from harness.system.numbers import show_power

STEPS = 10  # shades of the heat map


@dataclass(frozen=True)
class Whisker:
    """A rate on an axis from 0 to 100: its point and its interval."""

    point: float
    low: float
    width: float


@dataclass(frozen=True)
class Column:
    """A bar of the margins' plot: its place, heights of both parts, and its words."""

    x: int
    diverging: float
    agreeing: float
    bar: Bar
    tick: str
    words: str


def draw_whisker(rate: RateSummary) -> Whisker | None:
    """Geometry of a rate; None where there is nothing to count."""
    if rate.rate is None or rate.low is None or rate.high is None:
        return None
    return Whisker(rate.rate * 100, rate.low * 100, (rate.high - rate.low) * 100)


def choose_shade(rate: float | None) -> str:
    """Shade of an agreement: `same` for all, 0 for nearly all to STEPS - 1 for none, `none` where unknown."""
    if rate is None:
        return "none"
    if rate >= 1:
        return "same"
    return str(min(STEPS - 1, int((1 - rate) * STEPS)))


def show_date(text: str) -> str:
    """`22 Nov 2026, 19:45 UTC`; as it is where it is no date."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = moment.tzname() or ""
    return f"{moment.day} {moment:%b %Y, %H:%M} {zone}".strip()


def draw_margins(bars: Sequence[Bar]) -> list[Column]:
    """Columns of the plot, the highest 100 high."""
    highest = max((bar.diverging + bar.agreeing for bar in bars), default=0) or 1
    return [
        Column(
            x=place,
            diverging=100 * bar.diverging / highest,
            agreeing=100 * bar.agreeing / highest,
            bar=bar,
            tick="" if bar.low is None else show_power(bar.low),
            words=describe_bar(bar),
        )
        for place, bar in enumerate(bars)
    ]


def describe_bar(bar: Bar) -> str:
    """`margin 0.01 to 0.1: 3 diverge, 17 agree`."""
    if bar.low is None:
        place = f"below {10.0**bar.high:g}" if bar.high is not None else ""
    elif bar.high is None:
        place = f"{10.0**bar.low:g} and more"
    else:
        place = f"{10.0**bar.low:g} to {10.0**bar.high:g}"
    return f"margin {place}: {bar.diverging} diverge, {bar.agreeing} agree"
