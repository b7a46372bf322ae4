"""In which order of axes an array may be: channels first or last, with an axis of one example or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.errors import InputError

FAR = 0.2  # of how far off the second nearest is
LAYOUTS = {"nchw": (0, 1, 2), "nhwc": (2, 0, 1), "whcn": (2, 1, 0)}
"""Which axis of a dumped map is channel, height and width; the last is that of MATLAB's."""


@dataclass(frozen=True)
class Reading:
    """An array read in one layout."""

    layout: str
    values: np.ndarray


def list_readings(values: np.ndarray, shape: Sequence[int], place: str) -> list[Reading]:
    """The ways to read an array as one of a shape; InputError for several examples at once."""
    shape = tuple(shape)
    if len(shape) == 1:
        flat = values.reshape(-1)
        if flat.size == shape[0] and max(values.shape, default=1) == flat.size:
            return [Reading("", flat)]
        refuse_batch(values, shape, place)
        return []
    maps = drop_batch(values, shape, place)
    if maps is None:
        return []
    turned = {name: maps.transpose(axes) for name, axes in LAYOUTS.items()}
    return [Reading(name, one) for name, one in turned.items() if one.shape == shape]


def drop_batch(values: np.ndarray, shape: Sequence[int], place: str) -> np.ndarray | None:
    """An array without its axis of one example; None where it has not as many axes as maps have."""
    if values.ndim == 4 and values.shape[0] == 1:
        return values[0]
    if values.ndim == 4 and values.shape[3] == 1:
        return values[..., 0]
    refuse_batch(values, shape, place)
    return values if values.ndim == 3 else None


def refuse_batch(values: np.ndarray, shape: Sequence[int], place: str) -> None:
    """InputError for an array of several examples' values."""
    if values.ndim == len(shape) + 1 and sorted(values.shape[1:]) == sorted(shape) and values.shape[0] > 1:
        raise InputError(f"{place}: holds {values.shape[0]} examples; dump the one that is named")


def measure(values: np.ndarray, known: np.ndarray) -> float:
    """How far off an array is, relative to what it is held against."""
    size = float(np.sqrt(np.mean(np.square(known, dtype=np.float64)))) or 1.0
    with np.errstate(all="ignore"):
        off = float(np.sqrt(np.mean(np.square(values.astype(np.float64) - known)))) / size
    return off if np.isfinite(off) else float("inf")


def choose_reading(readings: Sequence[Reading], known: np.ndarray | None) -> Reading | None:
    """The reading that is meant: of two that a shape allows the one whose values are far nearer.

    Of channels last, rows come before columns where values do not say otherwise. None where that is open.
    """
    if len(readings) < 2:
        return readings[0] if readings else None
    names = [one.layout for one in readings]
    if known is not None:
        ranked = sorted(readings, key=lambda one: measure(one.values, known))
        first, second = (measure(one.values, known) for one in ranked[:2])
        if first <= FAR * second:
            return ranked[0]
    return readings[names.index("nhwc")] if sorted(names) == ["nhwc", "whcn"] else None
