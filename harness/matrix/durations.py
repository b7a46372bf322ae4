"""How long each environment's cell took last time, so that the longest starts first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.ami.errors import InputError
from harness.ami.limits import MAX_NOTE_BYTES
from harness.matrix.store import read_cell
from harness.system.documents import read_shape
from harness.system.drafts import write_json

UNKNOWN = math.inf  # seconds; what was never seen may be long, so it starts early
FILE = "durations.json"


def read_durations(cache: Path) -> dict[str, float]:
    """Seconds by environment; empty where nothing is remembered."""
    try:
        return read_shape(cache / FILE, dict[str, float], MAX_NOTE_BYTES)
    except InputError:
        return {}


def remember_durations(cache: Path, folders: Mapping[str, Path]) -> None:
    """Note the workers' seconds of cells that have just run, by environment."""
    seen = dict(measure_cells(folders.items()))
    if seen:
        write_json(cache / FILE, {**read_durations(cache), **seen})


def measure_cells(folders: Iterable[tuple[str, Path]]) -> Iterable[tuple[str, float]]:
    """Environment and seconds of every cell whose `cell.json` tells; resumed ones tell too little."""
    for name, folder in folders:
        try:
            timings = read_cell(folder)["timings"]
            if not timings["resumed"]:
                yield name, float(timings["worker_seconds"])
        except (InputError, KeyError, TypeError, ValueError):
            continue
