"""Shapley values: against their definition over all orders, and what has to hold of them."""

import itertools
import random

import pytest

from harness.explain.shapley import MOST_EXACT, PAIRS, list_sets, list_subsets, share_values


def share_change(factors, measure, pairs=PAIRS, seed=0):
    """Shares by a function that gives the rates of all sets that are needed at once."""
    return share_values(factors, measure(list_sets(factors, pairs, seed)), pairs, seed)


def make_game(factors, seed):
    source = random.Random(seed)
    return {chosen: source.random() for chosen in list_subsets(factors)}


def measure_all(values):
    return lambda subsets: {subset: values[subset] for subset in subsets}


def define(factor, factors, values):
    """The mean over all orders, written out."""
    gains = []
    for order in itertools.permutations(factors):
        before = frozenset(itertools.takewhile(lambda one: one != factor, order))
        gains.append(values[before | {factor}] - values[before])
    return sum(gains) / len(gains)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_exact_shares_are_means_over_all_orders(count):
    factors = [f"f{number}" for number in range(count)]
    values = make_game(factors, count)
    for share in share_change(factors, measure_all(values)):
        assert share.share == pytest.approx(define(share.factor, factors, values))
        assert (share.low, share.high) == (None, None)


def test_shapleys_own_example_of_gloves():
    """One left glove, two right ones, a pair is worth 1: 2/3 are the left one's, 1/6 each right one's."""
    factors = ["left", "right", "other right"]
    values = {chosen: float("left" in chosen and len(chosen) > 1) for chosen in list_subsets(factors)}
    shares = {share.factor: share.share for share in share_change(factors, measure_all(values))}
    assert shares == pytest.approx({"left": 2 / 3, "right": 1 / 6, "other right": 1 / 6})


@pytest.mark.parametrize("count", [0, 4, MOST_EXACT, MOST_EXACT + 3])
def test_parts_add_up_to_the_whole(count):
    factors = [f"f{number}" for number in range(count)]
    values = make_game(factors, count)
    shares = share_change(factors, measure_all(values), pairs=5)
    assert sum(share.share for share in shares) == pytest.approx(
        values[frozenset(factors)] - values[frozenset()]
    )


def test_a_factor_that_adds_nothing_has_no_share():
    factors = ["a", "b", "idle"]
    values = {chosen: len(chosen - {"idle"}) ** 2.0 for chosen in list_subsets(factors)}
    assert share_change(factors, measure_all(values))[2].share == 0


def test_sampled_shares_come_with_an_interval_that_holds_the_exact_one():
    factors = [f"f{number}" for number in range(MOST_EXACT + 1)]
    values = make_game(factors, 7)
    exact = [define_by_subsets(factor, factors, values) for factor in factors]
    held = 0
    for seed in range(40):
        shares = share_change(factors, measure_all(values), pairs=12, seed=seed)
        held += sum(share.low <= true <= share.high for share, true in zip(shares, exact))
    assert 0.9 < held / (40 * len(factors)) <= 1


def define_by_subsets(factor, factors, values):
    from harness.explain.shapley import share_exactly

    return next(share.share for share in share_exactly(factors, values) if share.factor == factor)


def test_only_what_orders_need_is_measured_once():
    factors = [f"f{number}" for number in range(12)]
    asked = []

    def measure(subsets):
        asked.extend(subsets)
        return {subset: float(len(subset)) for subset in subsets}

    shares = share_change(factors, measure, pairs=3)
    assert len(asked) == len(set(asked)) <= 6 * 13
    assert [share.share for share in shares] == pytest.approx([1.0] * 12)
