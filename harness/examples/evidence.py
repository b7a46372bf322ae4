"""What one stored array's values, and the clean image it was made from, say of its convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.ami.port import Port
from harness.ami.preprocess import fit_image
from harness.core.arrays import CONVENTIONS, NPY_CONVENTIONS, Preprocess, check_array, find_line, show_levels
from harness.core.decode import DECODERS, decode_array, decode_image
from harness.core.errors import InputError, RefusedError
from harness.core.examples import read_bytes

SLACK = 16.0  # levels by which attacks that do not clip may leave 0-255
FLAT = 8.0  # levels from darkest to brightest that no photograph has fewer of,
RICH = 32.0  # where another convention makes a picture of the same values
STEP = 2.0  # levels that whole numbers, as integer types hold them, may be apart
WHOLE = 0.02  # how far from a whole level float32 may leave one
MOST = 0.999  # share of values on whole levels that an image once was
VARIETY = 16  # different levels that take more than chance to be whole
NEAR = 16.0  # mean distance, in levels, of an attacked image to its source
CLEAR = 4.0  # how much farther than twice that the source is in a convention that is ruled out


@dataclass(frozen=True)
class Evidence:
    """What an array may hold by its values (`inside`, `whole`), and by its clean image (`near`).

    `low` and `high` are its values' limits, `levels` what they are under each convention; under those in
    `whole` all are whole levels. Conventions that are the same for this model are named by the first.
    """

    entry: Mapping[str, Any]
    low: float
    high: float
    levels: Mapping[str, tuple[float, float]]
    inside: tuple[str, ...]
    whole: tuple[str, ...]
    clean: Path | None = None
    distances: Mapping[str, float] = field(default_factory=dict)
    near: tuple[str, ...] = ()

    @property
    def fitting(self) -> tuple[str, ...]:
        """What it may hold; a clean image says more than values do."""
        values = self.whole or self.inside
        return tuple(one for one in values if one in self.near) or self.near or values

    @property
    def only(self) -> str | None:
        """The one convention that it may hold, if it is one."""
        return self.fitting[0] if len(self.fitting) == 1 else None


def weigh_array(entry: Mapping[str, Any], clean: Mapping[str, Path], preprocess: Preprocess) -> Evidence:
    """Evidence on one array; `clean` has the clean images by their sources. RefusedError for what is none."""
    stored = decode_array(read_bytes(Path(entry["file"])))
    values = check_array(stored, preprocess.height, preprocess.width)
    levels = {one: limit_levels(values, one, preprocess) for one in list_distinct(preprocess)}
    inside = list_possible(levels, stored.dtype.kind in "ui", preprocess)
    whole = tuple(one for one in inside if has_whole_levels(values, one, preprocess))
    limits = {one: (float(low.min()), float(high.max())) for one, (low, high) in levels.items()}
    evidence = Evidence(entry, float(values.min()), float(values.max()), limits, inside, whole)
    source = clean.get(entry["source"])
    pixels = None if source is None else read_source(source, preprocess)
    if pixels is None:
        return evidence
    distances = {one: measure_distance(values, one, preprocess, pixels) for one in levels}
    return replace(evidence, clean=source, distances=distances, near=pick_nearest(distances))


def list_distinct(preprocess: Preprocess) -> tuple[str, ...]:
    """The conventions, of those that a model makes equal the first."""
    return tuple(dict.fromkeys(name_first(one, preprocess) for one in NPY_CONVENTIONS))


def name_first(convention: str, preprocess: Preprocess) -> str:
    """The first convention that is the same as another for this model."""
    return next(one for one in NPY_CONVENTIONS if is_same(one, convention, preprocess))


def is_same(one: str, other: str, preprocess: Preprocess) -> bool:
    """Whether two conventions say the same of every array."""
    return CONVENTIONS[one].order == CONVENTIONS[other].order and has_same_line(one, other, preprocess)


def has_same_line(one: str, other: str, preprocess: Preprocess) -> bool:
    """Whether two conventions are the same but for the order of channels."""
    lines = zip(find_line(one, preprocess), find_line(other, preprocess), strict=True)
    return all(np.array_equal(*pair) for pair in lines)


def limit_levels(
    values: np.ndarray, convention: str, preprocess: Preprocess
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest level of R, G and B, (3,) each, that an array holds under a convention."""
    ends = np.stack([values.min((1, 2)), values.max((1, 2))], axis=1)[:, :, None]
    levels = show_levels(ends, convention, preprocess)[:, :, 0]
    return levels.min(1), levels.max(1)


