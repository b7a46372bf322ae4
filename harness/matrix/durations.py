"""How long each environment's cell took last time, so that the longest starts first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from harness.core.errors import InputError
from harness.core.limits import MAX_NOTE_BYTES
from harness.plan.store import read_cell
from harness.system.documents import read_shape, take_shape
from harness.system.drafts import write_json

UNKNOWN = math.inf  # seconds; what was never seen may be long, so it starts early
FILE = "durations.json"


class Timings(msgspec.Struct):
    """What a cell says of its time."""

    worker_seconds: float
    resumed: int


class Timed(msgspec.Struct):
    """A cell that says it."""

    timings: Timings


def read_durations(cache: Path) -> dict[str, float]:
    """Seconds by environment; empty where nothing is remembered."""
    try:
        return read_shape(cache / FILE, dict[str, float], MAX_NOTE_BYTES)
    except InputError:
        return {}


def remember_durations(cache: Path, folders: Mapping[str, Path]) -> None:
    """Note the workers' seconds of cells that have just run, by environment."""
    seen = dict(measure_seconds(folders.items()))
    if seen:
        write_json(cache / FILE, {**read_durations(cache), **seen})


def measure_seconds(folders: Iterable[tuple[str, Path]]) -> Iterable[tuple[str, float]]:
    """Environment and seconds of every cell whose `cell.json` tells; resumed ones tell too little."""
    for name, folder in folders:
        try:
            told = take_shape(read_cell(folder), Timed, str(folder))
        except InputError:
            continue
        if not told.timings.resumed:
            yield name, told.timings.worker_seconds
