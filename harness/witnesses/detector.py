"""Locating landmarks with dlib, which is an optional package, and a predictor file of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.system.extras import write_install
from harness.witnesses.landmarks import (
    Landmarks,
    Located,
    lies_inside,
    name_image,
    name_point,
    read_landmarks,
    write_landmarks,
)
from harness.witnesses.mutation import LANDMARKS, Image, Points
from harness.witnesses.portraits import list_images, read_image

BLANK = 64  # pixels, of an image without a face
UPSAMPLED = 1  # times; the face detector was trained on faces of 80 pixels
HINT = (
    "; dlib is built from its source, which takes a C++ compiler, cmake and half an hour (the package"
    " dlib-bin is built already); or write the landmarks file yourself (docs/witnesses.md says how)"
)
PREDICTOR = "a shape predictor for 68 points (shape_predictor_68_face_landmarks.dat), got from elsewhere"

Locate = Callable[[Image], list[Points]]
"""Landmarks (68, 2) of every face in an image, the largest face first."""


@dataclass
class Search:
    """What a search for landmarks came to; `refused` are files with their reasons, `notes` are remarks."""

    found: dict[str, Located] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def locate_landmarks(
    places: Sequence[Path],
    detector: str,
    predictor: Path,
    path: Path,
    decoder: str,
    follow: Callable[[list[Path]], Iterable[Path]],
) -> Search:
    """Locate the landmarks of images and of those in folders, and add them to the file at `path`.

    `follow` shows how far it is. An image that is refused stops no other.
    """
    if detector not in DETECTORS:
        raise InputError(f"--detector {detector}: unknown; there are {', '.join(DETECTORS)}")
    images = list_faces(places)
    known = read_landmarks(path) if path.exists() else None
    name, locate = DETECTORS[detector](predictor)
    search = search_images(follow(images), path, locate, decoder)
    if search.found:
        names = dict.fromkeys([known.detector, name] if known else [name])
        everything = {**(known.images if known else {}), **search.found}
        write_landmarks(Landmarks(path, "; ".join(names), everything))
    return search


def open_dlib(predictor: Path) -> tuple[str, Locate]:
    """Dlib's name for the file's records, and its search; InputError without dlib or a usable predictor."""
    dlib = import_dlib()
    if not predictor.is_file():
        raise InputError(f"{predictor}: is no file; name {PREDICTOR}")
    try:
        shape_of = dlib.shape_predictor(str(predictor))
    except RuntimeError as error:
        raise InputError(f"{predictor}: dlib cannot read it ({error}); name {PREDICTOR}") from error
    check_predictor(dlib, shape_of, predictor)
    faces_of = dlib.get_frontal_face_detector()
    name = f"dlib {dlib.__version__}, {predictor.name} {hash_file(predictor)[:12]}"
    return name, lambda image: locate_faces(image, faces_of, shape_of)


def import_dlib() -> ModuleType:
    """The package; InputError that says how to get it."""
    try:
        import dlib
    except ImportError as error:
        raise InputError(f"dlib is not here ({error}); {write_install(['dlib'])}{HINT}") from error
    return dlib


def check_predictor(dlib: ModuleType, shape_of: Any, predictor: Path) -> None:
    """Refuse a predictor of other points."""
    blank = np.zeros((BLANK, BLANK, 3), np.uint8)
    parts = shape_of(blank, dlib.rectangle(0, 0, BLANK - 1, BLANK - 1)).num_parts
    if parts != LANDMARKS:
        raise InputError(f"{predictor}: predicts {parts} points; name {PREDICTOR}")


def locate_faces(image: Image, faces_of: Any, shape_of: Any) -> list[Points]:
    """Landmarks (68, 2) of every face, the largest first."""
    faces = sorted(faces_of(image, UPSAMPLED), key=lambda face: face.width() * face.height(), reverse=True)
    return [
        np.array([(part.x, part.y) for part in shape_of(image, face).parts()], np.float64) for face in faces
    ]


def search_images(images: Iterable[Path], path: Path, locate: Locate, decoder: str) -> Search:
    """Landmarks of images by their names in the file at `path`; an image without any stops no other."""
    search = Search()
    for image in images:
        try:
            search_image(search, image, path, locate, decoder)
        except InputError as error:
            search.refused.append(str(error))
    return search


def search_image(search: Search, image: Path, path: Path, locate: Locate, decoder: str) -> None:
    """Add one image's landmarks."""
    pixels = read_image(image, decoder)
    found = locate(np.ascontiguousarray(pixels))
    if not found:
        raise InputError(f"{image}: no face was found; crop it closer, enlarge it, or leave it out")
    located = Located(pixels.shape[1], pixels.shape[0], found[0])
    if len(found) > 1:
        search.notes.append(f"{image}: {len(found)} faces were found; the largest was taken")
    outside = [number for number in range(LANDMARKS) if not lies_inside(located, number)]
    if outside:
        listed = ", ".join(map(name_point, outside[:3])) + (", …" if len(outside) > 3 else "")
        search.notes.append(f"{image}: {len(outside)} landmarks lie outside the image: {listed}")
    search.found[name_image(image, path)] = located


def list_faces(places: Sequence[Path]) -> list[Path]:
    """Image files that are named or lie in folders that are, each once; InputError for a name of nothing."""
    found = [path for place in places for path in (list_images(place) if place.is_dir() else [place])]
    for path in found:
        if not path.is_file():
            raise InputError(f"{path}: is no file and no folder")
    return list(dict.fromkeys(found))


DETECTORS: dict[str, Callable[[Path], tuple[str, Locate]]] = {"dlib": open_dlib}
