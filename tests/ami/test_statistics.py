"""The arithmetic of statistics: each rule to the last bit what it is named after."""

import math
import statistics

import literal_ami
import nets
import numpy as np
import pytest
from arrays import NumpyArrays, TorchArrays

from harness.ami.detection import build_detector
from harness.ami.port import CHOICES, fit_rules, read_port
from harness.ami.statistics import MEASURES, choose_arrays, find_smallest, is_certain, measure_blob
from harness.ami.steering import Parameters
from harness.backends import Settings, find_backend
from harness.core.errors import InputError

SHAPES = [(3, 6, 9, 7), (2, 8, 64, 64), (4, 5, 1, 1), (3, 10)]
ENTRIES = ((1, 4, 1), (2,), (3, 3, 3), (0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0))
ANYWHERE = ("numpy", "term-by-term", "exact")


def make_value(shape, seed=0):
    """Sums of many sizes, as after a ReLU."""
    value = np.random.default_rng(seed).normal(0.3, 1.0, shape) * 1e3
    return np.maximum(value, 0).astype(np.float32)


def measure(arrays, value, entries, **rules):
    """Statistics as NumPy arrays: sums, mean, sigma, minimum."""
    port = read_port("notebook", rules)
    found = measure_blob(arrays, arrays.to_native(value), entries, port)
    own = choose_arrays(arrays, port)
    return [own.to_numpy(one) for one in (found.sums, found.mean, found.sigma, found.minimum)]


@pytest.mark.parametrize("arrays", [NumpyArrays, TorchArrays])
@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_numpy_is_what_the_notebook_calls_on_every_array(arrays, shape, entries):
    value = make_value(shape)
    sums, *found = measure(arrays(), value, entries, arithmetic="numpy")
    for image, totals, *three in zip(value, sums, *found):
        assert [one.dtype for one in three] == [np.float32] * 3
        assert np.concatenate(three).tolist() == list(literal_ami.notebook_statistics(image, entries))
        assert totals.tolist() == [np.sum(image[c]) for c in range(len(image))]


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_torch_is_what_the_port_calls(shape, entries):
    arrays, torch = TorchArrays(), pytest.importorskip("torch")
    value = make_value(shape)
    sums, *found = measure(arrays, value, entries, arithmetic="torch")
    for image, totals, *three in zip(torch.from_numpy(value), sums, *found):
        data = image if image.ndim == 1 else torch.sum(image, (1, 2))
        listed = data[list(entries)]
        wanted = [listed.mean(), listed.std(unbiased=False), listed.min()]
        assert np.concatenate(three).tolist() == [float(one) for one in wanted]
        assert totals.tolist() == data.tolist()


def test_the_arithmetics_are_not_the_same():
    value, arrays = make_value((4, 12, 40, 40)), TorchArrays()
    found = [
        np.concatenate([one.ravel() for one in measure(arrays, value, (1, 4, 7, 2, 4), arithmetic=name)])
        for name in CHOICES["arithmetic"]
    ]
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], rtol=1e-5)
    assert len({one.tobytes() for one in found}) == len(CHOICES["arithmetic"])


@pytest.mark.parametrize("arrays", [NumpyArrays, TorchArrays])
def test_exact_sums_are_rounded_once(arrays):
    value = make_value((2, 6, 9, 7))
    sums, means, sigmas, minima = measure(arrays(), value, (1, 4, 1, 5), arithmetic="exact")
    for image, totals, mean, sigma, minimum in zip(value, sums, means, sigmas, minima):
        assert totals.tolist() == [np.float32(math.fsum(one.ravel().tolist())) for one in image]
        listed = [float(totals[c]) for c in (1, 4, 1, 5)]
        assert mean[0] == np.float32(statistics.mean(listed))
        assert sigma[0] == pytest.approx(statistics.pstdev(listed), rel=1e-7)
        assert minimum[0] == min(listed)


def test_exact_statistics_of_infinite_sums_are_nan():
    value = np.full((1, 3, 2, 2), np.inf, dtype=np.float32)
    value[0, 1] = -np.inf
    _, mean, sigma, _ = measure(NumpyArrays(), value, (0, 1), arithmetic="exact")
    assert np.isnan([mean, sigma]).all()


