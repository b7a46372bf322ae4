"""The cache folder: hashes of files by size and time, and the snapshot of the inside half."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path

from harness.core.documents import explain_unreadable
from harness.core.errors import InputError, name_file
from harness.core.examples import hash_file
from harness.core.text import store_data
from harness.system.drafts import remove_path, replace_file, try_writing
from harness.system.locks import LOCKS, Say, hold_lock
from harness.system.manifest import list_files
from harness.system.sealed import read_sealed, write_sealed
from harness.worker.fingerprint import hash_sources, read_code

APPLICATION = "ami-harness"
FileState = tuple[int, int, int]
Known = dict[str, tuple[int, int, int, str]]
"""States and hashes of files by their paths."""


def find_cache(root: Path) -> Path:
    """The cache's folder, as `choose_cache` has it; made where it is missing.

    InputError where it cannot be written, before anything is done that could not be kept there.
    """
    folder, _ = choose_cache(root)
    try:
        try_writing(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); set HARNESS_HOME to another folder"
        ) from error
    return folder


def choose_cache(root: Path) -> tuple[Path, str]:
    """Where the cache is to be, and why there: `HARNESS_HOME`, or the system's place for a user's caches.

    A project that has one of an earlier version, which kept it beside the environments, keeps it.
    """
    named = os.environ.get("HARNESS_HOME")
    if named:
        return Path(named).expanduser().absolute(), "as HARNESS_HOME says"
    usual, old = user_cache_path(APPLICATION, appauthor=False), (root / ".harness").absolute()
    if (old / LOCKS).is_dir():  # which whoever used a cache has made
        return old, f"where earlier versions had it; without this folder it would be {usual}"
    return usual, ""


@dataclass(frozen=True)
class HashCache:
    """SHA-256 of files, remembered by path, size and time of change, so that big files are read once."""

    path: Path
    known: Known = field(default_factory=dict)

    def hash_file(self, path: Path) -> str:
        """Hexadecimal hash of a file; InputError where it cannot be read."""
        digest = self.recall(path)
        if digest is None:
            before = read_state(path)
            digest = hash_file(path)
            self.remember(path, digest, before)
        return digest

    def recall(self, path: Path) -> str | None:
        """Hash of a file where it is known; InputError where there is no such file."""
        remembered = self.known.get(str(path.absolute()))
        if remembered is None or remembered[:3] != read_state(path):
            return None
        return remembered[3]

    def remember(self, path: Path, digest: str, before: FileState) -> None:
        """Take note of a file's hash, and of what `read_state` said before the file was read.

        A file that changed while it was read does not pass for the one that was hashed. One whose name is not
        UTF-8, which JSON does not hold, is hashed anew every time.
        """
        place = str(path.absolute())
        if store_data(place) == place:
            self.known[place] = (*before, digest)

    def save(self) -> None:
        """Write what is known for the next run."""
        write_sealed(self.path, self.known)


def read_state(path: Path) -> FileState:
    """What changes with a file: size, and times of change of its content and its entry."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise explain_unreadable(path, error) from error
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read_hashes(cache: Path) -> HashCache:
    """Hashes of earlier runs; none where the file is missing or damaged, since they can be made again."""
    path = cache / "hashes.json"
    return HashCache(path, read_sealed(path, Known) or {})


def snapshot_worker(cache: Path, stop: threading.Event, say: Say) -> tuple[Path, str]:
    """A folder with a copy of the inside half alone, and the hash of its sources.

    Cells run from it, so that they cannot see outside code and editing sources meanwhile does no harm. Each
    file of it is held against its source; `say` is told where one had to be copied anew.
    """
    code = read_code(Path(sys.modules["harness"].__path__[0]))
    digest = hash_sources(code)
    folder = cache / "worker" / digest
    with hold_lock(cache, f"worker-{digest[:20]}", stop, say):
        is_new = not os.path.lexists(folder)
        odd = write_code(folder, {f"harness/{name}": data for name, data in code.items()})
    if odd and not is_new:
        more = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
        say(f"{odd[0]} was not what had been copied there{more}; the worker is copied anew")
    return folder, digest


def write_code(folder: Path, code: Mapping[str, bytes]) -> list[Path]:
    """Have a folder hold these files and no other; what of it was missing, other, or too much."""
    if folder.is_symlink() or not folder.is_dir():
        remove_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    odd = [Path(path) for name, (path, _) in list_files(folder).items() if name not in code]
    for path in odd:
        remove_path(path)
    for name, data in code.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
            odd.append(path)
            remove_path(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with name_file(path), replace_file(path) as draft:
                draft.write_bytes(data)
    return odd
