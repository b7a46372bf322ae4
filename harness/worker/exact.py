"""How far the float64 truth itself is off: some of its sums added up again without rounding.

Factors are float32 on one side of every product, so that a product of it and half a float64 is exact in
float64; `math.fsum` adds such products up with one rounding in all. So it is a second reference, in more than
extended precision, on any machine.
"""

from __future__ import annotations

import math
from typing import Optional

import numpy as np

from harness.backends.reference import cut_windows
from harness.core.network import Convolution

SAMPLES = 8  # sums of a layer that are added up again
WORTH = 100.0  # times better than what it judges a reference has to be


def choose_sums(count: int) -> np.ndarray:
    """So many of `count` sums, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(SAMPLES, count)).astype(np.int64))


def add_exactly(weights: np.ndarray, values: np.ndarray, bias: float) -> float:
    """Sum of products of float32 weights, as float64, and float64 values, and a bias; rounded once."""
    high = values.astype(np.float32).astype(np.float64)
    if not (np.isfinite(high).all() and np.isfinite(weights).all() and math.isfinite(bias)):
        return math.nan
    return math.fsum([*(weights * high).tolist(), *(weights * (values - high)).tolist(), bias])


def measure_product(
    value: np.ndarray, scale: np.ndarray, flat: np.ndarray, weight: np.ndarray, bias: Optional[np.ndarray]
) -> float:
    """The most that a product with a matrix is off, in deviations of noise, among some of its rows."""
    worst = 0.0
    for row in choose_sums(len(value)):
        rows = weight[row].astype(np.float64)
        exact = add_exactly(rows, flat, 0.0 if bias is None else float(bias[row]))
        worst = max(worst, compare(float(value[row]), exact, float(scale[row])))
    return worst


def measure_convolution(
    layer: Convolution,
    value: np.ndarray,
    scale: np.ndarray,
    given: np.ndarray,
    weight: np.ndarray,
    bias: Optional[np.ndarray],
) -> float:
    """The same of a convolution (C, H, W) of a value, among some of its outputs."""
    padded = np.pad(given, ((0, 0), (layer.pad[0],) * 2, (layer.pad[1],) * 2))
    windows = cut_windows(layer, padded, (value.shape[1], value.shape[2]))
    width, each = weight.shape[1], layer.num_output // layer.group
    worst = 0.0
    for place in choose_sums(value.size):
        channel, row, column = np.unravel_index(place, value.shape)
        first = int(channel) // each * width
        window = windows[first : first + width, :, :, row, column]
        offset = 0.0 if bias is None else float(bias[channel])
        exact = add_exactly(weight[channel].reshape(-1), window.reshape(-1), offset)
        worst = max(
            worst, compare(float(value[channel, row, column]), exact, float(scale[channel, row, column]))
        )
    return worst


def compare(value: float, exact: float, scale: float) -> float:
    """How far a sum is off, in deviations; 0 where it is exact, or no number."""
    error = abs(value - exact)
    return error / scale if scale > 0 and error > 0 and math.isfinite(error) else 0.0
