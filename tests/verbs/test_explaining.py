"""`matrix --explain` and `explain`, end to end: reports end with the causes, exit codes stay."""

import json
import os
import subprocess
import sys

import pytest
from command_line import list_runs, make_harness, make_root
from past_runs import make_records, write_run

from harness.core.errors import InputError
from harness.explain.causes import CAUSES, Explanation, Named
from harness.explain.explain import append_line, list_current
from harness.explain.run import read_past_run
from harness.report.write import write_reports
from harness.summary.causes import Waterfall
from harness.summary.reading import read_summary
from harness.verbs import explaining
from harness.verdict.compare import CellSelection, compare_runs

FIXTURES = (make_root, make_harness)
RUN = ("matrix", "--model", "small", "--environment", "a", "--environment", "other")
FORMS = ("summary.json", "report.txt", "report.md", "junit.xml", "report.html")


@pytest.mark.usefixtures("root")
def test_a_matrix_ends_with_the_causes_and_has_its_exit_code(harness, root):
    plain, out, _ = harness(*RUN)
    assert "why: " not in out
    code, out, err = harness(*RUN, "--explain")
    assert (code, plain) == (1, 1), out + err
    why = out.index("why: ")
    assert out.index("diverging: ") < why < out.rindex("DIVERGED: ")
    assert " proven; " in out[why:]
    folder = list_runs(root)[-1]
    summary = read_summary(folder)
    assert summary.causes.explained == len(summary.divergences) > 0
    for one in summary.divergences:
        assert one.causes["other"] in (folder / "junit.xml").read_text()
        assert summary.causes.groups[one.groups["other"]].cells == ("a", "other")
    texts = {name: (folder / name).read_text() for name in FORMS}
    for name, text in texts.items():
        assert "proven" in text, name
    code, out, err = harness("explain", folder)
    assert code == 0, out + err
    assert {name: (folder / name).read_text() for name in FORMS} == texts
    code, out, _ = harness("report", folder, "--json")
    assert (code, json.loads(out)["causes"]) == (1, json.loads(texts["summary.json"])["causes"])


@pytest.mark.usefixtures("root")
def test_where_nothing_diverges_there_is_nothing_to_explain(harness):
    code, out, err = harness("matrix", "--model", "small", "--explain")
    assert code == 0, out + err
    assert "why: " not in out


@pytest.mark.usefixtures("root")
def test_what_cannot_be_explained_is_one_line_below_the_report(harness, root, monkeypatch):
    def fail(*_):
        raise InputError("store: is gone; run again")

    monkeypatch.setattr(explaining, "explain_run", fail)
    code, out, err = harness(*RUN, "--explain")
    assert code == 2
    assert "DIVERGED" in out
    assert err.splitlines()[-1] == "harness: store: is gone; run again"
    assert (list_runs(root)[-1] / "summary.json").exists()


