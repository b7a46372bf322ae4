"""Brushes: soft-edged polygons, lines and discs on a magnified canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from identity import Colour
    from landmarks import Points

ZOOM = 4
"""Canvas pixels per image pixel along each axis; averaging them softens the edges."""
SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV."""
STEPS = np.arange(4) / 4
"""Places on the curve between two points."""
WEIGHTS = np.stack([-STEPS, 2 - 5 * STEPS**2, STEPS + 4 * STEPS**2, -(STEPS**2)], axis=1) / 2
WEIGHTS += np.outer(STEPS**3, [-1, 3, -3, 1]) / 2 + np.outer(STEPS**2, [2, 0, 0, 0]) / 2
"""Share of the four nearest points in each place (Catmull-Rom)."""

Canvas: TypeAlias = NDArray[np.uint8]


def to_canvas(points: Points) -> NDArray[np.int32]:
    """Image coordinates (N, 2) as fixed-point canvas coordinates; pixel centres stay pixel centres."""
    return np.rint(((points + 0.5) * ZOOM - 0.5) * (1 << SHIFT)).astype(np.int32)


def smooth_loop(points: Points) -> Points:
    """A closed smooth curve (4N, 2) through points (N, 2)."""
    ring = np.stack([np.roll(points, 1, 0), points, np.roll(points, -1, 0), np.roll(points, -2, 0)], axis=1)
    return np.einsum("sk,nkd->nsd", WEIGHTS, ring).reshape(-1, 2)


def smooth_line(points: Points) -> Points:
    """An open smooth curve through points (N, 2), ending at the last."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    ring = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], axis=1)
    return np.concatenate([np.einsum("sk,nkd->nsd", WEIGHTS, ring).reshape(-1, 2), points[-1:]])


def fill(canvas: Canvas, points: Points, colour: Colour | int) -> None:
    """Fill a polygon given in image coordinates."""
    cv2.fillPoly(canvas, [to_canvas(points)], colour, cv2.LINE_AA, SHIFT)


def stroke(canvas: Canvas, points: Points, colour: Colour, width: float) -> None:
    """Draw an open line; width in image pixels."""
    thickness = max(1, round(width * ZOOM))
    cv2.polylines(
        canvas,
        [to_canvas(points)],
        isClosed=False,
        color=colour,
        thickness=thickness,
        lineType=cv2.LINE_AA,
        shift=SHIFT,
    )


def disc(canvas: Canvas, centre: Points, radius: float, colour: Colour) -> None:
    """Fill a disc; radius in image pixels."""
    x, y = to_canvas(centre)
    cv2.circle(canvas, (int(x), int(y)), int(radius * ZOOM * (1 << SHIFT)), colour, -1, cv2.LINE_AA, SHIFT)


def paste(canvas: Canvas, layer: Canvas, mask: Canvas) -> None:
    """Copy a layer over the canvas where a mask (H, W) is above half."""
    cv2.copyTo(layer, (mask > 127).astype(np.uint8), canvas)


def shrink(canvas: Canvas) -> Canvas:
    """The canvas at image size: each pixel is the mean of ZOOM x ZOOM canvas pixels."""
    height, width = canvas.shape[:2]
    return cv2.resize(canvas, (width // ZOOM, height // ZOOM), interpolation=cv2.INTER_AREA)
