"""Exchange one attribute between two faces, from their 68 landmarks (AmI, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from harness.ami.port import ATTRIBUTES
from harness.core.errors import InputError

Image: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float64]

LANDMARKS = 68
PEN_AT_224 = 12
"""Thickness in pixels of the outline that widens an attribute, on an image 224 pixels high."""
DARKEST_PASTED = 10
"""Grey level above which a pixel of the warped attribute is pasted; the cut-away surroundings are 0."""
MOUTH_HULL = (48, 50, 52, 54, 55, 56, 57, 58, 59)
EYES = {"leye": (36, 37, 38, 39, 40, 41), "reye": (42, 43, 44, 45, 46, 47)}
FRACTION_BITS = 4


@dataclass(frozen=True)
class Portrait:
    """A face: `image` (H, W, 3) uint8 RGB, `landmarks` (68, 2) as x, y in pixels; `name` is for messages."""

    image: Image
    landmarks: Points
    name: str = "face"


def mutate_faces(
    base: Portrait, others: Sequence[Portrait], attribute: str, size: tuple[int, int]
) -> tuple[Image, Image]:
    """Substitutions and preservations (P, H, W, 3) of one attribute, one pair for each other face.

    They are exchanged at the faces' own size and then shrunk to `size`, the network's height and width.
    """
    pairs = [mutate_pair(base, other, attribute) for other in others]
    first, second = (
        np.stack([shrink_image(image, size) for image in kind]) for kind in zip(*pairs, strict=True)
    )
    return first, second


def shrink_image(image: Image, size: tuple[int, int]) -> Image:
    """The image at a height and width that are not above its own, each pixel the mean of an area."""
    if image.shape[:2] == size:
        return image
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)


def mutate_pair(base: Portrait, other: Portrait, attribute: str) -> tuple[Image, Image]:
    """Substitution (base with the other's attribute) and preservation (other with the base's attribute).

    Raises InputError where the landmarks of one of them are unusable.
    """
    return transplant_attribute(other, base, attribute), transplant_attribute(base, other, attribute)


def transplant_attribute(donor: Portrait, receiver: Portrait, attribute: str) -> Image:
    """The receiver's image (H, W, 3) with the donor's attribute in place of its own."""
    for portrait in (donor, receiver):
        check_portrait(portrait, attribute)
    source, target = (attribute_corners(p.landmarks, attribute) for p in (donor, receiver))
    height, width = receiver.image.shape[:2]
    transform = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    warped = cv2.warpPerspective(cut_attribute(donor, attribute), transform, (width, height))
    pasted = cv2.cvtColor(warped, cv2.COLOR_RGB2GRAY) > DARKEST_PASTED
    return np.where(pasted[:, :, None], warped, receiver.image)


def cut_attribute(portrait: Portrait, attribute: str) -> Image:
    """The portrait's image, black outside the attribute and its margin."""
    kept = attribute_mask(portrait, attribute)[:, :, None] > 0
    return np.where(kept, portrait.image, np.uint8(0))


def attribute_mask(portrait: Portrait, attribute: str) -> NDArray[np.uint8]:
    """255 on the attribute's region and its margin, 0 elsewhere, (H, W)."""
    mask = np.zeros(portrait.image.shape[:2], np.uint8)
    outline = attribute_outline(portrait.landmarks, attribute)
    fixed = np.rint(outline * (1 << FRACTION_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_8, FRACTION_BITS)
    pen = pen_thickness(portrait.image.shape[0])
    cv2.polylines(mask, [fixed], isClosed=True, color=255, thickness=pen, shift=FRACTION_BITS)
    return mask


def pen_thickness(height: int) -> int:
    """Thickness of the outline on an image of this height: 12 pixels at 224, never less than 1."""
    return max(1, round(PEN_AT_224 * height / 224))


def attribute_outline(landmarks: Points, attribute: str) -> Points:
    """Convex outline (K, 2): an eye's rectangle, the nose's quadrilateral or the mouth's hull."""
    if attribute == "mouth":
        return convex_hull(landmarks[list(MOUTH_HULL)])
    return convex_hull(attribute_corners(landmarks, attribute))


def convex_hull(points: Points) -> Points:
    """Corners (K, 2) of the points' convex hull, in order."""
    hull = cv2.convexHull(points.astype(np.float32))
    return np.asarray(hull, dtype=np.float64).reshape(-1, 2)


def attribute_corners(landmarks: Points, attribute: str) -> Points:
    """Points (4, 2) carried onto the other face: top left, top right, bottom left, bottom right."""
    x, y = landmarks[:, 0], landmarks[:, 1]
    if attribute == "nose":
        return np.array([[x[32], y[27]], [x[34], y[27]], [x[31], y[33]], [x[35], y[33]]])
    if attribute == "mouth":
        left, right, top, bottom = x[48], x[64], min(y[50], y[52]), y[57]
    else:
        first, *upper, last, low, lowest = EYES[attribute]
        left, right, top, bottom = x[first], x[last], min(y[upper]), max(y[low], y[lowest])
    return np.array([[left, top], [right, top], [left, bottom], [right, bottom]])


def check_portrait(portrait: Portrait, attribute: str) -> None:
    """Refuse an image or landmarks from which an attribute cannot be cut."""
    place = f"{portrait.name}, {attribute}"
    if attribute not in ATTRIBUTES:
        raise InputError(f"{place}: no such attribute; there are {', '.join(ATTRIBUTES)}")
    image, landmarks = portrait.image, portrait.landmarks
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"{place}: image is {image.shape} {image.dtype}; give (height, width, 3) uint8 RGB")
    if landmarks.shape != (LANDMARKS, 2) or not np.isfinite(landmarks).all():
        raise InputError(
            f"{place}: landmarks are {landmarks.shape} or not finite; give 68 points x, y in pixels"
        )
    corners = attribute_corners(landmarks, attribute)
    if (corners[[1, 3], 0] <= corners[[0, 2], 0]).any() or (corners[2:, 1] <= corners[:2, 1]).any():
        raise InputError(
            f"{place}: landmarks enclose no area or are mirrored; locate them again or leave it out"
        )
    outline = attribute_outline(landmarks, attribute)
    if (outline < 0).any() or (outline > (image.shape[1] - 1, image.shape[0] - 1)).any():
        raise InputError(f"{place}: landmarks lie outside the image; locate them again or leave the face out")
