"""Detectors that decide otherwise than AmI: compared by what they decide, in every form of a report."""

import json

import pytest
from past_runs import make_cell, make_records, write_cell

from harness.core.errors import InputError
from harness.plan.register import Register
from harness.report.html.rows import group_classes
from harness.report.junit import render_junit
from harness.report.markdown import render_markdown
from harness.report.terminal import render_text
from harness.summary.reading import read_summary
from harness.verdict.compare import CellSelection, compare_runs

REGISTER = Register(reference="a", default="d", groups={})


@pytest.fixture(name="run")
def write(tmp_path):
    """Two cells with the same tuples; the second's detector alarms on everything."""
    for name, more in {"a": {}, "b": {"detected": True}}.items():
        job = {**make_cell(name)["job"], "detector": "alarm" if more else "ami"}
        records = [{**one, **more} for one in make_records(1, 2)]
        write_cell(tmp_path / "run" / "cells" / name, make_cell(name, job=job), records)
    return tmp_path / "run"


@pytest.fixture(name="summary")
def compare(run):
    return compare_runs([str(run)], run.parent, REGISTER, CellSelection())


def test_another_decision_on_the_same_tuple_diverges(summary):
    (one,) = summary.divergences
    assert (one.example, one.departing, one.changes) == ("x", ("b",), {"b": ("detected",)})
    assert one.detected == {"b": True}
    assert one.classes == (("a",), ("b",))
    assert [one.decides(name) for name in "ab"] == [False, True]
    assert summary.agreement.pairs[0].agreement.hits == 1
    assert any("detector alarm" in note for note in summary.notes)


def test_rates_are_those_of_the_detector(summary):
    rates = {cell.environment: cell.rates.alarms_all for cell in summary.cells}
    assert [(rates[name].hits, rates[name].of) for name in "ab"] == [(1, 2), (2, 2)]


def test_ami_says_nothing_that_its_tuple_does_not_say(run):
    for path in run.glob("cells/b/*.json*"):
        path.write_text(path.read_text().replace('"attribute": 2', '"attribute": 3'))
        path.write_text(path.read_text().replace(', "detected": true', "").replace("alarm", "ami"))
    (one,) = compare_runs([str(run)], run.parent, REGISTER, CellSelection()).divergences
    assert one.detected == {}


def read_back(summary, folder):
    (folder / "summary.json").write_text(summary.model_dump_json())
    return read_summary(folder)


def test_the_summary_is_read_back(summary, tmp_path):
    assert list(read_back(summary, tmp_path).divergences) == list(summary.divergences)


def test_a_decision_that_makes_no_departure_is_a_contradiction(summary, tmp_path):
    data = json.loads(summary.model_dump_json())
    data["divergences"][0]["detected"] = {}
    (tmp_path / "summary.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="departing are not those that do not say"):
        read_summary(tmp_path)
    data["divergences"][0]["detected"] = {"z": True}
    (tmp_path / "summary.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="detected: 'z' has no tuple"):
        read_summary(tmp_path)


@pytest.mark.parametrize("render", [render_text, render_markdown, render_junit])
def test_every_form_says_what_was_decided(render, summary, tmp_path):
    assert "1-1-1 detected!" in render(summary, tmp_path)


def test_a_page_holds_another_decision_apart(summary):
    (one,) = summary.divergences
    assert group_classes(one) == [((1, 1, 1), ["a"]), ((1, 1, 1), ["b"])]
