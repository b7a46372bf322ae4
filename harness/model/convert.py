"""A prototxt and a caffemodel, turned once into the neutral folder that workers map into memory."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from harness.ami.caffemodel import open_caffemodel
from harness.ami.errors import InputError
from harness.ami.network import Network, Shape
from harness.ami.network_files import list_files, network_to_json, read_network, read_weights
from harness.model.caffemodel import Contents, list_parameters, read_chunks
from harness.model.prototxt import read_prototxt
from harness.model.state import State

SCHEMA = 2
CHUNK_BYTES = 1 << 20
KEY_DIGITS = 16
PART = ".part"
ATTEMPTS = 5
# A conversion takes seconds; one this old was killed, and its folder would stay for ever.
ABANDONED_SECONDS = 24 * 3600

Progress = Callable[[str, int, int], None]


def convert_model(
    prototxt: Path,
    caffemodel: Path,
    cache: Path,
    progress: Progress | None = None,
    state: State | None = None,
) -> Path:
    """Neutral folder of a model in `cache`, made unless it is there; its name is the content of both files.

    A `state` decides which layers of the prototxt there are, and is part of the name too.

    `progress` is called with (what, bytes done, bytes in all). Two conversions at once make one sound folder.
    Raises InputError where a file cannot be read or the two do not belong together.
    """
    prototxt, caffemodel, cache = Path(prototxt), Path(caffemodel), Path(cache)
    state = state or State()
    network, wanted = read_prototxt(prototxt, state), hash_file(prototxt)
    if any(cache.glob(f"{folder_prefix(wanted)}*")):
        sources = name_sources(wanted, hash_file(caffemodel, progress), state)
        if is_sound(cache / folder_name(sources), sources):
            return cache / folder_name(sources)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        sweep_abandoned(cache)
        with temporary_folder(cache) as temporary:
            return make_folder(temporary, network, caffemodel, (wanted, state), progress)
    except OSError as error:
        raise InputError(
            f"{cache}: cannot be written ({error}); free space there or use another cache"
        ) from error


def folder_prefix(prototxt: str) -> str:
    """Start of the names of all neutral folders of one prototxt, by its digest, in this format."""
    return f"{SCHEMA}-{prototxt[:KEY_DIGITS]}-"


def name_sources(prototxt: str, caffemodel: str, state: State) -> dict[str, Any]:
    """What a neutral folder is made from: the digests of two files, and the state of the net."""
    return {"prototxt": prototxt, "caffemodel": caffemodel, "state": state.describe()}


def folder_name(sources: Mapping[str, Any]) -> str:
    """Name of a neutral folder, by its sources' digests, and by the state unless that is the usual one."""
    name = str(folder_prefix(sources["prototxt"]) + sources["caffemodel"][:KEY_DIGITS])
    if sources["state"] == State().describe():
        return name
    state = json.dumps(sources["state"], sort_keys=True)
    return f"{name}-{hashlib.sha256(state.encode()).hexdigest()[:KEY_DIGITS]}"


def is_sound(folder: Path, sources: Mapping[str, Any]) -> bool:
    """Whether a neutral folder is complete: sources, network, and every parameter in its right size."""
    try:
        recorded = json.loads((folder / "network.json").read_text(encoding="utf-8"))["sources"]
        network = read_network(folder)
        weights = read_weights(folder, network)
        sizes = {name: file.stat().st_size for name, file in list_files(folder, network).items()}
    # NumPy calls an empty file an EOFError; a folder may vanish while it is looked at.
    except (InputError, EOFError, OSError, ValueError, KeyError, TypeError):
        return False
    whole = all(
        sizes[name] == getattr(values, "offset", 0) + values.nbytes for name, values in weights.items()
    )
    return whole and recorded == sources


def make_folder(
    temporary: Path,
    network: Network,
    caffemodel: Path,
    described: tuple[str, State],
    progress: Progress | None,
) -> Path:
    """Convert into a temporary folder, digest the caffemodel meanwhile, and put the folder in its place.

    `described` is the prototxt's digest and the state, which the network follows from.
    """
    before = file_state(caffemodel)
    contents = list_parameters(caffemodel, network)
    with ThreadPoolExecutor(2) as pool:
        digest = pool.submit(hash_file, caffemodel)
        parameters = write_parameters(list_files(temporary, network), contents, caffemodel, pool, progress)
        sources = name_sources(described[0], digest.result(), described[1])
    if file_state(caffemodel) != before:
        raise InputError(f"{caffemodel}: changed while it was being read; convert it once it is complete")
    data = {"schema": SCHEMA, "sources": sources, "ignored": list(contents.ignored), "parameters": parameters}
    text = json.dumps({**network_to_json(network), **data}, indent=1)
    (temporary / "network.json").write_text(text, encoding="utf-8")
    sync_file(temporary / "network.json")
    sync_folder(temporary)
    folder = temporary.parent / folder_name(sources)
    install_folder(temporary, folder, sources)
    return folder


def write_parameters(
    files: Mapping[str, Path],
    contents: Contents,
    caffemodel: Path,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
) -> dict[str, dict[str, Any]]:
    """Write the parameters, wait until the disk has them, and return their shapes and digests."""
    total = sum(math.prod(parameter.shape) * 4 for parameter in contents.parameters)
    written, synced, done = {}, [], 0
    with open_caffemodel(caffemodel) as file:
        for parameter in contents.parameters:
            path = files[parameter.name]
            digest = write_array(path, parameter.shape, read_chunks(file, caffemodel, parameter))
            synced.append(pool.submit(sync_file, path))
            written[parameter.name] = {"shape": list(parameter.shape), "sha256": digest}
            done += math.prod(parameter.shape) * 4
            report(progress, "converting", done, total)
    for future in synced:
        future.result()
    for folder in {path.parent for path in files.values()}:
        sync_folder(folder)
    return written


def write_array(path: Path, shape: Shape, chunks: Iterable[np.ndarray]) -> str:
    """Write flat float32 chunks as one .npy array; returns the SHA-256 of its data bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            digest.update(chunk.data)
            file.write(chunk.data)
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Wait until the disk has a file."""
    with path.open("r+b") as file:
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
def temporary_folder(cache: Path) -> Iterator[Path]:
    """A folder beside the one to be made; what is left of it is removed."""
    folder = new_folder(cache)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_folder(cache: Path) -> Path:
    """A new folder that other users may read once it is in its place, unlike those of `tempfile`."""
    folder = cache / f"{uuid.uuid4().hex}{PART}"
    folder.mkdir()
    return folder


def sweep_abandoned(cache: Path) -> None:
    """Remove what conversions left that were killed long ago."""
    for folder in cache.glob(f"*{PART}"):
        try:
            old = time.time() - folder.stat().st_mtime > ABANDONED_SECONDS
        except OSError:  # the conversion it belongs to has just ended
            continue
        if old:
            shutil.rmtree(folder, ignore_errors=True)


def install_folder(temporary: Path, folder: Path, sources: Mapping[str, Any]) -> None:
    """Rename a finished folder into place, unless another conversion was first; a damaged one makes way."""
    for _ in range(ATTEMPTS):
        try:
            temporary.rename(folder)
        except OSError:
            if is_sound(folder, sources):
                return
            set_aside(folder)
        else:
            sync_folder(folder.parent)
            return
    raise InputError(f"{folder}: cannot be replaced; remove it and convert the model again")


def set_aside(folder: Path) -> None:
    """Move a damaged folder out of the way and remove it."""
    aside = new_folder(folder.parent)
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
