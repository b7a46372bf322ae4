"""The joined examples whose tuples are not all the same, and in what they differ, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.diff.columns import STAGES
from harness.diff.tuples import NONE, Join
from harness.report.summary import Change

CHANGES: tuple[Change, ...] = ("gold", "original", "attribute", "case", "detected")


@dataclass(frozen=True, eq=False)
class Divergences:
    """Diverging examples (n,) against the environments (e,) of a join.

    `rows` (n,) are places in the join; `classes` (n, e) gives the first environment that says the same
    tuple; `baselines` (n,) the environment that others are held against; `changes` (n, e, 5) which of
    CHANGES is not the baseline's; `stages` (n, e) the first of STAGES whose hash is not, or NONE.
    """

    rows: np.ndarray
    classes: np.ndarray
    baselines: np.ndarray
    changes: np.ndarray
    stages: np.ndarray


def find_divergences(join: Join, baseline: str | None) -> Divergences:
    """The examples that diverge, in the join's order, against one environment.

    Without one, each is held against the first environment of its largest agreement class.
    """
    rows = np.flatnonzero((join.tuples != join.tuples[:, :1]).any(axis=(1, 2)))
    tuples = join.tuples[rows]
    classes = find_classes(tuples)
    if baseline in join.environments:
        baselines = np.full(len(rows), join.environments.index(baseline))
    else:
        baselines = find_largest(classes)
    return Divergences(
        rows=rows,
        classes=classes,
        baselines=baselines,
        changes=find_changes(tuples, baselines),
        stages=find_stages(join, rows, baselines),
    )


def find_classes(tuples: np.ndarray) -> np.ndarray:
    """First environment (n, e) that says the same tuple, of tuples (n, e, 3)."""
    classes = np.full(tuples.shape[:2], NONE, dtype=np.int64)
    for place in range(tuples.shape[1]):
        same = (tuples == tuples[:, place : place + 1]).all(axis=2)
        classes[same & (classes == NONE)] = place
    return classes


def find_largest(classes: np.ndarray) -> np.ndarray:
    """First environment (n,) of each example's largest class; of equal ones, of the first."""
    sizes = (classes[:, :, None] == np.arange(classes.shape[1])).sum(axis=1)
    return sizes.argmax(axis=1) if len(classes) else np.empty(0, dtype=np.int64)


def take_baseline(values: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """The baselines' values (n, 1, …) of values (n, e, …)."""
    return values[np.arange(len(values)), baselines][:, None]


def find_changes(tuples: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """Which of CHANGES (n, e, 5) are not the baseline's, of tuples (n, e, 3)."""
    gold, original, attribute = np.moveaxis(tuples, 2, 0)
    # The five cases are what these three comparisons can say together.
    alike = np.stack([gold == original, gold == attribute, original == attribute], axis=2)
    numbers = tuples != take_baseline(tuples, baselines)
    cases = alike != take_baseline(alike, baselines)
    return np.concatenate([numbers, cases.any(axis=2, keepdims=True), cases[:, :, 2:]], axis=2)


def find_stages(join: Join, rows: np.ndarray, baselines: np.ndarray) -> np.ndarray:
    """First of STAGES (n, e) whose hash is not the baseline's; a hash that is not known differs from none."""
    if not len(rows):
        return np.empty((0, len(join.environments)), dtype=np.int64)
    hashes = join.gather("hashes", rows)
    theirs = take_baseline(hashes, baselines)
    differs = (hashes != theirs) & (hashes != 0) & (theirs != 0)
    assert differs.shape[2] == len(STAGES)
    return np.where(differs.any(axis=2), differs.argmax(axis=2), NONE)


def find_smallest(join: Join) -> np.ndarray:
    """Smallest margin (n,) of an example in any environment and pass; infinite where none is known."""
    smallest = np.full(len(join.examples), np.inf)
    for place, columns in enumerate(join.columns):
        margins = np.fmin.reduce(columns.margins, axis=1, initial=np.inf)
        smallest = np.fmin(smallest, margins[join.rows[:, place]])
    return smallest
