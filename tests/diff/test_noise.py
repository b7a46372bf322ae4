"""An environment that was executed several times agrees with itself, or it is said where it does not."""

import numpy as np
import pytest
from judged import judge, record, result
from tuple_records import make_cells, make_record

from harness.diff.noise import find_noise, group_executions
from harness.diff.tuples import join_columns

QUIET = [record("x"), record("y")]


def noisy(*attributes):
    return [record(name, 1, 1, attribute) for name, attribute in zip("xy", attributes, strict=True)]


def test_executions_are_of_one_environment_variant_and_run():
    labels = ("a", "b#2", "a#2", "b", "a@run", "a#3@run", "a#2@other", "a+x", "a+x#2", "c")
    assert group_executions(labels) == {"a": [0, 2], "b": [1, 3], "a@run": [4, 5], "a+x": [7, 8]}


def test_an_example_is_noisy_where_any_two_executions_disagree():
    names = {"a": (1, 2), "b": (1, 1), "a#2": (1, 2), "b#2": (1, 3), "a#3": (3, 2)}
    ones = {name: [make_record("x", 1, 1, x), make_record("y", 1, 1, y)] for name, (x, y) in names.items()}
    noise = find_noise(join_columns(make_cells(**ones)), np.array([0, 1]))
    assert (noise.names, noise.members) == (("a", "b"), ((0, 2, 4), (1, 3)))
    assert noise.disagrees.tolist() == [[True, False], [False, True]]


def test_executions_that_decide_otherwise_disagree():
    ones = {"a": [make_record("x", detected=False)], "a#2": [make_record("x", detected=True)]}
    assert find_noise(join_columns(make_cells(**ones)), np.array([0])).disagrees.tolist() == [[True]]


def test_an_environment_that_disagrees_with_itself_is_named_everywhere():
    summary = judge(
        result("a", *QUIET),
        result("b", *noisy(1, 2)),
        result("b#2", *noisy(1, 1)),
        result("b#3", *noisy(1, 3)),
    )
    assert summary.exit_code == 1
    assert summary.verdict == (
        "1 of 2 examples diverges among 4 cells of 2 environments; b disagrees with itself in 1 of 2"
    )
    assert summary.notes == ("b disagrees with itself in 1 of 2 examples (b, b#2, b#3)",)
    (one,) = summary.divergences
    assert one.causes == {"b": "b disagrees with itself", "b#3": "b disagrees with itself"}


def test_a_reference_that_disagrees_with_itself_is_a_cause_of_departures():
    summary = judge(result("a", *noisy(2, 1)), result("a#2", *QUIET), result("b", *QUIET))
    (one,) = summary.divergences
    assert one.causes == {
        "a#2": "a disagrees with itself",
        "b": "the baseline disagrees with itself (a)",
    }


def test_other_divergences_have_no_such_cause():
    summary = judge(
        result("a", *QUIET), result("b", *noisy(1, 2)), result("b#2", *noisy(1, 2)), result("c", *QUIET)
    )
    assert summary.divergences[0].causes == {}
    assert summary.notes == ("b agrees with itself in all 2 examples (b, b#2)",)
    assert summary.verdict == "1 of 2 examples diverges among 4 cells of 3 environments"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a", "b"), "2 environments"),
        (("a", "a#2"), "2 cells of 1 environment"),
        (("a", "b", "b#2"), "3 cells of 2 environments"),
        (("a@one", "a@two"), "2 cells of 1 environment"),
    ],
)
def test_cells_are_told_from_environments(names, words):
    summary = judge(*(result(name, *QUIET) for name in names))
    assert summary.verdict == f"all 2 examples hold one tuple each in {words}"
