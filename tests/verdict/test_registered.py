"""The register is held to its word: pins that break, names that mean nothing here, entries without pins."""

import re
from dataclasses import replace

import pytest
from judged import OTHER, SAME, entry, judge, record, result

from harness.verdict.judge import RunDescription, make_summary
from harness.verdict.pins import make_pin

B = [record("x", 1, 1, 2), record("y", 1, 2, 1), record("z")]
CELLS = (result("a", record("x"), record("y"), record("z")), result("b", *B))
PIN = make_pin([("x", (1, 1, 2)), ("y", (1, 2, 1))], 3)


def pinned(count=PIN.count, digest=PIN.digest, **more):
    return entry("*", **more).model_copy(update={"count": count, "digest": digest})


def judge_known(*results, expected, known=("a", "b", "local-pytorch", "local-opencv")):
    header = RunDescription("run", "0", "m", "a", {}, 1.0, environments=known)
    return make_summary(header, results, expected)


def test_an_entry_is_held_to_its_count_and_digest():
    for one in (pinned(), pinned(digest=None)):
        summary = judge(*CELLS, expected=[one])
        assert (summary.outcome, summary.register_problems, summary.notes) == ("expected", (), ())


def test_another_tuple_breaks_the_digest_and_is_unexpected():
    other = result("b", *B[:1], record("y", 1, 2, 3), B[2])
    summary = judge(CELLS[0], other, expected=[pinned()])
    assert (summary.exit_code, summary.outcome) == (1, "diverged")
    assert [one.expected for one in summary.divergences] == [{"b": None}, {"b": None}]
    (problem,) = summary.register_problems
    assert "2 of 3 examples depart in b, but with other tuples than were pinned" in problem
    assert judge(CELLS[0], other, expected=[pinned(digest=None)]).outcome == "expected"


def test_one_more_divergence_breaks_the_count_and_the_new_pin_holds():
    other = result("b", *B[:2], record("z", 1, 1, 9))
    summary = judge(CELLS[0], other, expected=[pinned(digest=None)])
    assert summary.outcome == "diverged"
    (problem,) = summary.register_problems
    assert "3 of 3 examples depart in b, not 2 of 3; look at them, then pin them with" in problem
    count, digest = re.search(r'count = "(.*?)" and digest = "(.*?)"', problem).groups()
    assert judge(CELLS[0], other, expected=[pinned(count, digest)]).outcome == "expected"


def test_an_environment_in_which_nothing_departs_any_more_breaks_its_pin():
    cells = (*CELLS, result("bb", record("x"), record("y"), record("z")))
    (problem,) = judge(*cells, expected=[pinned(environment="b*")]).register_problems
    assert "none departs in bb any more, where 2 of 3 did" in problem


def test_the_digest_is_of_ids_and_tuples_in_any_order():
    assert make_pin([("y", (1, 2, 1)), ("x", (1, 1, 2))], 3) == PIN
    assert make_pin([("y", (1, 2, 1)), ("x", (1, 1, 3))], 3).digest != PIN.digest
    assert make_pin([("y", (1, 2, 1)), ("w", (1, 1, 2))], 3).digest != PIN.digest


def test_an_entry_that_pins_nothing_is_named_with_its_pin():
    (note,) = judge(*CELLS, expected=[entry("*")]).notes
    assert note == (
        "expected divergence of * in b (o) pins nothing, so any other tuple in b would be expected as well;"
        f' to pin what is here, write count = "2 of 3" and digest = "{PIN.digest}"'
    )


def test_other_examples_are_not_held_against_a_pin():
    summary = judge(*OTHER, expected=[pinned()])
    assert summary.outcome == "expected"
    (note,) = summary.notes
    assert note.endswith("is not held to its count of 2 of 3: it speaks of 2 examples here")


@pytest.mark.parametrize("given", [{"must_occur": False}, {"reference": "elsewhere"}])
def test_where_a_pin_cannot_be_held_that_is_said(given):
    """Some examples alone were asked for, or another environment is the baseline."""
    header = replace(RunDescription("run", "0", "m", "a", {}, 1.0), **given)
    absent = entry("*", "c").model_copy(update={"count": "1 of 3"})
    summary = make_summary(header, CELLS, [pinned("1 of 3", None), absent])
    assert summary.outcome == "expected"
    (note,) = [one for one in summary.notes if "expected divergence" in one]
    assert note == (
        "expected divergence of * in b (o) is not held to its count of 1 of 3: that takes all examples, held"
        " against the register's reference"
    )


def test_an_entry_about_the_baseline_is_a_problem():
    summary = judge(*SAME, expected=[entry("*", "a")])
    assert (summary.exit_code, summary.outcome) == (1, "not as expected")
    assert summary.register_problems == (
        "expected divergence of * in a (o) names the baseline, from which others depart; name those that do",
    )


@pytest.mark.parametrize("results", [SAME, OTHER])
def test_a_misspelt_environment_is_named_with_what_is_close(results):
    notes = judge_known(*results, expected=[entry("*", "local-pytroch")]).notes
    start = (
        "expected divergence of * in local-pytroch (o) names no environment; close to it are local-pytorch"
    )
    assert [note.startswith(start) for note in notes] == [True]


def test_an_environment_that_is_known_but_not_chosen_or_comes_from_elsewhere_is_fine():
    assert judge_known(*SAME, expected=[entry("*", "local-*")]).notes == ()
    log = result("windows", record("x", 1, 1, 2), record("y"))
    assert not any(
        "names no environment" in one
        for one in judge_known(*SAME, log, expected=[entry("*", "windows")]).notes
    )


def test_an_environment_that_could_not_run_was_not_looked_for():
    away = result("c", status="unavailable", reason="r")
    notes = judge(*SAME, away, expected=[entry("*", "c")]).notes
    assert notes == ("expected divergence of * in c (o) was not looked for: c unavailable",)


def test_examples_that_are_not_there_are_named():
    notes = judge(*SAME, expected=[entry("fgsm-*")]).notes
    assert notes == (
        "expected divergence of fgsm-* in b (o) names none of the 2 examples that were compared",
    )
