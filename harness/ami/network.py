"""A network as a sequence of blobs, each made from the one before by a few layers."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

import numpy as np

from harness.ami.errors import InputError

Pair = Tuple[int, int]
Shape = Tuple[int, ...]


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation as in Caffe; pairs are (height, width)."""

    name: str
    bottom: str
    top: str
    num_output: int
    kernel: Pair
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)
    dilation: Pair = (1, 1)
    group: int = 1
    bias: bool = True


@dataclass(frozen=True)
class InnerProduct:
    """Fully connected; flattens its bottom in C, H, W order."""

    name: str
    bottom: str
    top: str
    num_output: int
    bias: bool = True


@dataclass(frozen=True)
class Relu:
    """max(x, 0) + negative_slope * min(x, 0)."""

    name: str
    bottom: str
    top: str
    negative_slope: float = 0.0


@dataclass(frozen=True)
class Pooling:
    """Max or average pooling with Caffe's rounded-up output size."""

    name: str
    bottom: str
    top: str
    method: str
    kernel: Pair
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)


@dataclass(frozen=True)
class Lrn:
    """Local response normalisation across channels: x / (k + alpha / local_size * sum of squares) ** beta."""

    name: str
    bottom: str
    top: str
    local_size: int = 5
    alpha: float = 1.0
    beta: float = 0.75
    k: float = 1.0


@dataclass(frozen=True)
class Dropout:
    """Nothing at test time."""

    name: str
    bottom: str
    top: str


@dataclass(frozen=True)
class Softmax:
    """Over the channels."""

    name: str
    bottom: str
    top: str


Layer = Union[Convolution, InnerProduct, Relu, Pooling, Lrn, Dropout, Softmax]

LAYER_TYPES: Dict[str, Any] = {
    "Convolution": Convolution,
    "InnerProduct": InnerProduct,
    "ReLU": Relu,
    "Pooling": Pooling,
    "LRN": Lrn,
    "Dropout": Dropout,
    "Softmax": Softmax,
}
TYPE_NAMES = {layer_class: name for name, layer_class in LAYER_TYPES.items()}


@dataclass(frozen=True)
class Blob:
    """A named value: its shape without the batch, and the layers (in-place ones last) that make it."""

    name: str
    shape: Shape
    layers: Tuple[Layer, ...]


@dataclass(frozen=True)
class Network:
    """A chain of blobs; the first is the input and has no layers."""

    name: str
    blobs: Tuple[Blob, ...]

    @property
    def input(self) -> Blob:
        """The blob that takes the image, (C, H, W)."""
        return self.blobs[0]

    @property
    def logits(self) -> Blob:
        """The last blob before the softmax."""
        return [blob for blob in self.blobs if not any(isinstance(x, Softmax) for x in blob.layers)][-1]

    @property
    def layers(self) -> Tuple[Layer, ...]:
        """Every layer, in the order in which they run."""
        return tuple(layer for blob in self.blobs for layer in blob.layers)

    def index(self, name: str) -> int:
        """Place of a blob in the chain; InputError for a name that is no blob."""
        for position, blob in enumerate(self.blobs):
            if blob.name == name:
                return position
        names = ", ".join(blob.name for blob in self.blobs)
        raise InputError(f"network {self.name}: no blob is named {name!r}; it has {names}")

    def span(self, start: str, stop: str) -> Tuple[Blob, ...]:
        """The blobs after `start` up to `stop`; InputError unless `stop` comes later."""
        first, last = self.index(start), self.index(stop)
        if last <= first:
            raise InputError(f"network {self.name}: blob {stop!r} does not come after {start!r}; swap them")
        return self.blobs[first + 1 : last + 1]

    def blob_of(self, name: str) -> str:
        """Blob that a blob or layer name stands for (`relu1_1` is an in-place layer of `conv1_1`)."""
        for blob in self.blobs:
            if name == blob.name or any(name == layer.name for layer in blob.layers):
                return blob.name
        return self.blobs[self.index(name)].name

    def parameter_shapes(self) -> Dict[str, Shape]:
        """Shape of every parameter, keyed `LAYER.weight` and `LAYER.bias`."""
        shapes: Dict[str, Shape] = {}
        for before, blob in zip(self.blobs, self.blobs[1:]):
            for layer in blob.layers:
                shapes.update(layer_parameters(layer, before.shape))
        return shapes


