"""Landmarks beside images: a JSON file with 68 points for each, as x and y in pixels."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import FITS, check_fields, read_json, shorten
from harness.core.errors import InputError
from harness.core.limits import MAX_LANDMARK_BYTES
from harness.core.text import store_name
from harness.system.drafts import write_atomically
from harness.system.invocation import write_command
from harness.witnesses.mutation import LANDMARKS, Points

SCHEMA = 1
CUTTING = (27, *range(31, 60), 64)
"""Landmarks that an attribute is cut by; the others (jaw, brows) may lie outside a closely cropped image."""
PARTS = (
    (range(17), "jaw"),
    (range(17, 27), "brows"),
    (range(27, 36), "nose"),
    (range(36, 42), "left eye"),
    (range(42, 48), "right eye"),
    (range(48, 68), "mouth"),
)
ENTRY = {"width": "a whole number", "height": "a whole number", "points": "a list"}
MOST_ODD = 1e6  # pixels; nothing that detectors answer lies farther out


@dataclass(frozen=True)
class Located:
    """The landmarks (68, 2) of one image of this size; pixel centres are at whole numbers."""

    width: int
    height: int
    points: Points


@dataclass(frozen=True)
class Landmarks:
    """A landmarks file: who located them, and those of each image by its path from the file's folder."""

    path: Path
    detector: str
    images: Mapping[str, Located]

    def find(self, image: Path) -> Located:
        """Landmarks of an image file; InputError where the file has none for it."""
        key = name_image(image, self.path)
        if key not in self.images:
            raise InputError(
                f"{self.path}: has no landmarks of {key}; locate them with `{write_command('landmarks')}`, or"
                f" add its 68 points under this name (the image's path from the folder of {self.path.name})"
            )
        return self.images[key]


def name_image(image: Path, path: Path) -> str:
    """Name of an image in a landmarks file: its path from the file's folder, with forward slashes."""
    return store_name(Path(os.path.relpath(image.absolute(), path.absolute().parent)).as_posix())


def read_landmarks(path: Path) -> Landmarks:
    """A landmarks file; InputError names file, image and point of whatever is wrong in it."""
    data = read_json(path, MAX_LANDMARK_BYTES)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("images"), dict):
        raise InputError(
            f'{path}: is no landmarks file; it has to hold "schema": {SCHEMA}, and "images" by their paths'
        )
    images = {
        store_name(name): read_located(f"{path}, {name}", entry) for name, entry in data["images"].items()
    }
    if len(images) < len(data["images"]):
        raise InputError(f"{path}: has two images whose names are the same but for the form of their letters")
    return Landmarks(path, str(data.get("detector", "unknown")), images)


def read_located(place: str, entry: Any) -> Located:
    """One image's entry."""
    check_fields(entry, ENTRY, place)
    given = entry["points"]
    if len(given) != LANDMARKS:
        raise InputError(f"{place}: has {len(given)} points, not {LANDMARKS}; locate them again")
    points = np.array([read_point(place, number, point) for number, point in enumerate(given)])
    return Located(entry["width"], entry["height"], points)


def read_point(place: str, number: int, point: Any) -> tuple[float, float]:
    """A point x, y; InputError where it is none."""
    if not FITS["a list of numbers"](point) or len(point) != 2:
        raise InputError(f"{place}: {name_point(number)} is {shorten(repr(point))}, not x, y in pixels")
    found = float(point[0]), float(point[1])
    if not all(abs(one) < MOST_ODD for one in found):
        raise InputError(f"{place}: {name_point(number)} is at {found}, which is no place; correct it")
    return found


def lies_inside(located: Located, number: int) -> bool:
    """Whether a landmark lies on its image."""
    x, y = located.points[number]
    return bool(0 <= x <= located.width - 1 and 0 <= y <= located.height - 1)


def check_inside(place: str, located: Located) -> None:
    """Refuse landmarks outside the image, among those that an attribute is cut by."""
    for number in CUTTING:
        if not lies_inside(located, number):
            x, y = located.points[number]
            raise InputError(
                f"{place}: {name_point(number)} is at {x:g}, {y:g}, outside its {located.width}x"
                f"{located.height} pixels; correct it, or leave the face out"
            )


def name_point(number: int) -> str:
    """`point 37 (left eye)`, counted from 0."""
    part = next(name for numbers, name in PARTS if number in numbers)
    return f"point {number} ({part})"


def write_landmarks(landmarks: Landmarks) -> None:
    """Write a landmarks file, whole or not at all; InputError where that cannot be done."""
    lines = [
        f"  {json.dumps(name)}: " + json.dumps(describe_located(located))
        for name, located in sorted(landmarks.images.items())
    ]
    head = f'{{"schema": {SCHEMA}, "detector": {json.dumps(landmarks.detector)}, "images": {{\n'
    try:
        write_atomically(landmarks.path, head + ",\n".join(lines) + "\n}}\n")
    except OSError as error:
        raise InputError(f"{landmarks.path}: cannot be written ({error.strerror})") from error


def describe_located(located: Located) -> dict[str, Any]:
    """One image's entry as plain data."""
    return {"width": located.width, "height": located.height, "points": located.points.tolist()}
