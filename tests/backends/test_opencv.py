"""What only the OpenCV backend does: read Caffe's own files, a layer's bytes at a time."""

import numpy as np
import pytest
from caffe_files import MESSAGES, NETWORK, WEIGHTS, write_bytes

from harness.backends import Settings, reference
from harness.core.errors import InputError
from harness.core.network import Convolution, InnerProduct, Lrn, build_network
from harness.model.random_weights import random_weights
from harness.model.schema import message_class

pytest.importorskip("cv2", reason="OpenCV is not installed", exc_type=ImportError)
from harness.backends import opencv


def run_network(executor):
    inputs = np.random.default_rng(0).normal(0, 50, (2, *NETWORK.input.shape))
    return executor.to_numpy(executor.forward(executor.to_native(inputs), "data", "fc"))


@pytest.mark.parametrize("form", MESSAGES)
def test_both_forms_of_caffemodel_are_read(form, tmp_path):
    path = write_bytes(tmp_path, MESSAGES[form](WEIGHTS).SerializeToString())
    found = run_network(opencv.load(NETWORK, WEIGHTS, Settings(caffemodel=str(path))))
    expected = run_network(reference.load(NETWORK, WEIGHTS, Settings()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_parameters_come_from_the_caffemodel_alone(tmp_path):
    path = write_bytes(tmp_path, MESSAGES["newer"](WEIGHTS).SerializeToString())
    other = {name: array + 1 for name, array in WEIGHTS.items()}
    settings = Settings(caffemodel=str(path))
    same = run_network(opencv.load(NETWORK, other, settings)) == run_network(
        opencv.load(NETWORK, {}, settings)
    )
    assert same.all()


def test_a_missing_caffemodel_is_refused(tmp_path):
    with pytest.raises(InputError, match="name one"):
        opencv.load(NETWORK, WEIGHTS, Settings())
    executor = opencv.load(NETWORK, WEIGHTS, Settings(caffemodel=str(tmp_path / "none.caffemodel")))
    with pytest.raises(InputError, match=r"none\.caffemodel"):
        run_network(executor)


def test_a_caffemodel_of_other_layers_is_refused(tmp_path):
    message = MESSAGES["newer"](WEIGHTS)
    message.layer[1].name = "other"
    path = write_bytes(tmp_path, message.SerializeToString())
    with pytest.raises(InputError, match="'conv'"):
        run_network(opencv.load(NETWORK, WEIGHTS, Settings(caffemodel=str(path))))


@pytest.mark.parametrize("damage", ["none", "short", "shape"])
def test_a_layer_without_its_parameters_is_refused(tmp_path, damage):
    message = MESSAGES["newer"](WEIGHTS)
    blobs = message.layer[1].blobs
    if damage == "none":
        del blobs[:]
    elif damage == "short":
        del blobs[0].data[-1]
    else:
        blobs[0].shape.dim[:] = blobs[0].shape.dim[::-1]
    path = write_bytes(tmp_path, message.SerializeToString())
    with pytest.raises(InputError, match="blob conv"):
        run_network(opencv.load(NETWORK, WEIGHTS, Settings(caffemodel=str(path))))


def test_an_lrn_whose_k_opencv_does_not_read_is_refused():
    network = build_network("lrn", "data", (3, 4, 4), [Lrn("norm", "data", "norm", k=2.0)])
    with pytest.raises(InputError, match="layer norm"):
        opencv.load(network, {}, Settings(caffemodel="unread"))


def test_an_opencv_without_the_caffe_reader_is_refused(monkeypatch):
    monkeypatch.delattr(opencv.cv2.dnn, "readNetFromCaffe")
    with pytest.raises(InputError, match=r"install 4\.x"):
        opencv.load(NETWORK, WEIGHTS, Settings(caffemodel="unread"))


@pytest.mark.skipif(not opencv.has_winograd(), reason="this OpenCV has no Winograd")
def test_winograd_is_the_librarys_choice_until_it_is_switched_off(tmp_path):
    """Errors against float64, over maps that are large enough for OpenCV to choose Winograd."""
    network, weights = make_wide_network()
    path = write_wide_caffemodel(tmp_path, weights)
    value = np.random.default_rng(1).normal(0, 50, (1, *network.input.shape)).astype(np.float32)
    exact = reference.load(network, weights, Settings(precision="float64"))
    truth = exact.forward(exact.to_native(value), "data", "conv")
    errors = []
    for winograd in (True, False):
        executor = opencv.load(network, {}, Settings(caffemodel=str(path), winograd=winograd))
        errors.append(np.abs(executor.forward(value, "data", "conv") - truth).max())
    assert errors[0] > 3 * errors[1]


def make_wide_network():
    layer = Convolution("conv", "data", "conv", 32, (3, 3), pad=(1, 1))
    network = build_network("wide", "data", (32, 32, 32), [layer, InnerProduct("fc", "conv", "fc", 2)])
    return network, random_weights(network, 0)


def write_wide_caffemodel(folder, weights):
    message = message_class("NetParameter")(name="wide")
    layer = message.layer.add(name="conv", type="Convolution")
    for part in ("weight", "bias"):
        values = weights[f"conv.{part}"]
        layer.blobs.add(shape={"dim": values.shape}, data=values.ravel())
    return write_bytes(folder, message.SerializeToString())
