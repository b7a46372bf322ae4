"""Clean images that attacks start from, at the network's size, with their landmarks where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.ami.port import Port
from harness.ami.preprocess import fit_image
from harness.core.arrays import Preprocess
from harness.core.decode import decode_image
from harness.core.errors import InputError
from harness.core.examples import BENIGN, Example, read_file
from harness.witnesses.landmarks import Landmarks, Located

DECODER = "pillow"
FIT = Port(resize_when="size-differs")


@dataclass(frozen=True)
class CleanSource:
    """One clean example: pixels (H, W, 3) uint8 RGB, landmarks (68, 2) on these pixels or None."""

    example: Example
    pixels: NDArray[np.uint8]
    landmarks: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Sources:
    """The clean examples that can be attacked, and those that cannot, each with the reason."""

    sources: tuple[CleanSource, ...]
    refused: tuple[str, ...]


def read_sources(
    examples: Sequence[Example], preprocess: Preprocess, landmarks: Landmarks | None, limit: int | None
) -> Sources:
    """The first `limit` benign examples; one that cannot be used is refused, and the rest goes on.

    InputError where nothing is left.
    """
    benign = [example for example in examples if example.attack == BENIGN][:limit]
    if not benign:
        raise InputError(
            f"attack: none of {len(examples)} examples is benign; attacks start from clean images"
            " (--examples benign=DIR)"
        )
    found, refused = [], []
    for example in benign:
        try:
            found.append(read_source(example, preprocess, landmarks))
        except InputError as error:
            refused.append(str(error))
    if not found:
        raise InputError(f"attack: none of {len(benign)} benign examples can be used; {refused[0]}")
    return Sources(tuple(found), tuple(refused))


def read_source(example: Example, preprocess: Preprocess, landmarks: Landmarks | None) -> CleanSource:
    """One example; InputError names its file."""
    if example.is_array:
        raise InputError(f"{example.path}: is an array; attacks start from images")
    try:
        pixels = decode_image(read_file(example), DECODER)
        fitted = fit_image(pixels, preprocess, FIT)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(example.path) in text else f"{example.path}: {text}") from error
    if landmarks is None:
        return CleanSource(example, fitted)
    return CleanSource(example, fitted, fit_landmarks(example, pixels, fitted, landmarks.find(example.path)))


def fit_landmarks(
    example: Example, pixels: NDArray[np.uint8], fitted: NDArray[np.uint8], located: Located
) -> NDArray[np.float64]:
    """Landmarks (68, 2) as they lie once the image is resized; InputError where they are another image's."""
    height, width = pixels.shape[:2]
    if (located.height, located.width) != (height, width):
        raise InputError(
            f"{example.path}: has {width}x{height} pixels, its landmarks are of {located.width}x"
            f"{located.height}; locate them again"
        )
    scale = np.array([fitted.shape[1] / width, fitted.shape[0] / height])
    return np.asarray((located.points + 0.5) * scale - 0.5)
