"""Caffemodels: bit-exact both ways, older files, and files that are damaged."""

import numpy as np
import pytest
from caffe_files import MESSAGES, NETWORK, WEIGHTS, newer_message, same_bits, write_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backends import Settings, find_backend
from harness.core.errors import InputError
from harness.core.network import InnerProduct, build_network
from harness.model.caffemodel import delimited, list_parameters, read_parameters, write_caffemodel
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import random_weights, vgg_face_network
from harness.model.schema import message_class


def read_bytes(folder, data, network=NETWORK):
    return dict(read_parameters(write_bytes(folder, data), network))


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "written.caffemodel"
    write_caffemodel(path, NETWORK, WEIGHTS)
    return path


def test_round_trip_keeps_every_bit(tmp_path):
    network = vgg_face_network((2, 3, 4, 5, 6), size=32, fc=7, classes=4)
    weights = random_weights(network, 1)
    weights["fc8.bias"][:] = [0.0, -0.0, 1e-45, np.finfo(np.float32).max]
    path = tmp_path / "vgg.caffemodel"
    write_caffemodel(path, network, weights)
    assert same_bits(dict(read_parameters(path, network)), weights)
    assert [file.name for file in tmp_path.iterdir()] == ["vgg.caffemodel"]


def test_one_ulp_or_a_lost_sign_would_be_seen(written):
    for change in (lambda x: np.nextafter(x, np.float32(9)), lambda x: -x, lambda x: x[::-1]):
        other = {**WEIGHTS, "fc.bias": change(WEIGHTS["fc.bias"])}
        assert not same_bits(dict(read_parameters(written, NETWORK)), other)


def test_the_protobuf_library_reads_what_is_written(written):
    message = message_class("NetParameter").FromString(written.read_bytes())
    assert message.name == "pair"
    assert [(layer.name, layer.type) for layer in message.layer] == [
        ("conv", "Convolution"),
        ("fc", "InnerProduct"),
    ]
    for layer in message.layer:
        for part, blob in zip(("weight", "bias"), layer.blobs, strict=True):
            values = WEIGHTS[f"{layer.name}.{part}"]
            assert tuple(blob.shape.dim) == values.shape
            assert np.array(blob.data, np.float32).tobytes() == values.tobytes()


@pytest.mark.parametrize("form", MESSAGES)
def test_both_forms_are_read(tmp_path, form):
    assert same_bits(read_bytes(tmp_path, MESSAGES[form](WEIGHTS).SerializeToString()), WEIGHTS)


def test_doubles_are_read_as_floats(tmp_path):
    message = newer_message(WEIGHTS)
    for layer in message.layer:
        for blob in layer.blobs:
            blob.double_data.extend(blob.data)
            blob.ClearField("data")
    assert same_bits(read_bytes(tmp_path, message.SerializeToString()), WEIGHTS)
    message.layer[1].blobs[0].double_data[0] = 1e200
    with pytest.raises(InputError, match="layer conv: weight holds a number that is not finite"):
        read_bytes(tmp_path, message.SerializeToString())


def test_numbers_in_several_pieces_are_joined(tmp_path):
    bias = WEIGHTS["fc.bias"].tobytes()
    pieces = delimited(5, bias[:4]) + delimited(5, bias[4:])
    shape = delimited(7, delimited(1, b"\x03"))
    layer = newer_message(WEIGHTS)
    del layer.layer[3].blobs[1]
    data = layer.SerializeToString()
    tail = layer.layer[3].SerializeToString() + delimited(7, shape + pieces)
    data = data[: -len(delimited(100, layer.layer[3].SerializeToString()))] + delimited(100, tail)
    assert same_bits(read_bytes(tmp_path, data), WEIGHTS)


def test_training_gradients_are_passed_over(tmp_path):
    message = newer_message(WEIGHTS)
    message.layer[1].blobs[0].diff.extend([1.0, float("nan")])
    assert same_bits(read_bytes(tmp_path, message.SerializeToString()), WEIGHTS)


def test_layers_the_network_lacks_are_named(tmp_path):
    message = newer_message(WEIGHTS)
    message.layer.add(name="extra", type="Convolution").blobs.add(data=[1.0])
    path = write_bytes(tmp_path, message.SerializeToString())
    assert list_parameters(path, NETWORK).ignored == ("extra",)
    assert same_bits(dict(read_parameters(path, NETWORK)), WEIGHTS)