@pytest.mark.usefixtures("root")
def test_an_interrupted_explanation_leaves_the_run(harness, root, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(explaining, "explain_run", stop)
    code, _, err = harness(*RUN, "--explain")
    assert code == 130
    assert "what is finished is kept" in err
    assert read_summary(list_runs(root)[-1]).causes is None


def explain(example, executions, **more):
    """An explanation of an example of cells a and b."""
    given = {"causes": [Named("alpha", "parameters.alpha", 1, 2)], "command": "c", "untested": ["packages"]}
    tuples = ((1, 1, 1), (1, 1, 2))
    return Explanation(
        example, ("a", "b"), tuples, "proven", f"{example} it is.", executions=executions, **{**given, **more}
    )


@pytest.fixture(name="past")
def write_past(tmp_path, register):
    folder = write_run(tmp_path / "run", {"a": make_records(1, 1), "b": make_records(2, 2)})
    write_reports(folder, compare_runs([str(folder)], tmp_path, register, CellSelection()))
    return read_past_run(folder)


@pytest.fixture(name="register")
def make_register():
    from harness.plan.register import Register

    return Register(reference="a", default="d", groups={})


def find_executions(past):
    return {one.summary.environment: one.execution for one in past.results}


def test_the_summary_has_all_that_is_known_though_one_was_asked_for(past):
    """And nothing of executions that are not the run's."""
    executions = find_executions(past.past)
    known = tuple(executions[name] for name in "ab")
    ones = [explain("x", ("0", known[1])), explain("x", known), explain("y", known), explain("z", ("0", "1"))]
    for one in ones:
        append_line(past.folder / CAUSES, one)
    assert [one.example for one in list_current(past.folder, executions)] == ["x", "y"]
    causes = {"executions": 2, "waterfalls": [], "untested": ["packages", "threads"]}
    explaining.write_reports(past.folder, past, causes)
    summary = read_summary(past.folder)
    assert (summary.causes.explained, summary.causes.executions) == (2, 2)
    assert [one.causes for one in summary.divergences] == [{"b": "x it is."}, {"b": "y it is."}]
    assert summary.causes.untested == ("packages", "threads")


def test_waterfalls_stay_where_none_are_drawn_anew(past):
    known = tuple(find_executions(past.past)[name] for name in "ab")
    append_line(past.folder / CAUSES, explain("x", known))
    fall = {"cells": ["a", "b"], "rate": "detection", "start": 0.0, "end": 1.0, "parts": []}
    explaining.write_reports(past.folder, past, {"executions": 2, "waterfalls": [fall], "untested": []})
    explaining.write_reports(past.folder, past, {"executions": 3, "waterfalls": [], "untested": []})
    causes = read_summary(past.folder).causes
    assert (causes.executions, [one.end for one in causes.waterfalls]) == (5, [1.0])
    better = {**fall, "end": 0.5}
    explaining.write_reports(past.folder, past, {"executions": 0, "waterfalls": [better], "untested": []})
    assert [one.end for one in read_summary(past.folder).causes.waterfalls] == [0.5]


def test_a_waterfall_of_other_code_is_drawn_anew(harness, root, monkeypatch):
    """As cells of other code are run anew."""
    asked = []

    def draw(pairs, _join, answers, _most):
        asked.append([one.names for one in pairs])
        fall = {"rate": "detection", "start": 0, "end": len(asked), "parts": (), "worker": answers.worker}
        return [Waterfall(cells=one.names, **fall) for one in pairs], []

    monkeypatch.setattr(explaining, "draw_waterfalls", draw)
    harness(*RUN, "--explain")
    harness("explain", "latest")
    monkeypatch.setattr("harness.explain.cells.hash_code", lambda: "other")
    harness("explain", "latest")
    assert asked == [[("a", "other")], [], [("a", "other")]]
    (fall,) = read_summary(list_runs(root)[-1]).causes.waterfalls
    assert (fall.end, fall.worker) == (3, "other")


def test_waterfalls_that_are_drawn_anew_stand_for_all_of_a_pair(past):
    """One of another rate would be of other code than they are."""
    fall = {"cells": ["a", "b"], "rate": "detection", "start": 0.0, "end": 1.0, "parts": []}
    for rates in (("detection", "alarms"), ("alarms",)):
        falls = [{**fall, "rate": one} for one in rates]
        explaining.write_reports(past.folder, past, {"executions": 1, "waterfalls": falls, "untested": []})
    assert [one.rate for one in read_summary(past.folder).causes.waterfalls] == ["alarms"]


WITHOUT = """
import sys
from harness.verbs import composition
real, started = composition.run_campaign, []

def run(*words):
    started.extend(sys.modules)
    return real(*words)

composition.run_campaign = run
sys.argv = ["harness", "matrix", "--model", "small", "--environment", "a", "--environment", "other"]
from harness.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 1, end.code
for name in (started, sys.modules):
    print(*sorted(one for one in name if one.startswith(("harness.explain", "harness.verbs.explaining"))))
"""


def test_a_run_that_is_not_explained_imports_nothing_of_it(root):
    """Only reports do: what they draw of causes has its shapes there."""
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=root, env=path, capture_output=True, text=True, check=False
    )
    lines = found.stdout.splitlines()[-2:]
    assert lines == ["", "harness.explain harness.explain.causes harness.explain.ladders"], found.stderr
