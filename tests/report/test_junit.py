"""JUnit XML: valid by the strictest common schema, its counts right, what happened never mixed up."""

import xml.etree.ElementTree as ET
from pathlib import Path

import junitparser
import pytest
import xmlschema
from summaries import HOSTILE, cell, divergence, make_summary, plant, rate

from harness.report import outcomes
from harness.report.junit import render_junit
from harness.summary.document import AgreementSummary, IncomparableSummary, PairSummary
from harness.system.text import make_line

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd")


def draw(summary):
    text = render_junit(summary, Path("run"))
    SCHEMA.validate(text)
    return ET.fromstring(text)


def outcome(root, suite, name):
    (case,) = root.findall(f"testsuite[@name='{suite}']/testcase[@name='{name}']")
    return case[0] if len(case) else None


def count(root, name):
    return sum(int(suite.get(name)) for suite in root)


def test_the_same_passes_one_test_an_environment():
    root = draw(make_summary())
    assert outcome(root, "a", "all of 10 examples") is None
    assert outcome(root, "b", "all of 10 examples") is None
    assert (count(root, "tests"), count(root, "failures"), count(root, "errors"), count(root, "skipped")) == (
        3,
        0,
        0,
        0,
    )


def test_a_departure_says_what_agreeing_examples_are_like():
    control = {"pixels": {"differ": 9, "of": 10}, "logits_original": {"differ": 10, "of": 10}}
    one = divergence("x", b=(1, 2, 2), stages={"b": None})
    root = draw(make_summary(cells=(cell("a"), cell("b", controls=control)), divergences=(one,)))
    words = "first stage: not measured (of the examples that agree, pixels differ in 9 of 10)"
    assert words in outcome(root, "b", "x").text


def test_a_departure_is_a_failure_that_says_all_there_is():
    one = divergence(
        "x", b=(1, 2, 2), changes={"b": ("original", "attribute")}, stages={"b": "pixels"},
        smallest_margin=0.0123, margins={"a": (1.5, 2.5), "b": (0.0123, None)},
        causes={"b": "another decoder"},
    )  # fmt: skip
    root = draw(make_summary(divergences=(one,), labels={1: "Ann Lee", 2: "Bo Kim"}))
    told = outcome(root, "b", "x")
    assert (told.tag, told.get("type"), told.get("message")) == (
        "failure",
        "diverged",
        "1-2!-2! instead of 1-1-1",
    )
    for part in (
        "what differs: Original, Attribute", "first stage: pixels",
            "original margin 0.0123, attribute margin unknown",
        "smallest margin of all environments: 0.0123", "another decoder", "1-1-1: a\n1-2-2: b", "2 Bo Kim",
    ):  # fmt: skip
        assert part in told.text
    assert outcome(root, "a", "all of 10 examples") is None
    assert not root.findall("testsuite[@name='b']/testcase[@name='all of 10 examples']")
    assert (count(root, "failures"), count(root, "tests")) == (1, 3)


def test_an_expected_departure_is_skipped_with_its_reason():
    one = divergence("x", b=(1, 2, 2), expected={"b": "known since May"})
    told = outcome(draw(make_summary(divergences=(one,), exit_code=0)), "b", "x")
    assert (told.tag, told.get("type")) == ("skipped", "expected")
    assert told.get("message") == "expected: known since May (1-2!-2! instead of 1-1-1)"


def test_failed_unavailable_and_incomparable_are_told_apart():
    lost = IncomparableSummary(example="x", environment="b", reason="has 2 records")
    more = lost.model_copy(update={"reason": "its record holds no tuple"})
    cells = (
        cell("a"), cell("b"), cell("c", status="failed", reason="it broke", log_end="last line"),
        cell("d", status="unavailable", reason="no engine"),
    )  # fmt: skip
    root = draw(make_summary(cells=cells, incomparable=(lost, more), exit_code=2))
    failed, away, incomparable = (
        outcome(root, "c", "cell"),
        outcome(root, "d", "cell"),
        outcome(root, "b", "x"),
    )
    assert (failed.tag, failed.get("type"), failed.text) == ("error", "failed", "failed: it broke\nlast line")
    assert (away.tag, away.get("type"), away.get("message")) == (
        "skipped",
        "unavailable",
        "unavailable: no engine",
    )
    assert (incomparable.tag, incomparable.get("type")) == ("error", "incomparable")
    assert incomparable.get("message") == "not compared: has 2 records; its record holds no tuple"
    assert (count(root, "errors"), count(root, "skipped"), count(root, "failures")) == (2, 1, 0)


def test_an_unavailable_cell_that_was_asked_for_by_name_is_an_error():
    away = cell("d", status="unavailable", reason="no engine", named=True)
    root = draw(make_summary(cells=(cell("a"), cell("b"), away), exit_code=2))
    told = outcome(root, "d", "cell")
    assert (told.tag, told.get("type"), told.get("message")) == (
        "error", "unavailable", "unavailable: no engine",
    )  # fmt: skip
    assert count(root, "errors") == 1


