"""How much of a change of a rate each factor in which two cells differ makes up.

Every set of the factors is tried on one side, over all examples that the rate counts, and the change is
shared out by Shapley values. What cannot be set while a worker runs (packages, threads, the last bits of
another library) is one part, `environment`: what is left between the other cell and this one with all of
the other's values. So the parts add up to the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from harness.core.errors import InputError
from harness.diff.columns import NO_TUPLE
from harness.diff.tuples import Join
from harness.evaluate.rates import ExampleKinds, find_example_kinds, mark_examples
from harness.explain.causes import Cause
from harness.explain.counterfactual import Answers, Failure, Question, Record, take_tuple
from harness.explain.minimise import split
from harness.explain.pair import Pair
from harness.explain.setup import Setup, choose_setup, find_seconds
from harness.explain.shapley import Share, Subset, list_sets, share_values
from harness.records.record import walk_records
from harness.summary.causes import SharePart, Waterfall
from harness.system.machine import count_cores

RateName = Literal["detection", "alarms"]
RATES: tuple[RateName, ...] = ("detection", "alarms")
ENVIRONMENT = "environment"
MOST_SECONDS = 1800.0  # of one core, for the waterfalls of a pair that nobody asked for by name
PART_SECONDS = 10.0  # of one core: less is not worth another worker
ROUNDING = 1e-12
LATE = ("port.pool3_channels", "port.pool3_kernel", "port.pool3_when", "port.fc")
"""What acts on few blobs: passes that differ in these alone have the most in common."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What a cell says of examples: tuples (n, 3), and whether they are detected (n,)."""

    tuples: np.ndarray
    detected: np.ndarray

    def measure(self, rate: RateName, kinds: ExampleKinds) -> float:
        """A rate as reports have it; NaN where there is nothing to count."""
        marks = mark_examples(self.tuples, self.detected, kinds)[rate]
        of = int(np.count_nonzero(marks.of))
        return int(np.count_nonzero(marks.hits)) / of if of else math.nan


@dataclass(frozen=True, eq=False)
class Table:
    """All examples that the cells of a run have in common, and what each cell says of them."""

    join: Join

    @property
    def kinds(self) -> ExampleKinds:
        """What the examples are."""
        return find_example_kinds(self.join.examples, self.join.sources, self.join.attacks)

    def read(self, label: str) -> Outcomes:
        """What a cell says."""
        place = self.join.environments.index(label)
        return Outcomes(self.join.tuples[:, place], self.join.detected[:, place])


@dataclass
class Plan:
    """What is to be tried for a pair's waterfalls: sets of factors, over `chosen` examples (n,)."""

    pair: Pair
    setup: Setup
    rates: Sequence[RateName]
    chosen: np.ndarray
    sets: Sequence[Subset]
    found: dict[Subset, Outcomes] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """About how long it takes on one core; passes have half of their way in common."""
        return len(self.sets) * int(self.chosen.sum()) * find_seconds(self.setup.side) / 2


def draw_waterfalls(
    pairs: Sequence[Pair], join: Join, answers: Answers, most: float = MOST_SECONDS
) -> tuple[list[Waterfall], list[str]]:
    """The waterfalls of all pairs whose rates differ, and in sentences why others have none."""
    if not most:
        return [], []
    table = Table(join)
    plans = [plan for pair in pairs if (plan := plan_pair(pair, table, answers))]
    ready = [plan for plan in plans if plan.seconds <= most]
    notes = [tell_none(plan, tell_hours(plan)) for plan in plans if plan.seconds > most]
    notes.extend(try_sets(ready, table, answers))
    drawn = (one for plan in ready for one in share_rates(plan, table))
    return [one.model_copy(update={"worker": answers.worker}) for one in drawn], notes


def tell_hours(plan: Plan) -> str:
    """How long a waterfall would take, and what has it made all the same."""
    return f"it takes about {plan.seconds / 3600:.1f} hours on one core; --waterfall makes it"


def tell_none(plan: Plan, reason: object) -> str:
    """Why a pair has no waterfall."""
    return f"no waterfall of {' and '.join(plan.pair.names)}: {reason}"


def plan_pair(pair: Pair, table: Table, answers: Answers) -> Plan | None:
    """What to try for a pair; None where its rates are the same, or are of nothing."""
    kinds = table.kinds
    first, second = (table.read(name) for name in pair.names)
    rates = [rate for rate in RATES if is_changed(first.measure(rate, kinds), second.measure(rate, kinds))]
    if not rates:
        return None
    setup = choose_setup(pair, answers)
    chosen = choose_examples(setup, table)
    sets = list(dict.fromkeys(map(setup.settle, list_sets(list(setup.patches)))))
    return Plan(pair, setup, rates, chosen, [one for one in sets if one != setup.own])


def is_changed(start: float, end: float) -> bool:
    """Whether a rate is one number here, and another there."""
    return not math.isnan(start) and not math.isnan(end) and start != end


