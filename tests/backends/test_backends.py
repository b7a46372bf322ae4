"""The contract of every backend: blob by blob the same numbers as the reference in float64."""

import dataclasses

import numpy as np
import pytest
from caffe_writer import write_parameters, write_prototxt
from nets import face_like_network, random_inputs, random_parameters
from rewritten_nets import move_relus

from harness.backends import NAMES, Settings, find_backend
from harness.core.activations import expose_activations
from harness.core.errors import InputError
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Lrn,
    Pooling,
    Relu,
    Softmax,
    build_network,
)

# Of the largest magnitude in the blob. float32 rounds at 6e-8; a few layers of sums of up to 300 terms reach
# some 1e-6. LRN's power is approximated by OpenCV and ONNX Runtime: a few 1e-5 of it.
NOISE, LRN_NOISE = 1e-5, 2e-4

VARIANTS = {
    "reference": ("reference", Settings()),
    "reference-float64": ("reference", Settings(precision="float64")),
    "pytorch": ("pytorch", Settings()),
    "pytorch-cuda": ("pytorch", Settings(device="cuda")),
    "onnxruntime": ("onnxruntime", Settings()),
    "onnxruntime-two-threads": ("onnxruntime", Settings(threads=2)),
    "onnxruntime-unoptimised": ("onnxruntime", Settings(graph_optimisation=False)),
    "onnxruntime-cuda": ("onnxruntime", Settings(device="cuda")),
    "openvino": ("openvino", Settings()),
    "openvino-two-threads": ("openvino", Settings(threads=2)),
    "opencv": ("opencv", Settings()),
    "opencv-unfused": ("opencv", Settings(graph_optimisation=False)),
    "caffe": ("caffe", Settings()),
}


def padded_network():
    """Odd sizes, uneven windows, groups, dilation: where conventions of padding and rounding differ."""
    layers = [
        Convolution("a", "data", "a", 8, (3, 5), stride=(1, 2), pad=(1, 2)),
        Relu("a_relu", "a", "a", 0.1),
        Pooling("b", "a", "b", "max", (3, 3), (2, 2), (1, 1)),
        Convolution("c", "b", "c", 12, (3, 3), pad=(2, 1), dilation=(2, 1), group=4, bias=False),
        Relu("c_relu", "c", "c"),
        Pooling("d", "c", "d", "average", (3, 2), (2, 2), (1, 0)),
        Convolution("e", "d", "e", 8, (1, 1)),
        Pooling("f", "e", "f", "average", (2, 3), (1, 1), (1, 2)),
        Pooling("g", "f", "g", "max", (2, 2), (3, 3), (1, 1)),
        InnerProduct("h", "g", "h", 9, bias=False),
        Softmax("prob", "h", "prob"),
    ]
    return build_network("padded", "data", (3, 17, 21), layers)


def normalised_network():
    """LRN, a second dropout, and a softmax straight over an in-place chain."""
    layers = [
        Convolution("conv 1/a", "data", "conv 1/a", 10, (3, 3), pad=(1, 1)),
        Relu("relu1", "conv 1/a", "conv 1/a"),
        Lrn("norm1", "conv 1/a", "norm1", 5, 0.05, 0.75),
        Pooling("pool1", "norm1", "pool1", "max", (2, 2), (2, 2)),
        Dropout("drop1", "pool1", "drop1"),
        InnerProduct("fc1", "drop1", "fc1", 16),
        Relu("relu2", "fc1", "fc1"),
        Dropout("drop2", "fc1", "fc1"),
        InnerProduct("fc2", "fc1", "fc2", 5),
        Softmax("prob", "fc2", "prob"),
    ]
    return build_network("normalised", "data", (3, 13, 11), layers)


def shared_network():
    """ReLUs out of place, and layers that share names: with each other, with blobs, with other layers."""
    layers = [
        Convolution("a", "data", "b", 6, (3, 3), pad=(1, 1)),
        Relu("", "b", "a"),
        Pooling('pool, "1" é/x', "a", "c", "average", (3, 3), (2, 2)),
        Pooling("a", "c", "pool", "average", (2, 2), (1, 1), (1, 1)),
        InnerProduct("c", "pool", "fc", 5),
        Relu("c", "fc", "fc"),
        Dropout("c", "fc", "fc"),
        Relu("", "fc", "fc", 0.5),
        InnerProduct("1+", "fc", "bottom", 4, bias=False),
        Relu("1", "bottom", "bottom"),
        Softmax("", "bottom", "top"),
    ]
    return build_network("shared", "data", (3, 9, 9), layers)