def test_a_run_without_verdict_has_an_error_even_where_no_cell_has():
    root = draw(make_summary(cells=(cell("a"),), exit_code=2, verdict="nothing was compared"))
    assert outcome(root, "(run)", "could be judged").get("message") == "nothing was compared"
    assert outcome(root, "a", "all of 10 examples").tag == "skipped"
    assert count(root, "errors") == 1


def test_a_problem_with_the_register_is_a_failure():
    root = draw(make_summary(register_problems=("it does not occur any more",), exit_code=1))
    assert outcome(root, "(run)", "it does not occur any more").tag == "failure"


def test_properties_hold_the_numbers_of_the_table():
    root = draw(make_summary())
    properties = {one.get("name"): one.get("value") for one in root.findall("testsuite[@name='a']//property")}
    assert properties["detected %"] == "60.0 (23\N{EN DASH}88)"
    assert properties["X-Y-X"] == "3"
    totals = {one.get("name"): one.get("value") for one in root.findall("testsuite[@name='(run)']//property")}
    assert (totals["divergences"], totals["compared"]) == ("0", "10")


def test_agreement_is_a_property_of_the_run():
    pair = PairSummary(
        first="a", second="b", agreement=rate(99, 100), kappa=0.876, only_first=1, only_second=0, p_value=1.0
    )
    root = draw(make_summary(agreement=AgreementSummary(pairs=(pair,), fleiss_kappa=0.5)))
    totals = {one.get("name"): one.get("value") for one in root.findall("testsuite[@name='(run)']//property")}
    assert totals["same tuple %, a and b"] == "99.0"
    assert totals["kappa on detected, a and b"] == "0.88"
    assert totals["Fleiss' kappa on detected"] == "0.50"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_read_back_as_it_is(text):
    root = draw(plant(text))
    shown = " ".join(make_line(text).split())
    told = [case for case in root.iter("testcase") if " ".join(case.get("name").split()) == shown]
    assert [case.get("classname") for case in told].count("b") == 1
    assert {one.tag for one in root.iter()} <= {
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped",
        "system-out", "system-err",
    }  # fmt: skip


def test_a_foreign_reader_counts_the_same(tmp_path):
    one, two = divergence("x", b=(1, 2, 2)), divergence("y", b=(1, 2, 2), expected={"b": "known"})
    cells = (cell("a"), cell("b"), cell("c", status="failed", reason="it broke"))
    path = tmp_path / "junit.xml"
    path.write_text(render_junit(make_summary(divergences=(one, two), cells=cells, exit_code=2), tmp_path))
    read = junitparser.JUnitXml.fromfile(str(path))
    read.update_statistics()
    assert (read.tests, read.failures, read.errors, read.skipped) == (4, 1, 1, 1)


def test_the_schema_notices_a_wrong_document():
    text = render_junit(make_summary(divergences=(divergence("x", b=(1, 2, 2)),)), Path("run"))
    twice = text.replace('name="x"', 'name="all of 10 examples"').replace('classname="b"', 'classname="a"')
    assert SCHEMA.is_valid(text)
    assert not SCHEMA.is_valid(twice)
    assert not SCHEMA.is_valid(text.replace(' tests="', ' tests="many'))
    assert not SCHEMA.is_valid(text.replace("<failure type=", "<failure kind="))


def test_too_many_departures_are_counted_in_one_test(monkeypatch):
    monkeypatch.setattr(outcomes, "MOST_CASES", 5)
    ones = [divergence(f"x{number}", b=(1, 2, 2), smallest_margin=float(number)) for number in range(9)]
    known = [divergence(f"y{number}", b=(1, 2, 2), expected={"b": "known"}) for number in range(3)]
    lost = [IncomparableSummary(example=f"z{number}", environment="a", reason="r") for number in range(7)]
    root = draw(make_summary(divergences=(*known, *ones), incomparable=lost, exit_code=2))
    assert count(root, "failures") == 6
    assert outcome(root, "b", "4 more departures: see summary.json").tag == "failure"
    assert outcome(root, "b", "3 more departures that are expected: see summary.json").tag == "skipped"
    assert outcome(root, "a", "2 more that were not compared: see summary.json").tag == "error"


@pytest.mark.parametrize("created", ["2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05Z"])
def test_times_are_utc(created):
    assert draw(make_summary(created=created))[0].get("timestamp") == "2026-01-02T03:04:05"


def test_a_summary_without_a_time_is_shown_all_the_same():
    assert draw(make_summary(created="yesterday"))[0].get("timestamp") == "1970-01-01T00:00:00"
