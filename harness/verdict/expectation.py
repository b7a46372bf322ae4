"""What the register says of the environments that depart from the baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.diff.divergences import Divergences
from harness.diff.tuples import NONE, Join
from harness.plan.register import Expected
from harness.verdict.pins import Pin, is_broken, make_pin


@dataclass(frozen=True, eq=False)
class Expectation:
    """The register held against diverging examples (n,) in environments (e,).

    `departs` (n, e) says whose tuple is not the baseline's, `reasons` (n, e) the place of the first of
    `entries` that expects it, or NONE; `occurring` the places of entries of which there is any departure.
    `pins` are what entries, by their places, could be pinned to in each environment that they name.
    """

    entries: Sequence[Expected]
    departs: np.ndarray
    reasons: np.ndarray
    occurring: frozenset[int]
    pins: Mapping[int, Mapping[str, Pin]]

    def count_unexpected(self) -> int:
        """How many examples have a departure that no entry expects."""
        return int(np.count_nonzero((self.departs & (self.reasons == NONE)).any(axis=1)))


def apply_register(
    join: Join, found: Divergences, entries: Sequence[Expected], *, whole: bool = True
) -> Expectation:
    """What entries say; those past their date expect nothing, nor those whose pins a `whole` run breaks."""
    today = dt.datetime.now(dt.UTC).date()
    departs = found.classes != found.classes[:, [found.baseline]] if len(found.rows) else found.classes > 0
    reasons = np.full(departs.shape, NONE, dtype=np.int64)
    occurring, pins = set(), {}
    for place, entry in enumerate(entries):
        spoken = departs & find_spoken(entry, join.environments, join.examples[found.rows])
        if spoken.any():
            occurring.add(place)
            pins[place] = measure_pins(entry, join, found, spoken) if whole else {}
        if entry.until >= today:
            held = [not is_held_otherwise(entry, pins.get(place, {}), name) for name in join.environments]
            reasons[spoken & held & (reasons == NONE)] = place
    return Expectation(entries, departs, reasons, frozenset(occurring), pins)


def measure_pins(entry: Expected, join: Join, found: Divergences, spoken: np.ndarray) -> dict[str, Pin]:
    """What departs of what an entry speaks of, in each environment that it names but the baseline."""
    examples = sum(map(entry.matches_example, join.examples))
    pins = {}
    for place, name in enumerate(join.environments):
        if place != found.baseline and entry.matches_environment(name):
            rows = found.rows[spoken[:, place]]
            departing = zip(join.examples[rows], join.tuples[rows, place].tolist(), strict=True)
            pins[name] = make_pin(departing, examples)
    return pins


def is_held_otherwise(entry: Expected, pins: Mapping[str, Pin], environment: str) -> bool:
    """Whether an entry was pinned to something else than what departs in an environment."""
    return environment in pins and is_broken(entry, pins[environment])


def find_spoken(entry: Expected, environments: Sequence[str], examples: np.ndarray) -> np.ndarray:
    """Whether an entry speaks of an example in an environment, (examples, environments)."""
    here = np.fromiter(map(entry.matches_environment, environments), bool, len(environments))
    if not here.any():
        return np.zeros((len(examples), len(here)), dtype=bool)
    return np.logical_and.outer(np.fromiter(map(entry.matches_example, examples), bool, len(examples)), here)
