"""Smallest sets of factors, found in few rounds for many examples at once."""

from itertools import combinations

import pytest

from harness.explain.minimise import Minimal, minimise_all

NAMES = tuple("abcdefghijkl")


class Trial:
    """Examples whose tuple turns where all factors of one of some sets are set; counts rounds and sets."""

    def __init__(self, needed):
        self.needed = {key: [frozenset(one) for one in sets] for key, sets in needed.items()}
        self.rounds = []

    def __call__(self, wanted):
        self.rounds.append(wanted)
        return {
            key: {one: any(need <= one for need in self.needed[key]) for one in sets}
            for key, sets in wanted.items()
        }


def find(names, *sets):
    trial = Trial({"x": sets})
    return minimise_all({"x": names}, trial)["x"], trial


def test_one_factor_is_found_in_one_round():
    found, trial = find(NAMES, "d")
    assert found == Minimal(frozenset("d"), (), 25)
    assert len(trial.rounds) == 1


def test_other_single_factors_are_told_beside_the_first():
    found, _ = find(NAMES, "d", "b", "k")
    assert found.factors == frozenset("b")
    assert found.also == (frozenset("d"), frozenset("k"))


def test_two_factors_are_found_in_two_rounds():
    found, trial = find(NAMES, "be")
    assert found.factors == frozenset("be")
    assert found.also == ()
    assert len(trial.rounds) == 2


@pytest.mark.parametrize("size", [2, 3, 4])
def test_every_set_of_twelve_factors_is_found(size):
    for needed in list(combinations(NAMES, size))[::17]:
        found, _ = find(NAMES, needed)
        assert found.factors == frozenset(needed), needed


def test_a_set_has_no_factor_to_spare_where_several_suffice():
    found, _ = find(NAMES, "abc", "cdefg")
    assert found.factors in (frozenset("abc"), frozenset("cdefg"))


def test_nothing_is_claimed_where_all_factors_do_not_suffice():
    found, trial = find(NAMES, "az")
    assert found is None
    assert len(trial.rounds) == 1


def test_a_single_factor_counts_though_all_together_undo_it():
    def try_sets(wanted):
        return {"x": {one: one == frozenset("c") for one in wanted["x"]}}

    assert minimise_all({"x": NAMES}, try_sets)["x"].factors == frozenset("c")


def test_examples_are_tried_together_and_each_has_its_own_set():
    needed = {"one": ["a"], "two": ["bf"], "three": ["abcd"], "none": ["z"]}
    trial = Trial(needed)
    found = minimise_all(dict.fromkeys(needed, NAMES[:6]), trial)
    assert {key: one and "".join(sorted(one.factors)) for key, one in found.items()} == {
        "one": "a",
        "two": "bf",
        "three": "abcd",
        "none": None,
    }
    assert set(trial.rounds[0]) == set(needed)
    assert set(trial.rounds[1]) == {"two", "three"}
    assert len(trial.rounds) <= 4


def test_nothing_is_tried_twice():
    _, trial = find(NAMES, "adgj")
    sets = [one for wanted in trial.rounds for one in wanted["x"]]
    assert len(sets) == len(set(sets))


def test_no_factors_suffice_for_nothing():
    found, trial = find((), "a")
    assert found is None
    assert trial.rounds == []