NETWORKS = {
    "face-like": face_like_network(),
    "odd": face_like_network(17),
    "face-like-exposed": expose_activations(face_like_network()),
    "padded": padded_network(),
    "padded-exposed": expose_activations(padded_network()),
    "normalised": normalised_network(),
    "normalised-exposed": expose_activations(normalised_network()),
    "moved": move_relus(face_like_network(), unnamed=True),
    "shared": shared_network(),
    "shared-exposed": expose_activations(shared_network()),
}


@pytest.fixture(params=VARIANTS, name="variant")
def make_variant(request):
    """A backend and its settings, skipped with the reason where it cannot run here."""
    name, settings = VARIANTS[request.param]
    try:
        backend = find_backend(name)
        if settings.device == "cuda":
            open_network(backend, settings, "face-like", None)
    except InputError as error:
        pytest.skip(str(error))
    return backend, settings


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    """Where caffemodels are written."""
    return tmp_path


def open_network(backend, settings, name, folder, weights=None):
    """An executor over one of NETWORKS; OpenCV and Caffe get it in Caffe's own files."""
    network = NETWORKS[name]
    weights = random_parameters(network) if weights is None else weights
    if backend.__name__.endswith(("opencv", "caffe")):
        caffemodel, prototxt = folder / f"{name}.caffemodel", folder / f"{name}.prototxt"
        write_parameters(caffemodel, network, weights)
        write_prototxt(prototxt, NETWORKS[name.partition("-exposed")[0]])
        settings = dataclasses.replace(settings, caffemodel=str(caffemodel), prototxt=str(prototxt))
    return backend.load(network, freeze(weights), settings)


def freeze(weights):
    """Parameters as workers have them: read-only."""
    for array in weights.values():
        array.setflags(write=False)
    return weights


def run_chain(executor, inputs):
    """Every blob's value from the input in one go, as float64 NumPy arrays."""
    start = executor.network.input.name
    values = {}
    for blob in executor.network.blobs[1:]:
        value = executor.forward(executor.to_native(inputs), start, blob.name)
        values[blob.name] = executor.to_numpy(value).astype(np.float64)
    return values


def run_reference(name, inputs, weights=None):
    backend = find_backend("reference")
    return run_chain(open_network(backend, Settings(precision="float64"), name, None, weights), inputs)