def layer_parameters(layer: Layer, bottom: Shape) -> Dict[str, Shape]:
    """Shapes of one layer's parameters over a bottom of shape (C, H, W) or (C,)."""
    if isinstance(layer, Convolution):
        weight: Shape = (layer.num_output, bottom[0] // layer.group, *layer.kernel)
    elif isinstance(layer, InnerProduct):
        weight = (layer.num_output, int(np.prod(bottom)))
    else:
        return {}
    shapes = {f"{layer.name}.weight": weight}
    if layer.bias:
        shapes[f"{layer.name}.bias"] = (layer.num_output,)
    return shapes


def output_shape(layer: Layer, bottom: Shape) -> Shape:
    """Shape of a layer's top, without the batch; InputError where the layer does not fit."""
    if isinstance(layer, InnerProduct):
        return (layer.num_output,)
    if not isinstance(layer, (Convolution, Pooling)):
        return bottom
    if len(bottom) != 3:
        raise InputError(f"layer {layer.name}: needs a bottom of (channels, height, width), has {bottom}")
    if isinstance(layer, Convolution):
        if layer.group < 1 or bottom[0] % layer.group or layer.num_output % layer.group:
            raise InputError(
                f"layer {layer.name}: group {layer.group} does not divide its {bottom[0]} input"
                f" and {layer.num_output} output channels"
            )
        sizes = [convolved_size(layer, bottom[axis + 1], axis) for axis in (0, 1)]
        channels = layer.num_output
    else:
        sizes = [pooled_size(layer, bottom[axis + 1], axis) for axis in (0, 1)]
        channels = bottom[0]
    if min(sizes) < 1:
        raise InputError(f"layer {layer.name}: its kernel is larger than its padded bottom {bottom}")
    return (channels, sizes[0], sizes[1])


def convolved_size(layer: Convolution, size: int, axis: int) -> int:
    """Output size along one axis: rounded down."""
    extent = layer.dilation[axis] * (layer.kernel[axis] - 1) + 1
    return (size + 2 * layer.pad[axis] - extent) // layer.stride[axis] + 1


def pooled_size(layer: Pooling, size: int, axis: int) -> int:
    """Output size along one axis: rounded up, but no window may start beyond the bottom and its left pad."""
    kernel, stride, pad = layer.kernel[axis], layer.stride[axis], layer.pad[axis]
    pooled = -((size + 2 * pad - kernel) // -stride) + 1
    if pad and (pooled - 1) * stride >= size + pad:
        pooled -= 1
    return pooled


def build_network(name: str, input_name: str, input_shape: Shape, layers: Sequence[Layer]) -> Network:
    """Group a chain of layers into blobs and infer their shapes.

    Raises InputError, naming the layer, where the layers are no chain or do not fit together.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise InputError(f"input {input_name}: shape {input_shape} is not (channels, height, width)")
    blobs = [Blob(input_name, tuple(input_shape), ())]
    for layer in layers:
        last = blobs[-1]
        if layer.bottom != last.name:
            raise InputError(
                f"layer {layer.name}: reads {layer.bottom!r}, but the chain ends at {last.name!r};"
                " only chains are read"
            )
        shape = output_shape(layer, last.shape)
        if layer.top == last.name:
            if shape != last.shape or not last.layers:
                raise InputError(f"layer {layer.name}: cannot work in place on {last.name!r}")
            blobs[-1] = dataclasses.replace(last, layers=(*last.layers, layer))
        elif any(layer.top == blob.name for blob in blobs):
            raise InputError(f"layer {layer.name}: writes {layer.top!r} a second time; only chains are read")
        else:
            blobs.append(Blob(layer.top, shape, (layer,)))
    if len(blobs) < 2:
        raise InputError(f"network {name}: has no layers")
    names = [layer.name for layer in layers]
    for layer_name in names:
        if names.count(layer_name) > 1:
            raise InputError(f"layer {layer_name}: the name is used twice")
    return Network(name, tuple(blobs))


def expose_activations(network: Network) -> Network:
    """The same network with every in-place layer's result a blob of its own, under the layer's name.

    `conv1_1` is then the value before its ReLU, and `relu1_1` the value after.
    """
    blobs: List[Blob] = [network.input]
    for blob in network.blobs[1:]:
        below = blobs[-1].name
        for position, layer in enumerate(blob.layers):
            top = layer.name if position else blob.name
            blobs.append(Blob(top, blob.shape, (dataclasses.replace(layer, bottom=below, top=top),)))
            below = top
    return Network(network.name, tuple(blobs))


def layer_to_json(layer: Layer) -> Dict[str, Any]:
    """One layer as plain data."""
    return {"type": TYPE_NAMES[type(layer)], **dataclasses.asdict(layer)}


def layer_from_json(data: Mapping[str, Any]) -> Layer:
    """Inverse of `layer_to_json`."""
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    layer_class = LAYER_TYPES[str(options.pop("type"))]
    layer: Layer = layer_class(**options)
    return layer


def network_to_json(network: Network) -> Dict[str, Any]:
    """The network as plain data."""
    return {
        "name": network.name,
        "input": {"name": network.input.name, "shape": list(network.input.shape)},
        "layers": [layer_to_json(layer) for layer in network.layers],
    }


def network_from_json(data: Mapping[str, Any]) -> Network:
    """Inverse of `network_to_json`; InputError where the data is no network."""
    try:
        layers = [layer_from_json(layer) for layer in data["layers"]]
        return build_network(data["name"], data["input"]["name"], tuple(data["input"]["shape"]), layers)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"network.json: not a network of this version ({error!r}); convert the model again"
        ) from error


def read_network(folder: Path) -> Network:
    """Network of a neutral folder (`network.json`)."""
    path = Path(folder) / "network.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); convert the model again") from error
    return network_from_json(data)


def read_weights(folder: Path, network: Network) -> Dict[str, np.ndarray]:
    """Parameters of a neutral folder, memory-mapped read-only so that parallel cells share one copy."""
    weights = {}
    for name, shape in network.parameter_shapes().items():
        path = Path(folder) / "parameters" / f"{name}.npy"
        try:
            weights[name] = np.load(str(path), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path}: cannot be read ({error}); convert the model again") from error
        if weights[name].shape != shape or weights[name].dtype != np.float32:
            raise InputError(
                f"{path}: holds {weights[name].dtype} {weights[name].shape}, not float32 {shape}"
            )
    return weights
