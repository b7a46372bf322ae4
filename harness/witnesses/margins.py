"""How near a channel is to being a witness or not: its distance from the median that decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.witnesses.sets import Differences, Evidence

SIGNS = {"substitution": 1.0, "preservation": -1.0}


@dataclass(frozen=True)
class Margin:
    """The pair that decides a channel in one set.

    `distance` is how far its difference lies from the pair's median, positive on the side that a witness is
    on, as a share of the mean over the blob's channels: behind a ReLU the median itself can be 0, or nearly.
    """

    mutation: str
    pair: int
    difference: float
    median: float
    distance: float


def measure_distances(differences: Differences, mutation: str) -> NDArray[np.float64]:
    """Distance of every pair's channels from their median, (P, C), as `Margin.distance` has it."""
    medians = np.median(differences, axis=1, keepdims=True).astype(np.float64)  # rounded as when extracting
    values = differences.astype(np.float64)
    means = values.mean(axis=1, keepdims=True)
    return SIGNS[mutation] * (values - medians) / np.where(means > 0, means, 1.0)


def find_margin(evidence: Evidence, place: str, channel: int) -> Margin:
    """The pair in which a channel of `ATTRIBUTE/BLOB` is nearest to no witness, or farthest on that side."""
    found = [
        read_margin(evidence, place, channel, mutation, int(np.argmin(distances[:, channel])))
        for mutation in SIGNS
        for distances in [measure_distances(evidence[f"{place}/{mutation}"], mutation)]
    ]
    return min(found, key=lambda margin: (margin.distance, margin.mutation == "preservation"))


def read_margin(evidence: Evidence, place: str, channel: int, mutation: str, pair: int) -> Margin:
    """A channel's margin in one given pair."""
    values = evidence[f"{place}/{mutation}"]
    return Margin(
        mutation=mutation,
        pair=pair,
        difference=float(values[pair, channel]),
        median=float(np.median(values[pair])),
        distance=float(measure_distances(values, mutation)[pair, channel]),
    )


def measure_shift(first: Evidence, second: Evidence, place: str) -> float | None:
    """The largest change of any channel's distance in a blob; None where the pairs are not as many."""
    shifts: list[Any] = []
    for mutation in SIGNS:
        one, two = (evidence[f"{place}/{mutation}"] for evidence in (first, second))
        if one.shape != two.shape:
            return None
        shifts.append(np.abs(measure_distances(one, mutation) - measure_distances(two, mutation)).max())
    return float(max(shifts))
