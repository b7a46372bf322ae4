"""The join: nothing is dropped, and whatever keeps an example from being compared is said."""

import numpy as np
import pytest
from tuple_records import make_cells
from tuple_records import make_record as record

from harness.diff.tuples import join_columns


def reasons(cells, known=None):
    join = join_columns(make_cells(**cells), known)
    return [(one.example, one.environment, one.reason) for one in join.incomparable]


def test_records_are_joined_by_example_not_by_place():
    cells = {"a": [record("x"), record("y", 1, 2, 3)], "b": [record("y", 4, 5, 6), record("x")]}
    join = join_columns(make_cells(**cells))
    assert join.examples.tolist() == ["x", "y"]
    assert join.tuples.tolist() == [[[1, 1, 1], [1, 1, 1]], [[1, 2, 3], [4, 5, 6]]]
    assert join.incomparable == ()


def test_a_missing_record_is_listed_and_its_example_not_compared():
    cells = {"a": [record("x"), record("y")], "b": [record("y")]}
    assert reasons(cells) == [("x", "b", "has no record")]
    assert join_columns(make_cells(**cells)).examples.tolist() == ["y"]


def test_a_doubled_record_is_listed():
    assert reasons({"a": [record("x"), record("x")], "b": [record("x")]}) == [("x", "a", "has 2 records")]


def test_a_doubled_record_is_not_made_up_for_by_a_missing_one():
    cells = {"a": [record("x"), record("x")], "b": [record("x"), record("y")]}
    assert reasons(cells) == [("x", "a", "has 2 records"), ("y", "a", "has no record")]


def test_a_doubled_record_accuses_no_other_of_another_file():
    cells = {"a": [record("x"), record("x", file="e")], "b": [record("x")]}
    assert reasons(cells) == [("x", "a", "has 2 records")]


def test_an_example_that_nobody_asked_for_is_listed():
    cells = {"a": [record("x"), record("z")], "b": [record("x"), record("z")]}
    known = {"a": ["x"], "b": ["x"]}
    assert [one[:2] for one in reasons(cells, known)] == [("z", "a"), ("z", "b")]
    assert join_columns(make_cells(**cells), known).examples.tolist() == ["x"]


def test_an_example_that_only_the_other_cell_was_asked_for_is_listed():
    cells = {"a": [record("x"), record("z")], "b": [record("x"), record("z")]}
    assert reasons(cells, {"a": ["x"], "b": ["x", "z"]}) == [("z", "a", "is not in the list of examples")]


def test_an_example_that_is_asked_for_and_nowhere_is_listed():
    assert reasons({"a": [record("x")]}, {"a": ["x", "y"]}) == [("y", "a", "has no record")]


def test_another_set_of_examples_is_told_from_a_lost_record():
    cells = {"a": [record("x"), record("y")], "b": [record("x")]}
    assert reasons(cells, {"a": ["x", "y"], "b": ["x"]}) == [("y", "b", "is not among its 1 examples")]


def test_another_file_is_listed_for_the_minority():
    cells = {name: [record("x", file="1" * 64)] for name in "ab"} | {"c": [record("x", file="2" * 64)]}
    assert reasons(cells) == [("x", "c", "was made from another file (222222222222)")]
    assert len(reasons({name: cells[name] for name in "bc"})) == 2


def test_one_digit_makes_another_file():
    cells = {"a": [record("x", file="1" * 64)], "b": [record("x", file="1" * 15 + "2" + "1" * 48)]}
    assert len(reasons(cells)) == 2


def test_a_record_that_does_not_say_its_file_is_compared():
    assert reasons({"a": [record("x", file="1" * 64)], "b": [record("x", hashes=None)]}) == []


@pytest.mark.parametrize("value", [None, "1", 1.0, True, float("nan"), 2**63])
def test_a_record_without_a_tuple_is_listed(value):
    broken = {**record("x"), "original": value}
    ((example, environment, reason),) = reasons({"a": [broken], "b": [record("x")]})
    assert (example, environment) == ("x", "a")
    assert reason.startswith(("its record holds no tuple", "its record is damaged"))


def test_a_refused_file_is_listed_with_the_reason():
    cells = {"a": [{"example": "x", "refused": "no JPEG"}], "b": [record("x")]}
    assert reasons(cells) == [("x", "a", "was refused: no JPEG")]


def test_a_broken_record_beside_a_sound_one_spoils_the_example():
    cells = {"a": [record("x"), {"example": "x"}, record("y")], "b": [record("x"), record("y")]}
    assert reasons(cells)[0] == ("x", "a", "its record holds no tuple")
    assert join_columns(make_cells(**cells)).examples.tolist() == ["y"]


def test_an_example_is_gathered_from_where_it_stands_in_each_cell():
    low, high = {"margin_original": 1.0}, {"margin_original": 2.0, "margin_attribute": None}
    cells = {"a": [record("x", **low), record("y")], "b": [record("y"), record("x", **high)]}
    margins = join_columns(make_cells(**cells)).gather("margins", np.array([0]))
    assert margins[:, :, 0].tolist() == [[1.0, 2.0]]
    assert np.isnan(margins[:, :, 1]).all()


def test_nothing_at_all_joins_to_nothing():
    join = join_columns({})
    assert (len(join.examples), join.environments) == (0, ())
    assert np.size(join.tuples) == 0
