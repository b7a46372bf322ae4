"""Small random networks for tests."""

import hashlib
import json

import numpy as np

from harness.core.network import (
    Convolution,
    InnerProduct,
    Pooling,
    Relu,
    Softmax,
    build_network,
)
from harness.core.network_files import list_files, network_to_json

BLOBS = ("conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7")


def face_like_network(size=16):
    """A short chain with VGG-Face's kinds of blobs and names."""
    return build_network(
        "face-like",
        "data",
        (3, size, size),
        [
            Convolution("conv1_1", "data", "conv1_1", 6, (3, 3), pad=(1, 1)),
            Relu("relu1_1", "conv1_1", "conv1_1"),
            Convolution("conv2_2", "conv1_1", "conv2_2", 8, (3, 3), pad=(1, 1)),
            Relu("relu2_2", "conv2_2", "conv2_2"),
            Pooling("pool3", "conv2_2", "pool3", "max", (2, 2), (2, 2)),
            Convolution("conv4_1", "pool3", "conv4_1", 8, (3, 3), pad=(1, 1)),
            Relu("relu4_1", "conv4_1", "conv4_1"),
            InnerProduct("fc6", "conv4_1", "fc6", 12),
            Relu("relu6", "fc6", "fc6"),
            InnerProduct("fc7", "fc6", "fc7", 12),
            Relu("relu7", "fc7", "fc7"),
            InnerProduct("fc8", "fc7", "fc8", 7),
            Softmax("prob", "fc8", "prob"),
        ],
    )


def random_parameters(network, seed=0):
    """He-scaled parameters, so that signals neither die nor explode."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in network.parameter_shapes().items():
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        spread = np.sqrt(2 / fan_in) if len(shape) > 1 else 0.1
        weights[name] = (rng.normal(size=shape) * spread).astype(np.float32)
    return weights


def random_inputs(network, count, seed=1):
    """Mean-free inputs, (count, C, H, W)."""
    shape = (count, *network.input.shape)
    return np.random.default_rng(seed).normal(0, 50, shape).astype(np.float32)


def write_folder(folder, network, seed=0, weights=None):
    """A neutral folder of random parameters, or of those that are given."""
    weights = random_parameters(network, seed) if weights is None else weights
    (folder / "parameters").mkdir(parents=True)
    files, described = list_files(folder, network), {}
    for name, array in weights.items():
        np.save(files[name], array)
        described[name] = {"shape": list(array.shape), "sha256": hashlib.sha256(array.tobytes()).hexdigest()}
    data = {"schema": 2, **network_to_json(network), "sources": {}, "parameters": described}
    (folder / "network.json").write_text(json.dumps(data))
    return weights
