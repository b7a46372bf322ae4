"""The join: nothing is dropped, and any number that differs is found."""

import numpy as np
import pytest

from harness.diff.tuples import choose_baseline, find_divergences, join_records


def record(example, *numbers, file="f"):
    gold, original, attribute = numbers or (1, 1, 1)
    return {
        "example": example, "gold": gold, "original": original, "attribute": attribute,
        "attack": "benign", "hashes": {"file": file},
    }  # fmt: skip


def reasons(cells, known=None):
    return [(one.example, one.environment, one.reason) for one in join_records(cells, known).incomparable]


def test_equal_records_do_not_diverge():
    join = join_records({"a": [record("x"), record("y")], "b": [record("y"), record("x")]})
    assert join.examples == ("x", "y")
    assert join.tuples.shape == (2, 2, 3)
    assert find_divergences(join) == ()


@pytest.mark.parametrize("other", [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_one_number_that_differs_is_a_divergence(other):
    cells = {"a": [record("x"), record("y")], "b": [record("x"), record("y", *other)]}
    (divergence,) = find_divergences(join_records(cells))
    assert divergence.example == "y"
    assert divergence.tuples == {"a": (1, 1, 1), "b": other}


def test_swapped_outputs_are_found():
    cells = {
        "a": [record("x", 1, 2, 3), record("y", 1, 4, 5)],
        "b": [record("x", 1, 4, 5), record("y", 1, 2, 3)],
    }
    assert len(find_divergences(join_records(cells))) == 2


def test_agreement_classes_come_largest_first():
    cells = {"a": [record("x")], "b": [record("x", 1, 1, 2)], "c": [record("x", 1, 1, 2)]}
    (divergence,) = find_divergences(join_records(cells))
    assert divergence.classes == (("b", "c"), ("a",))
    assert choose_baseline(divergence, "a") == (1, 1, 1)
    assert choose_baseline(divergence, "elsewhere") == (1, 1, 2)


def test_a_missing_record_is_listed_and_its_example_not_compared():
    cells = {"a": [record("x"), record("y")], "b": [record("y")]}
    assert reasons(cells) == [("x", "b", "has no record")]
    assert join_records(cells).examples == ("y",)


def test_a_doubled_record_is_listed():
    assert reasons({"a": [record("x"), record("x")], "b": [record("x")]}) == [("x", "a", "has 2 records")]


def test_an_example_that_nobody_asked_for_is_listed():
    cells = {"a": [record("x"), record("z")], "b": [record("x"), record("z")]}
    assert [one[:2] for one in reasons(cells, ["x"])] == [("z", "a"), ("z", "b")]


def test_an_example_that_is_asked_for_and_nowhere_is_listed():
    assert reasons({"a": [record("x")]}, ["x", "y"]) == [("y", "a", "has no record")]


def test_another_file_is_listed_for_the_minority():
    cells = {name: [record("x", file="1" * 64)] for name in "ab"} | {"c": [record("x", file="2" * 64)]}
    assert reasons(cells) == [("x", "c", "was made from another file (222222222222)")]
    assert len(reasons({name: cells[name] for name in "bc"})) == 2


@pytest.mark.parametrize("value", [None, "1", 1.0, True, float("nan")])
def test_a_record_without_a_tuple_is_listed(value):
    broken = {**record("x"), "original": value}
    assert reasons({"a": [broken], "b": [record("x")]}) == [("x", "a", "its record holds no tuple")]


def test_nothing_at_all_joins_to_nothing():
    join = join_records({})
    assert (join.examples, join.environments) == ((), ())
    assert find_divergences(join) == ()
    assert np.size(join.tuples) == 0
