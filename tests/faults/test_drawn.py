"""Drawn faults: one seed, one fault; every one fits the worker; a sample of them is explained."""

from pathlib import Path

import pytest

import harness
from faults.clean import DIFFERENCES, draw_clean
from faults.draw import KINDS, PAIRED, draw_fault, draw_pair
from faults.explained import explain_fault
from faults.page import PAGE, RESULTS, write_page
from faults.planting import LIE
from faults.study import describe, read_lines, tell
from faults.table import judge, make_table, show_share
from harness.explain.causes import Cause

SAMPLE, FEW = 60, (0, 4, 31, 47)
"""How many of seed 7 are explained with `-m planted`, and which without."""


def test_a_seed_and_a_number_are_one_fault():
    for number in range(2 * len(KINDS)):
        assert draw_fault(5, number) == draw_fault(5, number)
    assert draw_pair(5, 3) == draw_pair(5, 3)
    assert draw_clean(5, 3) == draw_clean(5, 3)
    parameters = {
        draw_fault(5, list(KINDS).index("another beta") + 48 * turn).fault.value for turn in range(9)
    }
    assert len(parameters) > 5


def test_every_kind_has_its_turn():
    drawn = [draw_fault(2, number).kinds for number in range(len(KINDS))]
    assert [kind for (kind,) in drawn] == list(KINDS)
    assert {draw_clean(2, number).kinds for number in range(len(DIFFERENCES))} == {
        (one,) for one in DIFFERENCES
    }


@pytest.mark.parametrize("draw", [draw_fault, draw_pair])
def test_every_drawn_fault_fits_the_worker_as_it_is(draw):
    folder = Path(harness.__path__[0])
    for number in range(4 * len(KINDS)):
        texts = {}
        for edit in (*draw(3, number).fault.edits, LIE):
            text = texts.get(edit.module) or (folder / edit.module).read_text(encoding="utf-8")
            assert text.count(edit.old) == 1, (number, edit)
            texts[edit.module] = text.replace(edit.old, edit.new)
        for module, text in texts.items():
            if module != LIE.module:
                compile(text, module, "exec")


def test_every_cause_that_is_expected_is_one():
    found = {cause for number in range(3 * len(KINDS)) for cause in draw_fault(4, number).fault.causes}
    assert found <= {cause.value for cause in Cause}
    assert len(found) > 20
    assert all(len(set(draw_pair(4, number).fault.causes)) == 2 for number in range(len(PAIRED)))


@pytest.mark.parametrize(
    "number",
    [pytest.param(one, marks=() if one in FEW else pytest.mark.planted) for one in range(SAMPLE)],
)
def test_no_drawn_fault_is_called_another(number, project):
    drawn = draw_fault(7, number, models=("faces",))
    found = explain_fault(project, drawn.fault, f"drawn-{number}", stages=True)
    line = {"what": "singles", "kinds": drawn.kinds, **describe(drawn), **tell(found)}
    assert judge(line) in ("right", "unknown", "invisible"), line
    assert number not in FEW or judge(line) == "right", line


LINE = {"what": "singles", "expected": ["ddof"], "diverge": 3, "stages": ["steered pool3"], "stage": ""}


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"sets": [["proven", ["ddof"], 3]]}, "right"),
        ({"sets": [["proven", ["ddof"], 2], ["unknown", [], 1]]}, "unknown"),
        ({"sets": [["proven", ["ddof"], 2], ["consistent", ["mean"], 1]]}, "wrong"),
        ({"sets": [["proven", ["ddof", "mean"], 3]]}, "proven wrong"),
        ({"sets": [["proven", ["mean"], 3]], "expected": []}, "proven wrong"),
        ({"sets": [["unknown", [], 3]], "expected": [], "stage": "steered pool3"}, "right"),
        ({"sets": [["unknown", [], 3]], "expected": [], "stage": "input"}, "unknown"),
        ({"sets": [["proven", ["ddof"], 3]], "expected": ["ddof", "fc"], "what": "pairs"}, "unknown"),
        ({"sets": [["proven", ["ddof"], 3]], "expected": ["ddof", "fc"]}, "proven wrong"),
        ({"sets": [["proven", ["numerics"], 3]], "what": "clean", "kinds": ["threads"]}, "right"),
        ({"sets": [["proven", ["algorithm"], 3]], "what": "clean", "kinds": ["Winograd"]}, "right"),
        ({"sets": [["proven", ["algorithm"], 3]], "what": "clean", "kinds": ["threads"]}, "proven wrong"),
        ({"sets": [], "diverge": 0}, "invisible"),
        ({"broke": "it did"}, "broke"),
    ],
)
def test_an_outcome_is_what_it_is(more, outcome):
    assert judge({**LINE, **more}) == outcome


def test_shares_have_exact_intervals():
    assert show_share(0, 10) == "0 of 10 (0.0-30.8 %)"
    assert show_share(60, 60) == "60 of 60 (94.0-100.0 %)"
    assert show_share(0, 0) == ""


def test_a_table_counts_every_fault_once():
    line = {**LINE, "kinds": ["a"], "executions": 9, "seconds": 1.0, "sets": [["proven", ["ddof"], 3]]}
    other = {**line, "kinds": ["b"], "diverge": 0, "sets": [], "parting": "plain fc8"}
    rows = make_table([line, line, other])
    assert [row[1] for row in rows[1:]] == ["2", "0", "2"]
    assert rows[-1][-4:-2] == ("1", "1")


def test_the_page_is_what_its_results_say():
    assert PAGE.read_text(encoding="utf-8") == write_page(read_lines(RESULTS))
    assert all({"seed", "number", "what"} <= set(line) for line in read_lines(RESULTS))
