"""The fixed point of all comparisons: NumPy alone, every layer written out, in float32 or float64."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import numpy as np

from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value, check_weights
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Layer,
    Lrn,
    Network,
    Pooling,
    Relu,
    Softmax,
    convolved_size,
    pooled_size,
)

Parameters = Tuple[Optional[np.ndarray], Optional[np.ndarray]]


def versions() -> Dict[str, str]:
    """NumPy and the BLAS behind its matrix product."""
    return {"numpy": np.__version__, "numpy blas": read_blas_build()}


def read_blas_build() -> str:
    """Name and version of NumPy's BLAS, as far as this NumPy tells."""
    config = getattr(np.__config__, "CONFIG", None)  # from NumPy 1.25 on
    if config is not None:
        blas = config.get("Build Dependencies", {}).get("blas", {})
        parts = (blas.get(key, "") for key in ("name", "version", "openblas configuration"))
        return " ".join(part for part in parts if part) or "unknown"
    get_info: Any = getattr(np.__config__, "get_info", None)
    info = get_info("blas_opt_info") if get_info else {}
    return " ".join(info.get("libraries", ())) or "unknown"


def load(network: Network, weights: Mapping[str, np.ndarray], settings: Settings) -> ReferenceExecutor:
    """An executor in `settings.precision`.

    NumPy's BLAS reads its thread count from the environment (`OPENBLAS_NUM_THREADS`, `OMP_NUM_THREADS`) when
    it is imported, so whoever starts the process sets `settings.threads` there.
    """
    check_settings("reference", settings, precision=("float32", "float64"))
    check_network(network)
    check_weights(network, weights)
    return ReferenceExecutor(network, weights, settings.precision)


class ReferenceExecutor:
    """A network over NumPy arrays."""

    xp: Any = np

    def __init__(self, network: Network, weights: Mapping[str, np.ndarray], precision: str) -> None:
        self.network = network
        self.precision = precision
        self._weights = weights
        self._parameters: Dict[str, Parameters] = {}

    def forward(self, value: np.ndarray, start: str, stop: str) -> np.ndarray:
        """Value of blob `stop`, always a new array; InputError for names or values that do not fit."""
        for blob in check_value(self.network, value, self.precision, start, stop):
            for layer in blob.layers:
                value = compute_layer(layer, value, self._find_parameters(layer.name))
        return value

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """A copy in C order and in the executor's precision."""
        return np.array(array, dtype=self.precision, order="C")

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(value)

    def _find_parameters(self, layer: str) -> Parameters:
        """Weight and bias in the executor's precision, cast once (full-size float64 takes 1.2 GB)."""
        if layer not in self._parameters:
            pair = (self._weights.get(f"{layer}.{part}") for part in ("weight", "bias"))
            weight, bias = (None if array is None else np.asarray(array, self.precision) for array in pair)
            self._parameters[layer] = (weight, bias)
        return self._parameters[layer]


def compute_layer(layer: Layer, value: np.ndarray, parameters: Parameters) -> np.ndarray:
    """A layer's top, a new array, from its bottom (N, C, H, W) or (N, C), in the bottom's precision."""
    operation: Callable[[Any, np.ndarray, Parameters], np.ndarray] = OPERATIONS[type(layer)]
    return operation(layer, value, parameters)


