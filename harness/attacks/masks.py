"""Where an attack may change an image: a square, or spectacle frames placed by landmarks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from harness.attacks.recipes import Glasses, PatchRecipe

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]
EYES = (range(36, 42), range(42, 48))
TEMPLES = (0, 16)
LENS = (0.43, 0.33)
"""Half width and half height of a lens to the middle of its rim, in distances between the eyes."""
DROP = 0.06
"""How far a lens's centre lies below its eye's, in the same unit."""
SQUARENESS = 0.6
"""Exponent of the lens's outline: 1 would be an ellipse, 0 a rectangle."""
BRIDGE = 0.12
"""How far above the lenses' centres the bridge and the arms are, in the same unit."""
CORNERS = 48
ZOOM = 8
"""Canvas pixels per image pixel: a pixel belongs to the frame where more than half of it does."""


def mask_patch(height: int, width: int, recipe: PatchRecipe) -> Mask:
    """The square (H, W), at least one pixel wide and one inside the image."""
    mask = np.zeros((height, width), np.bool_)
    top, left = (min(round(length * recipe.corner), length - 1) for length in (height, width))
    side = max(1, round(min(height, width) * recipe.side))
    mask[top : top + side, left : left + side] = True
    return mask


def mask_glasses(landmarks: Points, height: int, width: int, recipe: Glasses) -> Mask:
    """The frame (H, W) of 68 landmarks (68, 2), x and y in pixels: two rims, a bridge and two arms."""
    left, right = (landmarks[list(eye)].mean(0) for eye in EYES)
    along = right - left
    down = np.array([-along[1], along[0]])
    canvas = np.zeros((height * ZOOM, width * ZOOM), np.uint8)
    thickness = max(1, round(recipe.rim * float(np.linalg.norm(along)) * ZOOM))
    for eye in (left, right):
        draw(canvas, outline_lens(eye + DROP * down, along, down), thickness, closed=True)
    draw(canvas, np.stack([left + LENS[0] * along, right - LENS[0] * along]) - BRIDGE * down, thickness)
    for eye, side, temple in ((left, -1, TEMPLES[0]), (right, 1, TEMPLES[1])):
        hinge = eye + side * LENS[0] * along - BRIDGE * down
        length = side * float((landmarks[temple] - hinge) @ along) / float(along @ along)
        draw(canvas, np.stack([hinge, hinge + side * max(0.0, length) * along]), thickness)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small > 127)


def outline_lens(centre: Points, along: Points, down: Points) -> Points:
    """Corners (CORNERS, 2) of a rounded lens."""
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    x, y = (np.sign(part) * np.abs(part) ** SQUARENESS for part in (np.cos(angle), np.sin(angle)))
    return np.asarray(centre + np.outer(x * LENS[0], along) + np.outer(y * LENS[1], down))


def draw(canvas: NDArray[np.uint8], points: Points, thickness: int, *, closed: bool = False) -> None:
    """A line through points (N, 2) of the image."""
    places = np.rint((points + 0.5) * ZOOM - 0.5).astype(np.int32)
    cv2.polylines(canvas, [places], closed, 255, thickness)
