"""Image resizing in NumPy as OpenCV does it: half-pixel centres, repeated borders.

Levels are resized in OpenCV's own arithmetic for bytes, to the bit; maps of numbers by matrices.
"""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

CUBIC_A = -0.75  # OpenCV's cubic parameter; Pillow and PyTorch's antialiased kernel use -0.5
ONE = 1 << 11  # what OpenCV's whole-number weights of one row or column add up to
LANES = 8  # values that its code for SSE2 takes at once; what is left of a row it rounds otherwise


def resize_levels(pixels: np.ndarray, height: int, width: int, kernel: str) -> np.ndarray:
    """Resize (H, W, C), uint8, to (height, width, C); kernel is bicubic, bilinear or nearest.

    Equal to OpenCV 4's own code for SSE2 and SSE3 on x86. Its wheels hand bicubic resizing to Intel's
    IPP: 3.8 % of values one level off (of 60 sizes), unless that is switched off.
    """
    if kernel == "nearest":
        return pixels[find_nearest(pixels.shape[0], height)][:, find_nearest(pixels.shape[1], width)]
    columns, across = place_taps(pixels.shape[1], width, kernel)
    rows, down = place_taps(pixels.shape[0], height, kernel)
    lines = sum(
        pixels[:, places].astype(np.int32) * weights[:, None] for places, weights in zip(columns, across)
    )
    taps = np.stack([lines.reshape(len(pixels), -1)[places] for places in rows])
    blend = blend_cubic if kernel == "bicubic" else blend_linear
    return np.clip(blend(taps, down), 0, 255).astype(np.uint8).reshape(height, width, -1)


def find_nearest(size_in: int, size_out: int) -> np.ndarray:
    """Places in one axis, (size_out,), that are copied."""
    places = np.floor(np.arange(size_out) * (1 / (size_out / size_in))).astype(int)
    return np.minimum(places, size_in - 1)


def place_taps(size_in: int, size_out: int, kernel: str) -> Tuple[np.ndarray, np.ndarray]:
    """Places along one axis, (taps, size_out), and their whole-number weights, int32."""
    centres = ((np.arange(size_out) + 0.5) * (1 / (size_out / size_in)) - 0.5).astype(np.float32)
    left = np.floor(centres)
    weights = weigh_taps(centres - left, kernel)
    offsets = np.arange(len(weights)) - (1 if kernel == "bicubic" else 0)
    places = np.clip(left.astype(int) + offsets[:, None], 0, size_in - 1)
    return places, np.rint(weights * np.float32(ONE)).astype(np.int32)


def weigh_taps(x: np.ndarray, kernel: str) -> np.ndarray:
    """Weights, (taps, n), float32, of the places around points x, float32, each sum in OpenCV's order."""
    y = 1 - x
    if kernel == "bilinear":
        return np.stack([y, x])
    a = CUBIC_A
    first = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a
    second = ((a + 2) * x - (a + 3)) * x * x + 1
    third = ((a + 2) * y - (a + 3)) * y * y + 1
    return np.stack([first, second, third, 1 - first - second - third])


def blend_cubic(taps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Levels (height, n) of four lines each, in float32; in integers where a row's rest fills no register."""
    scaled = weights.astype(np.float32) / np.float32(ONE * ONE)
    total = taps[3].astype(np.float32) * scaled[3][:, None]
    for tap, weight in zip(taps[2::-1], scaled[2::-1]):
        total = tap.astype(np.float32) * weight[:, None] + total
    levels = np.rint(total).astype(np.int64)
    start = levels.shape[1] - levels.shape[1] % LANES
    rest = (taps[:, :, start:].astype(np.int64) * weights[:, :, None]).sum(axis=0)
    levels[:, start:] = (rest + ONE * ONE // 2) // (ONE * ONE)
    return levels


def blend_linear(taps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Levels (height, n) of two lines each, in integers, of which low bits are dropped."""
    return (((taps >> 4) * weights[:, :, None] >> 16).sum(axis=0) + 2) >> 2


def kernel_weights(distance: np.ndarray, kernel: str) -> np.ndarray:
    """Weight of a sample at a distance in source pixels."""
    x = np.abs(distance)
    if kernel == "bilinear":
        return np.maximum(0.0, 1.0 - x)
    near = ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1
    far = ((CUBIC_A * x - 5 * CUBIC_A) * x + 8 * CUBIC_A) * x - 4 * CUBIC_A
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def resize_matrix(size_in: int, size_out: int, kernel: str) -> np.ndarray:
    """Matrix (size_out, size_in), float64, that resizes one axis; kernel is bicubic or bilinear."""
    matrix = np.zeros((size_out, size_in))
    rows = np.arange(size_out)
    centres = (rows + 0.5) * (size_in / size_out) - 0.5
    for offset in range(-1, 3):
        taps = np.floor(centres).astype(int) + offset
        weights = kernel_weights(centres - taps, kernel)
        np.add.at(matrix, (rows, np.clip(taps, 0, size_in - 1)), weights)
    return matrix


def resize_maps(maps: Any, rows: Any, columns: Any) -> Any:
    """Resize native maps (..., h, w) by two native matrices (H, h) and (W, w)."""
    return rows @ maps @ columns.T
