"""Divergences: any number that differs is found, with what it changes and where it starts."""

import pytest
from tuple_records import make_cells
from tuple_records import make_record as record

from harness.ami.cases import name_case
from harness.diff import divergences
from harness.diff.divergences import CHANGES, find_divergences, find_smallest
from harness.diff.tuples import NONE, join_columns
from harness.records.record import STAGES

DIGITS = "0123456789abcdef" * 4
LOGITS = ("logits_original", "logits_attribute")


def find(baseline="a", **records):
    join = join_columns(make_cells(**records))
    return join, find_divergences(join, baseline)


def test_equal_records_do_not_diverge():
    _, found = find(a=[record("x"), record("y")], b=[record("y"), record("x")])
    assert len(found.rows) == 0


@pytest.mark.parametrize("other", [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_one_number_that_differs_is_a_divergence(other):
    join, found = find(a=[record("x"), record("y")], b=[record("x"), record("y", *other)])
    assert join.examples[found.rows].tolist() == ["y"]


def test_another_decision_alone_is_a_divergence():
    said = [record("x", detected=False), record("y", detected=False)]
    join, found = find(a=said, b=[said[0], {**said[1], "detected": True}], c=[said[0], record("y")])
    assert join.examples[found.rows].tolist() == ["y"]
    assert found.classes.tolist() == [[0, 1, 0]]
    assert [[CHANGES[place] for place in row.nonzero()[0]] for row in found.changes[0]] == [
        [], ["detected"], [],
    ]  # fmt: skip


def test_examples_of_another_decision_are_no_controls():
    hashes = [{"file": "f", "logits_original": DIGITS}, {"file": "f", "logits_original": DIGITS[::-1]}]
    ones = [[record(name, hashes=one, detected=False) for name in "xy"] for one in hashes]
    ones[1][0]["detected"] = True
    _, found = find(a=ones[0], b=ones[1])
    assert found.controls[1, STAGES.index("logits_original")].tolist() == [1, 1]


def test_swapped_outputs_are_found():
    _, found = find(
        a=[record("x", 1, 2, 3), record("y", 1, 4, 5)], b=[record("x", 1, 4, 5), record("y", 1, 2, 3)]
    )
    assert len(found.rows) == 2


@pytest.mark.parametrize(("baseline", "place"), [("a", 0), ("b", 1), ("elsewhere", 1), (None, 1)])
def test_without_a_reference_the_baseline_is_whom_most_agree_with(baseline, place):
    other = [record("x", 1, 1, 2)]
    _, found = find(baseline, a=[record("x")], b=other, c=other)
    assert found.classes.tolist() == [[0, 1, 1]]
    assert found.baseline == place


def test_all_examples_count_for_the_baseline():
    one, two = record("x"), record("x", 1, 1, 2)
    more = [record("y", 1, 1, 2), record("z", 1, 1, 2)]
    _, found = find(None, a=[one, record("y"), record("z")], b=[one, *more], c=[two, *more])
    assert found.baseline == 1


def test_of_equal_environments_the_first_is_the_baseline():
    _, found = find(None, a=[record("x")], b=[record("x", 1, 1, 2)])
    assert found.baseline == 0


@pytest.mark.parametrize("other", [(g, o, a) for g in range(3) for o in range(3) for a in range(3)])
@pytest.mark.parametrize("first", [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)])
def test_changes_are_what_the_cases_say(first, other):
    _, found = find(a=[record("x", *first), record("y")], b=[record("x", *other), record("y", 5, 5, 5)])
    changes = dict(zip(CHANGES, found.changes[0, 1]))
    if first == other:
        return
    assert [changes[name] for name in CHANGES[:3]] == [i != j for i, j in zip(first, other)]
    assert changes["case"] == (name_case(*first) != name_case(*other))
    assert changes["detected"] == ((first[1] == first[2]) != (other[1] == other[2]))
    assert not found.changes[0, 0].any()


@pytest.mark.parametrize("known", STAGES)
@pytest.mark.parametrize("first", [*range(1, len(STAGES)), NONE])
def test_the_first_hash_that_differs_and_is_known_is_the_stage(first, known):
    hashes = dict.fromkeys(STAGES, DIGITS)
    others = dict.fromkeys(STAGES[first:], DIGITS[::-1]) if first != NONE else {}
    control = record("y", hashes=hashes)
    hashes = {name: value for name, value in hashes.items() if name != known}
    _, found = find(
        a=[record("x", hashes=hashes), control],
        b=[record("x", 1, 1, 2, hashes={**hashes, **others}), control],
    )
    told = [STAGES.index(name) for name in others if name != known and name not in LOGITS]
    assert found.stages[0, 1] == min(told, default=NONE)


def find_hashed(differing, controls):
    """One divergence and controls, each with the stages at which `b` has another hash than `a`."""
    lists = [differing, *controls]
    ours = [record(f"x{n}", hashes=dict.fromkeys(STAGES, DIGITS)) for n in range(len(lists))]
    theirs = []
    for number, stages in enumerate(lists):
        hashes = {**dict.fromkeys(STAGES, DIGITS), **dict.fromkeys(stages, DIGITS[::-1])}
        theirs.append(record(f"x{number}", 1, 1, 1 if number else 2, hashes=hashes))
    _, found = find(a=ours, b=theirs)
    (stage,) = found.stages[:, 1].tolist()
    return found, None if stage == NONE else STAGES[stage]


@pytest.mark.parametrize(
    ("differing", "controls", "stage"),
    [
        (LOGITS, [()] * 5, None),
        (LOGITS, [LOGITS] * 5, None),
        (LOGITS, [("logits_original",)] * 5, None),
        (LOGITS, [], None),
        (("pixels", "input", *LOGITS), [("pixels", "input", *LOGITS)] * 5, "pixels"),
        (("input", *LOGITS), [LOGITS] * 5, "input"),
        ((), [()] * 5, None),
    ],
)
def test_bits_of_logits_are_no_stage(differing, controls, stage):
    found, told = find_hashed(differing, controls)
    assert told == stage
    counts = [sum(name in one for one in controls) for name in STAGES]
    assert found.controls[1].tolist() == [[count, len(controls)] for count in counts]


def test_more_controls_than_it_takes_are_sampled(monkeypatch):
    monkeypatch.setattr(divergences, "MOST_CONTROLS", 10)
    found, _ = find_hashed(LOGITS, [LOGITS] * 60 + [()] * 35)
    (differ, of) = found.controls[1][3]
    assert 5 <= of <= 10
    assert 0 < differ < of


def test_hashes_that_are_missing_differ_from_nothing():
    _, found = find(a=[record("x", hashes=None)], b=[record("x", 1, 1, 2)])
    assert found.stages.tolist() == [[NONE, NONE]]


def test_the_smallest_margin_is_of_any_pass_anywhere():
    join, _ = find(
        a=[record("x", margin_original=3.0, margin_attribute=2.0), record("y")],
        b=[record("x", margin_original=None, margin_attribute=0.5), record("y")],
    )
    assert find_smallest(join).tolist() == [0.5, float("inf")]
