"""Rates: who is counted among whom, and Wilson's interval."""

import pytest
from scipy.stats import binomtest

from harness.evaluate.rates import measure_rate, measure_rates


def record(attack, gold, original, attribute):
    return {"attack": attack, "gold": gold, "original": original, "attribute": attribute}


RECORDS = [
    record("benign", 1, 1, 1),  # X-X-X
    record("benign", 1, 1, 2),  # X-X-Y: a false alarm
    record("benign", 1, 2, 3),  # X-Y-Z: an alarm on an image that is classified wrongly
    record("benign", 1, 2, 2),  # X-Y-Y
    record("fgsm", 1, 2, 1),  # X-Y-X: detected
    record("fgsm", 1, 2, 2),  # X-Y-Y: missed
    record("fgsm", 1, 2, 3),  # X-Y-Z: detected
    record("fgsm", 1, 1, 3),  # the attack failed: not among the attacked
]


def test_all_rates_of_a_cell():
    rates = measure_rates(RECORDS)
    assert rates.examples == 8
    assert rates.cases == {"X-X-X": 1, "X-X-Y": 2, "X-Y-X": 1, "X-Y-Y": 2, "X-Y-Z": 2}
    assert (rates.detection.hits, rates.detection.of) == (2, 3)
    assert (rates.alarms.hits, rates.alarms.of) == (1, 2)
    assert (rates.alarms_all.hits, rates.alarms_all.of) == (2, 4)
    assert (rates.accuracy.hits, rates.accuracy.of) == (2, 4)
    assert (rates.attribute_accuracy.hits, rates.attribute_accuracy.of) == (1, 4)


def test_a_rate_of_nothing_is_no_rate():
    rates = measure_rates([record("benign", 1, 1, 1)])
    assert rates.detection.rate is None
    assert rates.detection.low is None
    assert rates.alarms.rate == 0


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (33, 343), (399, 400)])
def test_intervals_are_wilsons(hits, of):
    expected = binomtest(hits, of).proportion_ci(confidence_level=0.95, method="wilson")
    rate = measure_rate(hits, of)
    assert rate.rate == hits / of
    assert rate.low == pytest.approx(expected.low, abs=1e-12)
    assert rate.high == pytest.approx(expected.high, abs=1e-12)
