"""Litter: what killed processes left in the cache, told from what others use by its locks, and removed."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from harness.core.errors import InputError
from harness.plan.store import WORKPLACES, lock_cell, measure_records
from harness.system.drafts import remove_path, sweep_drafts
from harness.system.locks import LOCKS, release, take_lock
from harness.worker.job import load_job

PLACES = (".", "models", "venvs", "wheelhouses", "bases", "examples", "images", "worker")
RESUME_DAYS = 30  # so long a killed cell can go on where it was
DAY_SECONDS = 24 * 3600


def sweep_cache(cache: Path) -> None:
    """Remove drafts, lock files and workplaces that nobody has or will go on with."""
    for place in PLACES:
        sweep_drafts(cache / place)
    for path in list((cache / LOCKS).glob("*.lock")):
        with contextlib.suppress(OSError, InputError):
            sweep_lock(path)
    for workplace in list((cache / WORKPLACES).glob("*")):
        with contextlib.suppress(OSError, InputError):
            sweep_workplace(cache, workplace)


def sweep_lock(path: Path) -> None:
    """Remove a lock file that nobody has."""
    file = take_lock(path)
    if file is not None:
        release(path, file)


def sweep_workplace(cache: Path, workplace: Path) -> None:
    """Remove a workplace that no cell runs in, unless one would go on there."""
    path = cache / LOCKS / f"{lock_cell(workplace.name)}.lock"
    path.parent.mkdir(exist_ok=True)
    file = take_lock(path)
    if file is None:
        return
    try:
        if not is_resumable(workplace):
            remove_path(workplace)
    finally:
        release(path, file)


def is_resumable(workplace: Path) -> bool:
    """Whether there are records of not too long ago, here or in a container that may still have them."""
    age = time.time() - workplace.stat().st_mtime
    has_records = measure_records(workplace) > 0 or is_elsewhere(workplace)
    return has_records and age < RESUME_DAYS * DAY_SECONDS


def is_elsewhere(workplace: Path) -> bool:
    """Whether the cell's worker writes its records in a container."""
    try:
        return bool(load_job(workplace / "job.json")["output"] != str(workplace))
    except InputError:
        return False
