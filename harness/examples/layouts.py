"""The two layouts of example folders: AmI's, where names say everything, and files with a CSV beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.documents import parse_number, read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_CSV_BYTES
from harness.core.text import decode_text, store_name
from harness.examples.foreign_paths import find_listed
from harness.examples.strays import is_stray

ENDINGS = (".jpg", ".jpeg", ".png", ".npy")
BOX_FIELDS = 5  # index and four corners, after the person's name
COLUMNS = ("file", "gold", "attack", "source")
NEEDED = COLUMNS[:2]


@dataclass(frozen=True)
class Candidate:
    """Something that may be an example: `place` names it, `reason` says why it is none.

    `entry` has what a list of examples says of one, without the hash. Nobody meant a stray to be one.
    """

    place: str
    entry: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    is_stray: bool = False


@dataclass(frozen=True)
class Classes:
    """The labels, and the class of each; of two classes with one label, the first."""

    labels: Sequence[str]
    numbers: Mapping[str, int]


def index_labels(labels: Sequence[str]) -> Classes:
    """Classes by their labels' normal form."""
    return Classes(labels, {normalise(label): number for number, label in reversed(list(enumerate(labels)))})


def find_candidates(place: str, classes: Classes) -> Iterator[Candidate]:
    """Everything in a place (`DIR`, `FILE.csv`, or `ATTACK=` before them) that may be an example.

    InputError where the place itself is no good.
    """
    name, path = split_place(place)
    if path.is_file() and is_table(path):
        return read_table(path, name, classes)
    if not path.is_dir():
        raise InputError(
            f"{path}: is no folder; give a folder of examples, a CSV file, or one list of examples"
        )
    tables = [one for one in list_folder(path) if is_table(one)]
    if len(tables) > 1:
        raise InputError(f"{path}: holds {len(tables)} CSV files; name the one that lists the examples")
    return read_table(tables[0], name, classes) if tables else read_folder(path, name, classes)


def split_place(place: str) -> tuple[str | None, Path]:
    """`benign=images` as name and folder; a path that exists as it stands has no name."""
    name, mark, rest = place.partition("=")
    if not mark or Path(place).exists():
        return None, Path(place)
    if not name:
        raise InputError(f"--examples {place}: the attack before '=' is missing; write benign=DIR or DIR")
    return name, Path(rest)


def is_table(path: Path) -> bool:
    """Whether a path names a CSV file."""
    return path.suffix.lower() == ".csv"


def is_example(path: Path) -> bool:
    """Whether a path has the ending of an image or an array, and is no folder."""
    return path.suffix.lower() in ENDINGS and not is_folder(path)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; names that no file can have are none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def list_folder(folder: Path) -> list[Path]:
    """What is in a folder, hidden things and strays left out; InputError where it cannot be read."""
    return [path for path in read_names(folder) if not path.name.startswith(".") and not is_stray(path)]


def list_strays(folder: Path) -> Iterator[Candidate]:
    """What in a folder nobody put there on purpose."""
    return (Candidate(str(path), is_stray=True) for path in read_names(folder) if is_stray(path))


def read_names(folder: Path) -> list[Path]:
    """Everything in a folder; InputError where it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from error


def read_folder(path: Path, name: str | None, classes: Classes) -> Iterator[Candidate]:
    """The files of a folder in AmI's layout, or of the folders inside it, one an attack."""
    folder = path.resolve()
    inside = list_folder(folder)
    folders = [one for one in inside if one.is_dir()]
    if not any(map(is_example, inside)):
        yield from list_strays(folder)
        yield from (explain_other(one) for one in inside if one not in folders)
        for one in folders:
            yield from read_attack(one, name or one.name, classes)
        return
    if any(is_example(file) for one in folders for file in list_folder(one)):
        raise InputError(
            f"{path}: holds examples and folders of examples; give one kind, several --examples if need be"
        )
    yield from read_attack(folder, name or folder.name, classes)


def read_attack(folder: Path, attack: str, classes: Classes) -> Iterator[Candidate]:
    """What is right in one attack's folder."""
    yield from list_strays(folder)
    for path in list_folder(folder):
        yield describe_file(attack, path, classes) if is_example(path) else explain_other(path)


def explain_other(path: Path) -> Candidate:
    """Why something in a folder is no example."""
    what = "is a folder too deep to be looked into" if path.is_dir() else f"is none of {', '.join(ENDINGS)}"
    return Candidate(str(path), reason=what)