def edited(form, edit):
    """Bytes of a caffemodel whose message went through `edit`."""
    message = MESSAGES[form](WEIGHTS)
    edit(message)
    return message.SerializeToString()


def unpacked(message):
    """A caffemodel whose last bias is written float by float."""
    fc = message.layer[3]
    head = fc.blobs[0].SerializeToString()
    floats = b"".join(b"\x2d" + value.tobytes() for value in WEIGHTS["fc.bias"])
    blob = delimited(7, delimited(1, b"\x03")) + floats
    return delimited(100, delimited(1, b"fc") + delimited(7, head) + delimited(7, blob))


def rename(message, old, new):
    next(layer for layer in message.layer if layer.name == old).name = new


BAD = {
    "missing layer": (edited("newer", lambda m: rename(m, "fc", "fc_new")), ["layer fc", "no parameters"]),
    "layer without parameters": (edited("newer", lambda m: m.layer[1].ClearField("blobs")), ["layer conv"]),
    "missing bias": (edited("newer", lambda m: m.layer[1].blobs.pop()), ["layer conv", "1 blobs", "2"]),
    "third blob": (edited("older", lambda m: m.layers[2].blobs.add(data=[1])), ["layer fc", "3 blobs"]),
    "twice": (edited("newer", lambda m: m.layer.append(m.layer[1])), ["layer conv", "twice"]),
    "shape": (
        edited("newer", lambda m: m.layer[3].blobs[0].shape.dim.reverse()),
        ["layer fc", "(8, 3)", "(3, 8)"],
    ),
    "no shape": (
        edited("older", lambda m: m.layers[0].blobs[0].ClearField("num")),
        ["layer conv", "(0, 3, 1, 1)"],
    ),
    "older shape": (
        edited("older", lambda m: setattr(m.layers[2].blobs[0], "height", 4)),
        ["layer fc", "weight", "(1, 1, 4, 8)", "(3, 8)"],
    ),
    "too few": (
        edited("newer", lambda m: m.layer[3].blobs[1].data.pop()),
        ["layer fc", "bias", "8 bytes", "12"],
    ),
    "none": (edited("newer", lambda m: m.layer[3].blobs[1].ClearField("data")), ["layer fc", "no numbers"]),
    "both": (edited("newer", lambda m: m.layer[3].blobs[1].double_data.append(1)), ["layer fc", "both"]),
    "not a number": (
        edited("newer", lambda m: m.layer[1].blobs[0].data.__setitem__(0, np.nan)),
        ["layer conv"],
    ),
    "infinite": (
        edited("older", lambda m: m.layers[2].blobs[1].data.__setitem__(1, -np.inf)),
        ["fc: bias", "finite"],
    ),
    "unpacked": (
        edited("newer", lambda m: rename(m, "fc", "x")) + unpacked(newer_message(WEIGHTS)),
        ["layer fc: bias", "not packed"],
    ),
    "oldest form": (delimited(2, delimited(1, delimited(1, b"conv"))), ["upgrade_net_proto_binary"]),
    "a prototxt": (b'name: "net"\nlayer {\n', ["is text", "--prototxt"]),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), ["HDF5"]),
    "empty": (b"", ["is empty"]),
    "axes": (
        delimited(100, delimited(1, b"conv") + delimited(7, delimited(7, delimited(1, b"\1" * 100_000))) * 2),
        ["layer conv: weight has shape", "the network needs"],
    ),
    "no layers": (delimited(1, b"net"), ["no layers"]),
    "zeros": (bytes(64), ["byte 0: field number 0"]),
    "endless number": (b"\xff" * 64, ["byte 0", "more than 10 bytes"]),
    "layer name": (delimited(100, delimited(1, b"\xff\xfe")), ["UTF-8"]),
    "long layer name": (delimited(100, delimited(1, b"a" * 5000)), ["4096"]),
}


