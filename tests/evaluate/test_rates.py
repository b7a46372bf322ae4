"""Rates: who is counted among whom, Wilson's interval, the interval by bootstrap, published counts."""

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.ami.cases import CASES, name_case
from harness.diff.columns import find_detected, take_columns
from harness.evaluate.rates import (
    ExampleKinds,
    Rate,
    count_cases,
    find_example_kinds,
    measure_rate,
    measure_tuples,
)

TABLES = Path(__file__).parents[3] / "shared" / "tables" / "seed_tables.json"
CASE_TUPLES = dict(zip(CASES, [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]))


def record(attack, gold, original, attribute, **more):
    return {
        "example": "x",
        "attack": attack,
        "gold": gold,
        "original": original,
        "attribute": attribute,
        **more,
    }


RECORDS = [
    record("benign", 1, 1, 1),  # X-X-X
    record("benign", 1, 1, 2),  # X-X-Y: a false alarm
    record("benign", 1, 2, 3),  # X-Y-Z: an alarm on an image that is classified wrongly
    record("benign", 1, 2, 2),  # X-Y-Y
    record("fgsm", 1, 2, 1),  # X-Y-X: detected and recovered
    record("fgsm", 1, 2, 2),  # X-Y-Y: missed
    record("fgsm", 1, 2, 3),  # X-Y-Z: detected
    record("fgsm", 1, 1, 3),  # the attack failed: among all attacked, not among the fooled
    record("unknown", 1, 2, 3),  # X-Y-Z of which nobody says what it is: in no rate
    {"example": "x", "gold": 1, "original": 1, "attribute": 1},
]
CHANGED = [
    record("benign-noise", 1, 1, 2),  # X-X-Y of a clean image under noise: in no rate
    record("benign-jpeg", 1, 2, 2),  # X-Y-Y: no missed attack
]


def measure_rates(records):
    columns = take_columns(records)
    return measure_tuples(
        columns.tuples,
        columns.detected,
        find_example_kinds(columns.examples, columns.sources, columns.attacks),
    )


def shares(rates):
    return {
        field.name: (getattr(rates, field.name).hits, getattr(rates, field.name).of)
        for field in fields(rates)
        if field.name not in ("examples", "cases")
    }


def test_changed_clean_images_are_neither_attacked_nor_clean():
    assert shares(measure_rates(RECORDS + CHANGED)) == shares(measure_rates(RECORDS))
    unmarked = [{**one, "attack": one["attack"].removeprefix("benign-")} for one in CHANGED]
    assert shares(measure_rates(RECORDS + unmarked)) != shares(measure_rates(RECORDS))


def test_all_rates_of_a_cell():
    rates = measure_rates(RECORDS)
    assert rates.examples == 10
    assert rates.cases == {"X-X-X": 2, "X-X-Y": 2, "X-Y-X": 1, "X-Y-Y": 2, "X-Y-Z": 3}
    assert shares(rates) == {
        "detection": (2, 3),
        "alarms": (1, 2),
        "alarms_all": (2, 4),
        "accuracy": (2, 4),
        "attribute_accuracy": (1, 4),
        "evasion": (1, 4),
        "recovery": (1, 3),
    }


def test_a_rate_of_nothing_is_no_rate():
    rates = measure_rates([record("benign", 1, 1, 1)])
    assert rates.detection == Rate(0, 0, None, None, None)
    assert rates.evasion.rate is None
    assert rates.recovery.rate is None
    assert rates.alarms.rate == 0


def test_no_records_have_no_rates():
    rates = measure_rates([])
    assert rates.examples == 0
    assert set(shares(rates).values()) == {(0, 0)}


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (33, 343), (399, 400)])
def test_intervals_are_wilsons(hits, of):
    expected = binomtest(hits, of).proportion_ci(confidence_level=0.95, method="wilson")
    rate = measure_rate(hits, of)
    assert rate.rate == hits / of
    assert rate.low == pytest.approx(expected.low, abs=1e-12)
    assert rate.high == pytest.approx(expected.high, abs=1e-12)


