"""Values between in-place layers, and values before a ReLU, as blobs with names of their own."""

from __future__ import annotations

import dataclasses
from typing import List

from harness.core.network import Blob, Dropout, Network, Relu


def expose_activations(network: Network) -> Network:
    """The same network with every layer's result a blob of its own.

    `conv1_1` is then the value before its ReLU, and the ReLU's name, where no blob has it, the value after.
    """
    blobs: List[Blob] = [network.input]
    for blob, names in zip(network.blobs[1:], name_exposed(network)[1:]):
        for layer, top in zip(blob.layers, names):
            exposed = dataclasses.replace(layer, bottom=blobs[-1].name, top=top)
            blobs.append(Blob(top, blob.shape, (exposed,)))
    return Network(network.name, tuple(blobs))


def name_exposed(network: Network) -> List[List[str]]:
    """For every blob the names of its layers' values in the exposed network, all of them different."""
    taken = {blob.name for blob in network.blobs}
    names = [[network.input.name]]
    for blob in network.blobs[1:]:
        names.append([blob.name])
        for place, layer in enumerate(blob.layers[1:], start=1):
            name = layer.name or f"{blob.name}+{place}"
            while name in taken:
                name += "+"
            taken.add(name)
            names[-1].append(name)
    return names


def find_before_relu(network: Network, name: str) -> str:
    """Blob of the exposed network with the value that a blob has before its ReLU, in place or not.

    Dropout, which does nothing here, may come after the ReLU. A blob without a ReLU is meant as it is.
    """
    names, place = name_exposed(network), network.index(name)
    while place:
        layers = network.blobs[place].layers
        relu = next((at for at, layer in enumerate(layers) if isinstance(layer, Relu)), None)
        if relu is not None:
            return names[place][relu - 1] if relu else names[place - 1][-1]
        if not all(isinstance(layer, Dropout) for layer in layers):
            break
        place -= 1
    return names[network.index(name)][-1]