def find_differing(network, found, expected):
    """Blobs that are not the same but for noise; NaN is never the same."""
    noise = LRN_NOISE if any(isinstance(layer, Lrn) for layer in network.layers) else NOISE
    assert found.keys() == expected.keys()
    return [
        name
        for name, value in expected.items()
        if value.shape != found[name].shape
        or not (np.abs(found[name] - value).max() <= noise * np.abs(value).max())
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_blob_equals_the_reference_in_float64(variant, name, folder):
    executor = open_network(*variant, name, folder)
    inputs = random_inputs(executor.network, 3)
    assert find_differing(executor.network, run_chain(executor, inputs), run_reference(name, inputs)) == []


@pytest.mark.parametrize("parameter", ["conv2_2.weight", "conv4_1.bias", "fc7.weight"])
def test_one_wrong_parameter_is_seen_from_its_blob_on(variant, parameter, folder):
    """The comparison above can fail: one number of one layer, moved by a hundredth of the layer's largest."""
    network = NETWORKS["face-like"]
    weights = random_parameters(network)
    flat = weights[parameter].reshape(-1)
    flat[0] += 0.01 * np.abs(flat).max()
    inputs = random_inputs(network, 3) / 50
    found = run_chain(open_network(*variant, "face-like", folder, weights), inputs)
    names = [blob.name for blob in network.blobs]
    differing = find_differing(network, found, run_reference("face-like", inputs))
    assert parameter.partition(".")[0] in differing
    assert all(names.index(name) >= names.index(parameter.partition(".")[0]) for name in differing)


@pytest.mark.parametrize("name", ["face-like", "padded", "normalised"])
def test_steps_lead_where_one_leap_leads(variant, name, folder):
    executor = open_network(*variant, name, folder)
    inputs = random_inputs(executor.network, 2)
    value, values = executor.to_native(inputs), {}
    for before, blob in zip(executor.network.blobs, executor.network.blobs[1:]):
        value = executor.forward(value, before.name, blob.name)
        values[blob.name] = executor.to_numpy(value).astype(np.float64)
    assert find_differing(executor.network, values, run_chain(executor, inputs)) == []


@pytest.mark.parametrize("name", ["face-like", "padded", "normalised"])
def test_a_batch_equals_its_examples_one_by_one(variant, name, folder):
    """In turn, so that a change of batch size between calls is seen too."""
    executor = open_network(*variant, name, folder)
    inputs = random_inputs(executor.network, 4)
    together = run_chain(executor, inputs)
    alone = [run_chain(executor, inputs[place : place + 1]) for place in range(4)]
    stacked = {key: np.concatenate([one[key] for one in alone]) for key in together}
    assert find_differing(executor.network, together, stacked) == []
    assert all((run_chain(executor, inputs)[key] == together[key]).all() for key in together)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_call_twice_gives_the_same_bits(variant, name, folder):
    executor = open_network(*variant, name, folder)
    inputs = random_inputs(executor.network, 3)
    first, second = run_chain(executor, inputs), run_chain(executor, inputs)
    assert all(first[key].tobytes() == second[key].tobytes() for key in first)


@pytest.mark.parametrize("name", ["face-like-exposed", "padded-exposed", "normalised-exposed"])
def test_values_handed_in_and_out_stay_as_they_are(variant, name, folder):
    """No step works in place on its bottom, and no step shares memory with it."""
    executor = open_network(*variant, name, folder)
    value = executor.to_native(random_inputs(executor.network, 2))
    for before, blob in zip(executor.network.blobs, executor.network.blobs[1:]):
        kept = executor.to_numpy(value)
        top = executor.forward(value, before.name, blob.name)
        assert (executor.to_numpy(value) == kept).all(), blob.name
        result = executor.to_numpy(top)
        top[:] = 0
        assert (executor.to_numpy(value) == kept).all(), blob.name
        again = executor.forward(value, before.name, blob.name)
        assert (executor.to_numpy(again) == result).all(), blob.name
        value = again


def test_native_values_are_copies_in_the_executors_precision(variant, folder):
    executor = open_network(*variant, "face-like", folder)
    array = random_inputs(executor.network, 2).astype(np.float64)
    value = executor.to_native(array[:, :, ::-1])
    back = executor.to_numpy(value)
    np.testing.assert_allclose(back, array[:, :, ::-1], rtol=1e-6)
    assert back.dtype == variant[1].precision
    value[:] = 0
    assert np.abs(array).min() > 0
    assert np.abs(back).min() > 0


def test_steered_values_can_be_handed_back(variant, folder):
    """A value changed between two steps, as steering does it: no contiguous view is asked for."""
    executor = open_network(*variant, "face-like", folder)
    value = executor.forward(executor.to_native(random_inputs(executor.network, 2)), "data", "conv1_1")
    turned = executor.xp.swapaxes(executor.xp.swapaxes(value, 2, 3) * 2, 2, 3)
    straight = executor.to_native(executor.to_numpy(turned))
    first, second = (executor.to_numpy(executor.forward(one, "conv1_1", "fc8")) for one in (turned, straight))
    np.testing.assert_allclose(first, second, rtol=0, atol=NOISE * np.abs(second).max())


@pytest.mark.parametrize(
    ("start", "stop", "message"),
    [
        ("data", "conv9_9", "no blob is named 'conv9_9'"),
        ("conv9_9", "prob", "no blob is named 'conv9_9'"),
        ("fc6", "conv1_1", "does not come after"),
        ("data", "data", "does not come after"),
    ],
)
def test_impossible_spans_are_refused(variant, folder, start, stop, message):
    executor = open_network(*variant, "face-like", folder)
    value = executor.to_native(random_inputs(executor.network, 1))
    with pytest.raises(InputError, match=message):
        executor.forward(value, start, stop)


@pytest.mark.parametrize("shape", [(1, 3, 16, 17), (1, 1, 16, 16), (3, 16, 16), (0, 3, 16, 16), (1, 768)])
def test_values_of_another_shape_are_refused(variant, folder, shape):
    executor = open_network(*variant, "face-like", folder)
    with pytest.raises(InputError, match="blob data: value of shape"):
        executor.forward(executor.to_native(np.zeros(shape)), "data", "prob")


def test_values_of_another_precision_are_refused(variant, folder):
    executor = open_network(*variant, "face-like", folder)
    value = executor.to_native(random_inputs(executor.network, 1))
    other = getattr(executor.xp, "float32" if variant[1].precision == "float64" else "float64")
    with pytest.raises(InputError, match="use to_native"):
        executor.forward(executor.xp.asarray(value, dtype=other), "data", "prob")


@pytest.mark.parametrize("change", [{"threads": 0}, {"precision": "float16"}, {"device": "tpu"}])
def test_settings_that_no_backend_has_are_refused(variant, folder, change):
    backend, settings = variant
    with pytest.raises(InputError, match=f"backend {backend.__name__.rpartition('.')[2]}"):
        open_network(backend, dataclasses.replace(settings, **change), "face-like", folder)


REFUSED = [
    ("reference", {"device": "cuda"}),
    ("reference", {"graph_optimisation": False}),
    ("pytorch", {"precision": "float64"}),
    ("pytorch", {"graph_optimisation": False}),
    ("onnxruntime", {"precision": "float64"}),
    ("openvino", {"precision": "float64"}),
    ("openvino", {"graph_optimisation": False}),
    ("opencv", {"precision": "float64"}),
    ("opencv", {"device": "cuda"}),
    ("caffe", {"precision": "float64"}),
    ("caffe", {"graph_optimisation": False}),
]


@pytest.mark.parametrize(("name", "change"), REFUSED)
def test_settings_that_a_backend_has_not_are_refused(name, change, folder):
    try:
        backend = find_backend(name)
    except InputError as error:
        pytest.skip(str(error))
    with pytest.raises(InputError, match=rf"backend {name}: has no {next(iter(change))}"):
        open_network(backend, Settings(**change), "face-like", folder)


@pytest.mark.parametrize("damage", ["missing", "shape", "order", "precision"])
def test_parameters_that_do_not_fit_are_refused(damage):
    network = NETWORKS["face-like"]
    weights = random_parameters(network)
    whole = weights.pop("conv2_2.weight")
    if damage != "missing":
        damaged = {"shape": whole[:-1], "order": whole[:, :, ::-1], "precision": whole.astype(np.float64)}
        weights["conv2_2.weight"] = damaged[damage]
    with pytest.raises(InputError, match=r"conv2_2\.weight"):
        find_backend("reference").load(network, weights, Settings())


@pytest.mark.parametrize(
    "layer",
    [
        Pooling("odd", "data", "odd", "max", (1, 1), (3, 3)),
        Pooling("odd", "data", "odd", "max", (2, 2), (2, 2), (2, 2)),
        Pooling("odd", "data", "odd", "stochastic", (2, 2)),
        Lrn("odd", "data", "odd", local_size=4),
    ],
)
def test_layers_that_caffe_leaves_undefined_are_refused(layer):
    network = build_network("odd", "data", (3, 5, 5), [layer])
    with pytest.raises(InputError, match="layer odd"):
        find_backend("reference").load(network, {}, Settings())


def test_every_backend_says_its_version(variant):
    backend, _ = variant
    versions = backend.versions()
    assert all(isinstance(text, str) and text for text in (*versions, *versions.values()))
    assert max(map(len, versions.values())) < 500


def test_unknown_backends_are_refused():
    with pytest.raises(InputError, match="there are reference, pytorch"):
        find_backend("tensorflow")
    assert NAMES[0] == "reference"
