"""Networks as sequences of blobs."""

import nets
import pytest

from harness.core.activations import expose_activations
from harness.core.errors import InputError
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Pooling,
    Relu,
    Softmax,
    build_network,
)

NETWORK = nets.face_like_network()
CONV = Convolution("conv", "data", "conv", 4, (3, 3))


def chain(*layers, shape=(3, 8, 8)):
    return build_network("chain", "data", shape, layers)


def test_in_place_layers_belong_to_their_blob():
    assert [blob.name for blob in NETWORK.blobs] == ["data", *nets.BLOBS, "fc8", "prob"]
    assert [layer.name for layer in NETWORK.blobs[1].layers] == ["conv1_1", "relu1_1"]
    assert NETWORK.logits.name == "fc8"
    assert NETWORK.blob_of("relu6") == "fc6"


def test_shapes():
    assert [blob.shape for blob in NETWORK.blobs[:4]] == [(3, 16, 16), (6, 16, 16), (8, 16, 16), (8, 8, 8)]
    assert NETWORK.parameter_shapes()["fc6.weight"] == (12, 512)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad", "expected"),
    [
        (8, 2, 2, 0, 4),
        (7, 2, 2, 0, 4),  # rounded up
        (7, 3, 2, 0, 3),
        (6, 3, 2, 0, 3),
        (5, 2, 2, 1, 3),  # the fourth window would start in the right pad
        (4, 3, 2, 1, 3),
    ],
)
def test_pooling_rounds_up_but_not_beyond_the_pad(size, kernel, stride, pad, expected):
    pool = Pooling("pool", "data", "pool", "max", (kernel, kernel), (stride, stride), (pad, pad))
    assert chain(pool, shape=(3, size, size)).blobs[1].shape == (3, expected, expected)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "no layers"),
        ([CONV, Relu("relu", "data", "relu")], "relu: reads 'data'.*'conv'"),
        ([CONV, Relu("relu", "conv", "data")], "relu: writes 'data' a second time"),
        ([CONV, Convolution("again", "conv", "conv", 4, (3, 3))], "again: cannot work in place"),
        ([Relu("relu", "data", "data")], "relu: cannot work in place on 'data'"),
        ([CONV, Convolution("conv", "conv", "again", 4, (3, 3))], "conv: another layer with parameters has"),
        ([CONV, Softmax("prob", "conv", "conv")], "prob: works in place, which leaves no logits"),
        ([CONV, Relu("", "data", "relu")], "the unnamed ReLU on 'data': reads 'data'"),
        ([Convolution("big", "data", "big", 1 << 30, (3, 3))], "big: makes .* more than the 2147483647"),
        ([Convolution("big", "data", "big", 4, (9, 9))], "big: its kernel is larger"),
        ([Convolution("groups", "data", "groups", 4, (3, 3), group=2)], "groups: group 2"),
        ([InnerProduct("fc", "data", "fc", 4), Pooling("pool", "fc", "pool", "max", (2, 2))], "pool: needs"),
    ],
)
def test_what_is_no_chain_is_refused_by_layer(layers, words):
    with pytest.raises(InputError, match=words):
        chain(*layers)


@pytest.mark.parametrize("names", [("x" * 1025, "data"), ("net", "x" * 1025)])
def test_endless_names_are_refused(names):
    with pytest.raises(InputError, match="more than 1024 characters"):
        build_network(names[0], names[1], (3, 8, 8), [Convolution("c", names[1], "c", 4, (3, 3))])


def test_spans():
    assert [blob.name for blob in NETWORK.span("conv2_2", "conv4_1")] == ["pool3", "conv4_1"]
    for start, stop, words in (
        ("conv4_1", "pool3", "does not come after"),
        ("pool3", "pool3", "does not come after"),
        ("pool3", "conv9", "no blob is named 'conv9'"),
    ):
        with pytest.raises(InputError, match=words):
            NETWORK.span(start, stop)


def test_exposed_activations_are_blobs_of_their_own():
    exposed = expose_activations(chain(CONV, Relu("relu", "conv", "conv"), Dropout("drop", "conv", "conv")))
    assert [blob.name for blob in exposed.blobs] == ["data", "conv", "relu", "drop"]
    assert all(len(blob.layers) == 1 for blob in exposed.blobs[1:])