def equal_sums():
    return np.random.default_rng(4).random((2000, 1)).astype(np.float32) * np.float32(1e5)


@pytest.mark.parametrize("mentions", [2, 3, 5, 7])
@pytest.mark.parametrize("arrays", [NumpyArrays, TorchArrays])
@pytest.mark.parametrize("name", ANYWHERE)
def test_whether_equal_sums_deviate_hangs_on_the_arithmetic(arrays, name, mentions):
    sigma = measure(arrays(), equal_sums(), (0,) * mentions, arithmetic=name)[2]
    numpys = measure(NumpyArrays(), equal_sums(), (0,) * mentions, arithmetic=name)[2]
    np.testing.assert_array_equal(sigma == 0, numpys == 0)
    deviating = (sigma != 0).mean()
    assert deviating == 0 if name == "exact" or mentions == 2 else 0.05 < deviating < 0.6


@pytest.mark.parametrize("mentions", [1, 2])
@pytest.mark.parametrize("name", CHOICES["arithmetic"])
def test_one_channel_listed_once_or_twice_never_deviates(name, mentions):
    arrays = TorchArrays() if name == "torch" else NumpyArrays()
    assert not measure(arrays, equal_sums(), (0,) * mentions, arithmetic=name)[2].any()
    assert is_certain((0,) * mentions)


@pytest.mark.parametrize("entries", [(0, 0, 0), (0, 1), (0, 1, 0)])
def test_other_deviations_are_measured(entries):
    assert not is_certain(entries)


@pytest.mark.parametrize("name", CHOICES["arithmetic"])
def test_one_entry_with_ddof_1_has_no_deviation(name):
    arrays = TorchArrays() if name == "torch" else NumpyArrays()
    assert np.isnan(measure(arrays, equal_sums(), (0,), arithmetic=name, ddof=1)[2]).all()


@pytest.mark.parametrize("name", CHOICES["arithmetic"])
def test_ddof_1_divides_by_one_less(name):
    arrays = TorchArrays() if name == "torch" else NumpyArrays()
    value = make_value((2, 6, 5, 5))
    zero, one = (measure(arrays, value, (1, 2, 5), arithmetic=name, ddof=ddof)[2] for ddof in (0, 1))
    np.testing.assert_allclose(one, zero * math.sqrt(3 / 2), rtol=1e-5)


def test_every_choice_has_its_function():
    assert tuple(MEASURES) == CHOICES["arithmetic"]


def test_torch_where_there_is_none_is_refused_or_replaced():
    network = nets.face_like_network()
    executor = find_backend("reference").load(network, nets.random_parameters(network), Settings())
    port = read_port("pytorch-port", {})
    assert port.arithmetic == "torch"
    with pytest.raises(InputError, match="choose 'numpy'"):
        build_detector(executor, {"conv1_1": [(1,)]}, port, Parameters())
    assert fit_rules("pytorch-port", {"ddof": 1}, "onnxruntime") == {"ddof": 1, "arithmetic": "numpy"}
    assert fit_rules("pytorch-port", {"ddof": 1}, "pytorch") == {"ddof": 1}
    assert fit_rules("notebook", {}, "caffe") == {}
    assert fit_rules("pytorch-port", {"arithmetic": "exact"}, "caffe") == {"arithmetic": "exact"}
    with pytest.raises(InputError, match="'torch' needs backend pytorch, not caffe"):
        fit_rules("notebook", {"arithmetic": "torch"}, "caffe")


def test_the_smallest_ratio_is_a_finite_number_or_none():
    blobs = [
        ("conv1_1", np.array([0.5, np.nan, np.nan, 0.25], np.float32)),
        ("fc6", np.array([1.23456e-7, np.inf, 2.0, 0.25], np.float32)),
    ]
    assert find_smallest(blobs, 4) == [("fc6", 1.235e-7), None, ("fc6", 2.0), ("conv1_1", 0.25)]
    assert find_smallest([], 2) == [None, None]
