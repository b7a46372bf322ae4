"""How long each environment's cell took last time, so that the longest starts first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.core.errors import InputError
from harness.core.limits import MAX_NOTE_BYTES
from harness.records.cell import CELL, CellTimings, read_cell, take_cell
from harness.system.documents import read_shape
from harness.system.drafts import write_json

FILE = "durations.json"


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
            told = take_cell(read_cell(folder), folder / CELL).timings or CellTimings()
        except InputError:
            continue
        if told.worker_seconds is not None and told.resumed == 0:
            yield name, told.worker_seconds
