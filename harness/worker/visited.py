"""What a visit does to a blob by the rules, in float64: each part from the foreign parts before it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Tuple

import numpy as np

from harness.ami.port import Port
from harness.ami.statistics import HostArrays, Statistics, measure_exactly
from harness.ami.steering import (
    CROP,
    Factors,
    Parameters,
    Steering,
    decay,
    find_factors,
    find_weakened,
    is_zero,
)
from harness.core.resize import resize_maps, resize_matrix
from harness.worker.exact import choose_sums, compare
from harness.worker.recorder import multiply_factors
from harness.worker.truth import ARRAYS, Truth, find_resolution, grow, take_given

RESIZE = 64  # roundings of a resized value: of its eight taps, and of the places that they are at
EXPONENTIAL = 16  # of a factor: a library's exp, and what goes into it


@dataclass(frozen=True)
class Visited:
    """What somebody's visit of a blob found and left, and by which rules it is judged."""

    steering: Steering
    port: Port
    parameters: Parameters
    unit: float
    parts: Dict[str, np.ndarray]

    def read(self, name: str) -> np.ndarray:
        """One part as it is."""
        return self.parts[name]

    def resolve(self, part: str) -> float:
        """The last bit of the largest number that a part is made of: no part can be known better."""
        return find_resolution(self.parts[SOURCES[part]], self.unit) if part in SOURCES else 0.0

    @property
    def measured(self) -> Statistics:
        """Its statistics, as the steering's own code takes them."""
        names = ("sums", "mean", "deviation", "minimum")
        return Statistics(*(self.parts[name].astype(np.float64)[None] for name in names))

    @property
    def exact(self) -> Port:
        """The rules, by arithmetic that does not round."""
        return replace(self.port, arithmetic="exact")


def find_measured(visit: Visited) -> Truth:
    """The value that the statistics are of: resized where the rules resize before them."""
    early = visit.steering.resizes and visit.port.pool3_when == "before-statistics"
    given = take_given(visit.read("before"))
    return resize(visit, given.value) if early else given


def resize(visit: Visited, value: np.ndarray) -> Truth:
    """Maps (C, H, W) cropped and resized."""
    rows, columns = (
        resize_matrix(size - 2 * CROP, size, visit.port.pool3_kernel) for size in value.shape[-2:]
    )
    cropped = value[..., CROP:-CROP, CROP:-CROP]
    largest = resize_maps(abs(cropped), abs(rows), abs(columns))
    squares = resize_maps(cropped**2, rows**2, columns**2)
    bound, scale = grow(RESIZE, visit.unit) * largest, visit.unit * np.sqrt(RESIZE * squares)
    return Truth(resize_maps(cropped, rows, columns), bound, scale)


def find_sums(visit: Visited) -> Truth:
    """Every channel's sum, of the value before."""
    maps = find_measured(visit)
    value, bound, scale = (one.reshape(len(one), -1) for one in (maps.value, maps.bound, maps.scale))
    sums, count = value.sum(-1), value.shape[1]
    squares = (value**2).sum(-1) + sums**2
    variance = visit.unit**2 * (count - 1) * squares + (scale**2).sum(-1)
    most = grow(count - 1, visit.unit) * abs(value).sum(-1) + bound.sum(-1)
    deviation = np.sqrt(variance)
    own = (
        compare(float(sums[one]), math.fsum(value[one].tolist()), float(deviation[one]))
        for one in choose_sums(len(sums))
        if np.isfinite(value[one]).all()
    )
    return Truth(sums, most, deviation, max(own, default=0.0))


def list_entries(visit: Visited) -> np.ndarray:
    """The sums of the witness entries, which are there as often as they are listed."""
    return visit.read("sums").astype(np.float64)[list(visit.steering.entries)]


def find_mean(visit: Visited) -> Truth:
    """Mean of the entries' sums, of the sums."""
    sums = list_entries(visit)
    bound = grow(len(sums) + 1, visit.unit) * abs(sums).mean()
    scale = visit.unit * math.sqrt((len(sums) + 1) * (sums**2).mean())
    return make_column(measure_exactly(sums.tolist(), 0)[0], bound, scale)


def make_column(value: float, bound: float, scale: float) -> Truth:
    """One number as a truth."""
    arrays = (np.array([one], np.float64) for one in (value, bound, scale))
    return Truth(*arrays)  # type: ignore[arg-type]


