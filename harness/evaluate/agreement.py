"""Agreement of cells: of two by all that they say and by `detected`, of all by `detected`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harness.evaluate.rates import Rate, measure_rate

CHUNK = 8192  # examples whose tuples a processor's cache holds


@dataclass(frozen=True)
class Pair:
    """Two cells, by their places; `agreement` is the rate of examples of which both say the same.

    That is one tuple, and the same of detection. `kappa` is Cohen's on detected, `p_value` McNemar's exact
    one for the examples that one cell alone detects; each is None where it is not defined.
    """

    first: int
    second: int
    agreement: Rate
    kappa: float | None
    only_first: int
    only_second: int
    p_value: float | None


def compare_pairs(tuples: np.ndarray, said: np.ndarray) -> tuple[Pair, ...]:
    """Every pair of cells, from tuples (examples, cells, 3) and what was detected (examples, cells)."""
    examples, cells = tuples.shape[:2]
    detected = np.ascontiguousarray(said.T)
    same = count_same(tuples, detected)
    often = np.count_nonzero(detected, axis=1)
    pairs = []
    for first, second in combinations(range(cells), 2):
        shared = int(np.count_nonzero(detected[first] & detected[second]))
        only_first, only_second = int(often[first]) - shared, int(often[second]) - shared
        neither = examples - shared - only_first - only_second
        kappa = compute_cohen_kappa(shared, only_first, only_second, neither)
        p_value = compute_mcnemar(only_first, only_second)
        agreement = measure_rate(int(same[first, second]), examples)
        pairs.append(Pair(first, second, agreement, kappa, only_first, only_second, p_value))
    return tuple(pairs)


def count_same(tuples: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Of how many examples two cells say the same (cells, cells), each pair with the smaller first.

    Tuples are (examples, cells, 3), `detected` is (cells, examples).
    """
    cells = tuples.shape[1]
    same = np.zeros((cells, cells), np.int64)
    for start in range(0, len(tuples), CHUNK):
        block = np.ascontiguousarray(tuples[start : start + CHUNK].transpose(1, 2, 0))
        said = detected[:, start : start + CHUNK]
        for cell in range(cells - 1):
            equal = (block[cell] == block[cell + 1 :]).all(axis=1)
            equal &= said[cell] == said[cell + 1 :]
            same[cell, cell + 1 :] += np.count_nonzero(equal, axis=1)
    return same


def compute_cohen_kappa(both: int, only_first: int, only_second: int, neither: int) -> float | None:
    """Cohen's kappa (1960) of two yes-or-no judgements; None where chance alone would agree on all."""
    of = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    chance = first * second + (of - first) * (of - second)
    if of * of == chance:
        return None
    return (of * (both + neither) - chance) / (of * of - chance)


def compute_mcnemar(only_first: int, only_second: int) -> float | None:
    """Two-sided p of McNemar's exact test; None where both cells detect the same examples."""
    if only_first + only_second == 0:
        return None
    from scipy.special import bdtr  # slow to import, and many a verb asks for no test

    # Both tails of a fair coin are alike. scipy.stats says the same, but takes a second to import.
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def compute_detected_fleiss(detected: np.ndarray) -> float | None:
    """Fleiss' kappa on detected (examples, cells)."""
    counts = detected.sum(axis=1)
    return compute_fleiss_kappa(np.stack([counts, detected.shape[1] - counts], axis=1))


def compute_fleiss_kappa(counts: np.ndarray) -> float | None:
    """Fleiss' kappa (1971) of counts (subjects, categories), each row's sum the number of raters.

    None where there is no subject, a single rater, or only one category that anybody chose.
    """
    totals = counts.sum(axis=0)
    every = int(totals.sum())
    raters = every // len(counts) if len(counts) else 0
    if raters < 2 or int(totals.max()) == every:
        return None
    observed = (int((counts * counts).sum()) - every) / (every * (raters - 1))
    chance = float(((totals / every) ** 2).sum())
    return (observed - chance) / (1 - chance)