@pytest.mark.parametrize(("data", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused_with_their_place(tmp_path, data, expected):
    with pytest.raises(InputError) as caught:
        read_bytes(tmp_path, data)
    for part in ("model.caffemodel", *expected):
        assert part in str(caught.value)


@pytest.mark.parametrize("form", MESSAGES)
def test_every_truncation_is_refused(tmp_path, form):
    data = MESSAGES[form](WEIGHTS).SerializeToString()
    for size in range(len(data)):
        with pytest.raises(InputError, match=r"model\.caffemodel"):
            read_bytes(tmp_path, data[:size])
    assert same_bits(read_bytes(tmp_path, data), WEIGHTS)


def test_every_truncation_of_what_is_written_is_refused(tmp_path, written):
    data = written.read_bytes()
    for size in range(len(data)):
        with pytest.raises(InputError, match=r"model\.caffemodel"):
            read_bytes(tmp_path, data[:size])


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path):
    network = build_network("wide", "data", (3, 8, 8), [InnerProduct("fc", "data", "fc", 500)])
    path = tmp_path / "wide.caffemodel"
    write_caffemodel(path, network, random_weights(network, 1))
    parameters = read_parameters(path, network)
    next(parameters)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1500)
    with pytest.raises(InputError, match=r"parameter fc\.bias breaks off"):
        list(parameters)


@settings(deadline=None, max_examples=300, database=None)
@given(
    st.sampled_from(list(MESSAGES)), st.integers(0, 10_000), st.binary(min_size=1, max_size=8), st.booleans()
)
def test_any_damage_gives_parameters_or_an_input_error(tmp_path_factory, form, start, inserted, overwrite):
    data = MESSAGES[form](WEIGHTS).SerializeToString()
    start %= len(data)
    stop = start + len(inserted) * overwrite
    found = outcome(tmp_path_factory.getbasetemp(), data[:start] + inserted + data[stop:])
    if isinstance(found, str):
        assert "model.caffemodel" in found
    else:
        assert {name: values.shape for name, values in found.items()} == NETWORK.parameter_shapes()
        assert all(np.isfinite(values).all() for values in found.values())


def outcome(folder, data):
    """The parameters, or the message of the InputError."""
    try:
        return read_bytes(folder, data)
    except InputError as error:
        return str(error)


def test_absent_files_are_refused(tmp_path):
    for path in (tmp_path / "absent.caffemodel", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read|is a folder"):
            dict(read_parameters(path, NETWORK))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("fc.bias", None, "missing"),
        ("fc.bias", np.zeros(4, np.float32), r"\(4,\)"),
        ("fc.weight", np.zeros((3, 8)), "float64"),
    ],
)
def test_writing_refuses_parameters_that_do_not_fit(tmp_path, name, value, reason):
    weights = {key: array for key, array in {**WEIGHTS, name: value}.items() if array is not None}
    with pytest.raises(InputError, match=f"parameter {name}: .*{reason}"):
        write_caffemodel(tmp_path / "bad.caffemodel", NETWORK, weights)
    assert not list(tmp_path.iterdir())


def test_parameters_of_any_layout_are_written(tmp_path, written):
    weights = {**WEIGHTS, "fc.weight": np.asfortranarray(WEIGHTS["fc.weight"])}
    write_caffemodel(tmp_path / "other.caffemodel", NETWORK, weights)
    assert (tmp_path / "other.caffemodel").read_bytes() == written.read_bytes()


def test_opencv_reads_what_is_written(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="OpenCV's own Caffe reader is not installed")
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV reads no Caffe models")
    network = vgg_face_network((3, 4, 5, 6, 7), size=40, fc=8, classes=6)
    weights = random_weights(network, 5)
    write_caffemodel(tmp_path / "vgg.caffemodel", network, weights)
    (tmp_path / "deploy.prototxt").write_text(write_prototxt(network))
    net = cv2.dnn.readNetFromCaffe(str(tmp_path / "deploy.prototxt"), str(tmp_path / "vgg.caffemodel"))
    for name, values in weights.items():
        layer, _, part = name.rpartition(".")
        assert net.getParam(layer, ("weight", "bias").index(part)).ravel().tobytes() == values.tobytes()
    image = np.random.default_rng(0).normal(0, 64, (1, 3, 40, 40)).astype(np.float32)
    net.setInput(image)
    ours = find_backend("reference").load(network, weights, Settings())
    logits = net.forward("fc8").reshape(1, 6)
    np.testing.assert_allclose(
        ours.to_numpy(ours.forward(image, "data", "fc8")), logits, rtol=1e-4, atol=1e-5
    )
    assert np.abs(logits).max() > 0.01
