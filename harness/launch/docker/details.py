"""Files that a cell's details name, such as a trace or another network: sent in beside its job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.system.tarstream import TarEntry

NAMED = "named"
KEYS = ("path", "caffemodel", "prototxt", "from", "trace")
"""Under which details name files and folders; all else is plain data, whatever it looks like."""


@dataclass
class NamedFiles:
    """The files and folders that details name, each with the place inside that it is sent to."""

    folder: str
    places: dict[Path, str] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """Where a file or folder lies inside; one that is named twice is sent once."""
        place = self.places.setdefault(path, f"{NAMED}/{len(self.places) + 1}/{path.name}")
        return f"{self.folder}/{place}"

    def relocate(self, data: Any) -> Any:
        """Details with paths as they are inside."""
        if isinstance(data, Mapping):
            return {
                key: self.place(Path(value))
                if key in KEYS and isinstance(value, str)
                else self.relocate(value)
                for key, value in data.items()
            }
        return [self.relocate(one) for one in data] if isinstance(data, (list, tuple)) else data

    def list_entries(self) -> Iterator[TarEntry]:
        """All of them as they are sent; InputError for one that is not here."""
        for path, place in self.places.items():
            if not path.exists():
                raise InputError(f"{path}: is not here, and the cell's job names it; copy it back")
            yield from [TarEntry(place, path)] if path.is_file() else list_folder(path, place)


def list_folder(folder: Path, place: str) -> Iterator[TarEntry]:
    """A folder's files, however deep."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield TarEntry(f"{place}/{path.relative_to(folder).as_posix()}", path)
