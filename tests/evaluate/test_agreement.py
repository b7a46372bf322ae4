"""Agreement of cells, against textbooks, scikit-learn, SciPy, and definitions written out."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from harness.diff.columns import find_detected
from harness.evaluate import agreement
from harness.evaluate.agreement import (
    compute_cohen_kappa,
    compute_fleiss_kappa,
    compute_mcnemar,
)

# Fourteen raters, ten subjects, five categories: the worked example for Fleiss' kappa in most textbooks.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
YES, NO = (1, 1, 2), (1, 1, 1)


def compare_pairs(tuples, detected=None):
    return agreement.compare_pairs(tuples, find_detected(tuples) if detected is None else detected)


def compute_detected_fleiss(tuples):
    return agreement.compute_detected_fleiss(find_detected(tuples))


def answers(*columns):
    """Tuples of cells that detect as the columns say."""
    return np.array([[YES if cell else NO for cell in row] for row in zip(*columns)])


def random_tuples(examples=60, cells=4, seed=0):
    return np.random.default_rng(seed).integers(0, 3, (examples, cells, 3))


def test_cohens_kappa_of_a_textbook():
    # 20 both, 5 and 10 one alone, 15 neither: observed 0.7, by chance 0.5.
    assert compute_cohen_kappa(20, 5, 10, 15) == pytest.approx(0.4)


def test_fleiss_kappa_of_a_textbook():
    assert compute_fleiss_kappa(np.array(FLEISS)) == pytest.approx(0.210, abs=5e-4)


def test_mcnemar_of_a_textbook():
    # Of 5 discordant examples all on one side: 2 / 2 ** 5.
    assert compute_mcnemar(0, 5) == pytest.approx(0.0625)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_cohens_kappa_is_scikit_learns(pairs):
    first, second = zip(*pairs)
    assume(len(set(first + second)) == 2)
    (pair,) = compare_pairs(answers(first, second))
    assert pair.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_scipys_binomial_test(only_first, only_second):
    assume(only_first + only_second)
    expected = binomtest(only_first, only_first + only_second).pvalue
    assert compute_mcnemar(only_first, only_second) == pytest.approx(expected)
    assert compute_mcnemar(only_first, only_second) == compute_mcnemar(only_second, only_first)


def test_mcnemar_of_many_examples():
    assert compute_mcnemar(300000, 301000) == pytest.approx(binomtest(300000, 601000).pvalue)
    assert compute_mcnemar(0, 10**6) == 0


@given(st.integers(2, 6), st.integers(1, 12), st.integers(0, 2**32))
def test_fleiss_kappa_is_its_definition(cells, examples, seed):
    tuples = random_tuples(examples, cells, seed)
    detected = find_detected(tuples)
    share = detected.mean()
    assume(0 < share < 1)
    pairs = list(combinations(range(cells), 2))
    observed = np.mean([detected[:, one] == detected[:, other] for one, other in pairs])
    chance = share**2 + (1 - share) ** 2
    expected = (observed - chance) / (1 - chance)
    assert compute_detected_fleiss(tuples) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("chunk", [1, 7, 8192])
def test_pairs_are_counted_as_their_examples_say(chunk, monkeypatch):
    monkeypatch.setattr(agreement, "CHUNK", chunk)
    tuples = random_tuples()
    pairs = compare_pairs(tuples)
    assert [(pair.first, pair.second) for pair in pairs] == list(combinations(range(4), 2))
    for pair in pairs:
        one, other = tuples[:, pair.first], tuples[:, pair.second]
        same = sum(tuple(a) == tuple(b) for a, b in zip(one, other))
        yes, also = one[:, 1] != one[:, 2], other[:, 1] != other[:, 2]
        assert (pair.agreement.hits, pair.agreement.of) == (same, 60)
        assert pair.agreement.low == pytest.approx(binomtest(same, 60).proportion_ci(method="wilson").low)
        assert (pair.only_first, pair.only_second) == (sum(yes & ~also), sum(also & ~yes))


def test_equal_tuples_agree_and_one_other_number_does_not():
    tuples = random_tuples(cells=1).repeat(2, axis=1)
    (same,) = compare_pairs(tuples)
    assert (same.agreement.rate, same.kappa, same.p_value) == (1, 1, None)
    tuples[7, 1, 0] += 1
    (other,) = compare_pairs(tuples)
    assert other.agreement.hits == 59


def test_cells_that_agree_less_than_chance_are_below_zero():
    assert compute_cohen_kappa(0, 5, 5, 0) == -1
    assert compute_detected_fleiss(answers([1, 0], [0, 1])) == -1


@pytest.mark.parametrize("answer", [0, 1])
def test_kappa_is_undefined_where_all_say_the_same(answer):
    tuples = answers([answer] * 5, [answer] * 5)
    (pair,) = compare_pairs(tuples)
    assert (pair.kappa, pair.p_value, pair.agreement.rate) == (None, None, 1)
    assert compute_detected_fleiss(tuples) is None


def test_kappa_is_zero_where_one_cell_alone_never_detects():
    (pair,) = compare_pairs(answers([0, 0, 0, 0], [1, 0, 1, 0]))
    assert pair.kappa == 0


def test_nothing_to_compare_is_undefined():
    (pair,) = compare_pairs(np.empty((0, 2, 3), int))
    assert (pair.agreement.rate, pair.kappa, pair.p_value) == (None, None, None)
    assert compute_detected_fleiss(np.empty((0, 2, 3), int)) is None
    assert compare_pairs(random_tuples(cells=1)) == ()
    assert compute_detected_fleiss(random_tuples(cells=1)) is None
    assert compute_detected_fleiss(np.empty((5, 0, 3), int)) is None


def test_what_a_detector_decides_is_taken_from_it_and_not_from_tuples():
    tuples = np.array([[NO, NO], [NO, NO], [YES, YES], [YES, NO]])
    detected = np.array([[True, False], [False, False], [True, True], [True, True]])
    (pair,) = compare_pairs(tuples, detected)
    assert (pair.agreement.hits, pair.only_first, pair.only_second) == (2, 1, 0)
    assert agreement.compute_detected_fleiss(detected) == compute_fleiss_kappa(
        np.stack([detected.sum(axis=1), 2 - detected.sum(axis=1)], axis=1)
    )
