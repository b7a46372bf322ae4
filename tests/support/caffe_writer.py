"""Networks as the two files that Caffe reads; runs on every Python that the inside half runs on."""

import json

from harness.core.network import (
    Convolution,
    InnerProduct,
    Lrn,
    Pooling,
    Relu,
    layer_parameters,
)
from harness.core.network_files import layer_to_json
from harness.model.caffemodel import write_layer

POOLS = {"max": "MAX", "average": "AVE"}


def write_prototxt(path, network):
    """A deploy prototxt for a batch of one."""
    sizes = " ".join(f"dim: {size}" for size in (1, *network.input.shape))
    head = f'name: "{network.name}" input: "{network.input.name}" input_shape {{ {sizes} }}'
    path.write_text("\n".join([head, *map(format_layer, network.layers)]) + "\n")


def write_parameters(path, network, weights):
    """A caffemodel of the layers that have parameters."""
    with path.open("wb") as file:
        for before, blob in zip(network.blobs, network.blobs[1:]):
            for layer in blob.layers:
                names = layer_parameters(layer, before.shape)
                if names:
                    write_layer(file, layer, {name: weights[name] for name in names})


def format_layer(layer):
    kind = layer_to_json(layer)["type"]
    names = f"name: {json.dumps(layer.name)} bottom: {json.dumps(layer.bottom)} top: {json.dumps(layer.top)}"
    return f'layer {{ {names} type: "{kind}" {format_options(layer)} }}'


def format_options(layer):
    if isinstance(layer, Convolution):
        steps = " ".join(f"dilation: {step}" for step in layer.dilation)
        options = f"group: {layer.group} {format_product(layer)} {format_window(layer)} {steps}"
        return f"convolution_param {{ {options} }}"
    if isinstance(layer, InnerProduct):
        return f"inner_product_param {{ {format_product(layer)} }}"
    if isinstance(layer, Relu):
        return f"relu_param {{ negative_slope: {layer.negative_slope!r} }}"
    if isinstance(layer, Pooling):
        return f"pooling_param {{ pool: {POOLS[layer.method]} {format_window(layer)} }}"
    if isinstance(layer, Lrn):
        constants = f"alpha: {layer.alpha!r} beta: {layer.beta!r} k: {layer.k!r}"
        return f"lrn_param {{ local_size: {layer.local_size} {constants} }}"
    return ""


def format_product(layer):
    return f"num_output: {layer.num_output} bias_term: {json.dumps(layer.bias)}"


def format_window(layer):
    pairs = {"kernel": layer.kernel, "stride": layer.stride, "pad": layer.pad}
    return " ".join(
        f"{name}_{axis}: {size}" for name, pair in pairs.items() for axis, size in zip("hw", pair)
    )
