"""A download that may be half done: its bytes, and what the server said of the file they are from."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.core.limits import MAX_NOTE_BYTES
from harness.system.documents import read_shape
from harness.system.drafts import write_json


@dataclass(frozen=True)
class Validators:
    """What tells one state of a file on a server from another; `total` is its size in bytes."""

    etag: str | None = None
    modified: str | None = None
    total: int | None = None

    @property
    def validator(self) -> str | None:
        """What to ask the server to compare before it continues; weak tags do not vouch for bytes."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else None
        return strong or self.modified


@dataclass(frozen=True)
class PartialDownload:
    """The files of one download, named after its address, so that mirrors are never mixed."""

    path: Path
    whole: Path

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def validators_path(self) -> Path:
        """Where its validators are kept."""
        return self.path.with_suffix(".json")

    def read_validators(self) -> Validators:
        """Its validators; none, with which nothing is continued, where they are missing or damaged."""
        try:
            return read_shape(self.validators_path, Validators, MAX_NOTE_BYTES)
        except InputError:
            return Validators()

    def begin(self, validators: Validators) -> None:
        """Drop the bytes that are there, then take note of the file that the next ones are from."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        write_json(self.validators_path, asdict(validators))

    def discard(self) -> None:
        """Drop everything."""
        for path in (self.path, self.validators_path, self.whole):
            path.unlink(missing_ok=True)

    def finish(self) -> Path:
        """The whole file, under its final name."""
        self.path.replace(self.whole)
        self.validators_path.unlink(missing_ok=True)
        return self.whole


def locate_part(folder: Path, url: str) -> PartialDownload:
    """Files of a download in a folder, whether they are there or not."""
    name = hashlib.sha256(url.encode()).hexdigest()[:20]
    return PartialDownload(folder / f"{name}.part", folder / f"{name}.archive")
