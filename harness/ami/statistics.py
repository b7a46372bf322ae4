"""Statistics of a blob: each channel's sum, and mean, deviation and minimum of the witness entries' sums.

Equal sums have a deviation of 0, or of about 1e-7 of their mean, by the last bit of that mean; and this
decides whether a witness is strengthened by epsilon or by up to epsilon + 1. So the arithmetic is a rule of
the port.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from harness.ami.port import Port
from harness.core.errors import InputError
from harness.core.walk import Arrays, Executor

NEAR_ZERO = 1e-5  # of the mean: below it, what rounding does to equal sums can be all of a deviation
Smallest = Optional[Tuple[str, float]]
"""The blob with the smallest deviation over mean, and that ratio."""


class HostArrays:
    """NumPy's arrays as an executor's, in main memory."""

    xp: Any = np

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """The array."""
        return array

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """The array."""
        return value


@dataclass(frozen=True)
class Statistics:
    """Sums of all channels (N, C); mean, deviation and minimum of the entries' (N, 1).

    They are NumPy's arrays by its arithmetic, and native ones by any other.
    """

    sums: Any
    mean: Any
    sigma: Any
    minimum: Any


def measure_blob(executor: Executor, value: Any, entries: Sequence[int], port: Port) -> Statistics:
    """Statistics of a native value (N, C, H, W) or (N, C), by the port's arithmetic."""
    with warnings.catch_warnings():  # ddof 1 over one entry is 0 / 0, of which both libraries warn
        warnings.simplefilter("ignore")
        return MEASURES[port.arithmetic](executor, value, list(entries), port.ddof)


def choose_arrays(executor: Executor, port: Port) -> Arrays:
    """Whose arrays the port's statistics are."""
    return HostArrays() if port.arithmetic == "numpy" else executor


def measure_ratio(executor: Executor, measured: Statistics, port: Port) -> np.ndarray:
    """Deviations over means (N,)."""
    ratios: np.ndarray = choose_arrays(executor, port).to_numpy(measured.sigma / abs(measured.mean))
    return ratios[:, 0]


def check_arithmetic(executor: Executor, port: Port) -> None:
    """Refuse torch's arithmetic over arrays that are not torch's."""
    if port.arithmetic == "torch" and executor.xp is np:
        raise InputError("port rule arithmetic = 'torch': this backend has no torch; choose 'numpy'")


def measure_numpy(executor: Executor, value: Any, entries: List[int], ddof: int) -> Statistics:
    """The notebook's: NumPy's functions over a list, for each image; wherever the value lies."""
    sums = sum_maps(executor.to_numpy(value))
    rows = [[row[channel] for channel in entries] for row in sums]
    means, sigmas = [np.mean(row) for row in rows], [np.std(row, ddof=ddof) for row in rows]
    return gather_statistics(HostArrays(), sums, means, sigmas, [np.min(row) for row in rows])


def sum_maps(value: np.ndarray) -> np.ndarray:
    """Sum of every map (N, C); as maps lie one after the other, each has the bits of `np.sum` of it alone."""
    maps = np.ascontiguousarray(value)
    sums: np.ndarray = maps.reshape(maps.shape[0], maps.shape[1], -1).sum(-1)
    return sums


def measure_torch(executor: Executor, value: Any, entries: List[int], ddof: int) -> Statistics:
    """The PyTorch port's: torch's functions over a vector, for each image, on whatever device."""
    xp = executor.xp
    sums = value if value.ndim == 2 else xp.sum(value, (2, 3))
    rows = [row[entries] for row in sums]
    mean, sigma = [row.mean() for row in rows], [row.std(unbiased=bool(ddof)) for row in rows]
    columns = (xp.stack(ones)[:, None] for ones in (mean, sigma, [row.min() for row in rows]))
    return Statistics(sums, *columns)


def measure_terms(executor: Executor, value: Any, entries: List[int], ddof: int) -> Statistics:
    """One addition after the other, the same in every library; only the sums of maps are the library's own.

    The divisors are arrays, for torch on CUDA multiplies by the reciprocal of a plain number. The root alone
    differs: torch's is not always the nearest float32, which leaves zero alone. Gradients can follow.
    """
    xp, sums = executor.xp, value.reshape(value.shape[0], value.shape[1], -1).sum(-1)
    listed = [sums[:, channel : channel + 1] for channel in entries]
    ones = xp.ones_like(listed[0])
    mean = add_up(listed) / (ones * len(listed))
    squares = add_up([(one - mean) * (one - mean) for one in listed])
    sigma = xp.sqrt(squares / (ones * (len(listed) - ddof)))
    minimum = listed[0]
    for one in listed[1:]:
        minimum = xp.minimum(minimum, one)
    return Statistics(sums, mean, sigma, minimum)


def add_up(terms: Sequence[Any]) -> Any:
    """Sum from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def measure_exact(executor: Executor, value: Any, entries: List[int], ddof: int) -> Statistics:
    """Without rounding but for each result's own: equal sums have a deviation of 0, everywhere."""
    maps = executor.to_numpy(value)
    maps = maps.reshape(maps.shape[0], maps.shape[1], -1)
    sums = np.array([[sum_exactly(one.tolist()) for one in image] for image in maps], maps.dtype)
    rows = [[float(row[channel]) for channel in entries] for row in sums]
    found = [measure_exactly(row, ddof) for row in rows]
    means, sigmas = [mean for mean, _ in found], [sigma for _, sigma in found]
    return gather_statistics(executor, sums, means, sigmas, [np.min(row) for row in rows])


def sum_exactly(values: List[float]) -> float:
    """Sum rounded once; NaN where there is none."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # infinities
        return math.nan


def measure_exactly(values: Sequence[float], ddof: int) -> Tuple[float, float]:
    """Mean and standard deviation in rational numbers, rounded at the end; NaN where there are none."""
    try:
        terms = [Fraction(value) for value in values]
        mean = sum(terms, Fraction(0)) / len(terms)
        squares = sum(((term - mean) ** 2 for term in terms), Fraction(0))
        return float(mean), math.sqrt(squares / (len(terms) - ddof))
    except (OverflowError, ValueError, ZeroDivisionError):
        return math.nan, math.nan


def gather_statistics(arrays: Arrays, sums: np.ndarray, *columns: Sequence[Any]) -> Statistics:
    """Statistics as native arrays, from NumPy's sums (N, C) and N means, deviations and minima."""
    found = (arrays.to_native(np.array(column, sums.dtype)[:, None]) for column in columns)
    return Statistics(arrays.to_native(sums), *found)


MEASURES: Dict[str, Callable[[Executor, Any, List[int], int], Statistics]] = {
    "numpy": measure_numpy,
    "torch": measure_torch,
    "term-by-term": measure_terms,
    "exact": measure_exact,
}


def is_certain(entries: Sequence[int]) -> bool:
    """Whether the deviation is 0 in any arithmetic: one channel, listed once or twice."""
    return len(set(entries)) == 1 and len(entries) <= 2


def find_smallest(blobs: Sequence[Tuple[str, np.ndarray]], count: int) -> List[Smallest]:
    """For each of `count` images its smallest ratio; None where no blob has one that is a finite number."""
    return [find_least([(float(ratios[image]), blob) for blob, ratios in blobs]) for image in range(count)]


def find_least(ratios: Sequence[Tuple[float, str]]) -> Smallest:
    """The smallest finite ratio, of equal ones the first."""
    finite = [pair for pair in ratios if math.isfinite(pair[0])]
    if not finite:
        return None
    ratio, blob = min(finite, key=lambda pair: pair[0])
    return blob, float(f"{ratio:.4g}")
