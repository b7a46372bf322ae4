"""Masks: what is put into a layer so that its output tells in which order it adds up.

The layer's weights are all one number. A large value at one tap and its negative at another swallow every
small value that is added to a sum while it holds one of the two, and then cancel out: what is left tells how
many were added elsewhere. Idea: Xie et al., FPRev (USENIX ATC 2025), for sums of products here, with a bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Tuple

import numpy as np

from harness.core.network import InnerProduct, Shape
from harness.worker.sums import Sum, grid, list_whole

WEIGHT = 1.25  # of every tap: exact in all products below, but for the one that tells fused from rounded
SMALL, LARGE = 2.0**-10, 2.0**100  # whatever is 53 bits wide, or 64, swallows all small ones
MIDDLING = 2.0**31  # swallows them in 24 bits, and in no more
BIAS_UNITS = 1 << 15  # the bias in small products, so that it is told from any number of them
UNIT = SMALL * WEIGHT
BIAS = BIAS_UNITS * UNIT
MOST_PRODUCTS = BIAS_UNITS - 2
SCALE = 2.0**20  # of what tells fused from rounded products, so that a bias is no obstacle
TINY = 2.0**-130  # float32 has it below its normal range alone
LEAST_PROBES, LEAST_IMAGES = 512, 8
STEPS = (1, 2, 4, 8, 16)

Ask = Callable[[np.ndarray], np.ndarray]
"""A layer's top (N, ...) of its bottom (N, ...), both of NumPy's."""


@dataclass(frozen=True)
class Bench:
    """A layer that is asked, always with whole batches, in its precision."""

    sum: Sum
    ask: Ask
    batch_size: int
    precision: np.dtype


@dataclass(frozen=True)
class Mask:
    """What fills the bottom, and what is put at the two taps of a pair."""

    filling: float
    first: float
    second: float


@dataclass(frozen=True)
class Probes:
    """Pairs of taps, each of an output in an image; all (n,)."""

    images: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def choose(self, kept: np.ndarray) -> Probes:
        """Some of them."""
        parts = (self.images, self.rows, self.columns, self.first, self.second)
        return Probes(*(part[kept] for part in parts))


def order_mask(large: float = LARGE) -> Mask:
    """Small values, and a large one with its negative."""
    return Mask(SMALL, large, -large)


def fused_mask(precision: np.dtype) -> Mask:
    """A value, and its negative with one more bit, whose product is between two numbers."""
    return Mask(0.0, -SCALE, SCALE * (1 + float(np.finfo(precision).eps)))


def bias_of(outputs: int) -> np.ndarray:
    """Biases of a layer's channels: all the same, and one without, at which values below normal are seen."""
    biases = np.full(outputs, BIAS)
    biases[find_silent(outputs)] = 0
    return biases


def make_parameter(name: str, shape: Shape) -> np.ndarray:
    """A parameter of the network that masks are put into, as a view of few numbers."""
    numbers = np.float32(WEIGHT) if name.endswith(".weight") else bias_of(shape[0]).astype(np.float32)
    return np.broadcast_to(numbers, shape)


def find_silent(outputs: int) -> int:
    """The channel without a bias."""
    return outputs // 2


def ask_probes(bench: Bench, probes: Probes, mask: Mask) -> np.ndarray:
    """What each probe's output is, in all channels (n, O)."""
    count = int(probes.images.max()) + 1 if len(probes.images) else 0
    parts = [np.empty((0, bench.sum.stop.shape[0]), bench.precision)]
    for start in range(0, count, bench.batch_size):
        kept = (probes.images >= start) & (probes.images < start + bench.batch_size)
        parts.append(ask_batch(bench, probes.choose(kept), start, mask))
    return np.concatenate(parts)


def ask_batch(bench: Bench, probes: Probes, start: int, mask: Mask) -> np.ndarray:
    """What the outputs of probes are whose images make one batch."""
    shape, images = bench.sum.start.shape, probes.images - start
    value = np.full((bench.batch_size, int(np.prod(shape))), mask.filling, bench.precision)
    for taps, what in ((probes.first, mask.first), (probes.second, mask.second)):
        places = bench.sum.locate(taps, probes.rows, probes.columns)
        for group in bench.sum.group_places:
            value[images, group + places] = what
    top = bench.ask(value.reshape(bench.batch_size, *shape))
    return bench.sum.read(top, images, probes.rows, probes.columns)


