"""Numbers as people read them, and the geometry of the small plots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.html.view import Bar
from harness.report.summary import RateSummary

DASH = "\N{EN DASH}"
RAISED = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
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


def show_percent(rate: float | None, digits: int = 1) -> str:
    """`97.0`, or a dash; what is not all is never rounded up to all, nor some down to none."""
    if rate is None:
        return DASH
    if rate >= 1:
        return "100"
    smallest = 10.0**-digits
    shown = min(max(rate * 100, smallest), 100 - smallest) if rate > 0 else 0.0
    return f"{shown:.{digits}f}"


def show_interval(low: float | None, high: float | None) -> str:
    """`91 to 99`, with a dash for the word."""
    return "" if low is None or high is None else f"{low * 100:.0f}{DASH}{high * 100:.0f}"


def describe_rate(rate: RateSummary) -> str:
    """A rate in full."""
    if rate.rate is None:
        return "nothing to count"
    text = f"{rate.hits} of {rate.of} = {rate.rate * 100:.2f} %"
    if rate.low is not None and rate.high is not None:
        text += f"; 95 % interval {rate.low * 100:.1f} to {rate.high * 100:.1f} (Wilson)"
    if rate.cluster_low is not None and rate.cluster_high is not None:
        text += (
            f", {rate.cluster_low * 100:.1f} to {rate.cluster_high * 100:.1f} (bootstrap over source images)"
        )
    return text


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


def show_kappa(value: float | None) -> str:
    """Two digits, or a dash."""
    return DASH if value is None else f"{value:.2f}"


def show_number(value: int) -> str:
    """`20 000` with narrow spaces, which no line breaks."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def show_signed(value: int) -> str:
    """`+7`, or `7` less with a true minus sign."""
    return f"{value:+d}".replace("-", "\N{MINUS SIGN}")


def show_seconds(value: float | None) -> str:
    """Seconds, or a dash."""
    return DASH if value is None else f"{value:.1f}"


def show_megabytes(value: int | None) -> str:
    """Megabytes, or a dash."""
    return DASH if value is None else f"{value / 1e6:.0f}"


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


def show_power(exponent: int) -> str:
    """A power of ten: `0.1`, `10`, or `10` with its exponent raised where that is shorter."""
    if abs(exponent) <= 2:
        return f"{10.0**exponent:g}"
    return "10" + str(exponent).translate(RAISED)


def describe_bar(bar: Bar) -> str:
    """`margin 0.01 to 0.1: 3 diverge, 17 agree`."""
    if bar.low is None:
        place = f"below {10.0**bar.high:g}" if bar.high is not None else ""
    elif bar.high is None:
        place = f"{10.0**bar.low:g} and more"
    else:
        place = f"{10.0**bar.low:g} to {10.0**bar.high:g}"
    return f"margin {place}: {bar.diverging} diverge, {bar.agreeing} agree"
