"""Examples as the summary has them: the diverging ones one by one, the agreeing ones column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np

from harness.diff.columns import find_detected
from harness.diff.divergences import CHANGES, Divergences
from harness.diff.noise import Noise
from harness.diff.tuples import Join
from harness.records.record import STAGES, Stage
from harness.summary.document import AgreeingSummary, ControlSummary, DivergenceSummary
from harness.verdict.executions import explain_noise
from harness.verdict.expectation import Expectation

CHUNK = 4096  # examples that are made from the columns at a time
STAGES_OR_NONE: tuple[Stage | None, ...] = (*STAGES, None)  # NONE is -1, the last
CHANGE_BITS = 1 << np.arange(len(CHANGES))
CHANGE_SETS = [
    tuple(change for change, bit in zip(CHANGES, CHANGE_BITS, strict=True) if bits & bit)
    for bits in range(1 << len(CHANGES))
]


class Row(NamedTuple):
    """One diverging example: `baseline` and `classes` are places among the environments, as are all lists."""

    example: str
    attack: str
    source: str
    baseline: int
    classes: list[int]
    departs: list[bool]
    changes: list[int]
    stages: list[int]
    reasons: list[int]
    disagrees: list[bool]
    tuples: list[list[int]]
    detected: list[bool]
    is_told: bool
    margins: list[list[float | None]]
    smallest: float | None


@dataclass(frozen=True, eq=False)
class Listing(Sequence[DivergenceSummary]):
    """The diverging examples, each made when it is asked for: a million objects take gigabytes."""

    join: Join
    found: Divergences
    smallest: np.ndarray
    expectation: Expectation
    noise: Noise

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found.rows)

    def __iter__(self) -> Iterator[DivergenceSummary]:
        """One after the other."""
        for start in range(0, len(self), CHUNK):
            yield from self.describe(slice(start, start + CHUNK))

    @overload
    def __getitem__(self, place: int) -> DivergenceSummary: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[DivergenceSummary]: ...
    def __getitem__(self, place: int | slice) -> DivergenceSummary | Sequence[DivergenceSummary]:
        """One of them, or some."""
        if isinstance(place, slice):
            return self.describe(place)
        return self.describe([range(len(self))[place]])[0]

    def describe(self, chosen: slice | list[int]) -> list[DivergenceSummary]:
        """Some of them, by their places."""
        found, rows = self.found, self.found.rows[chosen]
        tuples, detected = self.join.tuples[rows], self.join.detected[rows]
        columns = (
            self.join.examples[rows],
            self.join.attacks[rows],
            self.join.sources[rows],
            np.full(len(rows), found.baseline),
            found.classes[chosen],
            self.expectation.departs[chosen],
            found.changes[chosen] @ CHANGE_BITS,
            found.stages[chosen],
            self.expectation.reasons[chosen],
            self.noise.disagrees[chosen],
            tuples,
            detected,
            (detected != find_detected(tuples)).any(axis=1),
            hide_nan(self.join.gather("margins", rows)),
            hide_nan(self.smallest[rows]),
        )
        names, reasons = self.join.environments, [*(one.reason for one in self.expectation.entries), None]
        listed = zip(*(column.tolist() for column in columns), strict=True)
        return [describe_divergence(names, reasons, self.noise, Row(*row)) for row in listed]


def describe_divergence(
    names: Sequence[str], reasons: Sequence[str | None], noise: Noise, row: Row
) -> DivergenceSummary:
    """One diverging example; nothing is checked anew, for that would take longer than all the rest."""
    places = [place for place, departs in enumerate(row.departs) if departs]
    tuples = list(map(tuple, row.tuples))
    causes = explain_noise(noise, row.disagrees, places, row.baseline)
    return DivergenceSummary.model_construct(
        example=row.example,
        attack=row.attack,
        source=row.source or None,
        baseline_environment=names[row.baseline],
        baseline=tuples[row.baseline],
        tuples=dict(zip(names, tuples, strict=True)),
        classes=name_classes(names, row.classes),
        departing=tuple(names[place] for place in places),
        expected={names[place]: reasons[row.reasons[place]] for place in places},
        changes={names[place]: CHANGE_SETS[row.changes[place]] for place in places},
        margins=dict(zip(names, map(tuple, row.margins), strict=True)),
        smallest_margin=row.smallest,
        stages={names[place]: STAGES_OR_NONE[row.stages[place]] for place in places},
        ratios={},
        causes={names[place]: cause for place, cause in causes.items()},
        groups={},
        detected=tell_detected(names, tuples, row.detected) if row.is_told else {},
    )


def tell_detected(
    names: Sequence[str], tuples: Sequence[tuple[int, ...]], detected: Sequence[bool]
) -> dict[str, bool]:
    """Decisions that do not follow from an environment's tuple."""
    return {
        name: said
        for name, (_, original, attribute), said in zip(names, tuples, detected, strict=True)
        if said != (original != attribute)
    }


def name_classes(names: Sequence[str], classes: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Agreement classes, the largest first."""
    members: dict[int, list[str]] = {}
    for name, first in zip(names, classes, strict=True):
        members.setdefault(first, []).append(name)
    return tuple(map(tuple, sorted(members.values(), key=len, reverse=True)))


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


def describe_controls(join: Join, found: Divergences) -> dict[str, dict[Stage, ControlSummary]]:
    """Of every environment that departs somewhere, what the examples are like on which it agrees."""
    departs = (found.classes != found.classes[:, [found.baseline]]).any(axis=0) if len(found.rows) else []
    return {
        name: {
            stage: ControlSummary(differ=differ, of=of)
            for stage, (differ, of) in zip(STAGES, found.controls[place].tolist(), strict=True)
            if of
        }
        for place, name in enumerate(join.environments)
        if len(departs) and departs[place]
    }


def hide_nan(values: np.ndarray) -> np.ndarray:
    """The values as objects, None for those that are no finite number."""
    objects = values.astype(object)
    objects[~np.isfinite(values)] = None
    return objects


def name_labels(tuples: np.ndarray, labels: Mapping[int, str]) -> dict[int, str]:
    """Names of the classes that tuples (n, e, 3) hold, as far as they are known."""
    numbers = np.fromiter(sorted(labels), np.int64, len(labels))
    return {number: labels[number] for number in numbers[np.isin(numbers, tuples)].tolist()}
