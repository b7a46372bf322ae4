"""Changed parameters: what is known to happen to weights on their way from one framework to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

import numpy as np

from harness.core.documents import check_fields
from harness.core.errors import InputError
from harness.core.network import InnerProduct, Network
from harness.core.network_files import read_network, read_weights
from harness.worker.rounding import choose_rounder, round_weights

Weights = Mapping[str, np.ndarray]
OWN_FILES = ("caffe", "opencv")  # backends that read the caffemodel themselves
FLATTEN = ("nchw", "nhwc")
TAKE = "take"  # another layer's parameters, of the same network
KEYS = ("weights", "flatten", "pooling", "rounding")  # of a patch that changes what an executor is made of


def change_parameters(backend: str, network: Network, weights: Weights, patch: Mapping[str, Any]) -> Weights:
    """A network's parameters as a patch has them; InputError where the backend or a layer cannot take it."""
    if not {"weights", "flatten", "rounding"} & set(patch):
        return weights
    if backend in OWN_FILES:
        raise InputError(f"backend {backend}: reads the caffemodel itself; try other parameters in another")
    if "weights" in patch:
        weights = change_weights(network, weights, patch["weights"])
    if "rounding" in patch:
        weights = round_weights(network, weights, patch["rounding"])
    return change_flatten(network, weights, patch.get("flatten", "nchw"))


def change_weights(network: Network, weights: Weights, change: Mapping[str, Any]) -> Weights:
    """Parameters of which those of some `layers` (of all, if it names none) are changed in one way.

    Over those that another change has made of them, where it names one as `over`.
    """
    if "over" in change:
        check_fields(change, {"over": "a table"}, "weights")
        weights = change_weights(network, weights, change["over"])
    change = {key: value for key, value in change.items() if key != "over"}
    kinds = [key for key in change if key != "layers"]
    if len(kinds) != 1 or kinds[0] not in (TAKE, *CHANGES):
        known = ", ".join((*CHANGES, TAKE))
        raise InputError(f"weights: takes one of {known}, and layers; not {', '.join(change)}")
    kind, layers = kinds[0], change.get("layers")
    check_fields(change, {kind: "a text", "layers": "a list of names"}, "weights", optional=["layers"])
    value = change[kind]
    changer = take(network, weights, value) if kind == TAKE else CHANGES[kind](network, value)
    changed = dict(weights)
    for name in list_parameters(network, layers):
        changed[name] = np.ascontiguousarray(changer(name, np.asarray(weights[name])), np.float32)
    return changed


def list_parameters(network: Network, layers: Optional[List[str]]) -> List[str]:
    """Names of the parameters of some layers, or of all; InputError for a layer that has none."""
    names = list(network.parameter_shapes())
    if layers is None:
        return names
    owners = {name.rpartition(".")[0] for name in names}
    for layer in layers:
        if layer not in owners:
            raise InputError(
                f"weights: no layer {layer!r} has parameters; there are {', '.join(sorted(owners))}"
            )
    return [name for name in names if name.rpartition(".")[0] in layers]


Changer = Callable[[str, np.ndarray], np.ndarray]


def cast(_network: Network, kind: str) -> Changer:
    """Rounded to half precision and back."""
    rounder = choose_rounder(kind, "weights: cast")
    return lambda _name, values: rounder(values)


def zero(_network: Network, part: str) -> Changer:
    """Weights or biases that never arrived."""
    if part not in ("weight", "bias"):
        raise InputError(f"weights: zero = {part!r}; choose 'weight' or 'bias'")
    return lambda name, values: values * 0 if name.endswith(f".{part}") else values


def reverse(_network: Network, side: str) -> Changer:
    """A layer's outputs, or the inputs or the kernels of its weights, in reverse order."""
    if side not in ("outputs", "inputs", "kernel"):
        raise InputError(f"weights: reverse = {side!r}; choose 'outputs', 'inputs' or 'kernel'")
    if side == "kernel":
        return lambda _name, values: values[..., ::-1, ::-1] if values.ndim == 4 else values
    if side == "outputs":
        return lambda _name, values: values[::-1]
    return lambda _name, values: values[:, ::-1] if values.ndim > 1 else values


def transpose(network: Network, kind: str) -> Changer:
    """Fully connected weights that were stored inputs first and read outputs first; or rows of kernels."""
    if kind == "kernel":
        return lambda _name, values: values.swapaxes(-1, -2) if is_square(values) else values
    if kind != "fc":
        raise InputError(f"weights: transpose = {kind!r}; choose 'fc' or 'kernel'")
    products = {f"{layer.name}.weight" for layer in network.layers if isinstance(layer, InnerProduct)}
    return lambda name, values: values.T.reshape(values.shape) if name in products else values


def is_square(values: np.ndarray) -> bool:
    """Whether weights are kernels as high as wide."""
    return values.ndim == 4 and values.shape[-1] == values.shape[-2]


def take(network: Network, weights: Weights, layer: str) -> Changer:
    """The parameters of another layer; InputError where they are of other shapes."""
    shapes = network.parameter_shapes()
    list_parameters(network, [layer])

    def change(name: str, _values: np.ndarray) -> np.ndarray:
        other = f"{layer}.{name.rpartition('.')[2]}"
        if shapes.get(other) != shapes[name]:
            raise InputError(f"weights: take = {layer!r}: has no {other} of the shape of {name}")
        return np.asarray(weights[other])

    return change


def replace(network: Network, folder: str) -> Changer:
    """Parameters of another neutral folder of the same layers."""
    other = read_network(Path(folder))
    if other.parameter_shapes() != network.parameter_shapes():
        raise InputError(f"{folder}: holds parameters of other layers; name a folder of this network")
    weights = read_weights(Path(folder), other)
    return lambda name, _values: weights[name]


CHANGES: Dict[str, Callable[[Network, str], Changer]] = {
    "cast": cast,
    "zero": zero,
    "reverse": reverse,
    "transpose": transpose,
    "from": replace,
}


def change_flatten(network: Network, weights: Weights, order: str) -> Weights:
    """Parameters under which a network flattens maps as (H, W, C), as TensorFlow's do, and not (C, H, W)."""
    if order not in FLATTEN:
        raise InputError(f"flatten = {order!r}; choose one of {', '.join(FLATTEN)}")
    changed = dict(weights)
    for before, blob in zip(network.blobs, network.blobs[1:]):
        first = blob.layers[0]
        if order == "nhwc" and isinstance(first, InnerProduct) and len(before.shape) == 3:
            channels, height, width = before.shape
            name = f"{first.name}.weight"
            maps = np.asarray(weights[name]).reshape(-1, height, width, channels)
            changed[name] = np.ascontiguousarray(maps.transpose(0, 3, 1, 2)).reshape(weights[name].shape)
    return changed
