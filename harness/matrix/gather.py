"""Lists of examples made from folders in AmI's layout: `PERSON_index_x0_y0_x1_y1.jpg`, a folder an attack."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.ami.errors import InputError
from harness.matrix.cache import Hashes, write_atomically

ENDINGS = (".jpg", ".jpeg", ".png", ".npy")
BOX_FIELDS = 5  # index and four corners, after the person's name


@dataclass(frozen=True)
class Gathered:
    """A list file, and the files that could not be taken, each with the reason."""

    path: Path
    refused: tuple[str, ...]


def gather_examples(
    places: Sequence[str], labels: Sequence[str], cache: Path, hashes: Hashes, npy: str | None
) -> Gathered:
    """Write the list of all examples in some folders (`DIR`, or `ATTACK=DIR`) into the cache.

    A file whose name does not end in five fields after a label, or comes twice, is refused and the rest
    goes on. InputError where nothing is left, or where there are `.npy` files and `npy` does not say what
    they hold.
    """
    found = [entry for place in places for entry in list_files(place)]
    arrays = [path for _, path in found if path.suffix.lower() == ".npy"]
    if arrays and npy is None:
        raise InputError(
            f"{arrays[0]}: is an array ({len(arrays)} such files), but what it holds is not said;"
            " give --npy raw-rgb, raw-bgr or bgr-minus-mean"
        )
    classes = {normalise(label): number for number, label in reversed(list(enumerate(labels)))}
    taken: dict[str, dict[str, Any]] = {}
    refused: list[str] = []
    for attack, path in found:
        entry = describe_file(attack, path, classes)
        if isinstance(entry, str):
            refused.append(f"{path}: {entry}")
        elif entry["id"] in taken:
            refused.append(f"{path}: example {entry['id']} is there already ({taken[entry['id']]['file']})")
        else:
            taken[entry["id"]] = {**entry, "sha256": hashes.hash_file(path)}
    if not taken:
        first = f"; {refused[0]}" if refused else ""
        raise InputError(f"{', '.join(places)}: {len(found)} files, none of them an example{first}")
    return Gathered(write_list(cache, list(taken.values())), tuple(refused))


def list_files(place: str) -> Iterator[tuple[str, Path]]:
    """Attack and path of every image or array in a folder, or in the folders inside it."""
    name, path = split_place(place)
    if not path.is_dir():
        raise InputError(f"{path}: is no folder; give a folder of examples, or one list of examples")
    folder = path.resolve()
    inside = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith(".")]
    files = list_images(folder)
    if files and inside and any(list_images(one) for one in inside):
        raise InputError(
            f"{path}: holds examples and folders of examples; give one kind, several --examples if need be"
        )
    for one in [folder] if files else inside:
        for file in list_images(one):
            yield name or one.name, file


def split_place(place: str) -> tuple[str | None, Path]:
    """`benign=images` as name and folder; a path that exists as it stands has no name."""
    name, mark, rest = place.partition("=")
    if not mark or Path(place).exists():
        return None, Path(place)
    if not name:
        raise InputError(f"--examples {place}: the attack before '=' is missing; write benign=DIR or DIR")
    return name, Path(rest)


def list_images(folder: Path) -> list[Path]:
    """Images and arrays right in a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())


def describe_file(attack: str, path: Path, classes: Mapping[str, int]) -> dict[str, Any] | str:
    """The example that a file is, or why it is none."""
    parts = path.stem.rsplit("_", BOX_FIELDS)
    if len(parts) != BOX_FIELDS + 1 or not all(map(is_number, parts[1:])):
        return "its name is not PERSON_index_x0_y0_x1_y1"
    gold = classes.get(normalise(parts[0]))
    if gold is None:
        return f"{parts[0]} is not in the labels"
    return {
        "id": f"{attack}/{path.stem}",
        "source": path.stem,
        "attack": attack,
        "gold": gold,
        "file": str(path),
    }


def is_number(text: str) -> bool:
    """Whether a field of a name is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def normalise(name: str) -> str:
    """A name in one Unicode form: file systems differ in theirs."""
    return unicodedata.normalize("NFC", name.strip())


def write_list(cache: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    """Write a list of examples under the hash of its text."""
    text = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in entries)
    path = cache / "examples" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.jsonl"
    if not path.exists():
        write_atomically(path, text)
    return path
