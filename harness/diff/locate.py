"""Runs found by what people call them: a path, an id, the beginning of one, or `latest`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.core.documents import is_file, is_folder
from harness.core.errors import InputError

LATEST = "latest"
RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}")
MOST_NAMES = 5

IsWanted = Callable[[Path], bool]


def find_run(place: str, reports: Path) -> Path:
    """Folder of a run, or of a cell that is named by path; InputError with the runs there are."""
    return find_folder(place, reports, is_run)


def find_report(place: str, reports: Path) -> Path:
    """Folder of a run or of another report; InputError with the runs there are."""
    return find_folder(place, reports, is_report)


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's or a cell's."""
    return is_folder(folder / "cells") or is_file(folder / "cell.json")


def is_report(folder: Path) -> bool:
    """Whether a folder is a run's, a cell's or a comparison's."""
    return is_file(folder / "summary.json") or is_run(folder)


def find_folder(place: str, reports: Path, is_wanted: IsWanted) -> Path:
    """The folder that is meant; a path or a whole id comes before anything shorter."""
    for folder in (Path(place), reports / place):
        if is_wanted(folder):
            return folder
    names = list_folders(reports, is_wanted)
    found = pick_latest(reports, names) if place == LATEST else match_names(names, place)
    if len(found) == 1:
        return reports / found[0]
    if found:
        raise InputError(
            f"{place}: is the beginning of {join_names(found)}; say more of the one that is meant"
        )
    raise InputError(
        f"{place}: is no run (a folder with cells/); the last in {reports} are {join_names(names) or 'none'}"
    )


def list_folders(reports: Path, is_wanted: IsWanted) -> list[str]:
    """Names of the finished runs in a folder, by their ids in the order of their start."""
    return sorted(
        path.name for path in reports.glob("*") if not path.name.startswith(".") and is_wanted(path)
    )


def match_names(names: Sequence[str], beginning: str) -> list[str]:
    """The names that begin so; none for no beginning at all."""
    return [name for name in names if beginning and name.startswith(beginning)]


def pick_latest(reports: Path, names: Sequence[str]) -> list[str]:
    """The run that started last, of those within one second the one that was written last; or none."""
    runs = [name for name in names if RUN_ID.fullmatch(name)]
    times = {name: (name.partition("-")[0], (reports / name).stat().st_mtime_ns, name) for name in runs}
    return sorted(runs, key=times.__getitem__)[-1:]


def join_names(names: Sequence[str]) -> str:
    """The last names, and how many there are before them."""
    left = len(names) - MOST_NAMES
    return ", ".join(names[-MOST_NAMES:]) + (f" and {left} earlier ones" if left > 0 else "")
