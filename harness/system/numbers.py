"""Numbers as people read them, in one way for every form of a report.

A share is never shown as all where it is not all, nor as none where it is some: it gets as many digits as
that takes. So 100.0, 1.00 and 0 mean just that.
"""

from __future__ import annotations

from typing import Protocol

PLURALS = {"runs": "run", "has": "have"}

DASH = "\N{EN DASH}"
NONE = DASH  # for what is not known, or has nothing to count
RAISED = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
LARGE_MARGIN = 1000  # from here on a margin is written without an exponent
LARGE_RATIO = 1e7  # from here on how many times the noise an error is has one again


class Rate(Protocol):
    """A share with its counts, None where there is nothing to count, and its interval."""

    @property
    def hits(self) -> int: ...  # noqa: D102 - the class says it
    @property
    def of(self) -> int: ...  # noqa: D102
    @property
    def rate(self) -> float | None: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102


class ClusteredRate(Rate, Protocol):
    """A rate with an interval over source images, too."""

    @property
    def cluster_low(self) -> float | None: ...  # noqa: D102
    @property
    def cluster_high(self) -> float | None: ...  # noqa: D102


def round_share(value: float, whole: float, digits: int) -> str:
    """A number with so many digits, or as many more as keep it apart from 0 and from what is whole."""
    text = f"{value:.{digits}f}"
    while abs(value) not in (0, whole) and abs(float(text)) in (0, whole):
        digits += 1
        text = f"{value:.{digits}f}"
    return text


def show_percent(share: float | None, digits: int = 1) -> str:
    """`97.0`, `99.98` for 4999 of 5000, `100.0` for all alone; or a dash."""
    return NONE if share is None else round_share(share * 100, 100, digits)


def show_interval(low: float | None, high: float | None) -> str:
    """`91 to 99`, with a dash for the word; nothing where there is none."""
    return "" if low is None or high is None else f"{show_percent(low, 0)}{DASH}{show_percent(high, 0)}"


def show_rate(rate: Rate | None) -> str:
    """`97.0 (91 to 99)` with a dash for the word, or a dash where there is nothing to count."""
    if rate is None or rate.rate is None or rate.low is None or rate.high is None:
        return NONE
    return f"{show_percent(rate.rate)} ({show_interval(rate.low, rate.high)})"


def describe_rate(rate: ClusteredRate) -> str:
    """A rate with its counts and both of its intervals."""
    if rate.rate is None:
        return "nothing to count"
    text = f"{rate.hits} of {rate.of} = {show_percent(rate.rate)} %"
    if interval := show_interval(rate.low, rate.high):
        text += f"; 95 % interval {interval} (Wilson)"
    if cluster := show_interval(rate.cluster_low, rate.cluster_high):
        text += f", {cluster} (bootstrap over source images)"
    return text


def show_kappa(kappa: float | None) -> str:
    """`0.83`, `0.9985` rather than `1.00`, or a dash where it is not defined."""
    return NONE if kappa is None else round_share(kappa, 1, 2)


def show_p_value(p_value: float | None) -> str:
    """`0.0312`, or a dash where it is not defined."""
    return NONE if p_value is None else f"{p_value:.3g}"


def show_margin(margin: float | None, none: str = "") -> str:
    """A margin to three digits; with an exponent only where it is small."""
    if margin is None:
        return none
    text = f"{margin:.3g}"
    return f"{float(text):.0f}" if abs(margin) >= LARGE_MARGIN else text


def show_parameter(value: float) -> str:
    """`100` or `1.15`, with all the digits that it takes."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def show_seconds(seconds: float | None) -> str:
    """Seconds, or a dash."""
    return NONE if seconds is None else f"{seconds:.1f}"


def show_megabytes(size: float | None) -> str:
    """Megabytes of so many bytes, or a dash."""
    return NONE if size is None else f"{size / 1e6:.0f}"


def show_signed(value: int) -> str:
    """`+7`, or `7` less with a true minus sign."""
    return f"{value:+d}".replace("-", "\N{MINUS SIGN}")


def show_points(share: float) -> str:
    """A change of a share in points of a percentage: `+12.3`, with a true minus sign; `0` for none alone."""
    if share == 0:
        return "0"
    digits, points = 1, share * 100
    while float(f"{points:.{digits}f}") == 0:
        digits += 1
    return f"{points:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def show_ratio(ratio: float) -> str:
    """How large an error is beside noise: 300000 times the noise, 1.2 times."""
    text = show_margin(ratio) if abs(ratio) < LARGE_RATIO else f"{ratio:.1e}"
    return f"{text} \N{MULTIPLICATION SIGN} noise"


def show_power(exponent: int) -> str:
    """A power of ten: `0.1`, `10`, or `10` with its exponent raised where that is shorter."""
    if abs(exponent) <= 2:
        return f"{10.0**exponent:g}"
    return "10" + str(exponent).translate(RAISED)


def count(number: int, noun: str) -> str:
    """`1 example`, `2 examples`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
