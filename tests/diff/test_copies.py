"""Copies are told from executions, by id or by their timed records, and are compared with nothing."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from past_runs import make_cell, make_records, write_run

from harness.diff.columns import take_columns
from harness.diff.copies import Copies, find_copies
from harness.plan.register import Register
from harness.report.write import write_folder
from harness.verdict.compare import CellSelection, compare_runs

SAME, OTHER = make_records(1, 1), make_records(1, 2)
CELL = take_columns(SAME)


def compare(*places, **selection):
    register = Register(reference="a", default="d", groups={})
    return compare_runs([str(one) for one in places], Path("nowhere"), register, CellSelection(**selection))


def change_cell(run, name, **more):
    path = run / "cells" / name / "cell.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


def write_executed(folder, records, executions):
    """A run whose cells say their executions."""
    run = write_run(folder, records)
    for name, execution in executions.items():
        change_cell(run, name, execution=execution)
    return run


def list_copies(summary):
    return {cell.environment: cell.copy_of for cell in summary.cells if cell.copy_of}


@pytest.fixture(name="runs")
def make_runs(tmp_path):
    """A run, and its rerun that took one cell from the store and executed the other."""
    return [
        write_executed(tmp_path / "one", {"a": SAME, "b": SAME}, {"a": "1", "b": "2"}),
        write_executed(tmp_path / "two", {"a": SAME, "b": SAME}, {"a": "1", "b": "3"}),
    ]


@pytest.mark.parametrize(
    ("executions", "originals"),
    [
        ({"a": "1", "b": "1", "c": "1"}, {"b": "a", "c": "a"}),
        ({"a": "1", "b": "2", "c": "2"}, {"c": "b"}),
        ({"a": None, "b": None, "c": "1"}, {}),
        ({"b": "1", "c": "1"}, {"c": "b"}),
        ({}, {}),
    ],
)
def test_cells_of_one_execution_are_copies_of_the_first(executions, originals):
    assert find_copies(executions, dict.fromkeys("abc", CELL), "z") == Copies(originals)


def test_the_reference_is_no_copy():
    cells = dict.fromkeys("abc", CELL)
    assert find_copies(dict.fromkeys("abc", "1"), cells, "b") == Copies({"a": "b", "c": "b"})


@pytest.mark.parametrize(
    "change", ["attribute", "margin_original", "hashes", "example", "detected", "score", "tuple"]
)
def test_a_copy_that_was_changed_is_compared(change):
    record = {**SAME[0], "margin_original": 1.0}
    value = {
        "hashes": {"file": "g"},
        "example": "z",
        "tuple": None,
        "margin_original": 1.5,
        "detected": True,
    }.get(change, 2)
    other = {**record, change: value} if change != "tuple" else {**record, "original": None}
    cells = {"a": take_columns([record]), "b": take_columns([other]), "c": take_columns([other])}
    found = find_copies(dict.fromkeys("abc", "1"), cells, "a")
    assert found == Copies({"c": "b"}, {"b": "a"})


def test_a_copied_cell_is_marked_and_agrees_with_nothing(runs):
    summary = compare(*runs)
    assert list_copies(summary) == {"a@two": "a@one"}
    assert [cell.execution for cell in summary.cells] == ["1", "2", "1", "3"]
    assert [(one.first, one.second) for one in summary.agreement.pairs] == [
        ("a@one", "b@one"), ("a@one", "b@two"), ("b@one", "b@two"),
    ]  # fmt: skip
    assert summary.notes[:2] == (
        "the same in every run: b",
        "not compared, since one execution agrees with itself: a@two (copy of a@one)",
    )
    assert summary.verdict == (
        "all 2 examples hold one tuple each in 3 cells of 2 environments; 1 cell is a copy and not compared"
    )
    assert summary.exit_code == 0
    assert all(cell.rates for cell in summary.cells)


def test_every_form_marks_a_copy(tmp_path, runs):
    summary = compare(*runs)
    write_folder(tmp_path / "made", summary)
    names = ("report.txt", "report.md", "report.html", "junit.xml")
    text, markdown, page, xml = ((tmp_path / "made" / name).read_text() for name in names)
    assert "note: not compared, since one execution agrees with itself: a@two (copy of a@one)\n" in text
    assert " a@two copy 2 " in " ".join(text.split())
    assert "m: 2 examples, 4 cells, of which 1 copied, " in text
    assert "| copy of a<span>&#64;</span>one |" in markdown
    assert re.search(r'<span class="under">\w+ · \w+ · copy of a@one</span>', page)
    assert '<span class="under">copy</span>' in page
    assert "4 done (1 copied)" in page
    root = ET.fromstring(xml)
    (told,) = root.findall("testsuite[@name='a@two']/testcase/skipped")
    assert told.get("message") == "copy of a@one: one execution, which was not compared with itself"
    status = root.find("testsuite[@name='a@two']/properties/property[@name='status']")
    assert status.get("value") == "copy of a@one"
    assert json.loads((tmp_path / "made" / "summary.json").read_text())["cells"][2]["copy_of"] == "a@one"


def test_a_copy_is_not_steady(tmp_path, runs):
    run = write_executed(tmp_path / "three", {"b": OTHER}, {"b": "7"})
    summary = compare(*runs, run)
    write_folder(tmp_path / "made", summary)
    for name in ("report.txt", "report.md"):
        (line,) = [
            one for one in (tmp_path / "made" / name).read_text().splitlines() if "ever departing" in one
        ]
        assert "a@two" not in line


def test_a_copy_departs_from_nothing(tmp_path, runs):
    run = write_executed(tmp_path / "three", {"a": OTHER, "b": OTHER}, {"a": "4", "b": "5"})
    again = write_executed(tmp_path / "four", {"a": OTHER, "c": OTHER}, {"a": "4", "c": "6"})
    summary = compare(runs[0], run, again)
    (one,) = summary.divergences
    assert one.classes == (("a@three", "b@three", "c"), ("a@one", "b@one"))
    assert one.departing == ("a@three", "b@three", "c")
    assert "a@four" not in one.tuples


def test_runs_that_are_copies_are_not_called_the_same(tmp_path, runs):
    shutil.copytree(runs[0], tmp_path / "copy")
    summary = compare(runs[0], tmp_path / "copy")
    assert summary.exit_code == 2
    assert summary.verdict.startswith("copy holds nothing but copies of other cells, so nothing of it was")
    for selection in ({"pair": ("a@one", "a@copy")}, {"globs": ("a",)}):
        summary = compare(runs[0], tmp_path / "copy", **selection)
        assert summary.exit_code == 2
        assert summary.verdict.startswith("the other cell is a copy of a@one, so nothing was compared")
    assert compare(runs[0], tmp_path / "copy", globs=("a",), against="a@copy").baseline == "a@copy"


def test_runs_of_one_name_are_not_taken_for_one(tmp_path, runs):
    shutil.copytree(runs[0], tmp_path / "there" / "one")
    summary = compare(runs[0], tmp_path / "there" / "one")
    assert summary.exit_code == 2
    assert "there/one holds nothing but copies" in summary.verdict


def test_copies_that_do_not_say_so_are_known_by_their_timed_records(tmp_path):
    timed = [{**one, "seconds": place + 0.12345} for place, one in enumerate(SAME)]
    run = write_run(tmp_path / "one", {"a": timed, "b": [{**one, "seconds": 1.0} for one in SAME]})
    shutil.copytree(run, tmp_path / "two")
    change_cell(tmp_path / "two", "a", timings={"run_seconds": 1.0})
    summary = compare(run, tmp_path / "two")
    assert list_copies(summary) == {"a@two": "a@one", "b@two": "b@one"}
    assert [cell.execution for cell in summary.cells] == [None] * 4
    assert summary.exit_code == 2


def test_equal_records_without_times_may_be_of_two_executions(tmp_path):
    run = write_run(tmp_path / "one", {"a": SAME})
    shutil.copytree(run, tmp_path / "two")
    summary = compare(run, tmp_path / "two")
    assert (list_copies(summary), summary.exit_code) == ({}, 0)
    assert summary.notes == ("the same in every run, if these are no copies: a",)


def test_a_changed_copy_is_named(tmp_path, runs):
    shutil.copytree(runs[0], tmp_path / "copy")
    records = tmp_path / "copy" / "cells" / "a" / "records.jsonl"
    records.write_text(records.read_text().replace('"attribute": 1', '"attribute": 2'))
    summary = compare(runs[0], tmp_path / "copy", globs=("a",))
    assert summary.exit_code == 1
    assert "a@copy and a@one are of one execution, but hold other records: one of them was changed" in (
        summary.notes
    )


@pytest.mark.parametrize("execution", [5, ["1"], {}])
def test_an_execution_is_text(tmp_path, execution):
    from harness.core.errors import InputError

    run = write_executed(tmp_path / "one", {"a": SAME}, {"a": execution})
    with pytest.raises(InputError, match="execution"):
        compare(run)


def test_a_cell_without_records_is_no_copy(tmp_path):
    run = write_executed(tmp_path / "one", {"a": SAME, "b": SAME}, {"a": "1", "b": "1"})
    change_cell(run, "b", **make_cell("b", status="failed", error="it broke"))
    (run / "cells" / "b" / "log.txt").write_text("")
    assert list_copies(compare(run)) == {}
