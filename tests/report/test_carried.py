"""Causes of runs that are compared anew: taken along as far as executions and tuples are the same."""

import json

import pytest
from past_runs import make_records, write_run

from harness.explain.causes import CAUSES, Explanation, Named
from harness.explain.explain import append_line
from harness.explain.groups import summarise_causes
from harness.explain.ladders import LADDERS, Ladder, Rung, write_ladder
from harness.explain.run import read_past_run
from harness.plan.register import Register
from harness.report.carried import carry_causes
from harness.report.explained import write_explained
from harness.report.write import HTML, write_folder, write_reports
from harness.summary.causes import CausesSummary, Waterfall
from harness.verdict.compare import CellSelection, compare_runs

REGISTER = Register(reference="a", default="d", groups={})


def compare(*folders, **selection):
    """A comparison of runs, with the causes that they have."""
    return carry_causes(compare_only(*folders, **selection), folders)


def compare_only(*folders, **selection):
    return compare_runs(
        [str(one) for one in folders], folders[0].parent, REGISTER, CellSelection(**selection)
    )


def explain_run(folder):
    """Explain both divergences of a run of cells a, b and c, b's with a waterfall and a ladder."""
    past = {one.summary.environment: one.execution for one in read_past_run(folder).past.results}
    ones = [
        Explanation(
            example, ("a", cell), ((1, 1, 1), (1, 1, 2)), "proven", f"{example} is so in {cell}.", "again",
            causes=[Named("alpha", "parameters.alpha", 1, 2)], executions=(past["a"], past[cell]),
        )
        for cell in "bc" for example in "xy"
    ]  # fmt: skip
    for one in ones:
        append_line(folder / CAUSES, one)
    ladder = Ladder("x", ("a", "b"), [Rung("order", a="1", b="2")])
    (folder / LADDERS).write_text(write_ladder(ladder), encoding="utf-8")
    falls = [Waterfall(cells=("a", cell), rate="detection", start=0, end=1, parts=()) for cell in "bc"]
    causes = CausesSummary.model_validate(summarise_causes(ones, 7, falls))
    return write_explained(folder, causes, ones)


@pytest.fixture(name="run")
def make_run(tmp_path):
    return put_run(tmp_path / "run")


def put_run(folder):
    write_run(folder, {"a": make_records(1, 1), "b": make_records(2, 2), "c": make_records(2, 2)})
    for name in "abc":
        change_cell(folder, name, execution=f"{folder.name}-{name}")
    write_reports(folder, compare_only(folder))
    return folder


def test_a_comparison_says_what_its_run_says(run, tmp_path):
    told = explain_run(run)
    assert (told.causes.proven, len(told.causes.groups)) == (4, 2)
    found = compare(run)
    assert found.causes == told.causes
    assert [one.causes for one in found.divergences] == [one.causes for one in told.divergences]
    write_folder(tmp_path / "new", found, [run])
    for name in ("report.txt", "report.md", "junit.xml", HTML):
        assert "x is so in b." in (tmp_path / "new" / name).read_text(encoding="utf-8"), name
    assert 'class="ladder"' in (tmp_path / "new" / HTML).read_text(encoding="utf-8")


def test_a_run_that_nobody_explained_says_nothing(run):
    summary = compare_only(run)
    assert carry_causes(summary, [run]) is summary


def test_cells_that_are_not_compared_take_their_causes_away(run):
    explain_run(run)
    found = compare(run, pair=("a", "b"))
    assert (found.causes.proven, [one.cells for one in found.causes.groups]) == (2, [("a", "b")])
    assert [one.cells for one in found.causes.waterfalls] == [("a", "b")]
    assert compare(run, pair=("b", "c")).causes is None


def test_held_against_another_cell_its_pairs_alone_are_explained(run):
    explain_run(run)
    found = compare(run, against="b")
    assert [one.cells for one in found.causes.groups] == [("a", "b")]
    assert found.divergences[0].causes == {"a": "x is so in b."}


def change_cell(run, name, **more):
    path = run / "cells" / name / "cell.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}), encoding="utf-8")


def test_another_execution_is_not_what_was_explained(run):
    explain_run(run)
    change_cell(run, "b", execution="f" * 32)
    found = compare(run)
    assert [one.cells for one in found.causes.groups] == [("a", "c")]
    assert [one.cells for one in found.causes.waterfalls] == [("a", "c")]


def test_other_tuples_are_not_what_was_explained(run):
    explain_run(run)
    path = run / "cells" / "b" / "records.jsonl"
    path.write_text(path.read_text().replace('"attribute": 2', '"attribute": 3', 1), encoding="utf-8")
    found = compare(run)
    assert {one.cells: one.count for one in found.causes.groups} == {("a", "b"): 1, ("a", "c"): 2}


def test_cells_of_several_runs_are_called_as_the_comparison_calls_them(run, tmp_path):
    explain_run(run)
    other = put_run(tmp_path / "other")
    found = compare(run, other)
    assert {one.cells for one in found.causes.groups} == {("a@run", "b@run"), ("a@run", "c@run")}
    assert "b@run" in found.divergences[0].causes
    assert "b@other" not in found.divergences[0].causes


def test_a_damaged_file_is_a_note_and_no_end(run):
    explain_run(run)
    with (run / CAUSES).open("a", encoding="utf-8") as file:
        file.write("{}\n")
    found = compare(run)
    assert found.causes is None
    assert any("causes.jsonl:5" in note for note in found.notes)


def test_without_a_summary_the_explanations_are_there(run):
    explain_run(run)
    (run / "summary.json").unlink()
    causes = compare(run).causes
    assert (causes.proven, causes.waterfalls, causes.executions) == (4, (), 0)