def find_deviation(visit: Visited) -> Truth:
    """Deviation of the entries' sums, of the sums; whose mean may be off."""
    sums, ddof = list_entries(visit), visit.port.ddof
    value = measure_exactly(sums.tolist(), ddof)[1]
    count, largest = len(sums), float(abs(sums).max())
    known = 0.0 if math.isnan(value) else value
    widened = math.sqrt(count / max(count - ddof, 1))
    bound = (grow(count + 2, visit.unit) * largest) * widened + grow(count + 4, visit.unit) * known
    scale = visit.unit * (math.sqrt(count + 2) * largest * widened + math.sqrt(count + 4) * known)
    return make_column(value, bound, scale)


def find_minimum(visit: Visited) -> Truth:
    """Smallest of the entries' sums."""
    return make_column(float(list_entries(visit).min()), 0.0, 0.0)


def mark_weakened(visit: Visited) -> Truth:
    """1 for the channels that are weakened, by sums and mean."""
    found = find_weakened(HostArrays(), visit.measured, visit.steering)
    return take_given(found[0].astype(np.float64))


def multiply_all(visit: Visited) -> Truth:
    """What every channel is multiplied with in all, by the statistics."""
    measured, port = visit.measured, visit.exact
    value = find_measured(visit).value
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factors = find_factors(HostArrays(), None, measured, visit.steering, port, visit.parameters)  # type: ignore[arg-type]
        total = multiply_factors(Factors(factors.first, factors.weakened, factors.later))[0]
        relative = measure_growth(visit, abs(value).reshape(len(value), -1))
    once = EXPONENTIAL * visit.unit
    spread = once * (1 + np.maximum(abs(total), 1)) + relative * abs(total)
    return Truth(total, spread, spread)


def measure_growth(visit: Visited, sizes: np.ndarray) -> np.ndarray:
    """How far a channel's factors can be off, relative, where a later mention's sum is of rounded values.

    By the notebook's way that sum is of the map as it was multiplied so far. A tiny deviation makes much of
    what its last bits are; at most, a factor lies between epsilon and epsilon + 1.
    """
    measured, port, parameters = visit.measured, visit.exact, visit.parameters
    spread = np.zeros(len(sizes))
    if port.duplicates != "sequential" or bool(is_zero(measured, port).any()):
        return spread
    sigma, current = measured.sigma[0, 0], measured.sums[0] * 1
    off = grow(sizes.shape[1] + 4, visit.unit) * sizes.sum(-1)
    for channels in map(list, visit.steering.rounds):
        deviation = abs(current[channels] - measured.minimum[0, 0]) / sigma
        factor = parameters.epsilon + 1 - decay(np, deviation, parameters.beta, port)
        steep = np.minimum(off[channels] / (sigma * parameters.beta), 1.0)
        spread[channels] += steep / np.maximum(abs(factor), 1e-3)
        current[channels] = current[channels] * factor
        off[channels] = off[channels] * abs(factor) + abs(current[channels]) * spread[channels]
    return spread


def find_after(visit: Visited) -> Truth:
    """What the pass goes on with, of the value before and the factors."""
    before, port = visit.read("before").astype(np.float64), visit.port
    if not port.fed_on:
        return take_given(before)
    factors, maps = visit.read("factors").astype(np.float64), find_resized(visit, before)
    column = factors if before.ndim == 1 else factors[:, None, None]
    value = maps.value * column
    count = len(visit.steering.rounds) + 2
    bound = grow(count, visit.unit) * abs(value) + maps.bound * abs(column)
    scale = visit.unit * math.sqrt(count) * abs(value) + maps.scale * abs(column)
    return Truth(value, bound, scale)


def find_resized(visit: Visited, before: np.ndarray) -> Truth:
    """The value before, of which the rules may resize the weakened channels, or all."""
    if not visit.steering.resizes:
        return take_given(before)
    resized, given = resize(visit, before), take_given(before)
    if visit.port.pool3_channels == "all":
        return resized
    chosen = (visit.read("weakened") > 0)[:, None, None]
    value, bound, scale = (np.where(chosen, getattr(resized, name), getattr(given, name)) for name in ARRAYS)
    return Truth(value, bound, scale)


PARTS: List[Tuple[str, Callable[[Visited], Truth]]] = [
    ("sums", find_sums),
    ("mean", find_mean),
    ("deviation", find_deviation),
    ("minimum", find_minimum),
    ("weakened", mark_weakened),
    ("factors", multiply_all),
    ("after", find_after),
]
"""In the order in which they follow from each other."""
SOURCES = {"sums": "before", "mean": "sums", "deviation": "sums", "minimum": "sums", "after": "before"}
"""What they are made of, where that is larger than they may come out."""
