"""Image resizing in NumPy with OpenCV's kernels, half-pixel centres and repeated borders."""

from __future__ import annotations

from typing import Any

import numpy as np

CUBIC_A = -0.75  # OpenCV's cubic parameter; Pillow and PyTorch's antialiased kernel use -0.5


def kernel_weights(distance: np.ndarray, kernel: str) -> np.ndarray:
    """Weight of a sample at a distance in source pixels."""
    x = np.abs(distance)
    if kernel == "bilinear":
        return np.maximum(0.0, 1.0 - x)
    near = ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1
    far = ((CUBIC_A * x - 5 * CUBIC_A) * x + 8 * CUBIC_A) * x - 4 * CUBIC_A
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def resize_matrix(size_in: int, size_out: int, kernel: str) -> np.ndarray:
    """Matrix (size_out, size_in), float64, that resizes one axis; kernel is bicubic, bilinear or nearest."""
    scale, rows = size_in / size_out, np.arange(size_out)
    matrix = np.zeros((size_out, size_in))
    if kernel == "nearest":
        matrix[rows, np.minimum((rows * scale).astype(int), size_in - 1)] = 1
        return matrix
    centres = (rows + 0.5) * scale - 0.5
    for offset in range(-1, 3):
        taps = np.floor(centres).astype(int) + offset
        weights = kernel_weights(centres - taps, kernel)
        np.add.at(matrix, (rows, np.clip(taps, 0, size_in - 1)), weights)
    return matrix


def resize_image(image: np.ndarray, height: int, width: int, kernel: str) -> np.ndarray:
    """Resize (H, W, C) to (height, width, C), float64."""
    rows = resize_matrix(image.shape[0], height, kernel)
    columns = resize_matrix(image.shape[1], width, kernel)
    return np.einsum("ih,hwc,jw->ijc", rows, image, columns, optimize=True)


def resize_maps(maps: Any, rows: Any, columns: Any) -> Any:
    """Resize native maps (..., h, w) by two native matrices (H, h) and (W, w)."""
    return rows @ maps @ columns.T
