"""Environments that were executed several times: on which examples one does not agree with itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.diff.tuples import Join
from harness.plan.identity import read_identity, write_identity


@dataclass(frozen=True, eq=False)
class Noise:
    """Environments (g,) with several executions in a join, by the label of the first.

    `members` are each one's places among the join's environments; `disagrees` (n, g) says of some of the
    join's examples whether these say several things.
    """

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    disagrees: np.ndarray


def find_noise(join: Join, rows: np.ndarray) -> Noise:
    """The environments that were executed several times, and where among these examples they disagree."""
    groups = group_executions(join.environments)
    tuples, detected = join.tuples[rows], join.detected[rows]
    columns = [find_disagreement(tuples[:, one], detected[:, one]) for one in groups.values()]
    disagrees = np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0), dtype=bool)
    return Noise(tuple(groups), tuple(map(tuple, groups.values())), disagrees)


def group_executions(labels: Sequence[str]) -> dict[str, list[int]]:
    """Places of labels that differ in nothing but the number of the execution, several of each."""
    groups: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        groups.setdefault(write_identity(replace(read_identity(label), replicate=1)), []).append(place)
    return {name: places for name, places in groups.items() if places[1:]}


def find_disagreement(tuples: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Whether not all cells say the same, of tuples (n, cells, 3) and `detected` (n, cells)."""
    others = (tuples != tuples[:, :1]).any(axis=(1, 2))
    return np.asarray(others | (detected != detected[:, :1]).any(axis=1))
