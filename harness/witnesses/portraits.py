"""Faces with their landmarks, read from files and checked against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.core.decode import decode_image
from harness.core.errors import InputError
from harness.core.examples import hash_bytes, read_bytes
from harness.core.text import store_name
from harness.model.folder import Model
from harness.witnesses.landmarks import Landmarks, check_inside
from harness.witnesses.mutation import Image, Portrait

ENDINGS = (".jpg", ".jpeg", ".png")


def list_images(folder: Path) -> list[Path]:
    """Images right in a folder by name; InputError for none, and for two that share all but the ending."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read as a folder of images ({error.strerror})") from error
    images = [path for path in paths if path.suffix.lower() in ENDINGS and not path.name.startswith(".")]
    if not images:
        raise InputError(f"{folder}: holds no image ({', '.join(ENDINGS)})")
    stems = Counter(store_name(path.stem) for path in images)
    for path in images:
        if stems[store_name(path.stem)] > 1:
            raise InputError(f"{path}: there is another image named {path.stem} beside it; remove one")
    return images


def list_ignored(folder: Path) -> list[str]:
    """Names of the files right in a folder that are taken for no images."""
    taken = set(list_images(folder))
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path not in taken)


def list_others(base: Path, folder: Path) -> list[Path]:
    """The other faces in a folder; InputError where the base itself is among them."""
    others, digest = list_images(folder), hash_bytes(read_bytes(base))
    for other in others:
        if hash_bytes(read_bytes(other)) == digest:
            raise InputError(
                f"{other}: is the base face itself ({base}); take it out of the folder of --others"
            )
    return others


def read_portraits(paths: Sequence[Path], landmarks: Landmarks, model: Model, decoder: str) -> list[Portrait]:
    """Faces with their landmarks, the base first; InputError names the file that cannot be used."""
    portraits = [read_portrait(path, landmarks, decoder) for path in paths]
    for path, portrait in zip(paths, portraits, strict=True):
        check_size(path, portrait.image, portraits[0].image, model)
    return portraits


def read_portrait(path: Path, landmarks: Landmarks, decoder: str) -> Portrait:
    """One face; InputError unless its landmarks are there, of its size and inside it."""
    image, located = read_image(path, decoder), landmarks.find(path)
    place = f"{landmarks.path}, {path.name}"
    if (located.height, located.width) != image.shape[:2]:
        raise InputError(
            f"{place}: landmarks of an image of {located.width}x{located.height}, but it has"
            f" {image.shape[1]}x{image.shape[0]} pixels; locate them again"
        )
    check_inside(place, located)
    return Portrait(image, located.points, str(path))


def read_image(path: Path, decoder: str) -> Image:
    """RGB pixels (H, W, 3) of an image file; InputError names it."""
    data = read_bytes(path)
    try:
        return decode_image(data, decoder)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def check_size(path: Path, image: Image, base: Image, model: Model) -> None:
    """Refuse a face of another size than the base's, or that cannot be shrunk to the network's input."""
    height, width = image.shape[:2]
    if image.shape != base.shape:
        raise InputError(
            f"{path}: has {width}x{height} pixels, the base face {base.shape[1]}x{base.shape[0]};"
            " crop and resize all faces alike, then locate the landmarks again"
        )
    rows, columns = model.preprocess.height, model.preprocess.width
    if height < rows or width < columns or height * columns != width * rows:
        raise InputError(
            f"{path}: has {width}x{height} pixels; model {model.name} takes {columns}x{rows}, which it has"
            " to be or to be shrunk to: crop and resize it"
        )
