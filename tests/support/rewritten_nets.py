"""Networks said in another way: the same numbers, other names."""

import dataclasses

from harness.core.network import Dropout, Relu, build_network


def move_relus(network, unnamed=False):
    """The network with ReLUs out of place: `conv1_1` becomes `conv1_1a`, and its ReLU makes `conv1_1`."""
    layers, below = [], network.input.name
    for blob in network.blobs[1:]:
        relus = [layer for layer in blob.layers if isinstance(layer, Relu)]
        for layer in blob.layers:
            behind = relus and layer in blob.layers[blob.layers.index(relus[0]) :]
            top = blob.name if behind or not relus else f"{blob.name}a"
            name = "" if unnamed and isinstance(layer, (Relu, Dropout)) else layer.name
            layers.append(dataclasses.replace(layer, name=name, bottom=below, top=top))
            below = top
    return build_network("moved", network.input.name, network.input.shape, layers)


def rename_relus(network, name):
    """The network with ReLUs and Dropouts of one name, or of none."""
    layers = [
        dataclasses.replace(layer, name=name) if isinstance(layer, (Relu, Dropout)) else layer
        for layer in network.layers
    ]
    return build_network("renamed", network.input.name, network.input.shape, layers)
