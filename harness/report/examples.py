"""Examples as the summary has them: the diverging ones one by one, the agreeing ones column by column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from harness.diff.columns import STAGES
from harness.diff.divergences import CHANGES, Divergences
from harness.diff.tuples import NONE, Join
from harness.matrix.register import Expected
from harness.report.summary import AgreeingSummary, Change, DivergenceSummary, Margins, Stage


class Row(NamedTuple):
    """One diverging example: `baseline` and `classes` are places among the environments, as are all lists."""

    example: str
    attack: str
    source: str
    baseline: int
    classes: list[int]
    changes: list[list[bool]]
    stages: list[int]
    tuples: list[tuple[int, int, int]]
    margins: list[Margins]
    smallest: float | None


def describe_divergences(
    join: Join, found: Divergences, smallest: np.ndarray, expected: Sequence[Expected]
) -> tuple[DivergenceSummary, ...]:
    """The diverging examples, with the register's reasons for those that it expects."""
    if not len(found.rows):
        return ()
    today = dt.datetime.now(dt.UTC).date()
    valid = [entry for entry in expected if entry.until >= today]
    columns = (
        join.examples[found.rows],
        join.attacks[found.rows],
        join.sources[found.rows],
        np.full(len(found.rows), found.baseline),
        found.classes,
        found.changes,
        found.stages,
        join.tuples[found.rows],
        hide_nan(join.gather("margins", found.rows)),
        hide_nan(smallest[found.rows]),
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(describe_divergence(join.environments, Row(*row), valid) for row in rows)


def describe_divergence(names: Sequence[str], row: Row, valid: Sequence[Expected]) -> DivergenceSummary:
    """One diverging example."""
    departs = [first != row.classes[row.baseline] for first in row.classes]
    places = [place for place, is_one in enumerate(departs) if is_one]
    return DivergenceSummary(
        example=row.example,
        attack=row.attack,
        source=row.source or None,
        baseline_environment=names[row.baseline],
        baseline=row.tuples[row.baseline],
        tuples=dict(zip(names, row.tuples, strict=True)),
        classes=name_classes(names, row.classes),
        departing=tuple(names[place] for place in places),
        expected={names[place]: find_reason(valid, row.example, names[place]) for place in places},
        changes={names[place]: name_changes(row.changes[place]) for place in places},
        margins=dict(zip(names, row.margins, strict=True)),
        smallest_margin=row.smallest,
        stages={names[place]: name_stage(row.stages[place]) for place in places},
        causes={},
    )


def name_changes(differs: Sequence[bool]) -> tuple[Change, ...]:
    """Names of what differs, of an environment's row of changes."""
    return tuple(change for change, is_one in zip(CHANGES, differs, strict=True) if is_one)


def name_stage(number: int) -> Stage | None:
    """Name of a stage, None for NONE."""
    return None if number == NONE else STAGES[number]


def name_classes(names: Sequence[str], classes: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Agreement classes, the largest first."""
    members: dict[int, list[str]] = {}
    for name, first in zip(names, classes, strict=True):
        members.setdefault(first, []).append(name)
    return tuple(map(tuple, sorted(members.values(), key=len, reverse=True)))


def find_reason(entries: Sequence[Expected], example: str, environment: str) -> str | None:
    """Reason of the first entry that speaks of an example in an environment."""
    return next((entry.reason for entry in entries if entry.matches(example, environment)), None)


def describe_agreeing(join: Join, found: Divergences, smallest: np.ndarray) -> AgreeingSummary:
    """The examples on which all environments agree."""
    agrees = np.ones(len(join.examples), dtype=bool)
    agrees[found.rows] = False
    if not join.environments:
        return AgreeingSummary()
    return AgreeingSummary(
        examples=tuple(join.examples[agrees]),
        sources=tuple(source or None for source in join.sources[agrees]),
        attacks=tuple(join.attacks[agrees]),
        tuples=tuple(map(tuple, join.tuples[agrees, 0].tolist())),
        smallest_margins=tuple(hide_nan(smallest[agrees]).tolist()),
    )


def hide_nan(values: np.ndarray) -> np.ndarray:
    """The values as objects, None for those that are no finite number."""
    objects = values.astype(object)
    objects[~np.isfinite(values)] = None
    return objects


def name_labels(
    divergences: Sequence[DivergenceSummary], labels: Sequence[str] | Mapping[int, str]
) -> dict[int, str]:
    """Names of the classes that diverging tuples hold, as far as they are known."""
    known = dict(labels) if isinstance(labels, Mapping) else dict(enumerate(labels))
    classes = {number for one in divergences for values in one.tuples.values() for number in values}
    return {number: known[number] for number in sorted(classes) if number in known}
