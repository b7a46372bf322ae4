"""Random weights: the same for the same seed, and alive through the whole network."""

import numpy as np
from caffe_files import same_bits

from harness.backends import Settings, find_backend
from harness.model.random_weights import random_weights, vgg_face_network


def test_random_weights_are_seeded_and_keep_signals_alive():
    network = vgg_face_network((8, 8, 16, 16, 16), size=64, fc=32, classes=10)
    assert same_bits(random_weights(network, 1), random_weights(network, 1))
    assert not same_bits(random_weights(network, 1), random_weights(network, 2))
    image = np.random.default_rng(0).normal(0, 64, (4, 3, 64, 64)).astype(np.float32)
    value = image
    executor = find_backend("reference").load(network, random_weights(network, 1), Settings())
    for before, blob in zip(network.blobs, network.blobs[1:], strict=False):
        value = executor.forward(value, before.name, blob.name)
        spread = float(np.sqrt(np.mean(np.square(value))))
        assert 0.02 < spread < 50, f"{blob.name} has a root mean square of {spread}"
