"""Verdicts: same, diverged and could not run are never mixed up, and the register is held to its word."""

import datetime as dt
import json

import pytest
from judged import OTHER, SAME, entry, judge, record, result
from pydantic import ValidationError

from harness.report.divergences import show_controls
from harness.summary.document import DivergenceSummary, Summary
from harness.verdict.examples import CHUNK

BEFORE = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=9)


def test_equal_tuples_are_the_same():
    summary = judge(*SAME)
    assert (summary.exit_code, len(summary.divergences), summary.compared) == (0, 0, 2)
    assert summary.outcome == "same"


def test_one_other_number_diverges_from_the_reference():
    summary = judge(*OTHER)
    assert summary.exit_code == 1
    (divergence,) = summary.divergences
    assert divergence.departing == ("b",)
    assert divergence.baseline == (1, 1, 1)
    assert divergence.expected == {"b": None}
    assert divergence.attack == "fgsm"


def test_an_expected_divergence_is_fine():
    summary = judge(*OTHER, expected=[entry()])
    assert summary.exit_code == 0
    assert summary.divergences[0].expected == {"b": "r"}
    assert summary.outcome == "expected"
    assert summary.verdict == "1 of 2 examples diverges among 2 environments, all of them as expected"


def test_where_some_are_expected_the_others_decide():
    both = result("b", record("x", 1, 1, 2), record("y", 1, 1, 2))
    summary = judge(OTHER[0], both, expected=[entry()])
    assert (summary.exit_code, summary.outcome) == (1, "diverged")
    assert summary.verdict == "2 of 2 examples diverge among 2 environments, 1 of them as expected"


@pytest.mark.parametrize("wrong", [entry("y"), entry("x", "a"), entry("z*"), entry("x", "c")])
def test_an_entry_for_another_place_expects_nothing_here(wrong):
    assert judge(*OTHER, expected=[wrong]).exit_code == 1


def test_an_expected_divergence_that_stopped_is_unexpected():
    summary = judge(*SAME, expected=[entry()])
    assert (summary.exit_code, summary.outcome) == (1, "not as expected")
    assert summary.verdict.startswith("1 problem with the register; all 2 examples hold one tuple each")
    assert "does not occur any more" in summary.register_problems[0]


def test_an_entry_about_cells_that_did_not_run_is_not_judged():
    assert judge(*SAME, expected=[entry(environment="c"), entry("z")]).exit_code == 0


def test_one_cell_alone_cannot_tell_that_a_divergence_stopped():
    expected = [entry(environment="a")]
    assert judge(SAME[0], expected=expected, must_compare=False).register_problems == ()


def test_an_entry_past_its_date_expects_nothing_and_is_reported():
    summary = judge(*OTHER, expected=[entry(until=BEFORE)])
    assert summary.exit_code == 1
    assert summary.divergences[0].expected == {"b": None}
    assert "past its date" in summary.register_problems[0]


def test_a_failed_cell_weighs_more_than_agreement_or_divergence():
    broken = result("c", status="failed", reason="r")
    assert judge(*SAME, broken).exit_code == 2
    summary = judge(*OTHER, broken)
    assert summary.exit_code == 2
    assert "c failed" in summary.verdict
    assert "1 of 2 examples diverge" in summary.verdict


def test_an_unavailable_cell_is_named_and_no_failure():
    summary = judge(*SAME, result("c", status="unavailable", reason="r"))
    assert summary.exit_code == 0
    assert "unavailable: c" in summary.verdict


def test_an_unavailable_cell_that_was_asked_for_by_name_is_trouble():
    away = [result(name, status="unavailable", reason="no engine", named=True) for name in ("c", "c#2")]
    summary = judge(*SAME, *away)
    assert summary.exit_code == 2
    assert summary.verdict == (
        "c and c#2 asked for by name, but unavailable: no engine;"
        " all 2 examples hold one tuple each in 2 environments"
    )


def test_a_failed_cell_has_no_rates_of_zero():
    (cell,) = [one for one in judge(*SAME, result("c", status="failed")).cells if one.status == "failed"]
    assert cell.rates is None or cell.rates.detection.rate is None


@pytest.mark.parametrize(
    ("results", "must_compare", "code"),
    [
        (SAME[:1], True, 2),
        (SAME[:1], False, 0),
        ((), False, 2),
        ((result("a", status="unavailable"),), False, 2),
        ((result("a"), result("b")), True, 2),
    ],
)
def test_nothing_to_compare_is_trouble_unless_one_was_asked_for(results, must_compare, code):
    summary = judge(*results, must_compare=must_compare)
    assert (summary.exit_code, summary.outcome) == (code, "could not run" if code else "done")


def test_a_lost_record_is_trouble_and_is_listed():
    summary = judge(SAME[0], result("b", record("x")))
    assert summary.exit_code == 2
    assert [(one.example, one.environment) for one in summary.incomparable] == [("y", "b")]
    assert (summary.examples, summary.compared) == (2, 1)


def test_an_example_that_two_cells_lack_is_one_example():
    summary = judge(*SAME, result("c", record("x")), result("d", record("x")))
    assert (summary.examples, summary.compared, len(summary.incomparable)) == (2, 1, 2)
    assert summary.verdict.startswith("1 of 2 examples could not be compared")


