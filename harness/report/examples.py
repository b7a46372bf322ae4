"""Examples as the summary has them: the diverging ones one by one, the agreeing ones column by column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from harness.diff.columns import STAGES
from harness.diff.divergences import CHANGES, Divergences
from harness.diff.tuples import NONE, Join
from harness.matrix.register import Expected
from harness.report.summary import AgreeingSummary, Change, DivergenceSummary, Margins, Stage


def describe_divergences(
    join: Join, found: Divergences, smallest: np.ndarray, expected: Sequence[Expected]
) -> tuple[DivergenceSummary, ...]:
    """The diverging examples, with the register's reasons for those that it expects."""
    if not len(found.rows):
        return ()
    today = dt.datetime.now(dt.UTC).date()
    valid = [entry for entry in expected if entry.until >= today]
    margins = hide_nan(join.gather("margins", found.rows)).tolist()
    tuples = join.tuples[found.rows].tolist()
    return tuple(
        describe_divergence(join, found, place, valid, tuples[place], margins[place], smallest[row])
        for place, row in enumerate(found.rows.tolist())
    )


def describe_divergence(
    join: Join,
    found: Divergences,
    place: int,
    valid: Sequence[Expected],
    tuples: Sequence[tuple[int, int, int]],
    margins: Sequence[Margins],
    smallest: float,
) -> DivergenceSummary:
    """One diverging example, of which the tuples and margins are given environment by environment."""
    names, row = join.environments, int(found.rows[place])
    classes, baseline = found.classes[place].tolist(), int(found.baselines[place])
    departing = [number for number, first in enumerate(classes) if first != classes[baseline]]
    changes, stages = found.changes[place].tolist(), found.stages[place].tolist()
    return DivergenceSummary(
        example=join.examples[row],
        attack=join.attacks[row],
        source=join.sources[row] or None,
        baseline_environment=names[baseline],
        baseline=tuples[baseline],
        tuples=dict(zip(names, tuples, strict=True)),
        classes=name_classes(names, classes),
        departing=tuple(names[number] for number in departing),
        expected={
            names[number]: find_reason(valid, join.examples[row], names[number]) for number in departing
        },
        changes={names[number]: name_changes(changes[number]) for number in departing},
        margins=dict(zip(names, margins, strict=True)),
        smallest_margin=smallest if np.isfinite(smallest) else None,
        stages={names[number]: name_stage(stages[number]) for number in departing},
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
