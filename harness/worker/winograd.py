"""Rounding of convolutions by Winograd's algorithm, which transforms tiles (Lavin and Gray, 2016).

Of its forms that libraries use, F(6x6, 3x3) over tiles of 8x8 has the largest errors; OpenCV uses it. What is
computed here is no convolution, but how large its intermediate values are: the transforms multiply values by
numbers from 1/90 to 32 and add them up, and then most of it cancels, but for what was rounded.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np

from harness.core.network import Convolution

TILE, STEP = 8, 6
INPUT = np.array(
    [
        [1, 0, -21 / 4, 0, 21 / 4, 0, -1, 0],
        [0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0],
        [0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0],
        [0, 1 / 2, 1 / 4, -5 / 2, -5 / 4, 2, 1, 0],
        [0, -1 / 2, 1 / 4, 5 / 2, -5 / 4, -2, 1, 0],
        [0, 2, 4, -5 / 2, -5, 1 / 2, 1, 0],
        [0, -2, 4, 5 / 2, -5, -1 / 2, 1, 0],
        [0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1],
    ]
)
FILTER = np.array(
    [
        [1, 0, 0],
        [-2 / 9, -2 / 9, -2 / 9],
        [-2 / 9, 2 / 9, -2 / 9],
        [1 / 90, 1 / 45, 2 / 45],
        [1 / 90, -1 / 45, 2 / 45],
        [32 / 45, 16 / 45, 8 / 45],
        [32 / 45, -16 / 45, 8 / 45],
        [0, 0, 1],
    ]
)
OUTPUT = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 1 / 2, -1 / 2, 0],
        [0, 1, 1, 4, 4, 1 / 4, 1 / 4, 0],
        [0, 1, -1, 8, -8, 1 / 8, -1 / 8, 0],
        [0, 1, 1, 16, 16, 1 / 16, 1 / 16, 0],
        [0, 1, -1, 32, -32, 1 / 32, -1 / 32, 1],
    ]
)
OPERATIONS = 8 + 3 + 8  # roundings of a value in one transform of each kind, along one axis


def convolves_by_tiles(layer: Convolution) -> bool:
    """Whether Winograd's algorithm can do a convolution."""
    return layer.kernel == (3, 3) and layer.stride == layer.dilation == (1, 1) and layer.group == 1


def measure_tiles(
    layer: Convolution, value: np.ndarray, weight: np.ndarray, unit: float
) -> Tuple[np.ndarray, np.ndarray]:
    """The most that rounding can be, and its standard deviation, (O, H, W), of a value (C, H, W)."""
    count = 2 * OPERATIONS + weight.shape[1]
    tiles, shape = cut_tiles(layer, value)
    largest = convolve_sizes(abs(tiles), abs(weight), abs(INPUT), abs(FILTER), abs(OUTPUT))
    squares = convolve_sizes(tiles**2, weight**2, INPUT**2, FILTER**2, OUTPUT**2)
    bound, scale = (join_tiles(one, shape) for one in (largest, squares))
    return count * unit / (1 - count * unit) * bound, unit * np.sqrt(count * scale)


def cut_tiles(layer: Convolution, value: np.ndarray) -> Tuple[np.ndarray, Tuple[int, int]]:
    """Overlapping tiles (C, rows, columns, 8, 8) of a padded value, and the output's size."""
    height, width = (value.shape[axis + 1] + 2 * layer.pad[axis] - 2 for axis in (0, 1))
    rows, columns = -(-height // STEP), -(-width // STEP)
    after = [
        number * STEP + 2 - value.shape[axis + 1] - layer.pad[axis]
        for axis, number in enumerate((rows, columns))
    ]
    padded = np.pad(value, ((0, 0), (layer.pad[0], after[0]), (layer.pad[1], after[1])))
    channel, row, column = padded.strides
    shape = (len(padded), rows, columns, TILE, TILE)
    strides = (channel, row * STEP, column * STEP, row, column)
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False), (height, width)


def convolve_sizes(
    tiles: np.ndarray, weight: np.ndarray, inputs: np.ndarray, filters: np.ndarray, outputs: np.ndarray
) -> np.ndarray:
    """The algorithm over sizes: tiles of results (O, rows, columns, 6, 6)."""
    rows, columns = tiles.shape[1:3]
    moved = np.ascontiguousarray((inputs @ tiles @ inputs.T).transpose(3, 4, 0, 1, 2))
    kernels = np.ascontiguousarray((filters @ weight @ filters.T).transpose(2, 3, 0, 1))
    products = kernels @ moved.reshape(TILE, TILE, len(tiles), -1)
    whole = products.reshape(TILE, TILE, len(weight), rows, columns).transpose(2, 3, 4, 0, 1)
    return outputs @ whole @ outputs.T


def join_tiles(tiles: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Tiles of results side by side, (O, H, W)."""
    outputs, rows, columns, step, _ = tiles.shape
    joined = tiles.transpose(0, 1, 3, 2, 4).reshape(outputs, rows * step, columns * step)
    return joined[:, : shape[0], : shape[1]]
