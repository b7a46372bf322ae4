"""The joined examples of which not all say the same, and in what they differ, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.diff.tuples import NONE, Join
from harness.records.record import STAGES
from harness.summary.document import Change

EXACT = np.array([not stage.startswith("logits") for stage in STAGES])  # whose hashes say something
MOST_CONTROLS = 10_000  # agreeing examples that an environment's divergences are held against
CHANGES: tuple[Change, ...] = ("gold", "original", "attribute", "case", "detected")


@dataclass(frozen=True, eq=False)
class Divergences:
    """Diverging examples (n,) against the environments (e,) of a join.

    `rows` (n,) are places in the join; `classes` (n, e) gives the first environment that says the same: one
    tuple, and the same of detection; `baseline` is the environment that others are held against; `changes`
    (n, e, 5) which of CHANGES is not the baseline's; `stages` (n, e) the first of STAGES whose hash is not,
    or NONE: files, pixels and inputs are the same everywhere unless something is wrong, the last bits of
    logits are not, and their hashes name no stage. `controls` (e, 5, 2) are examples on which an environment
    agrees with the baseline: how many have another hash of each stage all the same, of how many whose hashes
    are known.
    """

    rows: np.ndarray
    classes: np.ndarray
    baseline: int
    changes: np.ndarray
    stages: np.ndarray
    controls: np.ndarray


def find_divergences(join: Join, reference: str | None) -> Divergences:
    """The examples that diverge, in the join's order, against the reference.

    Without one, they are held against the environment that the others agree with most.
    """
    others = (join.tuples != join.tuples[:, :1]).any(axis=(1, 2))
    rows = np.flatnonzero(others | (join.detected != join.detected[:, :1]).any(axis=1))
    tuples, detected = join.tuples[rows], join.detected[rows]
    classes = find_classes(tuples, detected)
    is_there = reference in join.environments
    baseline = join.environments.index(str(reference)) if is_there else find_most_agreed(classes)
    return Divergences(
        rows=rows,
        classes=classes,
        baseline=baseline,
        changes=find_changes(tuples, detected, baseline),
        stages=find_stages(join, rows, baseline),
        controls=count_controls(join, baseline),
    )


def find_classes(tuples: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """First environment (n, e) that says the same, of tuples (n, e, 3) and `detected` (n, e)."""
    classes = np.full(tuples.shape[:2], NONE, dtype=np.int64)
    for place in range(tuples.shape[1]):
        same = (tuples == tuples[:, place : place + 1]).all(axis=2)
        same &= detected == detected[:, place : place + 1]
        classes[same & (classes == NONE)] = place
    return classes


def find_most_agreed(classes: np.ndarray) -> int:
    """The environment whose agreement classes (n, e) are largest in sum; of equal ones the first."""
    if not classes.size:
        return 0
    sizes = np.stack([(classes == classes[:, [place]]).sum() for place in range(classes.shape[1])])
    return int(sizes.argmax())


def find_changes(tuples: np.ndarray, detected: np.ndarray, baseline: int) -> np.ndarray:
    """Which of CHANGES (n, e, 5) are not the baseline's, of tuples (n, e, 3) and `detected` (n, e)."""
    if not tuples.size:
        return np.zeros((*tuples.shape[:2], len(CHANGES)), dtype=bool)
    gold, original, attribute = np.moveaxis(tuples, 2, 0)
    # The five cases are what these three comparisons can say together.
    alike = np.stack([gold == original, gold == attribute, original == attribute], axis=2)
    numbers = tuples != tuples[:, [baseline]]
    cases = alike != alike[:, [baseline]]
    decisions = detected != detected[:, [baseline]]
    return np.concatenate([numbers, cases.any(axis=2, keepdims=True), decisions[:, :, None]], axis=2)


def count_controls(join: Join, baseline: int) -> np.ndarray:
    """Examples that agree with the baseline's (e, 5, 2): with another hash of each stage, and of how many."""
    counts = np.zeros((len(join.environments), len(STAGES), 2), dtype=np.int64)
    for place in range(len(join.environments)):
        agreeing = np.flatnonzero(join.agrees(place, baseline))
        rows = agreeing[:: max(1, -(-len(agreeing) // MOST_CONTROLS))]
        known, differs = compare_hashes(join, rows, place, gather_hashes(join, rows, baseline))
        counts[place] = np.stack([differs.sum(axis=0), known.sum(axis=0)], axis=1)
    return counts


def compare_hashes(
    join: Join, rows: np.ndarray, place: int, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which hashes (n, 5) of an environment are known as well as the others, and which of these differ."""
    hashes = gather_hashes(join, rows, place)
    known = (hashes != 0) & (theirs != 0)
    return known, known & (hashes != theirs)


def find_stages(join: Join, rows: np.ndarray, baseline: int) -> np.ndarray:
    """First of STAGES (n, e) whose hash is not the baseline's, of those that are EXACT.

    A hash that is not known differs from none.
    """
    stages = np.full((len(rows), len(join.environments)), NONE, dtype=np.int64)
    if not len(rows):
        return stages
    theirs = gather_hashes(join, rows, baseline)
    assert theirs.shape[1] == len(STAGES)
    for place in range(stages.shape[1]):  # all environments at once would take half of the memory there is
        differs = compare_hashes(join, rows, place, theirs)[1] & EXACT
        stages[:, place] = np.where(differs.any(axis=1), differs.argmax(axis=1), NONE)
    return stages


def gather_hashes(join: Join, rows: np.ndarray, place: int) -> np.ndarray:
    """Hashes of all stages (n, 5) in one environment."""
    return np.asarray(join.columns[place].hashes[join.rows[rows, place]])


def find_smallest(join: Join) -> np.ndarray:
    """Smallest margin (n,) of an example in any environment and pass; infinite where none is known."""
    smallest = np.full(len(join.examples), np.inf)
    for place, columns in enumerate(join.columns):
        margins = np.fmin.reduce(columns.margins, axis=1, initial=np.inf)
        smallest = np.fmin(smallest, margins[join.rows[:, place]])
    return smallest
