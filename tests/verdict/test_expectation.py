"""The register is held against every departure, and says of each whether it was expected."""

import datetime as dt

from tuple_records import make_cells
from tuple_records import make_record as record

from harness.diff.divergences import find_divergences
from harness.diff.tuples import NONE, join_columns
from harness.plan.register import Expected
from harness.verdict.expectation import apply_register

LATER = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)
BEFORE = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=9)
ALL = {
    "a": [record("x"), record("y"), record("z")],
    "b": [record("x", 1, 1, 2), record("y", 1, 1, 2), record("z")],
    "c": [record("x"), record("y", 1, 1, 2), record("z")],
}


def entry(example, environment, until=LATER):
    return Expected(example=example, environment=environment, reason="r", owner="o", until=until)


def apply(*entries, cells=ALL):
    join = join_columns(make_cells(**cells))
    return apply_register(join, find_divergences(join, "a"), entries)


def test_without_entries_every_departure_is_unexpected():
    found = apply()
    assert found.departs.tolist() == [[False, True, False], [False, True, True]]
    assert (found.count_unexpected(), found.occurring) == (2, frozenset())


def test_the_first_entry_that_speaks_of_a_departure_is_its_reason():
    found = apply(entry("z", "b"), entry("x", "*"), entry("*", "b"))
    assert found.reasons.tolist() == [[NONE, 1, NONE], [NONE, 2, NONE]]
    assert (found.count_unexpected(), found.occurring) == (1, {1, 2})


def test_an_example_is_expected_only_in_all_environments_that_depart():
    assert apply(entry("y", "b"), entry("x", "b")).count_unexpected() == 1
    assert apply(entry("y", "[bc]"), entry("x", "b")).count_unexpected() == 0


def test_an_entry_past_its_date_occurs_and_expects_nothing():
    found = apply(entry("*", "*", BEFORE))
    assert (found.count_unexpected(), found.occurring) == (2, {0})


def test_an_entry_about_another_run_of_an_environment_speaks_of_it():
    cells = {"a": ALL["a"], "b@run": ALL["b"]}
    assert apply(entry("*", "b"), cells=cells).count_unexpected() == 0


def test_equal_tuples_need_no_reason():
    found = apply(entry("*", "*"), cells={"a": ALL["a"], "b": ALL["a"]})
    assert (found.count_unexpected(), found.occurring) == (0, frozenset())
