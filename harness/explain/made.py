"""Files that explaining makes so that a patch can name them: what a trace tells of another side's files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import write_witnesses
from harness.core.errors import InputError
from harness.core.examples import hash_bytes, hash_file
from harness.core.network_files import NETWORK_FILE, PARAMETERS, list_files, read_network
from harness.core.traces import Trace

DIGITS = 12


def make_witnesses(trace: Trace, folder: Path) -> dict[str, Any]:
    """A patch to the witnesses that a trace's visits had; files for them are in the folder.

    Nobody knows which attribute lists a channel. So each has one mention of it, as far as there are
    attributes: no rule then takes another number of mentions for it than the trace had.
    """
    lists: dict[str, dict[str, list[int]]] = {name: {} for name in ATTRIBUTES}
    for visit in trace.index.get("visits", []):
        for number, channel in enumerate(visit["entries"]):
            before = visit["entries"][:number].count(channel)
            name = ATTRIBUTES[min(before, len(ATTRIBUTES) - 1)]
            lists[name].setdefault(visit["blob"], []).append(channel)
    place = folder / f"witnesses-{hash_bytes(repr(lists).encode())[:DIGITS]}"
    make_folder(place)
    files = {name: place / f"{name}_witness.txt" for name in ATTRIBUTES}
    for name, path in files.items():
        write_witnesses(path, lists[name])
    return {"witnesses": {name: {"path": str(one), "sha256": hash_file(one)} for name, one in files.items()}}


def make_network(source: Path, folder: Path, changed: Mapping[str, np.ndarray]) -> Path:
    """A neutral folder like another one, with other values of some parameters."""
    parts = [f"{name} {hash_bytes(one.tobytes())}" for name, one in sorted(changed.items())]
    place = folder / f"network-{hash_bytes(' '.join([str(source), *parts]).encode())[:DIGITS]}"
    if (place / NETWORK_FILE).exists():
        return place
    make_folder(place / PARAMETERS)
    network = read_network(source)
    others = list_files(place, network)
    for name, path in list_files(source, network).items():
        if name in changed:
            np.save(others[name], np.ascontiguousarray(changed[name], np.float32), allow_pickle=False)
        elif not others[name].exists():
            share_file(path, others[name])
    shutil.copyfile(source / NETWORK_FILE, place / NETWORK_FILE)
    return place


def share_file(path: Path, other: Path) -> None:
    """The same file at another place, without a copy where the file system can."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def make_folder(place: Path) -> None:
    """A folder, and all above it; InputError where that cannot be."""
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{place}: cannot be made ({error.strerror}); make room, explain again") from error
