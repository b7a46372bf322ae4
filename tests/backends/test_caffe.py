"""What only the Caffe backend does: read the model's own files, and refuse what would end the process."""

import dataclasses
import json

import numpy as np
import pytest
from caffe_states import STATED
from caffe_writer import write_parameters, write_prototxt
from nets import face_like_network, random_inputs, random_parameters

from harness.backends import Settings
from harness.core.activations import expose_activations
from harness.core.errors import InputError
from harness.core.network import build_network

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
    with pytest.raises(InputError, match=rf"some\.caffemodel: {name} is not what was converted"):
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
    with pytest.raises(InputError, match=r"deploy\.prototxt: .*start again"):
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


def rename_layers(path, **names):
    text = path.read_text()
    for old, new in names.items():
        assert f'name: "{old}"' in text
        text = text.replace(f'name: "{old}"', f'name: "{new}"' if new else "")
    path.write_text(text)


def renamed(**names):
    layers = [dataclasses.replace(layer, name=names.get(layer.name, layer.name)) for layer in NETWORK.layers]
    return build_network("renamed", "data", NETWORK.input.shape, layers)


@pytest.mark.parametrize(
    "names",
    [
        {"relu1_1": "", "relu2_2": "", "pool3": "a b"},
        {"relu1_1": "x", "relu2_2": "x", "pool3": "x"},
        {"relu1_1": "conv1_1", "pool3": "conv2_2"},
    ],
)
def test_layers_without_parameters_may_have_any_name(files, names, tmp_path):
    weights, settings = files
    inputs = random_inputs(NETWORK, 2)
    expected = caffe.load(NETWORK, weights, settings).forward(inputs, "data", "prob")
    rename_layers(tmp_path / "deploy.prototxt", **names)
    executor = caffe.load(renamed(**names), weights, settings)
    assert np.array_equal(executor.forward(inputs, "data", "prob"), expected)
    value = executor.forward(executor.forward(inputs, "data", "conv2_2"), "conv2_2", "prob")
    assert np.array_equal(value, expected)


@pytest.mark.parametrize("name", ["conv4_1", "input"])
def test_a_name_at_which_caffe_would_end_the_process_is_refused(files, name, tmp_path):
    """It takes a caffemodel's layer for the first of its name, here one without parameters."""
    weights, settings = files
    if name == "input":
        weights = {key.replace("conv1_1.", "input."): array for key, array in weights.items()}
        network = renamed(conv1_1="input")
        rename_layers(tmp_path / "deploy.prototxt", conv1_1="input")
    else:
        network = renamed(relu1_1=name)
        rename_layers(tmp_path / "deploy.prototxt", relu1_1=name)
    write_parameters(tmp_path / "some.caffemodel", network, weights)
    with pytest.raises(
        InputError, match=rf"layer '{name}' has 2 arrays of numbers.*takes 0; Caffe ends there"
    ):
        caffe.load(network, weights, settings)


@pytest.mark.parametrize("head", [b"\xef\xbb\xbf", b"# \xc8\xcb\xc1\xb3\n", b"# \xe9\r\n"])
def test_a_bom_and_comments_in_any_encoding_are_passed_over(files, head, tmp_path):
    weights, settings = files
    path = tmp_path / "deploy.prototxt"
    path.write_bytes(head + path.read_bytes().replace(b"\n", b"\r\n"))
    executor = caffe.load(NETWORK, weights, settings)
    assert executor.forward(random_inputs(NETWORK, 1), "data", "prob").shape == (1, 7)


@pytest.mark.parametrize(("state", "rule"), STATED)
def test_the_state_decides_which_layers_there_are(files, state, rule, tmp_path):
    """The same table as in `test_state`, here by Caffe itself."""
    weights, settings = files
    path = tmp_path / "deploy.prototxt"
    path.write_text(path.read_text().replace('name: "relu7"', f'{rule} name: "relu7"') + state)
    without = build_network(
        "without", "data", NETWORK.input.shape, [one for one in NETWORK.layers if one.name != "relu7"]
    )
    settled = [{}, {"stages": ("a",)}, {"level": 1}]
    for change, is_there in zip(settled, STATED[state, rule]):
        changed = dataclasses.replace(settings, **change)
        caffe.load(NETWORK if is_there else without, weights, changed)
        with pytest.raises(InputError, match="other layers in it than were converted"):
            caffe.load(without if is_there else NETWORK, weights, changed)


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