def describe_file(attack: str, path: Path, classes: Classes) -> Candidate:
    """The example that a file named `PERSON_index_x0_y0_x1_y1` is; its source is the image of that name."""
    parts = path.stem.rsplit("_", BOX_FIELDS)
    if len(parts) != BOX_FIELDS + 1 or not all(map(is_number, parts[1:])):
        return Candidate(str(path), reason="its name is not PERSON_index_x0_y0_x1_y1")
    gold = classes.numbers.get(normalise(parts[0]))
    if gold is None:
        return Candidate(str(path), reason=f"{parts[0]} is not in the labels")
    return Candidate(str(path), make_entry(path, path.stem, attack, gold, path.stem))


def make_entry(path: Path, name: str, attack: str, gold: int, source: str) -> dict[str, Any]:
    """What a list of examples says of one, without the hash."""
    return {
        "id": store_name(f"{attack}/{name}"),
        "source": store_name(source),
        "attack": store_name(attack),
        "gold": gold,
        "file": str(path),
    }


def is_number(text: str) -> bool:
    """Whether a field of a name is a number."""
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def normalise(name: str) -> str:
    """A label as it is stored, without spaces around it."""
    return store_name(name.strip())


def read_table(path: Path, name: str | None, classes: Classes) -> Iterator[Candidate]:
    """The examples of a CSV file (`file,gold[,attack][,source]`), and the files beside it that it lacks."""
    path = path.resolve()
    named: set[Path] = set()
    for place, row in read_rows(path):
        file, called = find_listed(path.parent, row["file"])
        named.add(file)
        yield describe_row(file, called, name or path.parent.name, place, row, classes)
    folders = {path.parent, *(one.parent for one in named if path.parent in one.parents)}
    for folder in filter(is_folder, sorted(folders)):
        yield from list_strays(folder)
        for one in list_folder(folder):
            if is_example(one) and one not in named:
                yield Candidate(str(one), reason=f"is not in {path.name}")


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """`FILE:LINE` and the fields of every row; InputError, with the line, where the file is no such table."""
    text, number = decode_text(read_bytes(path, MAX_CSV_BYTES), path), 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [one.strip() for one in next(reader, [])]
        check_header(path, header)
        number = 1
        for row in reader:
            number = reader.line_num
            if len(row) > 1 or "".join(row).strip():
                fields = [one.strip() for one in row] + [""] * (len(header) - len(row))
                more = {"": "too many"} if len(row) > len(header) else {}
                yield f"{path}:{number}", {**dict(zip(header, fields, strict=False)), **more}
    except csv.Error as error:
        raise InputError(f"{path}: is no CSV file after line {number} ({error})") from error


def check_header(path: Path, header: Sequence[str]) -> None:
    """Refuse a table whose first line is not its columns' names."""
    wrong = [one for one in header if one not in COLUMNS] + [one for one in NEEDED if one not in header]
    if wrong or len(set(header)) < len(header):
        raise InputError(
            f"{path}:1: the first line must name the columns file,gold and, where wanted, attack and source;"
            f" it is {','.join(header)[:200]!r}"
        )


def describe_row(
    path: Path, name: str, attack: str, place: str, row: Mapping[str, str], classes: Classes
) -> Candidate:
    """The example of one row, whose file is known, or why it is none."""
    if "" in row:
        return Candidate(place, reason="has more fields than the first line")
    if not row["file"] or not is_example(path):
        return Candidate(place, reason=f"file {row['file'][:200]!r} is none of {', '.join(ENDINGS)}")
    gold = read_gold(row["gold"], classes)
    if isinstance(gold, str):
        return Candidate(place, reason=gold)
    return Candidate(
        place, make_entry(path, name, row.get("attack") or attack, gold, row.get("source") or name)
    )


def read_gold(text: str, classes: Classes) -> int | str:
    """Class that a label or a class id names, or why it names none."""
    by_label = classes.numbers.get(normalise(text))
    by_id = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if by_label is not None:
        if by_id in (None, by_label):
            return by_label
        return f"gold {text!r} is class {by_label} by its label and {by_id} by its number"
    if by_id is None or by_id >= len(classes.labels):
        return f"gold {text[:200]!r} is neither a label nor a class from 0 to {len(classes.labels) - 1}"
    return by_id
