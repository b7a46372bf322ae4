"""How far two traces have come apart at a stage: the values of one less those of the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.core.errors import InputError
from harness.core.traces import Trace, name_plain, name_steered, read_trace


@dataclass(frozen=True)
class Distance:
    """Root mean square of the differences, and its share of that of the first side's values."""

    difference: float
    apart: float


def open_traces(folders: Mapping[str, Path], cells: tuple[str, str]) -> tuple[Trace, Trace] | None:
    """Both sides' traces; None where one is not there, or cannot be read."""
    try:
        first, second = (read_trace(folders[name]) for name in cells)
    except (KeyError, InputError):
        return None
    return first, second


def measure_apart(traces: tuple[Trace, Trace] | None, example: str, stage: str) -> Distance | None:
    """How far the sides are apart at a stage; None where one has no numbers there, or others in kind."""
    name = name_array(stage)
    if traces is None or name is None:
        return None
    try:
        first, second = (one.read_any(example, name) for one in traces)
    except InputError:
        return None
    if first.shape != second.shape or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    values = first.astype(np.float64)
    difference, size = find_size(second - values), find_size(values)
    return Distance(difference, difference / size if size else float(difference > 0))


def find_size(values: np.ndarray) -> float:
    """Root mean square."""
    return math.sqrt(float((values**2).mean())) if values.size else 0.0


def name_array(stage: str) -> str | None:
    """The array of a trace that a stage is about; None for a stage that is no array."""
    kind, _, rest = stage.partition(" ")
    if stage == "input":
        return stage
    if kind == "logits":
        return f"logits/{rest}"
    if kind == "plain":
        return name_plain(rest)
    blob, _, part = rest.partition(" ")
    if kind != "steered" or part == "strengthened":
        return None
    return f"{name_steered(blob)}/{part}" if part else name_steered(blob)
