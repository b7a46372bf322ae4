"""Traces on disk: an archive of arrays (`.npz`, never pickled) for each example, and `trace.json` about them.

`plain/BLOB` is what the plain pass held, `steered/BLOB/before` and `/after` what a visit of the steered pass
found and left. `steered/BLOB` is what any other blob held, or one that the pass came by again after its
visit.

A partial trace (`partial` in `trace.json`) is what somebody dumped of a program of their own: any of these.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import weakref
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from numpy.lib import format as npy_format

from harness.core.decode import decode_array
from harness.core.documents import NAME, check_fields, open_file, read_json, shorten
from harness.core.errors import InputError, name_file
from harness.core.examples import hash_file
from harness.core.limits import MAX_ARRAY_BYTES, MAX_NOTE_BYTES, MAX_TRACE_BYTES

INDEX = "trace.json"
SCHEMA = 1
FIELDS = {
    "schema": "a whole number",
    "model": NAME,
    "blobs": "a list",
    "examples": "a list",
    "hashes": "a table",
    "port": "a table",
    "parameters": "a table",
}
EXAMPLE = {"example": NAME, "archive": NAME, "bytes": "a whole number", "sha256": NAME, "hashes": "a table"}
LEVEL = 1  # of compression: 6 takes four times as long for a tenth less
MOST_VALUES = 1 << 26  # of a blob; full-size VGG-Face's largest has 3.2 million
ARCHIVE = re.compile(r"[A-Za-z0-9_-]{1,100}\.npz", re.ASCII)
HEADER_BYTES = 4096  # of an array in an archive
MAX_DIRECTORY_BYTES = 8 << 20  # of what an archive holds: some hundred thousand arrays
END, END_BYTES, MAX_COMMENT = b"PK\x05\x06", 22, 1 << 16
LONG_END, LONG_END_BYTES = b"PK\x06\x07", 20  # of archives larger than any trace


@dataclass(frozen=True)
class Trace:
    """A trace's folder, what its `trace.json` says, its blobs' shapes, and its examples by id.

    `held` is the archive that was read last, which stays open: a hundred arrays are read one after the other.
    """

    folder: Path
    index: Mapping[str, Any]
    blobs: Mapping[str, Tuple[int, ...]]
    examples: Mapping[str, Mapping[str, Any]]
    held: Dict[str, Archive] = field(default_factory=dict, compare=False)

    def read(self, example: str, name: str, shape: Sequence[int]) -> np.ndarray:
        """An array of one example; InputError where it is missing, of another shape, or no finite numbers."""
        values = self.read_raw(example, name, shape)
        if not np.isfinite(values).all():
            raise InputError(
                f"{self.find_archive(example)}: {name}: holds values that are no finite numbers; nothing"
                " follows from it"
            )
        return values

    def read_raw(self, example: str, name: str, shape: Sequence[int]) -> np.ndarray:
        """An array of one example as it is, also of values that are no finite numbers."""
        return read_array(self.open_archive(example), name, shape)

    def read_any(self, example: str, name: str) -> np.ndarray:
        """An array of one example, of whatever shape."""
        return read_member(self.open_archive(example), name, MAX_ARRAY_BYTES)

    def find(self, example: str, name: str) -> Optional[np.ndarray]:
        """An array that a partial trace may lack, of whatever shape; None where it does."""
        held = self.open_archive(example).zip.NameToInfo
        return self.read_any(example, name) if f"{name}.npy" in held else None

    @property
    def is_partial(self) -> bool:
        """Whether it holds what somebody happened to have: any array may be absent."""
        return bool(self.index.get("partial"))

    def read_pixels(self, example: str) -> np.ndarray:
        """What the example's file held, before anything was done to it."""
        return self.read_any(example, "pixels")

    def read_plain(self, example: str, blob: str) -> np.ndarray:
        """What the plain pass held at a blob."""
        return self.read(example, name_plain(blob), self.find_shape(blob))

    def read_steered(self, example: str, blob: str) -> np.ndarray:
        """What the steered pass went on with from a blob, the last time it was there."""
        name, shape = name_steered(blob), self.find_shape(blob)
        held = self.open_archive(example).zip.NameToInfo
        return self.read(example, name if f"{name}.npy" in held else f"{name}/after", shape)

    def find_shape(self, blob: str) -> Tuple[int, ...]:
        """A blob's shape; InputError where the trace has no such blob."""
        if blob not in self.blobs:
            raise InputError(f"{self.folder}: has no blob {blob!r}; there are {', '.join(self.blobs)}")
        return self.blobs[blob]

    def find_archive(self, example: str) -> Path:
        """An example's archive; InputError where the trace has none."""
        if example not in self.examples:
            raise InputError(f"{self.folder}: has no trace of example {example!r}; trace it there")
        return self.folder / str(self.examples[example]["archive"])

    def open_archive(self, example: str) -> Archive:
        """An example's archive, open; the one of another example is closed."""
        if example not in self.held:
            for other in list(self.held):
                self.held.pop(other).close()
            self.held[example] = Archive(self.find_archive(example), self.folder)
        return self.held[example]


class Archive:
    """An open archive of arrays; InputError where it is none."""

    def __init__(self, path: Path, within: Path) -> None:
        self.path = path
        file = open_file(path, within)
        self.close = weakref.finalize(self, file.close)
        self.zip = open_archive(path, file)


def name_plain(blob: str) -> str:
    """Name of a blob's value in the plain pass."""
    return f"plain/{escape(blob)}"


