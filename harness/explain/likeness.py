"""How like two answers are: their best classes' logits held against each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from harness.explain.counterfactual import Record, take_tuple

Pass = Literal["original", "attribute"]
PASSES: tuple[Pass, ...] = ("original", "attribute")
NOISE = 2e-4  # of the largest logit: more than float32's rounding, by Winograd too, makes of one network


def measure_pass(one: Record, other: Record, which: Pass) -> float:
    """Largest difference of the logits that both say, as a part of the largest; infinite without any.

    Of a class that is among one's five best alone, the other's logit is at most its fifth.
    """
    ours, theirs = read_top(one, which), read_top(other, which)
    if not ours or not theirs or set(map(is_none, ours.values())) != set(map(is_none, theirs.values())):
        return math.inf
    if any(value is None for value in ours.values()):
        return 0.0 if list(ours) == list(theirs) else math.inf
    scale = max(map(abs, theirs.values())) or 1.0
    return max(measure_class(number, ours, theirs) for number in {*ours, *theirs}) / scale


def measure_class(number: int, ours: Mapping[int, float], theirs: Mapping[int, float]) -> float:
    """By how much one class's logits differ at least."""
    if number in ours and number in theirs:
        return abs(ours[number] - theirs[number])
    known, rest = (ours, theirs) if number in ours else (theirs, ours)
    return max(0.0, known[number] - min(rest.values()))


def is_none(value: Any) -> bool:
    """Whether a logit is no finite number."""
    return value is None


def read_top(record: Record, which: Pass) -> dict[int, Any]:
    """Five best classes with their logits; none where a record has none."""
    found = record.get(f"top5_{which}")
    if not isinstance(found, (list, tuple)):
        return {}
    return {one[0]: one[1] for one in found if isinstance(one, (list, tuple)) and len(one) == 2}


def measure_answer(one: Record | None, other: Record) -> float:
    """The larger of both passes' differences; infinite where there is no answer."""
    if one is None:
        return math.inf
    return max(measure_pass(one, other, which) for which in PASSES)


def is_same_tuple(one: Record | None, other: Record) -> bool:
    """Whether both have one tuple."""
    return one is not None and take_tuple(one) is not None and take_tuple(one) == take_tuple(other)


def is_alike(one: Record | None, other: Record) -> bool:
    """Whether both have one tuple, and logits that differ by no more than noise."""
    return is_same_tuple(one, other) and measure_answer(one, other) <= NOISE


def find_median(values: Iterable[float]) -> float:
    """The median; infinite of nothing."""
    listed: Sequence[float] = list(values)
    return statistics.median(listed) if listed else math.inf