def convolve(layer: Convolution, value: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Cross-correlation, image by image: full-size windows of one image take 115 MB."""
    weight, bias = parameters
    assert weight is not None
    sizes = [convolved_size(layer, value.shape[axis + 2], axis) for axis in (0, 1)]
    filters = weight.reshape(layer.group, layer.num_output // layer.group, -1)
    padded = np.pad(value, ((0, 0), (0, 0), (layer.pad[0],) * 2, (layer.pad[1],) * 2))
    top = np.empty((len(value), *filters.shape[:2], sizes[0] * sizes[1]), value.dtype)
    for image, result in zip(padded, top):
        windows = cut_windows(layer, image, (sizes[0], sizes[1]))
        np.matmul(filters, windows.reshape(layer.group, filters.shape[2], -1), out=result)
    if bias is not None:
        top += bias.reshape(layer.group, -1, 1)
    return top.reshape(len(value), layer.num_output, *sizes)


def cut_windows(layer: Convolution, image: np.ndarray, sizes: Tuple[int, int]) -> np.ndarray:
    """View (C, kernel height, kernel width, H, W) of a padded image (C, H', W')."""
    channel, row, column = image.strides
    inner = (row * layer.dilation[0], column * layer.dilation[1])
    outer = (row * layer.stride[0], column * layer.stride[1])
    return np.lib.stride_tricks.as_strided(
        image, (len(image), *layer.kernel, *sizes), (channel, *inner, *outer), writeable=False
    )


def multiply(_layer: InnerProduct, value: np.ndarray, parameters: Parameters) -> np.ndarray:
    """Fully connected, (N, out)."""
    weight, bias = parameters
    assert weight is not None
    top: np.ndarray = np.matmul(value.reshape(len(value), -1), weight.T)
    if bias is not None:
        top += bias
    return top


def rectify(layer: Relu, value: np.ndarray, _parameters: Parameters) -> np.ndarray:
    """max(x, 0) + negative_slope * min(x, 0)."""
    top: np.ndarray = np.maximum(value, 0)
    if layer.negative_slope:
        top += np.minimum(value, 0) * layer.negative_slope
    return top


def pool_margins(layer: Pooling, bottom: Tuple[int, ...]) -> Tuple[int, int, int, int]:
    """Padding (top, left, bottom, right) under which whole windows alone give Caffe's rounded-up size."""
    after = []
    for axis in (0, 1):
        last = (pooled_size(layer, bottom[axis + 1], axis) - 1) * layer.stride[axis]
        after.append(max(last + layer.kernel[axis] - bottom[axis + 1] - layer.pad[axis], 0))
    return (layer.pad[0], layer.pad[1], after[0], after[1])


def average_divisors(layer: Pooling, bottom: Tuple[int, ...]) -> np.ndarray:
    """Window areas (H, W) that Caffe divides by: clipped to the padded bottom, so padding counts."""
    lengths = []
    for axis in (0, 1):
        size, pad = bottom[axis + 1], layer.pad[axis]
        starts = np.arange(pooled_size(layer, size, axis)) * layer.stride[axis]
        lengths.append(np.minimum(starts + layer.kernel[axis], size + 2 * pad) - starts)
    return np.outer(lengths[0], lengths[1])


def pool(layer: Pooling, value: np.ndarray, _parameters: Parameters) -> np.ndarray:
    """Max or average pooling; windows end at the bottom's border."""
    maximum = layer.method == "max"
    above, left, below, right = pool_margins(layer, value.shape[1:])
    margins = ((0, 0), (0, 0), (above, below), (left, right))
    padded = np.pad(value, margins, mode="constant", constant_values=-np.inf if maximum else 0)
    sizes = [pooled_size(layer, value.shape[axis + 2], axis) for axis in (0, 1)]
    top = np.full((*value.shape[:2], *sizes), -np.inf if maximum else 0, value.dtype)
    combine = np.maximum if maximum else np.add
    for row in range(layer.kernel[0]):
        rows = slice(row, row + (sizes[0] - 1) * layer.stride[0] + 1, layer.stride[0])
        for column in range(layer.kernel[1]):
            columns = slice(column, column + (sizes[1] - 1) * layer.stride[1] + 1, layer.stride[1])
            combine(top, padded[:, :, rows, columns], out=top)
    if not maximum:
        top /= average_divisors(layer, value.shape[1:]).astype(value.dtype)
    return top


def normalise(layer: Lrn, value: np.ndarray, _parameters: Parameters) -> np.ndarray:
    """Each channel over a power of the sum of squares of the channels around it."""
    half = layer.local_size // 2
    squares = np.pad(value * value, ((0, 0), (half, half), (0, 0), (0, 0)))
    total = np.zeros_like(value)
    for offset in range(layer.local_size):
        total += squares[:, offset : offset + value.shape[1]]
    scale = layer.k + layer.alpha / layer.local_size * total
    result: np.ndarray = value / scale**layer.beta
    return result


def copy(_layer: Layer, value: np.ndarray, _parameters: Parameters) -> np.ndarray:
    """Dropout at test time; a copy, so that changing a top never changes its bottom."""
    return value.copy()


def exponentiate(_layer: Layer, value: np.ndarray, _parameters: Parameters) -> np.ndarray:
    """Softmax over the channels."""
    powers = np.exp(value - value.max(axis=1, keepdims=True))
    result: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return result


OPERATIONS: Dict[type, Callable[..., np.ndarray]] = {
    Convolution: convolve,
    InnerProduct: multiply,
    Relu: rectify,
    Pooling: pool,
    Lrn: normalise,
    Dropout: copy,
    Softmax: exponentiate,
}
