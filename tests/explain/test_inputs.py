"""Means and scales fitted to what a trace holds of inputs, and the changes that they are."""

import json

import numpy as np
import pytest
from toy_cells import make_job

from harness.ami.port import read_port
from harness.ami.preprocess import prepare_image
from harness.core.arrays import read_preprocess
from harness.core.traces import write_arrays, write_index
from harness.explain.inputs import fit_inputs, fit_line

SIZE, COUNT = 64, 3
MEAN = [93.594, 104.7624, 129.1863]


@pytest.fixture(name="write")
def make_writer(tmp_path):
    """Writes a trace whose inputs were prepared by rules and with a mean and a scale."""

    def write(rules, height=SIZE, noise=0.0, **preprocess):
        model = read_preprocess({**make_job()["model"]["preprocess"], **preprocess})
        examples = []
        for number in range(COUNT):
            rng = np.random.default_rng(number)
            pixels = rng.integers(0, 256, (height, SIZE, 3), np.uint8)
            value = prepare_image(pixels, model, read_port("notebook", rules))
            value = value + (noise * rng.normal(size=value.shape)).astype(np.float32)
            name = f"face-{number}"
            write_arrays(tmp_path / f"{name}.npz", {"pixels": pixels, "input": value})
            examples.append(
                {"example": name, "archive": f"{name}.npz", "bytes": 1, "sha256": "0", "hashes": {}}
            )
        index = {
            "schema": 1,
            "model": "m",
            "blobs": [{"name": "data", "shape": [3, SIZE, SIZE]}],
            "examples": examples,
            "hashes": {},
            "port": {},
            "parameters": {},
        }
        write_index(tmp_path, json.loads(json.dumps(index)))
        return tmp_path, [one["example"] for one in examples]

    return write


def name(patches):
    return {one.factor: one.sets for one in patches}


@pytest.mark.parametrize(
    ("rules", "more", "wanted"),
    [
        ({}, {"mean": [90.0, 101.25, 133.5]}, {"preprocess.mean": [90.0, 101.25, 133.5]}),
        ({}, {"scale": 1 / 58.8}, {"preprocess.scale": 1 / 58.8}),
        ({}, {"scale": 0.8}, {"preprocess.scale": 0.8}),
        ({"mean": "swapped"}, {"scale": 0.5}, {"port.mean": "swapped", "preprocess.scale": 0.5}),
        (
            {"value_range": "0-1", "channel_order": "reversed"},
            {},
            {"port.value_range": "0-1", "port.channel_order": "reversed"},
        ),
    ],
)
def test_what_makes_a_traces_inputs_of_its_pixels_is_found(rules, more, wanted, write):
    folder, names = write(rules, **more)
    found = name(fit_inputs(make_job(), folder, names))
    assert set(found) == set(wanted)
    for factor, value in wanted.items():
        assert found[factor] == (pytest.approx(value, rel=1e-6) if factor.endswith("scale") else value)


def test_a_kernel_and_a_mean_are_found_together(write):
    folder, names = write({"resize": "nearest"}, height=90, mean=[1.0, 2.0, 3.0])
    assert name(fit_inputs(make_job(), folder, names)) == {
        "port.resize": "nearest",
        "preprocess.mean": [1.0, 2.0, 3.0],
    }


def test_inputs_as_the_job_makes_them_are_no_change(write):
    assert fit_inputs(make_job(), *write({})) == []


def test_inputs_that_no_line_makes_of_levels_are_no_change(write):
    assert fit_inputs(make_job(), *write({}, noise=0.1)) == []


def test_levels_of_one_value_tell_no_line():
    assert fit_line(np.full((1, 3, 2, 2), 7.0), np.ones((1, 3, 2, 2))) is None
