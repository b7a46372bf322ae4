"""What a folder holds: size, times and hash of every file, so that a change shows without reading all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

import msgspec

from harness.core.errors import name_file
from harness.core.text import store_data
from harness.system.sealed import read_sealed, write_sealed

FILE = "manifest.json"
COMPILED = "__pycache__"  # whoever runs Python in a folder adds to these


class FileEntry(msgspec.Struct, frozen=True, array_like=True):
    """A file: what its status said when it was hashed (bytes, nanoseconds), and the hash."""

    size: int
    modified: int
    changed: int
    sha256: str


def write_manifest(folder: Path) -> None:
    """Take down what a folder holds, in the folder itself."""
    files = list_files(folder)
    write_sealed(folder / FILE, {name: make_file_entry(*found) for name, found in files.items()})


def find_change(folder: Path) -> str | None:
    """What is not as it was taken down, in words; None where all is.

    Files whose size and times are the same count as unchanged; others are read.
    """
    known = read_sealed(folder / FILE, dict[str, FileEntry])
    if known is None:
        return f"{folder / FILE} is missing or damaged"
    files, renewed = list_files(folder), {}
    for name, entry in known.items():
        if name not in files:
            return f"{folder / name} is missing"
        if (entry.size, entry.modified, entry.changed) != take_stamp(files[name][1]):
            renewed[name] = make_file_entry(*files[name])
            if renewed[name].sha256 != entry.sha256:
                return f"{folder / name} was changed"
    added = [name for name in files.keys() - known.keys() if COMPILED not in name.split("/")]
    if added:
        return f"{folder / min(added)} was added"
    if renewed:  # as after a copy
        with contextlib.suppress(OSError):  # what cannot be written is found out again
            write_sealed(folder / FILE, {**known, **renewed})
    return None


def distrust(folder: Path) -> None:
    """Have all of a folder read again next time, whatever its size and times say: something broke in it."""
    known = read_sealed(folder / FILE, dict[str, FileEntry])
    if known is not None:
        with contextlib.suppress(OSError):  # a full disk is to change no reason for which something broke
            entries = {name: FileEntry(entry.size, 0, 0, entry.sha256) for name, entry in known.items()}
            write_sealed(folder / FILE, entries)


def list_files(folder: Path) -> dict[str, tuple[str, os.stat_result]]:
    """Everything in a folder but folders and the manifest, by its name there: path and status; OSError."""
    start, found, waiting = len(str(folder)) + 1, {}, [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    name = store_data(entry.path[start:].replace(os.sep, "/"))
                    found[name] = entry.path, entry.stat(follow_symlinks=False)
    found.pop(FILE, None)
    return found


def take_stamp(status: os.stat_result) -> tuple[int, int, int]:
    """What changes with a file."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def make_file_entry(path: str, status: os.stat_result) -> FileEntry:
    """A file's entry; OSError, with its name, where it cannot be read."""
    return FileEntry(*take_stamp(status), hash_entry(Path(path), status))


def hash_entry(path: Path, status: os.stat_result) -> str:
    """Hash of a file's bytes or of where a link leads; of anything else, which would not end, its kind."""
    if stat.S_ISLNK(status.st_mode):
        return hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    if not stat.S_ISREG(status.st_mode):
        return f"kind {stat.S_IFMT(status.st_mode):o}"
    with name_file(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