def name_steered(blob: str) -> str:
    """Name of a blob's value in the steered pass, or the beginning of its visit's arrays."""
    return f"steered/{escape(blob)}"


def escape(blob: str) -> str:
    """A blob's name as a part of a path."""
    return blob.replace("%", "%25").replace("/", "%2F")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an archive, whole or not at all; the same arrays give the same bytes."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with (
            name_file(draft),
            zipfile.ZipFile(str(draft), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive,
        ):
            for name, values in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    npy_format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
        draft.replace(path)
    finally:
        if draft.exists():
            draft.unlink()


def write_index(folder: Path, index: Mapping[str, Any]) -> None:
    """Write `trace.json`."""
    with name_file(folder / INDEX):
        text = json.dumps(index, indent=1, sort_keys=True, allow_nan=False)
        (folder / INDEX).write_text(text + "\n", encoding="utf-8")


def read_trace(folder: Path, sha256: Optional[str] = None) -> Trace:
    """A trace of any machine; InputError where `trace.json` is none, or not the one of a hash."""
    path = Path(folder) / INDEX
    if sha256 is not None and hash_file(path) != sha256:
        raise InputError(f"{path}: was changed meanwhile; start again")
    data = read_json(path, MAX_NOTE_BYTES, within=Path(folder))
    check_fields(data, FIELDS, f"{path}: is no trace's")
    if data["schema"] != SCHEMA:
        raise InputError(f"{path}: schema {data['schema']}; {SCHEMA} is read")
    blobs: Dict[str, Tuple[int, ...]] = {}
    for one in data["blobs"]:
        check_fields(one, {"name": NAME, "shape": "a list"}, f"{path}: blobs")
        blobs[one["name"]] = check_shape(one["shape"], f"{path}: blob {one['name']!r}")
    examples = {}
    for one in data["examples"]:
        if isinstance(one, dict) and "refused" in one:
            continue
        check_fields(one, EXAMPLE, f"{path}: examples")
        if not ARCHIVE.fullmatch(one["archive"]):
            raise InputError(f"{path}: archive {one['archive']!r} is no name of a file beside it")
        examples[one["example"]] = one
    return Trace(Path(folder), data, blobs, examples)


def check_shape(shape: Sequence[Any], place: str) -> Tuple[int, ...]:
    """A blob's shape (C, H, W) or (C,); InputError for any other, or one beyond all networks."""
    if len(shape) not in (1, 3) or not all(type(side) is int and side > 0 for side in shape):
        raise InputError(f"{place}: shape {shorten(repr(shape))} is not that of maps, nor of numbers")
    if math.prod(shape) > MOST_VALUES:
        raise InputError(f"{place}: shape {shorten(repr(shape))} has more than {MOST_VALUES} values")
    return tuple(shape)


def list_arrays(path: Path, within: Path) -> List[str]:
    """Names of an archive's arrays; InputError where it is none."""
    with open_file(path, within) as file:
        return [name[: -len(".npy")] for name in open_archive(path, file).namelist()]


def read_array(archive: Archive, name: str, shape: Sequence[int]) -> np.ndarray:
    """One array of an archive; InputError where it is missing, damaged or of another shape."""
    limit = math.prod(shape) * 8 + HEADER_BYTES
    values = read_member(archive, name, limit)
    if values.shape != tuple(shape) or values.dtype not in (np.float32, np.float64):
        raise InputError(
            f"{archive.path}: {name}: is {values.dtype} {values.shape}, not floats {tuple(shape)}"
        )
    return values


def read_member(archive: Archive, name: str, limit: int) -> np.ndarray:
    """One array of an archive, of any shape; InputError where it is missing, damaged or larger than that."""
    path = archive.path
    if f"{name}.npy" not in archive.zip.NameToInfo:
        raise InputError(f"{path}: has no array {name!r}; trace that example again")
    try:
        with archive.zip.open(f"{name}.npy") as member:
            data = member.read(limit + 1)
    except Exception as error:  # a broken archive ends in errors of many kinds
        raise InputError(f"{path}: {name}: cannot be read ({error}); trace that example again") from error
    if len(data) > limit:
        raise InputError(f"{path}: {name}: unpacks to more than {limit} bytes; nothing of it is read")
    try:
        return decode_array(data)
    except InputError as error:
        raise InputError(f"{path}: {name}: {error}") from error


def open_archive(path: Path, file: BinaryIO) -> zipfile.ZipFile:
    """An archive of which no more is read than a trace can be; InputError where it is none."""
    size = os.fstat(file.fileno()).st_size
    if size > MAX_TRACE_BYTES:
        raise InputError(f"{path}: is too large; at most {MAX_TRACE_BYTES >> 20} MiB of a trace are read")
    file.seek(max(0, size - END_BYTES - MAX_COMMENT))
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + END_BYTES:
        raise InputError(f"{path}: is no archive of arrays, or is cut off; trace that example again")
    (directory,) = struct.unpack_from("<I", tail, at + 12)
    if directory > MAX_DIRECTORY_BYTES or tail[:at][-LONG_END_BYTES:].startswith(LONG_END):
        raise InputError(f"{path}: lists more arrays than any trace has; nothing of it is read")
    try:
        return zipfile.ZipFile(file)
    except Exception as error:  # a broken archive ends in errors of many kinds
        raise InputError(f"{path}: cannot be read ({error}); trace that example again") from error
