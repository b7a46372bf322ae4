"""Paths in lists that may have been written elsewhere: with backslashes, from a drive, from another root."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath

from harness.core.text import find_spelling

DRIVE = re.compile(r"[A-Za-z]:(?=[\\/])")


def find_listed(folder: Path, text: str) -> tuple[Path, str]:
    """The file that a list in a folder names, and its name from there with slashes, without its ending.

    What an absolute path of another machine ends with is looked for below the folder. A file that lies
    elsewhere is named by its own name alone, since the way to it is another one on every machine.
    """
    found = next((one for one in list_readings(folder, text) if is_there(one)), folder / text)
    below = folder in found.parents
    name = found.relative_to(folder) if below and ".." not in found.parts else PurePath(found.name)
    return found, PurePosixPath(*name.parts).with_suffix("").as_posix() if name.name else ""


def list_readings(folder: Path, text: str) -> Iterator[Path]:
    """What a path may mean: as it stands, with backslashes for slashes, or by its end."""
    yield find_spelling(folder / text)
    slashed = text.replace("\\", "/")
    yield find_spelling(folder / slashed)
    bare = DRIVE.sub("", slashed, count=1)
    if bare.startswith("/"):
        parts = [part for part in bare.split("/") if part not in {"", ".", ".."}]
        for start in range(len(parts)):
            yield find_spelling(folder.joinpath(*parts[start:]))


def is_there(path: Path) -> bool:
    """Whether there is something at a path; a name that no file can have has nothing."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
