"""Cases and rates of one cell, with Wilson's intervals and with intervals by bootstrap over sources."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.ami.cases import CASES
from harness.core.examples import BENIGN, UNKNOWN
from harness.evaluate.bootstrap import count_by_cluster, number_clusters, resample_rates

CHANGED = "benign-"  # what begins so is clean under a change that nobody aimed: no attack, nor a clean image
Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class Rate:
    """`hits` of `of`; the rate and its 95 % interval are None where there is nothing to count.

    `cluster_low` to `cluster_high` is the interval by bootstrap, None where it was not made or is not
    defined.
    """

    hits: int
    of: int
    rate: float | None
    low: float | None
    high: float | None
    cluster_low: float | None = None
    cluster_high: float | None = None


@dataclass(frozen=True)
class Rates:
    """What one cell's records say of the detector.

    `detection`: detected among attacked examples whose Original is not Gold (true positive rate).
    `alarms`: detected among benign examples whose Original is Gold; `alarms_all`: among all benign ones.
    `accuracy`: Original is Gold, among benign examples; `attribute_accuracy`: Attribute is Gold there.
    `evasion`: Original is not Gold and not detected, among all attacked examples.
    `recovery`: Attribute is Gold, among attacked examples whose Original is not Gold.
    """

    examples: int
    cases: Mapping[str, int]
    detection: Rate
    alarms: Rate
    alarms_all: Rate
    accuracy: Rate
    attribute_accuracy: Rate
    evasion: Rate
    recovery: Rate


@dataclass(frozen=True, eq=False)
class ExampleKinds:
    """What examples (n,) are, whatever is said about them: two masks, and the number of their source."""

    benign: np.ndarray
    attacked: np.ndarray
    clusters: np.ndarray


@dataclass(frozen=True, eq=False)
class RateMarks:
    """Which examples (n,) are hits of a rate, and among which."""

    hits: np.ndarray
    of: np.ndarray


def measure_rate(hits: int, of: int) -> Rate:
    """A rate with Wilson's 95 % score interval."""
    if of == 0:
        return Rate(hits, of, None, None, None)
    rate, spread = hits / of, Z_95 * Z_95 / of
    centre = (rate + spread / 2) / (1 + spread)
    half = Z_95 * math.sqrt(rate * (1 - rate) / of + spread / (4 * of)) / (1 + spread)
    # Rounding would leave 1e-17 where the formula gives exactly 0 or 1.
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == of else centre + half
    return Rate(hits, of, rate, low, high)


def find_example_kinds(examples: np.ndarray, sources: np.ndarray, attacks: np.ndarray) -> ExampleKinds:
    """Kinds of examples by their names, sources and attacks, str objects (n,), the last two empty if unknown.

    An example of which nobody says whether it was attacked is neither benign nor attacked. Nor is a clean
    one under noise or compression (`benign-noise`): it must not pass for a missed attack, nor hide in the
    rate of false positives on clean images.
    """
    benign = np.asarray(attacks == BENIGN, bool)
    unknown = np.asarray(attacks == UNKNOWN, bool) | np.asarray(attacks == "", bool)
    changed = np.fromiter((one.startswith(CHANGED) for one in attacks), bool, len(attacks))
    return ExampleKinds(benign, ~(benign | unknown | changed), number_clusters(sources, examples))


def measure_tuples(tuples: np.ndarray, detected: np.ndarray, kinds: ExampleKinds) -> Rates:
    """Rates of one cell from tuples (n, 3), and from what its detector decided (n,)."""
    marks = mark_examples(tuples, detected, kinds)
    plain = {
        name: measure_rate(int(np.count_nonzero(one.hits)), int(np.count_nonzero(one.of)))
        for name, one in marks.items()
    }
    rates = add_intervals(plain, marks, kinds.clusters)
    return Rates(examples=len(tuples), cases=count_cases(tuples), **rates)


def mark_examples(tuples: np.ndarray, detected: np.ndarray, kinds: ExampleKinds) -> dict[str, RateMarks]:
    """Hits and denominators of every rate, from tuples (n, 3) and `detected` (n,)."""
    gold, original, attribute = tuples.T
    right, recovered = original == gold, attribute == gold
    benign, attacked = kinds.benign, kinds.attacked
    fooled, sound = attacked & ~right, benign & right
    return {
        "detection": RateMarks(fooled & detected, fooled),
        "alarms": RateMarks(sound & detected, sound),
        "alarms_all": RateMarks(benign & detected, benign),
        "accuracy": RateMarks(sound, benign),
        "attribute_accuracy": RateMarks(benign & recovered, benign),
        "evasion": RateMarks(fooled & ~detected, attacked),
        "recovery": RateMarks(fooled & recovered, fooled),
    }


def count_cases(tuples: np.ndarray) -> dict[str, int]:
    """How many tuples (n, 3) are each of the five cases."""
    gold, original, attribute = tuples.T
    right, recovered, same = original == gold, attribute == gold, original == attribute
    masks = (right & same, right & ~same, ~right & recovered, ~right & same, ~right & ~recovered & ~same)
    return {case: int(np.count_nonzero(mask)) for case, mask in zip(CASES, masks, strict=True)}


def add_intervals(
    rates: Mapping[str, Rate], marks: Mapping[str, RateMarks], clusters: np.ndarray
) -> dict[str, Rate]:
    """The rates with their intervals by bootstrap over clusters (n,)."""
    count = int(clusters.max(initial=-1)) + 1
    hits = [count_by_cluster(one.hits, clusters, count) for one in marks.values()]
    of = [count_by_cluster(one.of, clusters, count) for one in marks.values()]
    ends = resample_rates(np.stack(hits, axis=1), np.stack(of, axis=1))
    return {
        name: rate if end is None else replace(rate, cluster_low=end[0], cluster_high=end[1])
        for (name, rate), end in zip(rates.items(), ends, strict=True)
    }
