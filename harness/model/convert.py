"""A prototxt and a caffemodel, turned once into the neutral folder that workers map into memory."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.caffemodel import open_caffemodel
from harness.core.errors import InputError, name_file
from harness.core.network import Network, Shape
from harness.core.network_files import NETWORK_FILE, list_files, network_to_json, read_network, read_notes
from harness.model.caffemodel import Contents, list_parameters, read_chunks
from harness.model.prototxt import read_prototxt
from harness.model.state import State
from harness.system.drafts import hold_draft, write_atomically
from harness.system.manifest import FILE as MANIFEST
from harness.system.manifest import find_change, write_manifest

SCHEMA = 2
CHUNK_BYTES = 1 << 20
KEY_DIGITS = 16
ATTEMPTS = 5

Progress = Callable[[str, int, int], None]


def convert_model(
    prototxt: Path,
    caffemodel: Path,
    cache: Path,
    progress: Progress | None = None,
    state: State | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Neutral folder of a model in `cache`, made unless it is there; its name is the content of both files.

    A `state` decides which layers of the prototxt there are, and is part of the name too.

    `progress` is called with (what, bytes done, bytes in all), `say` with what is wrong with one that is
    there, and made anew. Two conversions at once make one sound folder.
    Raises InputError where a file cannot be read or the two do not belong together.
    """
    prototxt, caffemodel, cache = Path(prototxt), Path(caffemodel), Path(cache)
    state = state or State()
    network, wanted = read_prototxt(prototxt, state), hash_file(prototxt)
    if any(cache.glob(f"{folder_prefix(wanted)}*")):
        sources = name_sources(wanted, hash_file(caffemodel, progress), state)
        folder = cache / folder_name(sources)
        flaw = find_flaw(folder, sources, network)
        if flaw is None:
            return folder
        if say is not None and os.path.lexists(folder):
            say(f"{flaw}; the model is converted anew")
    try:
        with hold_draft(cache) as temporary:
            return make_folder(temporary, network, caffemodel, (wanted, state), progress)
    except OSError as error:
        raise InputError(
            f"{error.filename or cache}: cannot be written ({error.strerror}); free space there, or set"
            " HARNESS_HOME to another folder"
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


def find_flaw(folder: Path, sources: Mapping[str, Any], network: Network) -> str | None:
    """Why a neutral folder is not what its sources make now; None where it is, to the last bit."""
    change = find_change(folder)
    if change is not None:
        return change
    try:
        same = (read_notes(folder)["sources"], read_network(folder)) == (sources, network)
    except (InputError, KeyError) as error:
        return str(error)
    return None if same else f"{folder}: is of another model, or of another version of the harness"


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
    write_atomically(temporary / NETWORK_FILE, text)
    write_manifest(temporary)
    for name in (NETWORK_FILE, MANIFEST):
        sync_file(temporary / name)
    sync_folder(temporary)
    folder = temporary.parent / folder_name(sources)
    install_folder(temporary, folder, sources, network)
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
    with name_file(path), path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            digest.update(chunk.data)
            file.write(chunk.data)
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Wait until the disk has a file."""
    with name_file(path), path.open("r+b") as file:
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


def install_folder(temporary: Path, folder: Path, sources: Mapping[str, Any], network: Network) -> None:
    """Rename a finished folder into place, unless another conversion was first; a damaged one makes way."""
    for _ in range(ATTEMPTS):
        try:
            temporary.rename(folder)
        except OSError:
            if find_flaw(folder, sources, network) is None:
                return
            set_aside(folder)
        else:
            sync_folder(folder.parent)
            return
    raise InputError(f"{folder}: cannot be replaced; remove it and start again")


def set_aside(folder: Path) -> None:
    """Move a damaged folder out of the way and remove it."""
    # Another conversion may have moved it already; where it cannot be moved, the caller says so.
    with hold_draft(folder.parent) as aside, suppress(OSError):
        folder.rename(aside / "folder")


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
