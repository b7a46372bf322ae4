"""Values held against a truth: noise that no number can be below, and a truth that is itself judged."""

import numpy as np
import pytest

from harness.core.network import Convolution, InnerProduct
from harness.worker.exact import WORTH, add_exactly, measure_convolution, measure_product
from harness.worker.held import UNKNOWN, hold_against
from harness.worker.truth import Judge, Truth, compute_blobs, find_resolution, take_given

UNIT = 2.0**-24


def test_noise_is_no_less_than_the_last_bit_of_what_went_in():
    given = np.array([1000.0, 2.0, 0.0])
    resolution = find_resolution(given, UNIT)
    assert resolution == 1000 * UNIT
    finding = hold_against(np.array([3.0], np.float32), take_given(np.array([0.0])), resolution)
    assert finding["noise"] == resolution
    assert finding["deviations"] == pytest.approx(3 / resolution)
    without = hold_against(np.array([3.0], np.float32), take_given(np.array([0.0])))
    assert without["deviations"] > 1e37  # which says nothing of how large 3 is


def test_numbers_that_are_not_finite_have_no_last_bit():
    assert find_resolution(np.array([np.inf, np.nan]), UNIT) == 0
    assert find_resolution(np.array([np.nan, 2.0]), UNIT) == 2 * UNIT


@pytest.mark.parametrize(("own", "is_told"), [(0.0, True), (0.009, True), (0.02, False)])
def test_a_truth_that_is_not_a_hundred_times_better_tells_nothing(own, is_told):
    truth = Truth(np.array([1.0]), np.array([1.0]), np.array([0.5]), own)
    finding = hold_against(np.array([1.5]), truth)
    assert (finding["deviations"] is not None) == is_told
    assert (finding.get("note") == UNKNOWN) == (not is_told)
    assert finding["own"] == own
    assert finding["error"] == 0.5


def test_an_error_that_is_far_larger_than_the_truths_own_is_told():
    truth = Truth(np.array([1.0]), np.array([1.0]), np.array([0.5]), 0.02)
    assert hold_against(np.array([1.0 + 0.5 * WORTH]), truth)["deviations"] == WORTH


def test_sums_are_added_up_without_rounding():
    weights, values = np.array([1.0, 1.0, -1.0]), np.array([2.0**60, 1 + 2.0**-50, 2.0**60])
    assert add_exactly(weights, values, 0.0) == 1 + 2.0**-50
    assert float(weights @ values) != 1 + 2.0**-50


def test_what_is_no_finite_number_is_not_added_up():
    for weights, values in (([np.inf, -np.inf], [1.0, 1.0]), ([1.0, 1.0], [np.inf, -np.inf])):
        assert np.isnan(add_exactly(np.array(weights), np.array(values), 0.0))


def test_a_product_that_is_off_is_found():
    rng = np.random.default_rng(0)
    weight, flat = rng.normal(size=(20, 300)).astype(np.float32), rng.normal(size=300)
    scale = np.full(20, 1e-6)
    value = weight.astype(np.float64) @ flat
    assert measure_product(value, scale, flat, weight, None) < 1e-7
    value[0] += 3e-6
    assert measure_product(value, scale, flat, weight, None) == pytest.approx(3, rel=1e-6)


@pytest.mark.parametrize(("group", "stride", "pad"), [(1, 1, 1), (2, 2, 0), (1, 2, 2)])
def test_a_convolution_is_added_up_again_where_it_is(group, stride, pad):
    rng = np.random.default_rng(1)
    layer = Convolution("c", "x", "y", 4, (3, 3), (stride, stride), (pad, pad), group=group)
    weight = rng.normal(size=(4, 6 // group, 3, 3)).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    given = take_given(rng.normal(size=(6, 9, 9)).astype(np.float32))
    judge = Judge({"c.weight": weight, "c.bias": bias}, UNIT)
    truth = compute_blobs([Of([layer])], given, judge)
    assert 0 <= truth.own < 1e-6
    off = truth.value + 3 * truth.scale
    assert measure_convolution(
        layer, off, truth.scale, given.value, weight.astype(np.float64), bias
    ) == pytest.approx(3, rel=1e-5)


def test_a_fully_connected_layer_says_how_far_its_truth_is_off():
    rng = np.random.default_rng(2)
    weight = rng.normal(size=(5, 400)).astype(np.float32)
    judge = Judge({"f.weight": weight}, 2.0**-53)
    truth = compute_blobs([Of([InnerProduct("f", "x", "y", 5)])], take_given(rng.normal(size=400)), judge)
    assert truth.own < 1
    judge = Judge({"f.weight": weight}, UNIT)
    assert (
        compute_blobs([Of([InnerProduct("f", "x", "y", 5)])], take_given(rng.normal(size=400)), judge).own
        < 1e-6
    )


class Of:
    """A blob of some layers."""

    def __init__(self, layers):
        self.layers = layers
