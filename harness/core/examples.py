"""Examples: inputs with their gold label, clean source and attack, listed one JSON object a line."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence

from harness.core import documents
from harness.core.arrays import NPY_CONVENTIONS
from harness.core.documents import (
    NAME,
    check_fields,
    explain_unreadable,
    open_file,
    parse_json_lines,
    refuse_links,
)
from harness.core.errors import InputError
from harness.core.image_headers import MOST_BYTES, check_size
from harness.core.limits import MAX_LIST_BYTES
from harness.core.text import find_spelling, store_name

BENIGN = "benign"
UNKNOWN = "unknown"  # results that say neither that they are benign nor which attack made them

ARRAY = ".npy"
MOST_COPIED = 60  # characters of a copy's name; names may have 255 bytes
FIELDS = {
    "id": NAME,
    "source": NAME,
    "attack": NAME,
    "gold": "a whole number",
    "file": "a text",
    "sha256": NAME,
    "npy": NAME,
}


@dataclass(frozen=True)
class Example:
    """One input; `path` is its file, `sha256` the hash of the file's bytes.

    `npy` says what an array holds, where the list does.
    """

    id: str
    source: str
    attack: str
    gold: int
    path: Path
    sha256: str
    npy: Optional[str] = None

    @property
    def is_array(self) -> bool:
        """Whether its file is an array, and no image."""
        return is_array_file(self.path)


def is_array_file(path: Path) -> bool:
    """Whether a file is an array by its name."""
    return path.suffix.lower() == ARRAY


def read_examples(
    path: Path, classes: int, sha256: Optional[str] = None, files: Optional[Path] = None
) -> List[Example]:
    """Examples of a list file, each file present and of the hash that the list says.

    With `files` they lie in that folder, each as `locate_copy` says, wherever the list saw them.
    InputError, with file and line, for a list that is empty, altered or wrong in any line.
    """
    return find_files(list_examples(path, classes, sha256), files)


def find_files(examples: Sequence[Example], files: Optional[Path] = None) -> List[Example]:
    """Examples where their files are, or their copies in a folder; InputError for one that is altered."""
    if files is not None:
        examples = [replace(one, path=Path(files) / locate_copy(one)) for one in examples]
    for example in examples:
        check_hash(example, hash_file(example.path))
    return list(examples)


def locate_copy(example: Example) -> str:
    """Place of an example's file among copies of files from many folders: its hash, then its name's end.

    The name is one that every file system takes, and the same however the list and the folder spell it.
    """
    name = str(example.path).replace("\\", "/").rpartition("/")[2]
    return f"{example.sha256[:20]}/{store_name(name)[-MOST_COPIED:]}"


def list_examples(path: Path, classes: int, sha256: Optional[str] = None) -> List[Example]:
    """The same, without a look at the examples' files."""
    path = Path(path)
    text = documents.read_bytes(path, MAX_LIST_BYTES)
    if sha256 is not None and hash_bytes(text) != sha256:
        raise InputError(f"{path}: its hash is not the job's {sha256[:12]}…; the list was changed since")
    examples: Dict[str, Example] = {}
    for number, data in parse_json_lines(text, str(path), names=True):
        example = read_example(data, f"{path}:{number}", path.parent, classes)
        if example.id in examples:
            raise InputError(f"{path}:{number}: example {example.id!r} is listed twice{explain_alike(data)}")
        examples[example.id] = example
    if not examples:
        raise InputError(f"{path}: lists no example")
    check_links(path, examples.values())
    return list(examples.values())


def check_links(path: Path, examples: Iterable[Example]) -> None:
    """InputError where a file below a list's folder is a link, or where a folder on the way to it is one.

    Lists travel with all that is in their folder. Places outside it are named openly, and read only where
    their hashes are the listed ones.
    """
    inside: Dict[Path, bool] = {}
    for example in examples:
        folder = example.path.parent
        if folder not in inside:
            inside[folder] = is_below(folder, path.parent)
            if inside[folder]:
                refuse_links(folder, path.parent)
        if inside[folder] and os.path.islink(example.path):  # noqa: PTH114 - it raises where a name is too long
            refuse_links(example.path, path.parent)


def is_below(folder: Path, top: Path) -> bool:
    """Whether a folder is another one, or lies below it by its name."""
    parts, same = folder.parts, folder.is_absolute() == top.is_absolute()
    return same and parts[: len(top.parts)] == top.parts and ".." not in parts[len(top.parts) :]


def read_example(data: Any, place: str, folder: Path, classes: int) -> Example:
    """Example of one line."""
    check_fields(data, FIELDS, place, optional=["npy"])
    if not 0 <= data["gold"] < classes:
        raise InputError(
            f"{place}: gold {data['gold']} of example {data['id']!r} is no class; there are {classes}"
        )
    if data.get("npy") not in (None, *NPY_CONVENTIONS):
        raise InputError(f"{place}: npy = {data['npy']!r}; there are {', '.join(NPY_CONVENTIONS)}")
    if "\0" in data["file"]:
        raise InputError(f"{place}: file {data['file']!r} holds a NUL, which no file's name can")
    return Example(
        store_name(data["id"]),
        store_name(data["source"]),
        store_name(data["attack"]),
        data["gold"],
        find_listed(folder, data["file"]),
        data["sha256"].lower(),
        data.get("npy"),
    )


def find_listed(folder: Path, name: str) -> Path:
    """The file that a list names, in whatever form, also where the list was made with backslashes."""
    path = find_spelling(folder / name)
    if "\\" in name and not os.path.lexists(path):
        return find_spelling(folder / name.replace("\\", "/"))
    return path


def explain_alike(data: Any) -> str:
    """What to add where an id is there already that may have been spelt in another way."""
    stored = store_name(data["id"])
    return "" if stored == data["id"] else f" (as {data['id']!r}, which is the same in another Unicode form)"


def read_file(example: Example) -> bytes:
    """Bytes of an example's file; InputError where they are missing or not of its hash.

    RefusedError where they are none, or more than are read.
    """
    with open_file(example.path) as file:
        check_size(os.fstat(file.fileno()).st_size)
    data = read_bytes(example.path)
    check_hash(example, hash_bytes(data))
    return data


def check_hash(example: Example, found: str) -> None:
    """Refuse an example whose file has another hash than it is listed with."""
    if found != example.sha256:
        raise InputError(
            f"{example.path}: sha256 is {found[:12]}…, but example {example.id!r} is listed with"
            f" {example.sha256[:12]}…; restore the file, or correct the list"
        )


def read_bytes(path: Path) -> bytes:
    """Bytes of a file no larger than an example can be; InputError where it is none, or cannot be read."""
    return documents.read_bytes(path, MOST_BYTES)


def hash_bytes(data: Any) -> str:
    """SHA-256, hexadecimal, of bytes or of a contiguous array's memory."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256, hexadecimal, of a file of any size; InputError where it cannot be read."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        try:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                digest.update(chunk)
        except OSError as error:
            raise explain_unreadable(path, error) from error
    return digest.hexdigest()
