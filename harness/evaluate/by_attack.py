"""Rates of one cell attack by attack: true positives of each, false positives of each kind of clean image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.examples import BENIGN
from harness.diff.columns import Columns
from harness.evaluate.rates import CHANGED, Rate, find_example_kinds, measure_rate


@dataclass(frozen=True)
class AttackRates:
    """What the detector does with the examples of one attack, or with clean images of one kind.

    `detected`: of attacked examples whose Original is not Gold; of clean ones, those whose Original is Gold.
    `recovered`: Attribute is Gold among the same attacked examples; of clean ones nothing is recovered.
    """

    attack: str
    is_clean: bool
    examples: int
    detected: Rate
    recovered: Rate


def measure_attacks(columns: Columns) -> list[AttackRates]:
    """Rates of every attack in the order of the records; examples of unknown origin are left out."""
    kinds = find_example_kinds(columns.examples, columns.sources, columns.attacks)
    names = list(dict.fromkeys(str(one) for one in columns.attacks))
    clean = [name for name in names if name == BENIGN or name.startswith(CHANGED)]
    attacked = {str(one) for one in columns.attacks[kinds.attacked]}
    return [
        measure_attack(columns, name, is_clean=name in clean)
        for name in names
        if name in clean or name in attacked
    ]


def measure_attack(columns: Columns, name: str, *, is_clean: bool) -> AttackRates:
    """Rates of one attack's examples."""
    chosen = columns.attacks == name
    gold, original, attribute = columns.tuples[chosen].T
    counted = (original == gold) == is_clean
    of = int(np.count_nonzero(counted))
    detected = int(np.count_nonzero(counted & columns.detected[chosen]))
    recovered = int(np.count_nonzero(counted & (attribute == gold)))
    return AttackRates(
        attack=name,
        is_clean=is_clean,
        examples=len(gold),
        detected=measure_rate(detected, of),
        recovered=measure_rate(0, 0) if is_clean else measure_rate(recovered, of),
    )
