"""Cases and rates of one cell, with Wilson intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.ami.cases import CASES, name_case

BENIGN = "benign"
Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True)
class Rate:
    """`hits` of `of`; the rate and its 95 % interval are None where there is nothing to count."""

    hits: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Rates:
    """What one cell's records say of the detector.

    `detection`: detected among attacked examples whose Original is not Gold (true positive rate).
    `alarms`: detected among benign examples whose Original is Gold; `alarms_all`: among all benign ones.
    `accuracy`: Original is Gold, among benign examples; `attribute_accuracy`: Attribute is Gold there.
    """

    examples: int
    cases: Mapping[str, int]
    detection: Rate
    alarms: Rate
    alarms_all: Rate
    accuracy: Rate
    attribute_accuracy: Rate


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


def measure_rates(records: Sequence[Mapping[str, Any]]) -> Rates:
    """Rates of one cell's records, from their tuples and attacks alone."""
    benign = [record for record in records if record.get("attack") == BENIGN]
    fooled = [record for record in records if record.get("attack") != BENIGN and not is_right(record)]
    right = [record for record in benign if is_right(record)]
    counts = Counter(name_case(record["gold"], record["original"], record["attribute"]) for record in records)
    return Rates(
        examples=len(records),
        cases={case: counts[case] for case in CASES},
        detection=measure_share(fooled),
        alarms=measure_share(right),
        alarms_all=measure_share(benign),
        accuracy=measure_rate(len(right), len(benign)),
        attribute_accuracy=measure_rate(
            sum(record["attribute"] == record["gold"] for record in benign), len(benign)
        ),
    )


def is_right(record: Mapping[str, Any]) -> bool:
    """Whether the plain pass gives the gold label."""
    return bool(record["original"] == record["gold"])


def measure_share(records: Sequence[Mapping[str, Any]]) -> Rate:
    """Rate of detected examples among records."""
    hits = sum(record["original"] != record["attribute"] for record in records)
    return measure_rate(hits, len(records))
