"""Runs of blobs as ONNX graphs whose parameters are named, not stored.

Values are numbered, for layers and blobs may share names or have none.
"""

from __future__ import annotations

import mmap
from typing import Callable, Dict, List, Sequence, Tuple, Union

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from harness.backends.reference import average_divisors, pool_margins
from harness.core.network import (
    Blob,
    Convolution,
    Dropout,
    InnerProduct,
    Lrn,
    Pooling,
    Relu,
    Shape,
    Softmax,
    layer_parameters,
)

OPSET, IR_VERSION = 13, 8  # old enough for every ONNX Runtime from 1.20 on
GRAPH, BOTTOM, TOP = "piece", "bottom", "top"  # what every graph, its input and its output are called
Edge = Tuple[str, str]  # names of the values that a layer reads and writes
Nodes = List[NodeProto]


def cut_span(span: Tuple[Blob, ...]) -> List[Tuple[Blob, ...]]:
    """Pieces that run as graphs of their own.

    Convolutions stay together, since values are reordered at every border. A blob with an
    InnerProduct stands alone, so that all spans over it share one prepared copy of its weights (411 MB for
    fc6).
    """
    pieces: List[Tuple[Blob, ...]] = []
    alone = True
    for blob in span:
        product = is_product(blob)
        if alone or product:
            pieces.append((blob,))
        else:
            pieces[-1] = (*pieces[-1], blob)
        alone = product
    return pieces


def is_product(blob: Blob) -> bool:
    """Whether a fully connected layer makes this blob."""
    return any(isinstance(layer, InnerProduct) for layer in blob.layers)


def build_model(bottom: Blob, piece: Sequence[Blob], location: str) -> ModelProto:
    """Model from BOTTOM to TOP, batch size left open.

    Parameters stay outside, in a file said to be at `location`: stored in the model they would pass its
    2 GB limit and be copied. Whoever makes a session hands them over in memory.
    """
    nodes = list_nodes(bottom, piece)
    parameters = [
        name_external(name, shape, location) for name, shape in list_parameters(bottom, piece).items()
    ]
    ends = [(BOTTOM, bottom.shape), (TOP, piece[-1].shape)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]) for name, shape in ends]
    graph = helper.make_graph(nodes, GRAPH, values[:1], values[1:], parameters)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def list_parameters(bottom: Blob, piece: Sequence[Blob]) -> Dict[str, Shape]:
    """Shapes of the piece's parameters, keyed `LAYER.weight` and `LAYER.bias`."""
    shapes: Dict[str, Shape] = {}
    for blob in piece:
        for layer in blob.layers:
            shapes.update(layer_parameters(layer, bottom.shape))
        bottom = blob
    return shapes


def release_pages(array: np.ndarray) -> None:
    """Let the system drop a memory-mapped array's pages, of which a session has made its own form.

    It reads them again should they be needed after all.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def list_nodes(bottom: Blob, piece: Sequence[Blob]) -> Nodes:
    """The piece's layers as nodes, in order."""
    nodes: Nodes = []
    source, last = BOTTOM, sum(len(blob.layers) for blob in piece)
    number = 0
    for blob in piece:
        for layer in blob.layers:
            number += 1
            target = TOP if number == last else f"value {number}"
            nodes.extend(OPERATIONS[type(layer)](layer, (source, target), bottom.shape))
            source = target
        bottom = blob
    return nodes


def name_external(name: str, shape: Shape, location: str) -> TensorProto:
    """A parameter without its numbers."""
    tensor = TensorProto(
        name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL
    )
    tensor.external_data.add(key="location", value=location)
    return tensor


def convolve(layer: Convolution, edge: Edge, _bottom: Shape) -> Nodes:
    """Cross-correlation."""
    node = helper.make_node(
        "Conv",
        list_inputs(layer, edge[0]),
        [edge[1]],
        kernel_shape=layer.kernel,
        strides=layer.stride,
        pads=layer.pad * 2,
        dilations=layer.dilation,
        group=layer.group,
    )
    return [node]


def multiply(layer: InnerProduct, edge: Edge, _bottom: Shape) -> Nodes:
    """Fully connected over the flattened bottom."""
    flat = f"{edge[1]}, flat"
    return [
        helper.make_node("Flatten", [edge[0]], [flat], axis=1),
        helper.make_node("Gemm", list_inputs(layer, flat), [edge[1]], transB=1),
    ]


def list_inputs(layer: Union[Convolution, InnerProduct], source: str) -> List[str]:
    """A layer's bottom and its parameters."""
    parts = ("weight", "bias") if layer.bias else ("weight",)
    return [source, *(f"{layer.name}.{part}" for part in parts)]


def rectify(layer: Relu, edge: Edge, _bottom: Shape) -> Nodes:
    """max(x, 0) + negative_slope * min(x, 0)."""
    if layer.negative_slope:
        return [helper.make_node("LeakyRelu", [edge[0]], [edge[1]], alpha=layer.negative_slope)]
    return [helper.make_node("Relu", [edge[0]], [edge[1]])]


def pool(layer: Pooling, edge: Edge, bottom: Shape) -> Nodes:
    """Max or average pooling; Caffe's rounding is written as padding, its divisors as factors."""
    options = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": pool_margins(layer, bottom)}
    if layer.method == "max":
        return [helper.make_node("MaxPool", [edge[0]], [edge[1]], **options)]
    whole, factors = f"{edge[1]}, whole", f"{edge[1]}, factors"
    area = layer.kernel[0] * layer.kernel[1]
    corrections = (area / average_divisors(layer, bottom)).astype(np.float32)
    return [
        helper.make_node("AveragePool", [edge[0]], [whole], count_include_pad=1, **options),
        helper.make_node("Constant", [], [factors], value=numpy_helper.from_array(corrections)),
        helper.make_node("Mul", [whole, factors], [edge[1]]),
    ]


def normalise(layer: Lrn, edge: Edge, _bottom: Shape) -> Nodes:
    """Each channel over a power of the sum of squares of the channels around it."""
    options = {"size": layer.local_size, "alpha": layer.alpha, "beta": layer.beta, "bias": layer.k}
    return [helper.make_node("LRN", [edge[0]], [edge[1]], **options)]


def copy(_layer: Dropout, edge: Edge, _bottom: Shape) -> Nodes:
    """Dropout at test time."""
    return [helper.make_node("Identity", [edge[0]], [edge[1]])]


def exponentiate(_layer: Softmax, edge: Edge, _bottom: Shape) -> Nodes:
    """Softmax over the channels."""
    return [helper.make_node("Softmax", [edge[0]], [edge[1]], axis=1)]


OPERATIONS: Dict[type, Callable[..., Nodes]] = {
    Convolution: convolve,
    InnerProduct: multiply,
    Relu: rectify,
    Pooling: pool,
    Lrn: normalise,
    Dropout: copy,
    Softmax: exponentiate,
}
