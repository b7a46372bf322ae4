"""Statistics in the summary: every cell's rates, every pair's agreement."""

import pytest
from judged import OTHER, judge, record, result

from harness.diff.columns import take_columns
from harness.verdict.statistics import measure_cells


def records(*attributes, sources=None):
    """Attacked records with Original 2 of Gold 1; a source a record where nothing else is said."""
    return [
        {**record(f"x{number}", 1, 2, attribute), "source": f"s{number % (sources or len(attributes))}"}
        for number, attribute in enumerate(attributes)
    ]


def test_a_cell_has_all_rates_with_both_intervals():
    summary = judge(result("a", *records(*[0, 1, 2] * 10)), result("b", *records(*[2] * 30)))
    rates = {cell.environment: cell.rates for cell in summary.cells}
    assert (rates["a"].detection.hits, rates["a"].detection.of) == (20, 30)
    assert (rates["a"].evasion.hits, rates["a"].recovery.hits) == (10, 10)
    assert rates["a"].recovery.cluster_low < 1 / 3 < rates["a"].recovery.cluster_high
    assert rates["b"].evasion.rate == 1
    assert rates["b"].evasion.cluster_low is None
    assert rates["b"].alarms.rate is None


def test_sources_are_those_of_each_cell():
    cells = {
        "alone": take_columns(records(*[1, 2] * 20)),
        "clustered": take_columns(records(*[1, 2] * 20, sources=4)),
        "again": take_columns(records(*[1, 2] * 20)),
    }
    found = measure_cells(cells)
    assert found["alone"] == found["again"]
    assert found["alone"].recovery.low == found["clustered"].recovery.low
    assert found["alone"].recovery.cluster_low != found["clustered"].recovery.cluster_low


def test_attacks_are_those_of_each_cell():
    benign = [{**one, "attack": "benign"} for one in records(1, 2)]
    found = measure_cells({"attacked": take_columns(records(1, 2)), "benign": take_columns(benign)})
    assert [one.alarms_all.of for one in found.values()] == [0, 2]


def test_an_incomparable_example_still_counts_in_its_own_cell():
    summary = judge(result("a", *records(*[1] * 5)), result("b", *records(*[1] * 4)))
    assert [cell.rates.examples for cell in summary.cells] == [5, 4]
    assert summary.agreement.pairs[0].agreement.of == summary.compared == 4


def test_pairs_are_named_and_counted():
    other = records(1, 1, 1, 1, 2, 1, 1, 1, 1)
    (pair,) = judge(result("a", *records(*[1] * 9)), result("b", *other)).agreement.pairs
    assert (pair.first, pair.second) == ("a", "b")
    assert (pair.agreement.hits, pair.agreement.of) == (8, 9)
    assert (pair.only_first, pair.only_second, pair.p_value) == (1, 0, 1)
    assert pair.kappa == 0


def test_what_is_not_defined_is_none():
    agreement = judge(result("a", *records(1, 1, 1)), result("b", *records(1, 1, 1))).agreement
    assert (agreement.fleiss_kappa, agreement.pairs[0].kappa, agreement.pairs[0].p_value) == (None,) * 3


def test_one_cell_agrees_with_nobody():
    agreement = judge(result("a", *records(1, 1, 1)), must_compare=False).agreement
    assert (agreement.pairs, agreement.fleiss_kappa) == ((), None)


def test_all_cells_are_paired():
    names = "abcd"
    summary = judge(*[result(name, *records(1, 1, 1)) for name in names])
    assert [(pair.first, pair.second) for pair in summary.agreement.pairs] == [
        (one, other) for one in names for other in names if one < other
    ]


def test_failed_cells_have_no_rates_and_no_pairs():
    summary = judge(*OTHER, result("c", status="failed", reason="r"))
    assert len(summary.agreement.pairs) == 1
    assert summary.agreement.fleiss_kappa == pytest.approx(-1 / 3)
