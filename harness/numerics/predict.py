"""What orders predict of bits: equal inputs and equal orders up to a blob give equal bits there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.numerics.orders import Order
from harness.numerics.readings import Reading


@dataclass(frozen=True)
class Judged:
    """A pair of environments at a blob: whether equal bits were predicted, by masks alone too, and found."""

    pair: tuple[str, str]
    blob: str
    predicted: bool
    by_masks: bool
    found: bool


def judge_pairs(readings: Sequence[Reading]) -> list[Judged]:
    """Every pair that had equal inputs, at every blob behind the input."""
    return [judged for pair in combinations(readings, 2) for judged in judge_pair(*pair)]


def judge_pair(ours: Reading, theirs: Reading) -> list[Judged]:
    """One pair; nothing where the inputs differ, of which orders say nothing."""
    examples = [one for one in ours.hashes if one in theirs.hashes]
    blobs = ours.blobs
    if not examples or not is_found(ours, theirs, examples, blobs[0]):
        return []
    judged, predicted, by_masks = [], True, True
    for blob in blobs[1:]:
        first, second = ours.orders.get(blob), theirs.orders.get(blob)
        by_masks = by_masks and are_alike(first, second, bits=False)
        predicted = predicted and are_alike(first, second, bits=True)
        found = is_found(ours, theirs, examples, blob)
        judged.append(Judged((ours.name, theirs.name), blob, predicted, by_masks, found))
    return judged


def judge_layers(readings: Sequence[Reading]) -> list[Judged]:
    """Every pair of one precision at every blob by itself, made in both from the same values."""
    return [
        Judged(
            (ours.name, theirs.name),
            blob,
            are_alike(ours.orders.get(blob), theirs.orders.get(blob), bits=True),
            are_alike(ours.orders.get(blob), theirs.orders.get(blob), bits=False),
            all(ours.layers[one][blob] == theirs.layers[one][blob] for one in examples),
        )
        for ours, theirs in combinations(readings, 2)
        if ours.precisions == theirs.precisions
        and (examples := [one for one in ours.layers if one in theirs.layers])
        for blob in next(iter(ours.layers.values()))
    ]


def are_alike(ours: Order | None, theirs: Order | None, *, bits: bool) -> bool:
    """Whether a blob is computed alike; one in which nothing is rounded always is."""
    if ours is None or theirs is None:
        return ours is theirs  # float64 against float32 shows at the input
    return ours.sums == theirs.sums and (not bits or ours.bits == theirs.bits)


def is_found(ours: Reading, theirs: Reading, examples: Sequence[str], blob: str) -> bool:
    """Whether a blob has the same bits for all examples."""
    return all(ours.hashes[one][blob] == theirs.hashes[one][blob] for one in examples)


@dataclass(frozen=True)
class Score:
    """How many predictions there are, and how many are wrong, either way."""

    total: int
    equal: int
    wrong_equal: int
    wrong_different: int

    @property
    def right(self) -> int:
        """How many are right."""
        return self.total - self.wrong_equal - self.wrong_different


def score(judged: Sequence[Judged], *, by_masks: bool = False) -> Score:
    """All predictions counted."""
    pairs = [(one.by_masks if by_masks else one.predicted, one.found) for one in judged]
    return Score(
        len(pairs),
        sum(predicted for predicted, _ in pairs),
        sum(predicted and not found for predicted, found in pairs),
        sum(found and not predicted for predicted, found in pairs),
    )
