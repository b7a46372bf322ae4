"""Cells that hold one execution's result: a copy agrees with its original whatever it was run in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.diff.columns import Columns
from harness.diff.tuples import is_same


@dataclass(frozen=True)
class Copies:
    """Labels of copies with their originals', and of cells whose records are no longer their execution's."""

    originals: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, str] = field(default_factory=dict)


def find_copies(executions: Mapping[str, str | None], cells: Mapping[str, Columns], reference: str) -> Copies:
    """Which of these cells are copies; neither the first nor the reference is one.

    Those whose execution is not known are executions of their own.
    """
    originals: dict[str, str] = {}
    changed: dict[str, str] = {}
    known: dict[str, list[str]] = {}
    for label in sorted(cells, key=lambda label: label != reference):
        execution = executions.get(label)
        if execution is None:
            continue
        others = known.setdefault(execution, [])
        same = next((one for one in others if hold_same(cells[one], cells[label])), None)
        if same is not None:
            originals[label] = same
            continue
        if others:
            changed[label] = others[0]
        others.append(label)
    return Copies(originals, changed)


def hold_same(some: Columns, others: Columns) -> bool:
    """Whether two cells hold the same records, so that one may stand for both."""
    return (
        is_same(some.examples, others.examples)
        and np.array_equal(some.tuples, others.tuples)
        and np.array_equal(some.detected, others.detected)
        and np.array_equal(some.hashes, others.hashes)
        and np.array_equal(some.margins, others.margins, equal_nan=True)
        and np.array_equal(some.scores, others.scores, equal_nan=True)
        and some.broken == others.broken
    )
