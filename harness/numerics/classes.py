"""Classes of environments by equal bits: which blob splits whom, and what of the fingerprint goes with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.diff.fingerprints import COMPUTES, FRAMEWORKS, show_value, view_cell
from harness.numerics.readings import Reading

# Sections of what is known around a cell, those first that are most often why bits differ.
SECTIONS = {
    "settings": "setting ", "job": "", "versions": "", "variables": "variable ",
    "instruction sets": "instruction set ", "system": "", "packages": "package ",
    "image packages": "image package ",
}  # fmt: skip
NO_CAUSE = {"environment", "cell", "replicate", "port", "decoder", "kernel"}
COMPUTING = re.compile("|".join([COMPUTES, *FRAMEWORKS.values()]))


@dataclass(frozen=True)
class Property:
    """A property that is the same within every part of a split, with its value in each."""

    name: str
    values: tuple[str | None, ...]

    @property
    def tells_all(self) -> bool:
        """Whether no two parts have it alike."""
        return len(set(self.values)) == len(self.values)


@dataclass(frozen=True)
class Split:
    """Environments with equal bits up to a blob, and the parts that they fall into there."""

    blob: str
    parts: tuple[tuple[str, ...], ...]
    properties: tuple[Property, ...]


def find_splits(readings: Sequence[Reading]) -> list[Split]:
    """All splits, blob by blob; environments that parted once are not joined again."""
    examples = [one for one in readings[0].hashes if all(one in other.hashes for other in readings)]
    classes, splits = [list(readings)], []
    for blob in readings[0].blobs:
        parted: list[list[Reading]] = []
        for members in classes:
            parts = part_by_bits(members, examples, blob)
            if len(parts) > 1:
                names = tuple(tuple(one.name for one in part) for part in parts)
                splits.append(Split(blob, names, tuple(find_properties(parts))))
            parted.extend(parts)
        classes = parted
    return splits


def find_classes(readings: Sequence[Reading], splits: Sequence[Split]) -> list[tuple[str, ...]]:
    """The classes that all splits leave: environments with equal bits at every blob."""
    classes = [tuple(one.name for one in readings)]
    for split in splits:
        whole = tuple(name for part in split.parts for name in part)
        classes = [
            part
            for members in classes
            for part in (split.parts if sorted(members) == sorted(whole) else (members,))
        ]
    return classes


def part_by_bits(members: Sequence[Reading], examples: Sequence[str], blob: str) -> list[list[Reading]]:
    """Environments by the bits of a blob, the largest part first."""
    parts: dict[tuple[str, ...], list[Reading]] = {}
    for one in members:
        parts.setdefault(tuple(one.hashes[example][blob] for example in examples), []).append(one)
    return sorted(parts.values(), key=lambda part: -len(part))


def find_properties(parts: Sequence[Sequence[Reading]]) -> Iterator[Property]:
    """What is the same within each part and not in all of them; first what tells all parts apart."""
    views = [[list_properties(one.cell) for one in part] for part in parts]
    names = dict.fromkeys(name for part in views for view in part for name in view)
    found = []
    for name in names:
        held = [{view.get(name) for view in part} for part in views]
        values = tuple(next(iter(one)) for one in held)
        if all(len(one) == 1 for one in held) and len(set(values)) > 1:
            found.append(Property(name, values))
    yield from sorted(found, key=lambda one: not one.tells_all)


def list_properties(cell: Mapping[str, Any]) -> dict[str, str | None]:
    """What is known around a cell that may change numbers, as texts, by name."""
    view = view_cell(cell, COMPUTING)
    found = {}
    for section, words in SECTIONS.items():
        for name, value in view[section].items():
            if name not in NO_CAUSE:
                found[f"{words}{name}"] = show_value(value)
    return found
