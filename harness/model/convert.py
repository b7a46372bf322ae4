"""A prototxt and a caffemodel, turned once into the neutral folder that workers map into memory."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from harness.ami.caffemodel import open_caffemodel
from harness.ami.errors import InputError
from harness.ami.network import Network, network_to_json, read_network, read_weights
from harness.model.caffemodel import list_parameters, read_parameter
from harness.model.prototxt import read_prototxt

SCHEMA = 1
CHUNK_BYTES = 1 << 20
KEY_DIGITS = 32
ATTEMPTS = 5
# A conversion takes seconds; one this old was killed, and its folder would stay for ever.
ABANDONED_SECONDS = 24 * 3600

Progress = Callable[[str, int, int], None]


def convert_model(prototxt: Path, caffemodel: Path, cache: Path, progress: Progress | None = None) -> Path:
    """Neutral folder of a model in `cache`, made unless it is there; its name is the content of both files.

    `progress` is called with (what, bytes done, bytes in all). Two conversions at once make one sound folder.
    Raises InputError where a file cannot be read or the two do not belong together.
    """
    prototxt, caffemodel, cache = Path(prototxt), Path(caffemodel), Path(cache)
    network = read_prototxt(prototxt)
    before = file_state(caffemodel)
    sources = {"prototxt": hash_file(prototxt), "caffemodel": hash_file(caffemodel, progress)}
    folder = cache / conversion_key(sources)
    if is_sound(folder):
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        sweep_abandoned(cache)
        with temporary_folder(cache, folder.name) as temporary:
            write_folder(temporary, network, caffemodel, sources, progress)
            if file_state(caffemodel) != before:
                raise InputError(
                    f"{caffemodel}: changed while it was being read; convert it once it is complete"
                )
            install_folder(temporary, folder)
    except OSError as error:
        raise InputError(
            f"{cache}: cannot be written ({error}); free space there or use another cache"
        ) from error
    return folder


def conversion_key(sources: dict[str, str]) -> str:
    """Name of the neutral folder: a digest of the sources' content and the folder's format."""
    text = json.dumps({"schema": SCHEMA, **sources}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def is_sound(folder: Path) -> bool:
    """Whether a neutral folder is complete: network, and every parameter in its right size."""
    try:
        weights = read_weights(folder, read_network(folder))
        files = {name: folder / "parameters" / f"{name}.npy" for name in weights}
        sizes = {name: file.stat().st_size for name, file in files.items()}
    # NumPy calls an empty file an EOFError; a folder may vanish while it is looked at.
    except (InputError, EOFError, OSError):
        return False
    return all(
        sizes[name] == getattr(values, "offset", 0) + values.nbytes for name, values in weights.items()
    )


def write_folder(
    folder: Path, network: Network, caffemodel: Path, sources: dict[str, str], progress: Progress | None
) -> None:
    """Write network.json and the parameters, and wait until the disk has them."""
    contents = list_parameters(caffemodel, network)
    total = sum(math.prod(parameter.shape) * 4 for parameter in contents.parameters)
    written, done = {}, 0
    with open_caffemodel(caffemodel) as file:
        for parameter in contents.parameters:
            values = read_parameter(file, caffemodel, parameter)
            digest = write_array(folder / "parameters" / f"{parameter.name}.npy", values)
            written[parameter.name] = {"shape": list(parameter.shape), "sha256": digest}
            done += values.nbytes
            report(progress, "converting", done, total)
    data = {"schema": SCHEMA, "sources": sources, "ignored": list(contents.ignored), "parameters": written}
    with synced_file(folder / "network.json") as file:
        file.write(json.dumps({**network_to_json(network), **data}, indent=1).encode())
    sync_folder(folder / "parameters")
    sync_folder(folder)


def write_array(path: Path, values: np.ndarray) -> str:
    """Write a C-ordered array as .npy; returns the SHA-256 of its data bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    data = values.reshape(-1).view(np.uint8).data
    with synced_file(path) as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(values))
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


@contextmanager
def synced_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that is on the disk when the block ends."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the disk know a folder's entries, where the system lets folders be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def temporary_folder(cache: Path, key: str) -> Iterator[Path]:
    """A folder beside the one to be made; what is left of it is removed."""
    folder = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".part", dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_abandoned(cache: Path) -> None:
    """Remove what conversions left that were killed long ago."""
    for folder in cache.glob("*.part"):
        try:
            old = time.time() - folder.stat().st_mtime > ABANDONED_SECONDS
        except OSError:  # the conversion it belongs to has just ended
            continue
        if old:
            shutil.rmtree(folder, ignore_errors=True)


def install_folder(temporary: Path, folder: Path) -> None:
    """Rename a finished folder into place, unless another conversion was first; a damaged one makes way."""
    for _ in range(ATTEMPTS):
        try:
            temporary.rename(folder)
        except OSError:
            if is_sound(folder):
                return
            set_aside(folder)
        else:
            sync_folder(folder.parent)
            return
    raise InputError(f"{folder}: cannot be replaced; remove it and convert the model again")


def set_aside(folder: Path) -> None:
    """Move a damaged folder out of the way and remove it."""
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.damaged.", suffix=".part", dir=folder.parent))
    # Another conversion may have moved it already; where it cannot be moved, the caller says so.
    with suppress(OSError):
        folder.rename(aside / "folder")
    shutil.rmtree(aside, ignore_errors=True)


def file_state(path: Path) -> tuple[int, int]:
    """Size and time of change, to notice a file that is still being written."""
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    return state.st_size, state.st_mtime_ns


def hash_file(path: Path, progress: Progress | None = None) -> str:
    """SHA-256 of a file's bytes."""
    digest, done, total = hashlib.sha256(), 0, file_state(path)[0]
    buffer = memoryview(bytearray(CHUNK_BYTES))
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
                done += count
                report(progress, "hashing", done, total)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    return digest.hexdigest()


def report(progress: Progress | None, what: str, done: int, total: int) -> None:
    """Tell whoever listens how far the work is."""
    if progress is not None:
        progress(what, done, total)
