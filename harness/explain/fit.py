"""Alpha, beta and epsilon fitted to a cell's logits, where their values are none that are published."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.explain.patches import PARAMETERS, Patch, patch_parameter

Measure = Callable[[Sequence[Patch]], Sequence[float]]
"""Takes changes that are tried at once; how far each is from what is looked for."""
POINTS = 17  # of a parameter in a round
REFINEMENTS = 4
RANGES = {"alpha": (1.0, 4096.0), "beta": (1.0, 4096.0), "epsilon": (0.0, 4.0)}


@dataclass(frozen=True)
class Interval:
    """Where a parameter's value is looked for; `alpha` and `beta` by their logarithms."""

    name: str
    low: float
    high: float

    def list_values(self) -> list[float]:
        """Values from end to end at equal steps."""
        steps = [number / (POINTS - 1) for number in range(POINTS)]
        return [self.low + (self.high - self.low) * step for step in steps]

    def narrow(self, best: int) -> Interval:
        """The steps around one of the values."""
        values = self.list_values()
        return Interval(self.name, values[max(best - 1, 0)], values[min(best + 1, POINTS - 1)])


def fit_parameters(job: Mapping[str, Any], measure: Measure) -> list[Patch]:
    """For each parameter the value that comes nearest, and rounder ones; none is promised to fit."""
    intervals = [begin(name) for name in PARAMETERS]
    for _ in range(1 + REFINEMENTS):
        patches = [[make_patch(job, one.name, value) for value in one.list_values()] for one in intervals]
        errors = iter(measure([patch for ones in patches for patch in ones]))
        found = [[next(errors) for _ in ones] for ones in patches]
        intervals = [
            one.narrow(min(range(POINTS), key=ones.__getitem__))
            for one, ones in zip(intervals, found, strict=True)
        ]
    return [patch for one in intervals for patch in list_rounded(job, one)]


def begin(name: str) -> Interval:
    """All values that a parameter may have."""
    low, high = RANGES[name]
    return Interval(name, low, high) if name == "epsilon" else Interval(name, math.log(low), math.log(high))


def make_patch(job: Mapping[str, Any], name: str, value: float) -> Patch:
    """A change of a parameter to the value that stands for a place in its interval."""
    number = value if name == "epsilon" else math.exp(value)
    return patch_parameter(name, PARAMETERS[name], job["parameters"][name], number)


def list_rounded(job: Mapping[str, Any], interval: Interval) -> list[Patch]:
    """The middle of an interval with two, three, and more digits, the roundest first."""
    exact = make_patch(job, interval.name, (interval.low + interval.high) / 2)
    values = dict.fromkeys(float(f"{exact.sets:.{digits}g}") for digits in (1, 2, 3, 4, 6))
    return [
        patch_parameter(interval.name, exact.cause, exact.was, value)
        for value in values
        if value != exact.was and (value > 0 or interval.name == "epsilon")
    ]
