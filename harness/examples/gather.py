"""Lists of examples made from folders: every file is an example or is refused, with the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.arrays import NPY_CONVENTIONS, Preprocess, check_array
from harness.core.decode import decode_array
from harness.core.documents import is_name
from harness.core.errors import InputError, RefusedError
from harness.core.examples import BENIGN, is_array_file, list_examples, read_bytes
from harness.core.image_headers import check_size, inspect_image
from harness.core.limits import MAX_NAME
from harness.core.text import store_name
from harness.examples.conventions import AUTO, settle_conventions
from harness.examples.layouts import Candidate, find_candidates, index_labels
from harness.examples.strays import describe_strays
from harness.system.cache import HashCache
from harness.system.drafts import remove_path, write_atomically


@dataclass(frozen=True)
class Gathered:
    """A list file, the files that could not be taken, each with the reason, and what else is to be said."""

    path: Path
    refused: tuple[str, ...]
    notes: tuple[str, ...] = ()


def gather_examples(
    places: Sequence[str],
    labels: Sequence[str],
    preprocess: Preprocess,
    cache: Path,
    hashes: HashCache,
    npy: str | None,
) -> Gathered:
    """Write the list of all examples in some places (see `find_candidates`) into the cache.

    What is no example, cannot be read, or comes twice is refused, and the rest goes on. InputError where
    nothing is left, or where there are arrays and it is not said or proven what they hold.
    """
    classes = index_labels(labels)
    everything = [one for place in places for one in find_candidates(place, classes)]
    found = [one for one in everything if not one.is_stray]
    strays = [Path(one.place) for one in everything if one.is_stray]
    check_convention(found, npy)
    taken: dict[str, dict[str, Any]] = {}
    refused: list[str] = []
    for candidate in found:
        reason = candidate.reason or take_candidate(candidate, taken, preprocess, hashes)
        if reason:
            refused.append(store_name(f"{candidate.place}: {reason}"))
    settled = settle_conventions(list(taken.values()), preprocess, npy)
    entries, notes = settled.entries, [*describe_strays(strays), *settled.notes]
    refused.extend(settled.refused)
    if not entries:
        raise InputError(f"{', '.join(places)}: {len(found)} files, none of them an example{cite(refused)}")
    if not any(one["attack"] == BENIGN for one in entries):
        notes.append(
            f"no example counts as clean; name a folder of clean images with --examples {BENIGN}=DIR"
        )
    return Gathered(write_list(cache, entries), tuple(refused), tuple(notes))


def check_list(path: Path, classes: int, preprocess: Preprocess, cache: Path, npy: str | None) -> Gathered:
    """A list of examples as it is, or made again where arrays are refused or what they hold was found."""
    listed = [
        {
            "id": one.id,
            "source": one.source,
            "attack": one.attack,
            "gold": one.gold,
            "file": str(one.path.absolute()),
            "sha256": one.sha256,
            **({"npy": one.npy} if one.npy else {}),
        }
        for one in list_examples(path, classes)
    ]
    settled = settle_conventions(listed, preprocess, npy)
    if not settled.entries:
        raise InputError(f"{path}: {len(listed)} examples, none of them usable{cite(settled.refused)}")
    same = list(settled.entries) == listed
    return Gathered(path if same else write_list(cache, settled.entries), settled.refused, settled.notes)


def check_convention(found: Sequence[Candidate], npy: str | None) -> None:
    """Refuse arrays of which nobody says what they hold."""
    arrays = [one.place for one in found if one.entry and is_array_file(Path(one.entry["file"]))]
    if arrays and npy is None:
        raise InputError(
            f"{arrays[0]}: is an array ({len(arrays)} such files), but what it holds is not said;"
            f" give --npy {', '.join(NPY_CONVENTIONS)} or {AUTO}"
        )


def take_candidate(
    candidate: Candidate, taken: dict[str, dict[str, Any]], preprocess: Preprocess, hashes: HashCache
) -> str:
    """Put an example among those taken; why it cannot be taken, or nothing."""
    entry = dict(candidate.entry)
    path = Path(entry["file"])
    if entry["id"] in taken:
        return explain_double(entry["id"], path, Path(taken[entry["id"]]["file"]))
    name = "" if candidate.place == str(path) else f"{path.name[:200]} "  # a row's place is its line
    for key in ("id", "source", "attack"):
        if not is_name(entry[key]):
            return f"{name}its {key} is no text of at most {MAX_NAME} characters"
    try:
        check_file(path, preprocess)
        taken[entry["id"]] = {**entry, "sha256": hashes.hash_file(path)}
    except InputError as error:
        return name + str(error).removeprefix(f"{path}: ")
    return ""


def explain_double(name: str, path: Path, first: Path) -> str:
    """Why an example whose id another one has is refused."""
    alike = path.name != first.name and store_name(path.name) == store_name(first.name)
    why = "; the names of both are the same but for the form of their letters; rename one" if alike else ""
    return f"example {name} is there already ({first}){why}"


def check_file(path: Path, preprocess: Preprocess) -> None:
    """Refuse a file that no worker could use, as far as that can be seen without a decoder."""
    try:
        if not path.is_file():
            raise RefusedError("is no file" if path.exists() else "is not there")
        check_size(path.stat().st_size)
    except OSError as error:
        raise RefusedError(f"cannot be read ({error.strerror})") from error
    data = read_bytes(path)
    if is_array_file(path):
        check_array(decode_array(data), preprocess.height, preprocess.width)
    else:
        inspect_image(data)


def cite(refused: Sequence[str], most: int = 3) -> str:
    """The first reasons."""
    more = f"; and {len(refused) - most} more" if len(refused) > most else ""
    return "".join(f"; {one}" for one in refused[:most]) + more


def write_list(cache: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    """Write a list of examples under the hash of its text, unless it is there just so."""
    text = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in entries)
    path = cache / "examples" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.jsonl"
    if path.is_symlink() or not path.is_file() or path.read_bytes() != text.encode():
        remove_path(path)
        write_atomically(path, text)
    return path
