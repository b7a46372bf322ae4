"""Refusals that all backends share: settings, networks, parameters and values that cannot be used."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

import numpy as np

from harness.backends import Settings
from harness.core.errors import InputError
from harness.core.network import Blob, Lrn, Network, Pooling
from harness.core.network_files import MADE_ANEW

CHOICES = ("precision", "device", "graph_optimisation", "tf32", "deterministic", "winograd")


def check_settings(backend: str, settings: Settings, **allowed: Tuple[Any, ...]) -> None:
    """InputError for a setting the backend does not have; what `allowed` leaves out must keep its default."""
    if settings.threads < 1:
        raise InputError(f"backend {backend}: cannot run on {settings.threads} threads; ask for 1 or more")
    for name in CHOICES:
        value = getattr(settings, name)
        choices = allowed.get(name, (getattr(Settings(), name),))
        if value not in choices:
            offer = ", ".join(str(choice) for choice in choices)
            raise InputError(f"backend {backend}: has no {name} {value}; choose {offer}")


def check_network(network: Network) -> None:
    """InputError for layers whose result Caffe leaves undefined."""
    for before, blob in zip(network.blobs, network.blobs[1:]):
        for layer in blob.layers:
            if isinstance(layer, Pooling):
                check_pooling(layer, before.shape, blob.shape)
            elif isinstance(layer, Lrn) and (layer.local_size % 2 == 0 or len(blob.shape) != 3):
                raise InputError(
                    f"layer {layer.name}: LRN needs maps and an odd local_size; correct the prototxt"
                )


def check_pooling(layer: Pooling, bottom: Tuple[int, ...], top: Tuple[int, ...]) -> None:
    """InputError for an unknown method or a window without a single pixel."""
    if layer.method not in ("max", "average"):
        raise InputError(f"layer {layer.name}: no pooling method {layer.method!r}; there are max and average")
    for axis in (0, 1):
        last = (top[axis + 1] - 1) * layer.stride[axis] - layer.pad[axis]
        if last >= bottom[axis + 1] or layer.pad[axis] >= layer.kernel[axis]:
            raise InputError(f"layer {layer.name}: a window covers no pixel of {bottom}; lower stride or pad")


def check_weights(network: Network, weights: Mapping[str, np.ndarray]) -> None:
    """InputError unless every parameter is there, float32, in C order and of its layer's shape."""
    for name, shape in network.parameter_shapes().items():
        array = weights.get(name)
        if array is None:
            raise InputError(f"network {network.name}: parameter {name} is missing; {MADE_ANEW}")
        if array.shape != shape or array.dtype != np.float32 or not array.flags.c_contiguous:
            found = f"{array.dtype} {array.shape}"
            raise InputError(f"parameter {name}: is {found}, not float32 {shape} in C order; {MADE_ANEW}")


def check_value(network: Network, value: Any, precision: str, start: str, stop: str) -> Tuple[Blob, ...]:
    """The blobs to compute from `value`, a NumPy or torch batch of blob `start`; InputError if it is none."""
    span = network.span(start, stop)
    shape = network.blobs[network.index(start)].shape
    if tuple(value.shape[1:]) != shape or not value.shape[0]:
        raise InputError(
            f"blob {start}: value of shape {tuple(value.shape)} is no batch of {shape}; reshape it"
        )
    kind = str(value.dtype).rpartition(".")[2]
    if kind != precision:
        raise InputError(
            f"blob {start}: value is {kind}, the executor computes in {precision}; use to_native"
        )
    return span
