"""Strict join of cells' records by example: those that every cell has, and why others are not compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from harness.diff.columns import Columns

NONE = -1


@dataclass(frozen=True)
class Incomparable:
    """Why an example cannot be compared, and the environment in which that is so."""

    example: str
    environment: str
    reason: str


@dataclass(frozen=True, eq=False)
class Join:
    """Examples that every environment has one sound record of, and those that some has not.

    `examples`, `sources` and `attacks` are (n,) str objects, the last two as the first environment has
    them; `tuples` is (n, environments, 3) int64: Gold, Original, Attribute; `detected` (n, environments)
    bool; `rows` (n, environments) says where in each of `columns` an example is.
    """

    environments: tuple[str, ...]
    examples: np.ndarray
    sources: np.ndarray
    attacks: np.ndarray
    tuples: np.ndarray
    detected: np.ndarray
    rows: np.ndarray
    columns: tuple[Columns, ...]
    incomparable: tuple[Incomparable, ...] = ()

    def agrees(self, place: int, other: int) -> np.ndarray:
        """Whether two environments say the same of examples (n,): one tuple, and the same of detection."""
        same = (self.tuples[:, place] == self.tuples[:, other]).all(axis=1)
        return np.asarray(same & (self.detected[:, place] == self.detected[:, other]))

    def gather(self, name: str, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """A column of all environments, (chosen, environments, …), for some examples."""
        parts = [getattr(one, name)[self.rows[chosen, place]] for place, one in enumerate(self.columns)]
        return np.stack(parts, axis=1)


@dataclass(frozen=True, eq=False)
class Wanted:
    """The examples that are looked for: `names` (n,) str objects, and where each is among them."""

    names: np.ndarray
    places: Mapping[str, int]


def join_columns(cells: Mapping[str, Columns], known: Mapping[str, Sequence[str]] | None = None) -> Join:
    """Join environments' records by example id, dropping none.

    `known` gives the ids that an environment must have; without it, it has to have those that any has.
    """
    known = known or {}
    arrays = {id(ids): np.fromiter(ids, dtype=object) for ids in known.values()}  # most share one list
    lists = {name: arrays[id(ids)] for name, ids in known.items()}
    wanted = list_wanted(cells, lists)
    rows = np.full((len(wanted.names), len(cells)), NONE, dtype=np.int64)
    problems: list[Incomparable] = []
    for place, (environment, columns) in enumerate(cells.items()):
        rows[:, place] = find_rows(columns, wanted)
        problems.extend(find_problems(environment, columns, wanted, rows[:, place], lists.get(environment)))
    problems.extend(find_other_files(tuple(cells), tuple(cells.values()), wanted, rows))
    spoilt = [wanted.places[one.example] for one in problems if one.example in wanted.places]
    keep = np.ones(len(wanted.names), dtype=bool)
    keep[np.array(spoilt, dtype=np.int64)] = False
    return take_join(cells, wanted.names[keep], rows[keep], tuple(problems))


def list_wanted(cells: Mapping[str, Columns], known: Mapping[str, np.ndarray]) -> Wanted:
    """The ids that any list or, where a cell has no list, its records have, in their order."""
    ids: dict[str, None] = {}
    seen: list[np.ndarray] = []
    for environment, columns in cells.items():
        listed = known.get(environment, columns.examples)
        if not any(is_same(listed, one) for one in seen):
            ids.update(dict.fromkeys(listed))
            seen.append(listed)
        if environment not in known:
            ids.update(dict.fromkeys(one.example for one in columns.broken))
    names = np.fromiter(ids, dtype=object)
    return Wanted(names, dict(zip(ids, range(len(ids)), strict=True)))


def is_same(some: np.ndarray, others: np.ndarray) -> bool:
    """Whether two lists of ids (n,) are equal."""
    return len(some) == len(others) and bool(np.all(some == others))


def find_rows(columns: Columns, wanted: Wanted) -> np.ndarray:
    """Row of a cell's record of each wanted example (n,); NONE where there is none, or more than one."""
    if is_same(columns.examples, wanted.names):
        return np.arange(len(wanted.names))
    places = find_places(columns, wanted)
    here = np.flatnonzero(places != NONE)
    rows = np.full(len(wanted.names), NONE, dtype=np.int64)
    rows[places[here]] = here
    rows[np.bincount(places[here], minlength=len(rows)) > 1] = NONE
    return rows


def find_places(columns: Columns, wanted: Wanted) -> np.ndarray:
    """Place of each of a cell's records among the wanted examples (n,); NONE where it is none of them."""
    found = map(wanted.places.get, columns.examples, repeat(NONE))
    return np.fromiter(found, dtype=np.int64, count=len(columns.examples))


def find_problems(
    environment: str, columns: Columns, wanted: Wanted, rows: np.ndarray, known: np.ndarray | None
) -> Iterator[Incomparable]:
    """Records of one environment that are doubled, hold no tuple, are missing, or that nobody asked for."""
    for one in columns.broken:
        yield Incomparable(one.example, environment, one.reason)
    wants_all = known is None or len(known) == len(rows)
    if wants_all and len(rows) == len(columns.examples) and not np.any(rows == NONE):
        return
    said = {one.example for one in columns.broken}
    listed = None if known is None else frozenset(known)
    counts = Counter(columns.examples.tolist())
    counts.update(said)
    for example, count in counts.items():
        if listed is not None and example not in listed:
            yield Incomparable(example, environment, "is not in the list of examples")
        elif count > 1:
            yield Incomparable(example, environment, f"has {count} records")
    for example in wanted.names[rows == NONE]:
        if example not in counts:
            absent = listed is None or example in listed
            reason = "has no record" if absent else f"is not among its {len(listed or ())} examples"
            yield Incomparable(example, environment, reason)


def find_other_files(
    environments: Sequence[str], cells: Sequence[Columns], wanted: Wanted, rows: np.ndarray
) -> Iterator[Incomparable]:
    """Records that were made from another file than most environments' records of that example.

    A record that does not say what it was made from is taken at its word.
    """
    files = np.zeros(rows.shape, dtype=np.uint64)
    for place, columns in enumerate(cells):
        here = rows[:, place] != NONE
        files[here, place] = columns.hashes[rows[here, place], 0]
    first = files.max(axis=1, initial=0, keepdims=True)
    for row in np.flatnonzero(((files != first) & (files != 0)).any(axis=1)):
        named = {name: int(value) for name, value in zip(environments, files[row], strict=True) if value}
        (most, often), (_, next_often), *_ = Counter(named.values()).most_common()
        for name, value in named.items():
            if value != most or often == next_often:
                digest = f"{value:016x}"[:12]
                yield Incomparable(wanted.names[row], name, f"was made from another file ({digest})")


def take_join(
    cells: Mapping[str, Columns], examples: np.ndarray, rows: np.ndarray, problems: tuple[Incomparable, ...]
) -> Join:
    """The join of the examples that are left."""
    columns = tuple(cells.values())
    nothing = np.empty(0, dtype=object)
    parts = [one.tuples[rows[:, place]] for place, one in enumerate(columns)]
    said = [one.detected[rows[:, place]] for place, one in enumerate(columns)]
    return Join(
        environments=tuple(cells),
        examples=examples,
        sources=columns[0].sources[rows[:, 0]] if columns else nothing,
        attacks=columns[0].attacks[rows[:, 0]] if columns else nothing,
        tuples=np.stack(parts, axis=1) if parts else np.empty((0, 0, 3), dtype=np.int64),
        detected=np.stack(said, axis=1) if said else np.empty((0, 0), dtype=bool),
        rows=rows,
        columns=columns,
        incomparable=problems,
    )
