"""What only the Caffe backend does: read the model's own files, and refuse what would end the process."""

import json

import numpy as np
import pytest
from caffe_writer import write_parameters, write_prototxt
from nets import face_like_network, random_inputs, random_parameters

from harness.ami.activations import expose_activations
from harness.ami.errors import InputError
from harness.ami.network import build_network
from harness.backends import Settings

pytest.importorskip("caffe", reason="Caffe is not installed", exc_type=ImportError)
from harness.backends import caffe

NETWORK = face_like_network()


@pytest.fixture(name="files")
def make_files(tmp_path):
    weights = random_parameters(NETWORK)
    prototxt, caffemodel = tmp_path / "deploy.prototxt", tmp_path / "some.caffemodel"
    write_prototxt(prototxt, NETWORK)
    write_parameters(caffemodel, NETWORK, weights)
    return weights, Settings(prototxt=str(prototxt), caffemodel=str(caffemodel))


def with_file(settings, name, path):
    return Settings(**{**vars(settings), name: path})


@pytest.mark.parametrize("name", ["prototxt", "caffemodel"])
def test_a_missing_file_is_refused(files, name, tmp_path):
    weights, settings = files
    with pytest.raises(InputError, match=f"reads the {name} itself"):
        caffe.load(NETWORK, weights, with_file(settings, name, None))
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        caffe.load(NETWORK, weights, with_file(settings, name, str(tmp_path / "nowhere")))


@pytest.mark.parametrize("name", ["conv4_1.weight", "fc8.bias"])
def test_other_numbers_than_the_converted_ones_are_refused(files, name):
    weights, settings = files
    weights[name] = np.nextafter(weights[name], np.float32(2))
    with pytest.raises(InputError, match=rf"some\.caffemodel: {name} is not the converted"):
        caffe.load(NETWORK, weights, settings)


def test_a_layer_that_the_caffemodel_lacks_is_refused(files, tmp_path):
    """Caffe itself says nothing and fills it."""
    weights, settings = files
    short = build_network("short", "data", NETWORK.input.shape, NETWORK.layers[:-3])
    write_parameters(tmp_path / "some.caffemodel", short, weights)
    with pytest.raises(InputError, match=r"fc8\.weight"):
        caffe.load(NETWORK, weights, settings)


@pytest.mark.parametrize("name", ["relu4_1", "pool3", "prob"])
def test_another_prototxt_is_refused(files, name, tmp_path):
    weights, settings = files
    path = tmp_path / "deploy.prototxt"
    path.write_text(path.read_text().replace(f"name: {json.dumps(name)}", 'name: "other"'))
    with pytest.raises(InputError, match=r"deploy\.prototxt: .*convert it again"):
        caffe.load(NETWORK, weights, settings)


def test_a_prototxt_of_another_input_is_refused(files, tmp_path):
    weights, settings = files
    layers = [*NETWORK.layers[:7]]
    small = build_network("small", "data", (3, 14, 16), layers)
    write_prototxt(tmp_path / "deploy.prototxt", small)
    network = build_network("whole", "data", (3, 16, 16), layers)
    kept = {key: value for key, value in weights.items() if key.startswith("conv")}
    with pytest.raises(InputError, match="blob conv1_1 is"):
        caffe.load(network, kept, settings)


def test_values_can_be_taken_and_replaced_between_in_place_layers(files):
    weights, settings = files
    executor = caffe.load(expose_activations(NETWORK), weights, settings)
    before = executor.forward(random_inputs(NETWORK, 2), "data", "conv1_1")
    assert before.min() < 0
    after = executor.forward(before, "conv1_1", "relu1_1")
    assert np.array_equal(after, np.maximum(before, 0))
    assert np.array_equal(executor.forward(-before, "conv1_1", "relu1_1"), np.maximum(-before, 0))


def test_threads_are_refused_where_the_blas_has_none(files, monkeypatch):
    weights, settings = files
    monkeypatch.setattr(caffe, "open_openblas", lambda _paths: None)
    with pytest.raises(InputError, match="has no 2 threads"):
        caffe.load(NETWORK, weights, with_file(settings, "threads", 2))


def test_the_blas_is_named():
    assert "libblas" in caffe.versions()["blas"]