def test_known_examples_that_no_cell_has_are_trouble():
    assert judge(*SAME, known=("x", "y", "z")).exit_code == 2


def test_other_ports_and_parameters_are_named():
    summary = judge(
        SAME[0], result("b", record("x"), record("y"), port="pytorch-port", parameters={"alpha": 60.0})
    )
    assert summary.exit_code == 0
    assert summary.notes == ("b runs port pytorch-port, a notebook", "b has alpha 60, a alpha 100")


def test_a_divergence_says_what_changes_and_the_first_stage_whose_hash_says_something():
    hashes = {"file": "f", "pixels": "1" * 64, "logits_attribute": "2" * 64}
    first = {**record("x"), "source": "s", "margin_original": 2.0, "margin_attribute": 1.0, "hashes": hashes}
    bits = {**hashes, "logits_attribute": "3" * 64}
    other = {**first, "attribute": 2, "hashes": {**bits, "pixels": "4" * 64}}
    control = {**record("y"), "hashes": hashes}
    summary = judge(result("a", first, control), result("b", other, control))
    (one,) = summary.divergences
    assert (one.source, one.changes, one.stages) == (
        "s", {"b": ("attribute", "case", "detected")}, {"b": "pixels"},
    )  # fmt: skip
    assert (one.margins["b"], one.smallest_margin) == ((2.0, 1.0), 1.0)
    assert show_controls(summary.cells[1]) == ""
    summary = judge(result("a", first, control), result("b", other, {**control, "hashes": other["hashes"]}))
    assert summary.divergences[0].stages == {"b": "pixels"}
    assert show_controls(summary.cells[1]) == "of the examples that agree, pixels differ in 1 of 1"
    other = {**other, "hashes": bits}
    summary = judge(result("a", first, control), result("b", other, {**control, "hashes": bits}))
    assert summary.divergences[0].stages == {"b": None}
    assert show_controls(summary.cells[1]) == ""
    assert show_controls(summary.cells[0]) == ""


def test_divergences_are_the_same_however_they_are_asked_for():
    number = CHUNK + 3
    first = [record(f"x{place:05d}") for place in range(number)]
    listing = judge(
        result("a", *first),
        result("b", *({**one, "attribute": 2 + place} for place, one in enumerate(first))),
    ).divergences
    every = list(listing)
    assert [one.tuples["b"][2] for one in every] == list(range(2, number + 2))
    assert (len(listing), listing[-1], listing[CHUNK]) == (number, every[-1], every[CHUNK])
    assert list(listing[CHUNK - 1 : CHUNK + 1]) == every[CHUNK - 1 : CHUNK + 1]
    with pytest.raises(IndexError):
        listing[number]


def test_divergences_hold_what_their_class_demands():
    for one in judge(*OTHER, expected=[entry()]).divergences:
        assert DivergenceSummary.model_validate(one.model_dump(), strict=True) == one
        assert one.model_fields_set == set(DivergenceSummary.model_fields)


def test_what_is_not_known_is_null():
    (one,) = judge(*OTHER).divergences
    assert (one.source, one.smallest_margin, one.stages["b"]) == (None, None, None)
    assert one.margins == {"a": (None, None), "b": (None, None)}


def test_agreeing_examples_are_kept_column_by_column():
    agreeing = judge(*OTHER).agreeing
    assert (agreeing.examples, agreeing.attacks, agreeing.tuples) == (("y",), ("fgsm",), ((1, 1, 1),))
    assert (agreeing.sources, agreeing.smallest_margins) == ((None,), (None,))


def test_labels_are_those_of_diverging_tuples():
    assert judge(*OTHER, labels={0: "Ann", 1: "Bob", 3: "Cy"}).labels == {1: "Bob"}
    assert judge(*SAME, labels={0: "Ann", 1: "Bob"}).labels == {}


def test_records_that_do_not_say_their_file_are_compared_and_named():
    silent = {**record("x"), "hashes": {}}
    summary = judge(SAME[0], result("b", silent, record("y")))
    assert (summary.exit_code, summary.compared) == (0, 2)
    assert summary.notes == (
        "records of b do not say which file every record was made from; its id is believed",
    )


def test_cells_that_are_alike_are_named_together():
    other = {"parameters": {"alpha": 100.00000001}}
    alike = [result(name, record("x"), record("y"), **other) for name in "bcd"]
    assert judge(SAME[0], *alike).notes == ("b, c and d have alpha 100.00000001, a alpha 100",)


@pytest.mark.parametrize("expected", [[], [entry()], [entry("y")], [entry(), entry("y")]])
@pytest.mark.parametrize("results", [SAME, OTHER, SAME[:1]])
def test_a_summary_survives_being_written_and_what_does_not_tell_its_outcome_is_understood(results, expected):
    summary = judge(*results, expected=expected, must_compare=False)
    written = summary.model_dump_json()
    assert Summary.model_validate_json(written).model_dump() == summary.model_dump()
    document = json.loads(written)
    del document["outcome"]
    assert Summary.model_validate(document).outcome == summary.outcome


def test_an_outcome_that_contradicts_the_exit_code_is_refused():
    document = json.loads(judge(*OTHER).model_dump_json())
    with pytest.raises(ValidationError, match="outcome 'same' has no exit code 1"):
        Summary.model_validate({**document, "outcome": "same"})
