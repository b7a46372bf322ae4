"""Groups of explanations: a handful that lead, and under each the sets with all of its causes and more."""

import pytest

from harness.explain.causes import Explanation, Named, Stage
from harness.explain.groups import group_explanations


def explain(example, causes, cells=("a", "b"), verdict="proven", stage=None):
    """An explanation by these causes; `alpha=3` has a value of its own."""
    named = []
    for one in causes.split():
        name, _, value = one.partition("=")
        named.append(Named(name, f"port.{name}", "0", value or "1"))
    return Explanation(
        example, cells, ((1, 1, 1), (1, 1, 2)), verdict, "It is so.", "explain", causes=named, stage=stage
    )


def group(*counts, **more):
    """Groups of so many explanations by each set."""
    ones = [
        explain(f"{causes} {number}", causes, **more) for causes, count in counts for number in range(count)
    ]
    return [
        (" ".join(one["cause"] for one in each["causes"]), each["under"]) for each in group_explanations(ones)
    ]


def test_a_set_with_all_causes_of_a_larger_group_stands_under_it():
    found = group(
        ("when channels", 9), ("when channels alpha", 4), ("alpha", 5), ("alpha beta", 1), ("beta", 2)
    )
    assert found == [
        ("when channels", None), ("alpha", None), ("when channels alpha", 0), ("beta", None),
        ("alpha beta", 1),
    ]  # fmt: skip


def test_a_smaller_group_leads_no_larger_one():
    assert group(("when channels", 9), ("when", 2)) == [("when channels", None), ("when", None)]


def test_of_equal_groups_that_of_fewer_causes_leads():
    assert group(("alpha beta", 2), ("alpha", 2)) == [("alpha", None), ("alpha beta", 0)]


def test_nothing_stands_under_what_stands_under_another():
    found = group(("x", 9), ("x y", 5), ("x y z", 3))
    assert found == [("x", None), ("x y", 0), ("x y z", 0)]


def test_other_values_of_the_same_causes_stand_under_the_larger():
    assert group(("alpha=1", 3), ("alpha=2", 2)) == [("alpha", None), ("alpha", 0)]


def test_cells_verdicts_and_unknowns_are_kept_apart():
    ones = [
        explain("1", "alpha"), explain("2", "alpha"), explain("3", "alpha beta", cells=("a", "c")),
        explain("4", "alpha beta", verdict="consistent"), explain("5", "", verdict="unknown"),
        explain("6", "alpha", verdict="unknown"),
    ]  # fmt: skip
    assert [one["under"] for one in group_explanations(ones)] == [None] * 5


@pytest.mark.parametrize("first", [None, Stage("order")])
def test_a_group_has_the_stage_of_the_first_example_that_was_measured(first):
    ones = [
        explain("1", "alpha", stage=first),
        explain("2", "alpha", stage=Stage("steered pool3", 1, 1, 7.0)),
    ]
    measured = {"example": "1", "stage": "order", "ratio": None}
    other = {"example": "2", "stage": "steered pool3", "ratio": 7.0}
    (found,) = group_explanations(ones)
    assert found["stage"] == (measured if first else other)
    assert group_explanations([explain("1", "alpha")])[0]["stage"] is None
