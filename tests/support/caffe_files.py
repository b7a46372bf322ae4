"""A small caffemodel in both forms, made by the protobuf library."""

import numpy as np
import pytest

pytest.importorskip("google.protobuf", reason="caffemodels are made by the protobuf library")
from harness.core.network import Convolution, InnerProduct, Relu, build_network
from harness.model.random_weights import random_weights
from harness.model.schema import ENUMS, message_class

LAYER_TYPES = dict(pair.split("=") for pair in ENUMS["LayerType"].split())
LEGACY = ("num", "channels", "height", "width")
NETWORK = build_network(
    "pair",
    "data",
    (3, 2, 2),
    [
        Convolution("conv", "data", "conv", 2, (1, 1)),
        Relu("relu", "conv", "conv"),
        InnerProduct("fc", "conv", "fc", 3),
    ],
)
WEIGHTS = random_weights(NETWORK, 3)


def same_bits(left, right):
    """Whether two sets of float32 parameters agree in every bit."""
    return list(left) == list(right) and all(
        left[name].shape == right[name].shape
        and left[name].dtype == right[name].dtype == np.float32
        and left[name].tobytes() == right[name].tobytes()
        for name in left
    )


def newer_message(weights):
    """A caffemodel of the newer form, made by the protobuf library."""
    message = message_class("NetParameter")(name="pair")
    message.layer.add(name="data", type="Input")
    for name, kind in (("conv", "Convolution"), ("relu", "ReLU"), ("fc", "InnerProduct")):
        layer = message.layer.add(name=name, type=kind)
        for part in ("weight", "bias") * (kind != "ReLU"):
            values = weights[f"{name}.{part}"]
            layer.blobs.add(shape={"dim": values.shape}, data=values.ravel())
    return message


def older_message(weights):
    """The same in the older form: enum types and shapes padded to four axes."""
    message = message_class("NetParameter")(name="pair")
    for name, kind in (("conv", "CONVOLUTION"), ("relu", "RELU"), ("fc", "INNER_PRODUCT")):
        layer = message.layers.add(name=name, type=int(LAYER_TYPES[kind]), blobs_lr=[1, 2])
        for part in ("weight", "bias") * (kind != "RELU"):
            values = weights[f"{name}.{part}"]
            sizes = (1,) * (4 - values.ndim) + values.shape
            layer.blobs.add(**dict(zip(LEGACY, sizes, strict=True)), data=values.ravel())
    return message


MESSAGES = {"newer": newer_message, "older": older_message}


def write_bytes(folder, data):
    path = folder / "model.caffemodel"
    path.write_bytes(data)
    return path
