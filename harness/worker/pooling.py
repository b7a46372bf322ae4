"""Pools that round sizes down, as PyTorch's do unless told otherwise; Caffe's round up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Tuple

from harness.core.errors import InputError
from harness.core.network import Blob, Network, Pooling, layer_parameters, output_shape
from harness.core.walk import Executor

POOLING = ("ceil", "floor")
Sizes = Dict[str, Tuple[int, ...]]
"""Blob before a pool -> the part of its value (C, H, W) that whole windows cover."""


def change_pooling(network: Network, rounding: str) -> Tuple[Network, Sizes]:
    """The network under a way of rounding its pools' sizes, and what they then read less of."""
    if rounding not in POOLING:
        raise InputError(f"pooling = {rounding!r}; choose one of {', '.join(POOLING)}")
    return round_down(network) if rounding == "floor" else (network, {})


def round_down(network: Network) -> Tuple[Network, Sizes]:
    """The network with pools that round down, and what they read; InputError where a layer does not fit."""
    blobs, covered = [network.input], {}
    for before, blob in zip(network.blobs, network.blobs[1:]):
        shape = read = blobs[-1].shape
        for layer in blob.layers:
            if isinstance(layer, Pooling):
                read = cover(layer, shape)
            if layer_parameters(layer, shape) != layer_parameters(layer, before.shape):
                raise InputError(
                    f"pooling = 'floor': layer {layer.name} has parameters for a bottom of {before.shape},"
                    f" and would read {shape}; this network's pools round up"
                )
            shape = output_shape(layer, read if layer is blob.layers[0] else shape)
        if read != blobs[-1].shape:
            covered[blobs[-1].name] = read
        blobs.append(Blob(blob.name, shape, blob.layers))
    return Network(network.name, tuple(blobs)), covered


def cover(layer: Pooling, shape: Tuple[int, ...]) -> Tuple[int, ...]:
    """How much of a bottom (C, H, W) a pool's whole windows cover; InputError for a pool that pads."""
    if max(layer.pad):
        raise InputError(f"pooling = 'floor': layer {layer.name} pads, which is not tried")
    sizes = [
        (size - kernel) // stride * stride + kernel
        for size, kernel, stride in zip(shape[1:], layer.kernel, layer.stride)
    ]
    return (shape[0], *(min(one, size) for one, size in zip(sizes, shape[1:])))


class CroppingExecutor:
    """Executors one after the other, each over a part of a network that begins at a cropped blob."""

    def __init__(self, network: Network, covered: Sizes, load: Callable[[Network], Executor]) -> None:
        self.network = network
        self._parts = [load(part) for part in cut_network(network, covered)]
        self.xp: Any = self._parts[0].xp
        self.to_native, self.to_numpy = self._parts[0].to_native, self._parts[0].to_numpy

    def forward(self, value: Any, start: str, stop: str) -> Any:
        """Value of blob `stop` from the value of the earlier blob `start`, both native arrays."""
        self.network.span(start, stop)
        for part in self._parts:
            names = [blob.name for blob in part.network.blobs]
            if start not in names[:-1]:
                continue
            if start == names[0]:
                _, height, width = part.network.input.shape
                value = self.to_native(self.to_numpy(value)[:, :, :height, :width])
            last = stop if stop in names else names[-1]
            value, start = part.forward(value, start, last), last
            if start == stop:
                break
        return value


def cut_network(network: Network, covered: Sizes) -> List[Network]:
    """Parts of a network from each cropped blob to the next."""
    parts: List[List[Blob]] = [[]]
    for blob in network.blobs:
        parts[-1].append(blob)
        if blob.name in covered:
            parts.append([replace(blob, shape=covered[blob.name], layers=())])
    return [Network(network.name, tuple(part)) for part in parts if len(part) > 1]