def list_possible(
    levels: Mapping[str, tuple[np.ndarray, np.ndarray]], integer: bool, preprocess: Preprocess
) -> tuple[str, ...]:
    """The conventions under which values are levels 0-255, give or take some, and fine enough for integers.

    A flat image is none, where the same values are a picture under another convention.
    """
    inside = [
        one
        for one, (low, high) in levels.items()
        if low.min() >= -SLACK
        and high.max() <= 255 + SLACK
        and not (integer and find_line(one, preprocess)[0].max() > STEP)
    ]
    spread = {one: float((levels[one][1] - levels[one][0]).max()) for one in inside}
    if max(spread.values(), default=0) >= RICH:
        return tuple(one for one in inside if spread[one] >= FLAT)
    return tuple(inside)


def has_whole_levels(values: np.ndarray, convention: str, preprocess: Preprocess) -> bool:
    """Whether values are many different whole levels under a convention, as those of stored images are."""
    levels = show_levels(values, convention, preprocess)
    nearest = np.rint(levels)
    whole = np.abs(levels - nearest) <= WHOLE
    return bool(whole.mean() >= MOST) and len(np.unique(nearest.astype(np.int16))) >= VARIETY


def read_source(path: Path, preprocess: Preprocess) -> np.ndarray | None:
    """RGB levels (3, H, W), float32, of a clean image in the network's size; None where it is none."""
    missing = []
    for decoder in DECODERS:
        try:
            pixels = decode_image(read_bytes(path), decoder)
            fitted = fit_image(pixels, preprocess, Port(resize_when="size-differs"))
            return fitted.transpose(2, 0, 1).astype(np.float32)
        except RefusedError:
            return None
        except InputError as error:
            missing.append(str(error))
    raise InputError(f"{path}: is to be held against its arrays, but {'; '.join(missing)}")


def measure_distance(
    values: np.ndarray, convention: str, preprocess: Preprocess, pixels: np.ndarray
) -> float:
    """Mean distance, in levels, of what an array shows under a convention to its clean image."""
    return float(np.abs(show_levels(values, convention, preprocess) - pixels).mean())


def pick_nearest(distances: Mapping[str, float]) -> tuple[str, ...]:
    """The conventions that a clean image allows: the nearest, and those not clearly farther; or none."""
    best = min(distances.values())
    if best > NEAR:
        return ()
    return tuple(one for one, distance in distances.items() if distance < 2 * best + CLEAR)


def describe_numbers(one: Evidence, claim: str) -> str:
    """An array's values, as levels under a claim, and its distance to its clean image under each of them."""
    low, high = one.levels[claim]
    text = f"its values, {one.low:.5g} to {one.high:.5g}, would be levels {low:.5g} to {high:.5g}"
    if one.whole and claim not in one.whole:
        text += f", and are whole levels under {join_names(one.whole)} alone"
    if one.distances:
        ranked = sorted(one.distances, key=lambda name: one.distances[name])
        far = ", ".join(f"{name} {one.distances[name]:.1f}" for name in ranked)
        text += f"; mean distance in levels to its clean image {one.clean}: {far}"
    return text


def join_names(names: Sequence[str]) -> str:
    """`a, b or c`; `no convention` where there is none."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:]))) or "no convention"
