"""Sets of the factors in which two cells differ, each as a patch onto one of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from harness.ami.port import read_port
from harness.core.errors import InputError
from harness.explain.causes import Cause
from harness.explain.counterfactual import AS_IT_IS, Answers, Question, Side
from harness.explain.pair import Pair
from harness.explain.patches import Patch, list_declared, merge_patches
from harness.explain.shapley import Subset
from harness.explain.undo import is_bound

LAST_BITS = (Cause.NUMERICS, Cause.PRECISION, Cause.ALGORITHM, Cause.ARITHMETIC)


@dataclass(frozen=True)
class Setup:
    """A cell on which factors are set, each to the second cell's value or else to the first one's.

    `patches` set a factor: on the first cell to the second one's value, on the second to the first one's.
    `left` are factors that cannot be set here.
    """

    side: Side
    patches: Mapping[str, Patch]
    is_first: bool
    left: tuple[str, ...] = ()

    @property
    def own(self) -> Subset:
        """The factors that are at the second cell's value without any patch."""
        return frozenset() if self.is_first else frozenset(self.patches)

    def merge(self, factors: Subset) -> dict[str, Any]:
        """The patch with which these factors, and no others, are at the second cell's value."""
        changed = factors ^ self.own
        return merge_patches([one for name, one in self.patches.items() if name in changed])

    def is_possible(self, factors: Subset) -> bool:
        """Whether a port can have these rules together."""
        port = self.side.job["port"]
        try:
            read_port(port["preset"], {**port["rules"], **self.merge(factors).get("port", {})})
        except InputError:
            return False
        return True

    def settle(self, factors: Subset) -> Subset:
        """As many of some factors as can be set together: one that needs another waits for it."""
        sizes = range(len(factors), 0, -1)
        sets = (frozenset(chosen) for size in sizes for chosen in combinations(sorted(factors), size))
        return next(filter(self.is_possible, sets), frozenset())


def choose_setup(pair: Pair, answers: Answers) -> Setup:
    """The side on which most factors can be set; of two alike the faster one."""
    example = (*pair.diverging, *pair.agreeing)[0]
    whole = [make_setup(pair, is_first=is_first) for is_first in (True, False)]
    probes = [Question(one.side, [AS_IT_IS, *list_bound(one)], (example,)) for one in whole]
    failures = answers.ask(probes)
    setups = [
        leave_out(setup, probe, answers, is_away=failure is not None)
        for setup, probe, failure in zip(whole, probes, failures, strict=True)
    ]
    return min(setups, key=lambda one: (len(one.left), find_seconds(one.side)))


def make_setup(pair: Pair, *, is_first: bool) -> Setup:
    """The declared differences as patches onto one side.

    What changes last bits alone goes with the environment, unless it is all that differs.
    """
    side, other = (pair.a, pair.b) if is_first else (pair.b, pair.a)
    patches = list_declared(other.job, side.job)
    chosen = [one for one in patches if one.cause not in LAST_BITS] or patches
    return Setup(side, {one.factor: one for one in chosen}, is_first)


def list_bound(setup: Setup) -> list[Mapping[str, Any]]:
    """The patches of which only the environment knows whether it can have them."""
    return [one.data for one in setup.patches.values() if is_bound(one)]


def leave_out(setup: Setup, probe: Question, answers: Answers, *, is_away: bool) -> Setup:
    """A setup without the factors that its side refused to have set; without any where it cannot run here."""
    refused = [one for one in probe.patches if answers.find(probe, one, probe.examples[0]) is None]
    left = [name for name, one in setup.patches.items() if is_away or one.data in refused]
    kept = {name: one for name, one in setup.patches.items() if name not in left}
    return replace(setup, patches=kept, left=tuple(left))


def find_seconds(side: Side) -> float:
    """How long the cell took over an example in the run; 0 where its records do not say."""
    known = [one["seconds"] for one in side.records.values() if isinstance(one.get("seconds"), (int, float))]
    return statistics.median(known) if known else 0.0