def spread_probes(sum_: Sum, random: np.random.RandomState, *, near: bool) -> Probes:
    """Pairs all over a layer: of every output, every place in the batch; far from each other, or near."""
    per_image = len(grid(sum_, (0, 0))[0])
    count = max(LEAST_IMAGES, -(-LEAST_PROBES // per_image))
    parts = []
    for image in range(count):
        steps = tuple(min(pair) for pair in zip(sum_.apart, sum_.outputs))
        rows, columns = grid(sum_, (image % steps[0], image // steps[0] % steps[1]))
        parts.append((np.full(len(rows), image), rows, columns))
    images, rows, columns = (np.concatenate(one) for one in zip(*parts))
    first, second = draw_pairs(sum_, random, len(images), near=near)
    return keep_inside(sum_, Probes(images, rows, columns, first, second))


def draw_pairs(
    sum_: Sum, random: np.random.RandomState, count: int, *, near: bool
) -> Tuple[np.ndarray, np.ndarray]:
    """Pairs of different taps; near ones are a few apart, or of channels that are."""
    products, plane = sum_.products, sum_.products // sum_.taps[0]
    first = random.randint(0, products, count, dtype=np.int64)
    if products == 1:
        return first, first
    if near:
        steps = np.array(sorted({step * unit for step in STEPS for unit in (1, plane)}))
        distance = steps[random.randint(0, len(steps), count, dtype=np.int64)]
    else:
        distance = random.randint(1, products, count, dtype=np.int64)
    second = (first + np.where(distance % products, distance, 1)) % products
    return first, second


def keep_inside(sum_: Sum, probes: Probes) -> Probes:
    """The probes of which both taps lie inside the bottom, and are not the same."""
    places = [sum_.locate(one, probes.rows, probes.columns) for one in (probes.first, probes.second)]
    return probes.choose((places[0] >= 0) & (places[1] >= 0) & (places[0] != places[1]))


def pivot_probes(pivot: int, others: np.ndarray, at: Tuple[np.ndarray, np.ndarray]) -> Probes:
    """A tap with each of some others, at some outputs by turns."""
    number = np.arange(len(others))
    place = number % len(at[0])
    firsts = np.full(len(others), pivot)
    return Probes(number // len(at[0]), at[0][place], at[1][place], firsts, others)


def count_taps(sum_: Sum, probes: Probes) -> np.ndarray:
    """How many taps of each probe's output lie inside (n,)."""
    count = np.full(len(probes.rows), sum_.taps[0])
    if not isinstance(sum_.layer, InnerProduct):
        for axis, outputs in enumerate((probes.rows, probes.columns)):
            places = sum_.reach(axis, outputs[:, None], np.arange(sum_.taps[1 + axis]))
            count = count * ((places >= 0) & (places < sum_.start.shape[1 + axis])).sum(axis=1)
    return count


def read_leaves(sum_: Sum, probes: Probes, found: np.ndarray) -> Optional[Tuple[np.ndarray, np.ndarray]]:
    """How many numbers the smallest part of the sum adds up that holds a pair, and whether it holds the bias.

    Both in all channels (n, O); the bias counts as one. None where what is left is no count: then numbers are
    not added up one by one.
    """
    units = np.asarray(found, np.float64) / UNIT
    if not (np.isfinite(units).all() and (units >= 0).all() and (units == np.floor(units)).all()):
        return None
    outputs = found.shape[1]
    has_bias = bias_of(outputs) > 0 if sum_.layer.bias else np.zeros(outputs, bool)
    kept, biases, taps = units % BIAS_UNITS, units // BIAS_UNITS, count_taps(sum_, probes)[:, None]
    if (kept > taps - 2).any() or (biases > has_bias).any():
        return None
    holds = has_bias > biases
    return (taps - kept + holds).astype("<i4"), holds


def read_fused(sum_: Sum, found: np.ndarray, precision: np.dtype) -> Optional[np.ndarray]:
    """Whether each pair's second product was added without being rounded before (n, O); None as above."""
    biases = bias_of(found.shape[1]) if sum_.layer.bias else 0
    left = (np.asarray(found, np.float64) - biases) / (SCALE * float(np.finfo(precision).eps))
    if not ((left == 1) | (left == WEIGHT)).all():
        return None
    return left == WEIGHT


def reads_beyond(bench: Bench) -> bool:
    """Whether outputs depend on values outside their windows, as those of tiles do."""
    sum_, shape = bench.sum, bench.sum.start.shape
    if isinstance(sum_.layer, InnerProduct):
        return False
    rows, columns = (one[:1] for one in list_whole(sum_))
    inside = sum_.locate(np.arange(sum_.products), rows, columns)
    value = np.full(int(np.prod(shape)), LARGE)
    for group in sum_.group_places:
        value[group + inside[inside >= 0]] = SMALL
    values = np.broadcast_to(value.reshape(shape), (bench.batch_size, *shape)).astype(bench.precision)
    images = np.arange(bench.batch_size)
    ones = np.zeros(len(images), np.int64)
    found = sum_.read(bench.ask(values), images, ones + rows, ones + columns)
    biases = bias_of(found.shape[1]) if sum_.layer.bias else 0
    return bool((found != (inside >= 0).sum() * UNIT + biases).any())
