"""Blobs computed in float64 from given values, with what rounding may do to those who compute them otherwise.

Two measures stand beside a value. `bound` holds for every order of summing: gamma(n) * |W| * |x| (Higham,
Accuracy and Stability of Numerical Algorithms, section 3.1). `scale` is what roundings come to that are
independent of each other, as a standard deviation (Higham and Mary, SIAM J. Sci. Comput. 41, 2019): it grows
with the root of n, and tells half precision from float32, which the bound does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

import numpy as np

from harness.backends.reference import Parameters, compute_layer, convolve
from harness.core.network import Blob, Convolution, InnerProduct, Layer, Lrn, Pooling, Relu
from harness.worker.exact import measure_convolution, measure_product
from harness.worker.winograd import convolves_by_tiles, measure_tiles

ROWS = 256  # of a weight matrix in float64 at a time: fc6 of VGG-Face has 4096 of 25088
ARRAYS = ("value", "bound", "scale")
FAR = 30  # deviations
POWER = 32  # roundings that a power may be off by, of a library's own


@dataclass(frozen=True)
class Truth:
    """A value, (C, H, W) or (C,), the most that rounding can be, and its standard deviation; float64.

    `own` is how far the value itself was seen to be off, in such deviations.
    """

    value: np.ndarray
    bound: np.ndarray
    scale: np.ndarray
    own: float = 0.0


@dataclass(frozen=True)
class Judge:
    """Parameters by layer, the unit roundoff of who is judged, and whether Winograd may be its algorithm."""

    weights: Mapping[str, np.ndarray]
    unit: float
    winograd: bool = False

    def find_parameters(self, layer: Layer) -> Parameters:
        """Weight and bias of a layer, as they are stored."""
        return self.weights.get(f"{layer.name}.weight"), self.weights.get(f"{layer.name}.bias")


def take_given(value: np.ndarray) -> Truth:
    """A value that is taken as it is."""
    exact = np.asarray(value, np.float64)
    return Truth(exact, np.zeros_like(exact), np.zeros_like(exact))


def find_resolution(values: np.ndarray, unit: float) -> float:
    """The last bit of the largest of some values."""
    finite = values[np.isfinite(values)]
    return unit * float(abs(finite).max(initial=0.0))


def grow(count: int, unit: float) -> float:
    """Gamma of Higham's bounds: what `count` roundings can come to, relative."""
    return count * unit / (1 - count * unit)


def compute_blobs(blobs: Sequence[Blob], given: Truth, judge: Judge) -> Truth:
    """The last of some blobs from the value of the one before them."""
    for blob in blobs:
        for layer in blob.layers:
            given = COMPUTE.get(type(layer), pass_on)(layer, given, judge)
    return given


def pass_on(layer: Layer, given: Truth, _judge: Judge) -> Truth:
    """A layer that rounds nothing."""
    return Truth(run_layer(layer, given.value), given.bound, given.scale, given.own)


def run_layer(layer: Layer, value: np.ndarray, parameters: Parameters = (None, None)) -> np.ndarray:
    """A layer's value for one image in float64."""
    return compute_layer(layer, value[None], parameters)[0]


def rectify(layer: Relu, given: Truth, judge: Judge) -> Truth:
    """No error grows; with a slope, one rounding more below zero. Far below zero everybody has 0."""
    value = run_layer(layer, given.value)
    if not layer.negative_slope:
        limits = (given.bound, given.bound), (given.scale, FAR * given.scale)
        bound, scale = (np.where(given.value < -most, 0.0, one) for one, most in limits)
        return Truth(value, bound, scale, given.own)
    more = judge.unit * abs(value)
    return Truth(value, given.bound + more, given.scale + more, given.own)


def pool(layer: Pooling, given: Truth, judge: Judge) -> Truth:
    """The largest error of a window; an average rounds besides."""
    value = run_layer(layer, given.value)
    widest = Pooling(**{**vars(layer), "method": "max"})
    bound, scale = run_layer(widest, given.bound), run_layer(widest, given.scale)
    if layer.method != "max":
        size = run_layer(layer, abs(given.value))
        bound = bound + grow(int(np.prod(layer.kernel)) + 2, judge.unit) * size
        scale = scale + judge.unit * np.sqrt(np.prod(layer.kernel)) * size
    return Truth(value, bound, scale, given.own)