def test_examples_of_one_source_count_as_one_in_the_bootstrap():
    """Thirty sources with ten equal answers each say no more than thirty examples."""
    ones = [
        record("benign", 1, 1, 1 + source % 2, source=f"s{source}", example=f"s{source}/{number}")
        for source in range(30)
        for number in range(10)
    ]
    together = measure_rates(ones).alarms
    alone = measure_rates([{**one, "source": one["example"]} for one in ones]).alarms
    assert together.low == alone.low
    widths = [one.cluster_high - one.cluster_low for one in (together, alone)]
    assert widths[0] == pytest.approx(10**0.5 * widths[1], rel=0.1)


def test_an_example_without_source_is_its_own():
    ones = [record("benign", 1, 1, 1 + number % 2, example=f"x{number}") for number in range(40)]
    named = [{**one, "source": one["example"]} for one in ones]
    assert measure_rates(ones) == measure_rates([{**one, "source": None} for one in ones])
    assert measure_rates(ones) == measure_rates(named)


def test_the_order_of_records_changes_nothing():
    ones = [
        record("fgsm", 1, 2, 1 + number % 3, example=f"x{number}", source=f"s{number % 7}")
        for number in range(50)
    ]
    assert measure_rates(ones) == measure_rates(ones[::-1])


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=40))
def test_cases_are_counted_as_single_tuples_are_named(tuples):
    counts = Counter(name_case(*one) for one in tuples)
    assert count_cases(np.array(tuples, np.int64).reshape(-1, 3)) == {case: counts[case] for case in CASES}


@given(st.lists(st.tuples(st.booleans(), *[st.integers(0, 2)] * 3), min_size=1, max_size=40))
def test_rates_add_up(rows):
    benign = np.array([row[0] for row in rows])
    tuples = np.array([row[1:] for row in rows])
    rates = measure_tuples(tuples, find_detected(tuples), ExampleKinds(benign, ~benign, np.arange(len(rows))))
    assert rates.detection.of - rates.detection.hits == rates.evasion.hits
    assert rates.recovery.hits <= rates.detection.hits
    assert rates.accuracy.of + rates.evasion.of == sum(rates.cases.values()) == len(rows)
    assert all(0 <= hits <= of for hits, of in shares(rates).values())


@pytest.mark.skipif(not TABLES.is_file(), reason="the published tables are not there")
def test_published_counts_give_the_rates_that_their_table_leaves_out():
    """Table 3, each example taken as benign where Original is Gold, as attacked where it is not."""
    table = json.loads(TABLES.read_text())["table3_cases_caffe"]
    expected = {
        "beta_60": {"detection": (10, 13), "alarms": (10, 4251), "evasion": (3, 13), "recovery": (4, 13)},
        "beta_5": {
            "detection": (1320, 1320),
            "alarms": (4948, 5385),
            "evasion": (0, 1320),
            "recovery": (0, 1320),
        },
    }
    for name, counts in table.items():
        tuples = np.repeat([CASE_TUPLES[case] for case in CASES], [counts[case] for case in CASES], axis=0)
        right = tuples[:, 0] == tuples[:, 1]
        rates = measure_tuples(
            tuples, find_detected(tuples), ExampleKinds(right, ~right, np.arange(len(tuples)))
        )
        assert rates.examples == counts["total"]
        assert rates.cases == {case: counts[case] for case in CASES}
        assert {key: shares(rates)[key] for key in expected[name]} == expected[name]
    assert rates.alarms.rate == pytest.approx(0.919, abs=5e-4)


def test_a_detector_that_always_alarms_detects_everything():
    ones = [
        {**record(attack, 1, original, 1, example=attack), "detected": True}
        for attack, original in (("benign", 1), ("fgsm", 2))
    ]
    rates = measure_rates(ones)
    assert shares(rates)["detection"] == shares(rates)["alarms"] == (1, 1)
    assert shares(rates)["evasion"] == (0, 1)
