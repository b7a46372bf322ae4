"""The cache folder: hashes of files by size and time, and the snapshot of the inside half."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness.ami.documents import explain_unreadable
from harness.ami.errors import InputError
from harness.ami.examples import hash_file
from harness.ami.limits import MAX_NOTE_BYTES
from harness.ami.text import store_data
from harness.system.documents import read_shape
from harness.system.drafts import move_folder, write_atomically
from harness.worker.fingerprint import hash_code

ROOMS = ("ami", "backends", "worker")
Stamp = tuple[int, int, int]
Known = dict[str, tuple[int, int, int, str]]
"""Stamp and hash of files by their paths."""


def find_cache(root: Path) -> Path:
    """`HARNESS_HOME`, or `.harness` in the project; made where it is missing."""
    folder = Path(os.environ.get("HARNESS_HOME") or root / ".harness").expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be made ({error.strerror}); set HARNESS_HOME to another folder"
        ) from error
    return folder


@dataclass(frozen=True)
class Hashes:
    """SHA-256 of files, remembered by path, size and time of change, so that big files are read once."""

    path: Path
    known: Known = field(default_factory=dict)

    def hash_file(self, path: Path) -> str:
        """Hexadecimal hash of a file; InputError where it cannot be read."""
        digest = self.recall(path)
        if digest is None:
            before = stamp_file(path)
            digest = hash_file(path)
            self.remember(path, digest, before)
        return digest

    def recall(self, path: Path) -> str | None:
        """Hash of a file where it is known; InputError where there is no such file."""
        remembered = self.known.get(str(path.absolute()))
        if remembered is None or remembered[:3] != stamp_file(path):
            return None
        return remembered[3]

    def remember(self, path: Path, digest: str, before: Stamp) -> None:
        """Take note of a file's hash, and of what `stamp_file` said before the file was read.

        A file that changed while it was read does not pass for the one that was hashed. One whose name is not
        UTF-8, which JSON does not hold, is hashed anew every time.
        """
        place = str(path.absolute())
        if store_data(place) == place:
            self.known[place] = (*before, digest)

    def save(self) -> None:
        """Write what is known for the next run."""
        write_atomically(self.path, json.dumps(self.known))


def stamp_file(path: Path) -> Stamp:
    """What changes with a file: size, and times of change of its content and its entry."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise explain_unreadable(path, error) from error
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_hashes(cache: Path) -> Hashes:
    """Hashes of earlier runs; none where the file is missing or damaged, since they can be made again."""
    path = cache / "hashes.json"
    try:
        return Hashes(path, read_shape(path, Known, MAX_NOTE_BYTES))
    except InputError:
        return Hashes(path)


def snapshot_worker(cache: Path) -> tuple[Path, str]:
    """A folder with a copy of the inside half alone, and the hash of its sources.

    Cells run from it, so that they cannot see outside code and editing sources meanwhile does no harm.
    """
    source = Path(sys.modules["harness"].__path__[0])
    digest = hash_code()
    folder = cache / "worker" / digest
    if folder.is_dir():
        return folder, digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    (made / "harness").mkdir()
    shutil.copyfile(source / "__init__.py", made / "harness" / "__init__.py")
    for room in ROOMS:
        shutil.copytree(
            source / room, made / "harness" / room, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    move_folder(made, folder)
    return folder, digest