def choose_examples(setup: Setup, table: Table) -> np.ndarray:
    """The examples that a rate can count whatever is set (n,).

    Where no factor touches the plain pass, they are those that it counts of the side's own answers.
    """
    kinds, own = table.kinds, table.read(setup.side.label)
    if any(one.is_input for one in setup.patches.values()):
        return kinds.benign | kinds.attacked
    marks = mark_examples(own.tuples, own.detected, kinds)
    return np.asarray(marks["detection"].of | marks["alarms"].of)


def try_sets(plans: Sequence[Plan], table: Table, answers: Answers) -> Iterator[str]:
    """Have all sets of all plans tried side by side, and read what came out; why it did not."""
    asked = [(plan, part) for plan in plans for part in split_sets(plan)]
    results = answers.run([ask_sets(plan, part, table) for plan, part in asked], ()) if asked else ()
    for (plan, part), result in zip(asked, results, strict=True):
        answers.executions += 1
        answers.settings += len(part)
        try:
            plan.found.update(read_outcomes(result, plan, part, table))
        except InputError as error:
            yield tell_none(plan, error)


def split_sets(plan: Plan) -> list[list[Subset]]:
    """A plan's sets in as many parts as are worth a worker; those that differ late stay together."""
    ordered = sorted(plan.sets, key=lambda one: sorted(one.difference(LATE)))
    count = max(1, min(count_cores(), math.ceil(plan.seconds / PART_SECONDS), len(ordered)))
    return [part for part in split(ordered, count) if part]


def ask_sets(plan: Plan, sets: Sequence[Subset], table: Table) -> Question:
    """The question that tries some sets on every example that counts."""
    patches, examples = [plan.setup.merge(one) for one in sets], list(table.join.examples[plan.chosen])
    return Question(plan.setup.side, patches, examples, is_brief=True)


def read_outcomes(
    result: Path | Failure, plan: Plan, sets: Sequence[Subset], table: Table
) -> dict[Subset, Outcomes]:
    """What came out for some sets; examples that were not tried are as they were."""
    if isinstance(result, Failure):
        raise InputError(result.reason)
    own = table.read(plan.setup.side.label)
    found = [Outcomes(own.tuples.copy(), own.detected.copy()) for _ in sets]
    places = {name: int(row) for row in np.flatnonzero(plan.chosen) for name in [table.join.examples[row]]}
    for record in walk_records(result):
        take_record(record, found, places)
    return dict(zip(sets, found, strict=True))


def take_record(record: Record, found: Sequence[Outcomes], places: Mapping[str, int]) -> None:
    """Write an answer down at its place; InputError for one that is none."""
    said, example, number = take_tuple(record), str(record.get("example")), record.get("patch")
    if said is None:
        raise InputError(f"{example}: {record.get('refused') or NO_TUPLE}")
    if example not in places or not isinstance(number, int) or not 0 <= number < len(found):
        raise InputError(f"{example}: is an answer to no question; clear the store, and explain again")
    found[number].tuples[places[example]] = said
    found[number].detected[places[example]] = record.get("detected")


def share_rates(plan: Plan, table: Table) -> Iterator[Waterfall]:
    """The waterfalls of a plan that was tried; none where a rate is of nothing in between."""
    found = {**plan.found, plan.setup.own: table.read(plan.setup.side.label)}
    if any(one not in found for one in plan.sets):
        return
    kinds, factors = table.kinds, list(plan.setup.patches)
    for rate in plan.rates:
        start, end = (table.read(name).measure(rate, kinds) for name in plan.pair.names)
        measured = {one: outcomes.measure(rate, kinds) for one, outcomes in found.items()}
        values = {one: measured[plan.setup.settle(one)] for one in list_sets(factors)}
        if not any(map(math.isnan, values.values())):
            left = end - start - (values[frozenset(factors)] - values[frozenset()])
            yield make_waterfall(plan, rate, (start, end), share_values(factors, values), left)


def make_waterfall(
    plan: Plan, rate: RateName, ends: tuple[float, float], shares: Sequence[Share], left: float
) -> Waterfall:
    """A waterfall, its largest parts first, and what is left last."""
    patches = plan.setup.patches
    parts = [
        SharePart(
            cause=patches[one.factor].cause.value,
            factor=one.factor,
            share=drop_rounding(one.share),
            low=one.low,
            high=one.high,
        )
        for one in sorted(shares, key=lambda one: -abs(one.share))
    ]
    cause = Cause.UNKNOWN if plan.setup.left else Cause.NUMERICS
    rest = SharePart(cause=cause.value, factor=name_rest(plan.setup), share=drop_rounding(left))
    return Waterfall(cells=plan.pair.names, rate=rate, start=ends[0], end=ends[1], parts=(*parts, rest))


def name_rest(setup: Setup) -> str:
    """What the last part is of."""
    return " and ".join([ENVIRONMENT, *setup.left])


def drop_rounding(share: float) -> float:
    """A share without what adding up left of 0."""
    return 0.0 if abs(share) < ROUNDING else share
