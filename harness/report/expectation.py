"""What the register says of the environments that depart from the baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.diff.divergences import Divergences
from harness.diff.tuples import NONE, Join
from harness.matrix.register import Expected


@dataclass(frozen=True, eq=False)
class Expectation:
    """The register held against diverging examples (n,) in environments (e,).

    `departs` (n, e) says whose tuple is not the baseline's, `reasons` (n, e) the place of the first of
    `entries` that expects it, or NONE; `occurring` the places of entries of which there is any departure.
    """

    entries: Sequence[Expected]
    departs: np.ndarray
    reasons: np.ndarray
    occurring: frozenset[int]

    def count_unexpected(self) -> int:
        """How many examples have a departure that no entry expects."""
        return int(np.count_nonzero((self.departs & (self.reasons == NONE)).any(axis=1)))


def apply_register(join: Join, found: Divergences, entries: Sequence[Expected]) -> Expectation:
    """What entries say; those past their date expect nothing."""
    today = dt.datetime.now(dt.UTC).date()
    departs = found.classes != found.classes[:, [found.baseline]] if len(found.rows) else found.classes > 0
    reasons = np.full(departs.shape, NONE, dtype=np.int64)
    occurring = set()
    for place, entry in enumerate(entries):
        spoken = departs & find_spoken(entry, join.environments, join.examples[found.rows])
        if spoken.any():
            occurring.add(place)
        if entry.until >= today:
            reasons[spoken & (reasons == NONE)] = place
    return Expectation(entries, departs, reasons, frozenset(occurring))


def find_spoken(entry: Expected, environments: Sequence[str], examples: np.ndarray) -> np.ndarray:
    """Whether an entry speaks of an example in an environment, (examples, environments)."""
    here = np.fromiter(map(entry.matches_environment, environments), bool, len(environments))
    if not here.any():
        return np.zeros((len(examples), len(here)), dtype=bool)
    return np.logical_and.outer(np.fromiter(map(entry.matches_example, examples), bool, len(examples)), here)
