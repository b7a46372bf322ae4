"""A dump's arrays by their names in it: of one file, or of all files of a folder. Nothing is unpickled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.core.decode import decode_array
from harness.core.documents import is_folder, open_file, read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_ARRAY_BYTES, MAX_TRACE_BYTES
from harness.core.traces import open_archive
from harness.dumps.matlab import read_matlab
from harness.dumps.safetensors import read_safetensors

MOST_FILES = MOST_ARRAYS = 5000
AGAIN = ("trace that example again", "dump it again")
KINDS = {"f": ("float16", "float32", "float64"), "i": (), "u": ()}


@dataclass(frozen=True)
class Dumped:
    """One array of a dump, and as what kind of number it was kept."""

    name: str
    values: np.ndarray
    kind: str


Pairs = Iterator[tuple[str, np.ndarray, str]]
"""Name, values and kind, one array after the other."""


def read_dump(path: Path) -> list[Dumped]:
    """All arrays of a dump; InputError for what is none, is too large, or names two arrays alike."""
    found: dict[str, Dumped] = {}
    total = 0
    for name, values, kind in list_arrays(path):
        total += values.nbytes
        if total > MAX_TRACE_BYTES:
            raise InputError(f"{path}: holds more than {MAX_TRACE_BYTES >> 20} MiB; dump fewer arrays")
        if name in found:
            raise InputError(f"{path}: names two arrays {name!r}; rename one")
        if len(found) == MOST_ARRAYS:
            raise InputError(f"{path}: holds more than {MOST_ARRAYS} arrays; dump those of one example")
        found[name] = Dumped(name, take_numbers(values, f"{path}: {name}"), kind)
    if not found:
        raise InputError(f"{path}: holds no arrays; dump .npz, .npy, .mat or .safetensors")
    return list(found.values())


def take_numbers(values: np.ndarray, place: str) -> np.ndarray:
    """Values in a kind of number that traces have, levels of pixels as they are; InputError for others."""
    if values.dtype.kind not in KINDS or (values.dtype.kind == "f" and values.dtype.name not in KINDS["f"]):
        raise InputError(f"{place}: holds {values.dtype}; dump numbers of float32")
    if not values.size:
        raise InputError(f"{place}: is empty; leave it out")
    if values.dtype.newbyteorder("=") in (np.float64, np.uint8):
        return values.astype(values.dtype.newbyteorder("="))
    return values.astype(np.float32 if values.dtype.kind == "f" else np.float64)


def list_arrays(path: Path) -> Pairs:
    """Every array of a file, or of a folder's files by their paths in it."""
    if not is_folder(path):
        yield from read_file(path, path.stem, path.parent)
        return
    files = sorted(one for one in path.rglob("*") if one.suffix in READERS)
    if len(files) > MOST_FILES:
        raise InputError(f"{path}: has more than {MOST_FILES} files; dump those of one example")
    for one in files:
        yield from read_file(one, one.relative_to(path).with_suffix("").as_posix(), path)


def read_file(path: Path, name: str, within: Path) -> Pairs:
    """Every array of a file; InputError for one of a kind that is not read."""
    if path.suffix not in READERS:
        raise InputError(f"{path}: is none of {', '.join(READERS)}; dump one of them, or a folder of them")
    yield from READERS[path.suffix](path, name, within)


def read_npy(path: Path, name: str, within: Path) -> Pairs:
    """The one array of a .npy file."""
    yield decode(read_bytes(path, MAX_ARRAY_BYTES, within), name, path)


def decode(data: bytes, name: str, path: Path) -> tuple[str, np.ndarray, str]:
    """An array of its bytes in NumPy's format."""
    try:
        values = decode_array(data)
    except InputError as error:
        raise InputError(f"{path}: {name}: {error}") from error
    return name, values, values.dtype.name


def read_npz(path: Path, _name: str, within: Path) -> Pairs:
    """The arrays of a .npz archive, none of which may unpack to more than an array of a trace can be."""
    with open_file(path, within) as file:
        try:
            archive = open_archive(path, file)
        except InputError as error:
            raise InputError(str(error).replace(*AGAIN)) from error
        for member in archive.namelist():
            try:
                with archive.open(member) as unpacked:
                    data = unpacked.read(MAX_ARRAY_BYTES + 1)
            except Exception as error:  # a broken archive ends in errors of many kinds
                raise InputError(f"{path}: {member}: cannot be read ({error}); dump it again") from error
            if len(data) > MAX_ARRAY_BYTES:
                raise InputError(f"{path}: {member}: unpacks to more than {MAX_ARRAY_BYTES >> 20} MiB")
            yield decode(data, member.removesuffix(".npy"), path)


def read_tensors(path: Path, _name: str, within: Path) -> Pairs:
    """The arrays of a .safetensors file."""
    yield from read_safetensors(read_bytes(path, MAX_TRACE_BYTES, within), path)


def read_mat(path: Path, _name: str, within: Path) -> Pairs:
    """The numeric variables of a .mat file."""
    for name, values in read_matlab(read_bytes(path, MAX_TRACE_BYTES, within), path):
        if math.prod(values.shape) * values.itemsize > MAX_ARRAY_BYTES:
            raise InputError(f"{path}: {name}: takes more than {MAX_ARRAY_BYTES >> 20} MiB")
        yield name, values, values.dtype.name


READERS: dict[str, Callable[[Path, str, Path], Pairs]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    ".mat": read_mat,
    ".safetensors": read_tensors,
}
