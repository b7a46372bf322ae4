"""A network as a sequence of blobs, each made from the one before by a few layers."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence, Set, Tuple, Union

import numpy as np

from harness.core.errors import InputError
from harness.core.limits import MAX_LAYERS, MAX_NAME

Pair = Tuple[int, int]
Shape = Tuple[int, ...]
MOST_VALUES = (1 << 31) - 1


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
        """Blob that a name stands for: its own, or else that of the one layer that says what it holds.

        A name is a blob's before it is a layer's, as Caffe lists blobs (`net.blobs`). A layer's is good for
        the blob that keeps its value (`relu1_1` for `conv1_1`, as PyTorch's ports write). InputError where no
        blob is meant, or it is not clear which.
        """
        if any(blob.name == name for blob in self.blobs):
            return name
        holders = [blob for blob in self.blobs if any(layer.name == name for layer in blob.layers)]
        if not holders or not name:
            return self.blobs[self.index(name)].name
        if len(holders) > 1:
            blobs = " and ".join(repr(blob.name) for blob in holders[:3])
            raise InputError(
                f"network {self.name}: {name!r} is the name of layers in blobs {blobs}; name a blob"
            )
        later = find_overwriting(holders[0], name)
        if later is not None:
            raise InputError(
                f"network {self.name}: {name!r} is a layer whose value {describe_layer(later)} replaces in"
                f" place; if what is meant is the value after it, name the blob, {holders[0].name!r}"
            )
        return holders[0].name

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
        raise InputError(
            f"{describe_layer(layer)}: needs a bottom of (channels, height, width), has {bottom}"
        )
    if isinstance(layer, Convolution):
        if layer.group < 1 or bottom[0] % layer.group or layer.num_output % layer.group:
            raise InputError(
                f"{describe_layer(layer)}: group {layer.group} does not divide its {bottom[0]} input"
                f" and {layer.num_output} output channels"
            )
        sizes = [convolved_size(layer, bottom[axis + 1], axis) for axis in (0, 1)]
        channels = layer.num_output
    else:
        sizes = [pooled_size(layer, bottom[axis + 1], axis) for axis in (0, 1)]
        channels = bottom[0]
    if min(sizes) < 1:
        raise InputError(f"{describe_layer(layer)}: its kernel is larger than its padded bottom {bottom}")
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
    chain = Chain(input_name, input_shape)
    for layer in layers:
        chain.add(layer)
    return chain.close(name)


class Chain:
    """Blobs as they come up, layer by layer; InputError, naming the layer, where one does not fit."""

    def __init__(self, input_name: str, input_shape: Shape) -> None:
        if len(input_shape) != 3 or min(input_shape) < 1:
            raise InputError(f"input {input_name}: shape {input_shape} is not (channels, height, width)")
        self.last = Blob(input_name, tuple(input_shape), ())
        self._blobs = {input_name: self.last}
        self._owners: Set[str] = set()
        self._count = 0

    def add(self, layer: Layer) -> None:
        """Take the next layer of the chain."""
        self._check_limits(layer)
        named, last = describe_layer(layer), self.last
        if layer.bottom != last.name:
            raise InputError(
                f"{named}: reads {layer.bottom!r}, but the chain ends at {last.name!r}; only chains are read"
            )
        self._note_owner(layer)
        shape = output_shape(layer, last.shape)
        if math.prod(shape) > MOST_VALUES:
            raise InputError(
                f"{named}: makes {shape}, more than the {MOST_VALUES} values of any blob of Caffe's"
            )
        if layer.top == last.name:
            if shape != last.shape or not last.layers:
                raise InputError(f"{named}: cannot work in place on {last.name!r}")
            if isinstance(layer, Softmax):
                raise InputError(f"{named}: works in place, which leaves no logits; give it a top of its own")
            self.last = dataclasses.replace(last, layers=(*last.layers, layer))
        elif layer.top in self._blobs:
            raise InputError(f"{named}: writes {layer.top!r} a second time; only chains are read")
        else:
            self.last = Blob(layer.top, shape, (layer,))
        self._blobs[layer.top] = self.last

    def close(self, name: str) -> Network:
        """The network that the layers make."""
        for text in (name, next(iter(self._blobs))):
            if len(text) > MAX_NAME:
                raise InputError(f"network {text[:50]}…: has a name of more than {MAX_NAME} characters")
        if len(self._blobs) < 2:
            raise InputError(f"network {name}: has no layers")
        return Network(name, tuple(self._blobs.values()))

    def _check_limits(self, layer: Layer) -> None:
        """Refuse more than any network has, since all that follows takes time by these numbers."""
        self._count += 1
        if self._count > MAX_LAYERS:
            raise InputError(f"has more than {MAX_LAYERS} layers")
        if max(len(text) for text in (layer.name, layer.bottom, layer.top)) > MAX_NAME:
            raise InputError(f"layer {layer.name[:50]}…: has a name of more than {MAX_NAME} characters")

    def _note_owner(self, layer: Layer) -> None:
        """Refuse a second layer with parameters of one name: caffemodels know parameters by it."""
        if not isinstance(layer, (Convolution, InnerProduct)):
            return
        if layer.name in self._owners:
            raise InputError(f"{describe_layer(layer)}: another layer with parameters has this name, too")
        self._owners.add(layer.name)


def describe_layer(layer: Layer) -> str:
    """A layer as messages call it; many have no name, which Caffe does not ask for."""
    return (
        f"layer {layer.name}" if layer.name else f"the unnamed {TYPE_NAMES[type(layer)]} on {layer.bottom!r}"
    )


def find_overwriting(blob: Blob, name: str) -> Optional[Layer]:
    """The in-place layer, after the one with a name, that leaves another value in its blob; None without."""
    last = max(place for place, layer in enumerate(blob.layers) if layer.name == name)
    return next((layer for layer in blob.layers[last + 1 :] if not isinstance(layer, Dropout)), None)