def normalise(layer: Lrn, given: Truth, judge: Judge) -> Truth:
    """A power of a sum of squares, which libraries compute in ways of their own."""
    value = run_layer(layer, given.value)
    rounding = (layer.local_size + POWER) * judge.unit * abs(value)
    spread = find_largest(given.bound), find_largest(given.scale)
    return Truth(value, 2 * spread[0] + rounding, 2 * spread[1] + rounding, given.own)


def find_largest(values: np.ndarray) -> float:
    """The largest of some values."""
    return float(values.max()) if values.size else 0.0


def convolve_all(layer: Convolution, given: Truth, judge: Judge) -> Truth:
    """A convolution, by Winograd's algorithm where that may be how it is done."""
    weight, bias = (None if one is None else one.astype(np.float64) for one in judge.find_parameters(layer))
    assert weight is not None
    value = convolve(layer, given.value[None], (weight, bias))[0]
    sizes = sum_products(convolve_one(layer), given, weight, bias)
    truth = add_roundings(value, sizes, int(np.prod(weight.shape[1:])), judge.unit)
    own = max(given.own, measure_convolution(layer, value, truth.scale, given.value, weight, bias))
    truth = replace(truth, own=own)
    if not (judge.winograd and convolves_by_tiles(layer)):
        return truth
    bound, scale = measure_tiles(layer, given.value, weight, judge.unit)
    return replace(truth, bound=truth.bound + bound, scale=np.hypot(truth.scale, scale))


def convolve_one(layer: Convolution) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Convolves a value with weights and without a bias."""
    return lambda weight, value: convolve(layer, value[None], (weight, None))[0]


def multiply_all(layer: InnerProduct, given: Truth, judge: Judge) -> Truth:
    """A product of a matrix, so many rows of which are taken to float64 at a time."""
    weight, bias = judge.find_parameters(layer)
    assert weight is not None
    flat = Truth(given.value.reshape(-1), given.bound.reshape(-1), given.scale.reshape(-1))
    parts = []
    for start in range(0, len(weight), ROWS):
        rows = weight[start : start + ROWS].astype(np.float64)
        offset = None if bias is None else bias[start : start + ROWS].astype(np.float64)
        value = rows @ flat.value if offset is None else rows @ flat.value + offset
        sizes = sum_products(np.matmul, flat, rows, offset)
        parts.append(add_roundings(value, sizes, rows.shape[1], judge.unit))
    products, bound, scale = (np.concatenate([getattr(one, name) for one in parts]) for name in ARRAYS)
    own = measure_product(products, scale, flat.value, weight, bias)
    return Truth(products, bound, scale, max(given.own, own))


@dataclass(frozen=True)
class Sizes:
    """What a sum is of: |W| * |x| + |b|, and the squares, and what errors of x come to in both."""

    absolute: np.ndarray
    squares: np.ndarray
    bound: np.ndarray
    scale: np.ndarray


def sum_products(
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    given: Truth,
    weight: np.ndarray,
    bias: Optional[np.ndarray],
) -> Sizes:
    """Sizes of the sums that weights and a value make."""
    absolute, squares = multiply(abs(weight), abs(given.value)), multiply(weight**2, given.value**2)
    nothing: Any = np.zeros_like(absolute)
    if bias is not None:
        column = bias.reshape((-1,) + (1,) * (absolute.ndim - 1))
        absolute, squares = absolute + abs(column), squares + column**2
    return Sizes(
        absolute,
        squares,
        multiply(abs(weight), given.bound) if given.bound.any() else nothing,
        multiply(weight**2, given.scale**2) if given.scale.any() else nothing,
    )


def add_roundings(value: np.ndarray, sizes: Sizes, count: int, unit: float) -> Truth:
    """A sum of `count` products with what its own roundings, and errors of what it is of, come to."""
    bound = grow(count + 2, unit) * sizes.absolute + sizes.bound
    variance = unit**2 * (count + 2) * (sizes.squares + value**2) + sizes.scale
    return Truth(value, bound, np.sqrt(variance))


COMPUTE: Dict[type, Callable[[Any, Truth, Judge], Truth]] = {
    Convolution: convolve_all,
    InnerProduct: multiply_all,
    Relu: rectify,
    Pooling: pool,
    Lrn: normalise,
}
