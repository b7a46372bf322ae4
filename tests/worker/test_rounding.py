"""Layers that compute with rounded values: what is rounded, in which layers, and what is refused."""

import nets
import numpy as np
import pytest
from worker_jobs import NETWORK, make_job, run

from harness.backends import Settings, find_backend
from harness.core.errors import InputError
from harness.worker import fingerprint
from harness.worker.changes import change_parameters
from harness.worker.rounding import ROUNDERS, RoundingExecutor, cut_tf32, list_rounded

FIXTURES = (make_job,)


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def load(rounding):
    weights = nets.random_parameters(NETWORK)
    changed = change_parameters("reference", NETWORK, weights, {"rounding": rounding})
    sound = find_backend("reference").load(NETWORK, weights, Settings())
    return RoundingExecutor(find_backend("reference").load(NETWORK, changed, Settings()), rounding), sound


def test_tf32_keeps_ten_bits_of_a_mantissa():
    values = np.array([1 + 2**-10, 1 + 2**-11, -3.14159274, 0, 1e-30], np.float32)
    cut = cut_tf32(values)
    assert cut.tolist()[:2] == [1 + 2**-10, 1.0]
    assert np.all(abs(cut) <= abs(values))
    assert np.allclose(cut, values, rtol=2**-10)


@pytest.mark.parametrize("kind", ROUNDERS)
def test_one_layer_reads_rounded_inputs_and_no_other_does(kind):
    executor, sound = load({"to": kind, "layers": ["conv4_1"]})
    value = nets.random_inputs(NETWORK, 2)
    before = sound.forward(value, "data", "pool3")
    assert np.array_equal(executor.forward(value, "data", "pool3"), before)
    rounded = sound.forward(ROUNDERS[kind](before), "pool3", "conv4_1")
    assert not np.array_equal(rounded, sound.forward(before, "pool3", "conv4_1"))
    assert np.array_equal(executor.forward(value, "data", "conv4_1"), rounded)
    assert np.array_equal(executor.forward(value, "data", "fc8"), sound.forward(rounded, "conv4_1", "fc8"))


def test_weights_are_rounded_where_that_is_asked_for():
    weights = nets.random_parameters(NETWORK)
    rounding = {"to": "float16", "weights": True, "kind": "convolutions"}
    changed = change_parameters("reference", NETWORK, weights, {"rounding": rounding})
    names = {name for name in weights if not np.array_equal(weights[name], changed[name])}
    assert names == {f"{name}.weight" for name in list_rounded(NETWORK, rounding)}
    assert "fc6.weight" not in names
    assert "conv1_1.weight" in names


@pytest.mark.parametrize(
    ("rounding", "words"),
    [
        ({"to": "float8"}, "rounding: to = 'float8'; choose one of float16, bfloat16, tf32"),
        ({"to": "tf32", "kind": "pools"}, "rounding: kind = 'pools'; choose one of convolutions, all"),
        ({"to": "tf32", "layers": ["pool3"]}, "rounding: 'pool3' is none of the layers conv1_1"),
    ],
)
def test_what_there_is_not_is_refused(rounding, words):
    with pytest.raises(InputError, match=words):
        list_rounded(NETWORK, rounding)


def test_a_patch_walks_with_rounded_values(job, tmp_path):
    patches = [{}, {"rounding": {"to": "bfloat16", "weights": True}}, {"rounding": {"to": "nothing"}}]
    code, records, cell = run({**job, "task": "counterfactuals", "details": {"patches": patches}}, tmp_path)
    assert code == 0, cell["error"]
    by_patch = [{one["example"]: one for one in records if one["patch"] == number} for number in range(3)]
    assert all("choose one of" in one["refused"] for one in by_patch[2].values())
    for name, one in by_patch[0].items():
        (_, plain), (_, rounded) = one["top5_original"][0], by_patch[1][name]["top5_original"][0]
        assert 0 < abs(plain - rounded) < 0.1 * abs(plain)
