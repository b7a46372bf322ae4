"""Which parameters a layer computes with, read from its inputs and outputs in a trace."""

import numpy as np
import pytest
from looked_cells import Cells, scale
from worker_jobs import make_job

from harness.explain.blame import blame_stages
from harness.explain.layers import Parameters, Sample, describe, refute, solve
from harness.worker import fingerprint

FIXTURES = (make_job,)


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def spoil_output(layer, output, factor):
    """A fault: one output of a layer times a factor."""

    def change(weights):
        for part in ("weight", "bias"):
            weights[f"{layer}.{part}"] = np.array(weights[f"{layer}.{part}"])
            weights[f"{layer}.{part}"][output] *= np.float32(factor)
        return weights

    return change


def mix(layer):
    """A fault: a layer's weights are those of nobody."""

    def change(weights):
        values = weights[f"{layer}.weight"]
        other = np.random.default_rng(1).normal(0, values.std(), values.shape)
        weights[f"{layer}.weight"] = other.astype(np.float32)
        return weights

    return change


@pytest.mark.parametrize(
    ("fault", "layer", "words"),
    [
        (scale("conv4_1", -1), "conv4_1", "with weights negated"),
        (spoil_output("conv2_2", 0, 50), "conv2_2", "with weights times 50 in outputs 0"),
        (spoil_output("conv2_2", 2, -1), "conv2_2", "with weights negated in outputs 2"),
        (mix("conv1_1"), "conv1_1", "with others"),
    ],
)
def test_what_a_layer_computes_with_is_read_from_a_trace_and_proven(
    job, tmp_path, monkeypatch, fault, layer, words
):
    cells = Cells(tmp_path, monkeypatch)
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, fault))
    assert pair.diverging
    found = list(blame_stages(pair, pair.diverging, answers))
    assert {one.example for one in found} == set(pair.diverging)
    assert {(one.verdict, one.causes[0].factor, one.causes[0].b) for one in found} == {
        ("proven", f"weights.{layer}", words)
    }


RNG = np.random.default_rng(5)
OWN = Parameters(RNG.normal(size=(6, 8)), RNG.normal(size=6))


def sample_of(compute, count=200):
    inputs = np.maximum(np.random.default_rng(1).normal(size=(count, 8)), 0)
    return Sample(inputs, np.maximum(compute(inputs), 0), is_cut=True)


def test_parameters_are_solved_from_what_they_give():
    other = Parameters(OWN.weight + RNG.normal(size=(6, 8)), OWN.bias + 3)
    solved = solve(sample_of(lambda one: one @ other.weight.T + other.bias), OWN)
    assert np.allclose(solved.weight, other.weight, atol=1e-6)
    assert np.allclose(solved.bias, other.bias, atol=1e-6)


@pytest.mark.parametrize(
    "compute",
    [
        lambda one: (one @ OWN.weight.T + OWN.bias) ** 2,
        lambda one: np.round(one * 8) / 8 @ OWN.weight.T + OWN.bias,
    ],
)
def test_what_is_no_sum_of_products_has_no_parameters(compute):
    assert solve(sample_of(compute), OWN) is None


def test_too_few_equations_tell_no_parameters():
    assert solve(sample_of(lambda one: one @ -OWN.weight.T + OWN.bias, count=9), OWN) is None


def test_what_was_done_to_parameters_is_said_in_words():
    twice = Parameters(OWN.weight * 2, OWN.bias)
    assert describe(OWN, twice) == "with weights times 2"
    weight = OWN.weight.copy()
    weight[3] *= -1
    assert describe(OWN, Parameters(weight, OWN.bias)) == "with weights negated in outputs 3"
    weight[2] += 1
    assert describe(OWN, Parameters(weight, OWN.bias)) == "with others in outputs 2, 3"


@pytest.mark.parametrize(
    ("spoil", "is_none"),
    [
        (lambda outputs: outputs, False),
        (lambda outputs: np.minimum(outputs, 1.0), True),  # clipped
        (lambda outputs: np.roll(outputs, 1, 0), True),  # each place has its neighbour's
        (lambda outputs: outputs * [1, -1, 1], True),  # negative behind a ReLU
    ],
)
def test_outputs_that_no_parameters_give_are_not_called_weights(spoil, is_none):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(400, 5))
    own, other = (Parameters(rng.normal(size=(3, 5)), rng.normal(size=3)) for _ in range(2))
    outputs = np.maximum(inputs @ other.weight.T + other.bias, 0)
    assert refute(Sample(inputs, spoil(outputs), is_cut=True), own) is is_none
