"""Strict join of cells' records by example, and the examples whose tuples are not all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Record = Mapping[str, Any]
Tuple3 = tuple[int, int, int]
FIELDS = ("gold", "original", "attribute")


@dataclass(frozen=True)
class Incomparable:
    """Why an example cannot be compared, and the environment in which that is so."""

    example: str
    environment: str
    reason: str


@dataclass(frozen=True)
class Join:
    """Examples that every environment has one sound record of, and those that some has not.

    `tuples` is (examples, environments, 3): Gold, Original, Attribute.
    """

    environments: tuple[str, ...]
    examples: tuple[str, ...]
    tuples: np.ndarray
    records: Mapping[str, Mapping[str, Record]]
    incomparable: tuple[Incomparable, ...]


@dataclass(frozen=True)
class Divergence:
    """An example whose records do not all hold the same tuple; `classes` are its agreement classes."""

    example: str
    tuples: Mapping[str, Tuple3]
    classes: tuple[tuple[str, ...], ...]


def join_records(cells: Mapping[str, Sequence[Record]], known: Iterable[str] | None = None) -> Join:
    """Join environments' records by example id, dropping none.

    `known` are the ids that must be there; without it, those that any environment has.
    """
    sound: dict[str, dict[str, Record]] = {}
    problems: list[Incomparable] = []
    for environment, records in cells.items():
        sound[environment], found = index_records(environment, records)
        problems.extend(found)
    seen = dict.fromkeys(id_of(record) for records in cells.values() for record in records)
    wanted = dict.fromkeys(seen if known is None else known)
    problems.extend(find_missing(sound, wanted, problems))
    problems.extend(find_unknown(sound, wanted))
    problems.extend(find_other_files(sound, wanted))
    excluded = {problem.example for problem in problems}
    examples = tuple(example for example in wanted if example not in excluded)
    return Join(tuple(cells), examples, stack_tuples(sound, examples), sound, tuple(problems))


def index_records(
    environment: str, records: Sequence[Record]
) -> tuple[dict[str, Record], list[Incomparable]]:
    """An environment's records by example, and those that are doubled or hold no tuple."""
    counts = Counter(id_of(record) for record in records)
    problems = [
        Incomparable(example, environment, f"has {count} records")
        for example, count in counts.items()
        if count > 1
    ]
    indexed = {}
    for record in records:
        if not is_sound(record):
            problems.append(Incomparable(id_of(record), environment, "its record holds no tuple"))
        elif counts[id_of(record)] == 1:
            indexed[id_of(record)] = record
    return indexed, problems


def id_of(record: Record) -> str:
    """Example id of a record, whatever is wrong with it."""
    return str(record.get("example"))


def is_sound(record: Record) -> bool:
    """Whether a record holds three class ids."""
    return all(type(record.get(name)) is int for name in FIELDS)


def find_missing(
    sound: Mapping[str, Mapping[str, Record]], wanted: Iterable[str], problems: Sequence[Incomparable]
) -> list[Incomparable]:
    """Wanted examples that an environment has no record of and nothing else was said about."""
    said = {(problem.example, problem.environment) for problem in problems}
    return [
        Incomparable(example, environment, "has no record")
        for example in wanted
        for environment, records in sound.items()
        if example not in records and (example, environment) not in said
    ]


def find_unknown(sound: Mapping[str, Mapping[str, Record]], wanted: Mapping[str, None]) -> list[Incomparable]:
    """Records of examples that nobody asked for."""
    return [
        Incomparable(example, environment, "is not in the list of examples")
        for environment, records in sound.items()
        for example in records
        if example not in wanted
    ]


def find_other_files(sound: Mapping[str, Mapping[str, Record]], wanted: Iterable[str]) -> list[Incomparable]:
    """Records that were made from another file than most environments' records of that example."""
    problems: list[Incomparable] = []
    for example in wanted:
        files = {name: hash_of(records[example]) for name, records in sound.items() if example in records}
        counts = Counter(files.values()).most_common()
        if len(counts) < 2:
            continue
        tied = counts[0][1] == counts[1][1]
        problems.extend(
            Incomparable(example, name, f"was made from another file ({digest[:12] or 'unnamed'})")
            for name, digest in files.items()
            if tied or digest != counts[0][0]
        )
    return problems


def hash_of(record: Record) -> str:
    """Hash of the file that a record was made from; empty where it does not say."""
    hashes = record.get("hashes")
    return str(hashes.get("file", "")) if isinstance(hashes, Mapping) else ""


def stack_tuples(sound: Mapping[str, Mapping[str, Record]], examples: Sequence[str]) -> np.ndarray:
    """Tuples (examples, environments, 3), int64."""
    rows = [
        [[records[example][name] for name in FIELDS] for records in sound.values()] for example in examples
    ]
    return np.array(rows, dtype=np.int64).reshape(len(examples), len(sound), 3)


def find_divergences(join: Join) -> tuple[Divergence, ...]:
    """The compared examples whose tuples are not all equal, in the examples' order."""
    if not join.environments:
        return ()
    differs = (join.tuples != join.tuples[:, :1]).any(axis=(1, 2))
    return tuple(describe_divergence(join, int(row)) for row in np.flatnonzero(differs))


def describe_divergence(join: Join, row: int) -> Divergence:
    """One diverging example's tuples and agreement classes, the largest class first."""
    tuples = {
        name: (int(gold), int(original), int(attribute))
        for name, (gold, original, attribute) in zip(join.environments, join.tuples[row], strict=True)
    }
    classes: dict[Tuple3, list[str]] = {}
    for name, value in tuples.items():
        classes.setdefault(value, []).append(name)
    ordered = sorted(classes.values(), key=len, reverse=True)
    return Divergence(join.examples[row], tuples, tuple(tuple(names) for names in ordered))


def choose_baseline(divergence: Divergence, reference: str) -> Tuple3:
    """The tuple that others are held against: the reference's, or without it the largest class's."""
    name = reference if reference in divergence.tuples else divergence.classes[0][0]
    return divergence.tuples[name]
