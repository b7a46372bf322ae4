"""Single layers between Caffe's messages and the network's dataclasses, in both directions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from harness.core.errors import InputError
from harness.core.network import (
    TYPE_NAMES,
    Convolution,
    Dropout,
    InnerProduct,
    Layer,
    Lrn,
    Pair,
    Pooling,
    Relu,
    Shape,
    Softmax,
)
from harness.model.schema import fixed_fields, ignored_fields

OLDER_TYPES = {
    "CONVOLUTION": "Convolution",
    "INNER_PRODUCT": "InnerProduct",
    "RELU": "ReLU",
    "POOLING": "Pooling",
    "LRN": "LRN",
    "DROPOUT": "Dropout",
    "SOFTMAX": "Softmax",
}
DATA_TYPES = frozenset(("Data", "ImageData", "HDF5Data", "MemoryData", "DummyData", "WindowData"))
POOLING_METHODS = {"MAX": "max", "AVE": "average"}


def layer_type(message: Any) -> str:
    """Type of a layer in the newer form's spelling; types that are not supported come back as written."""
    field = message.DESCRIPTOR.fields_by_name["type"]
    if field.enum_type is None:
        return str(message.type)
    older = str(field.enum_type.values_by_number[message.type].name)
    return OLDER_TYPES.get(older, older)


def read_layer(message: Any, bottom: Shape) -> Layer:
    """A layer from its message, over a bottom of shape (C, H, W) or (C,); InputError if not supported."""
    check_type(message)
    for side in ("bottom", "top"):
        if len(getattr(message, side)) != 1:
            raise InputError(
                f"{name_layer(message)}: has {len(getattr(message, side))} {side}s; only chains are read"
            )
    if message.blobs:
        raise InputError(
            f"{name_layer(message)}: holds parameters (`blobs`); they belong into the caffemodel"
        )
    check_values(message, name_layer(message))
    return READERS[layer_type(message)](message, bottom)


def name_layer(message: Any) -> str:
    """A layer as messages call it; Caffe asks for no name."""
    return f"layer {message.name}" if message.name else f"the unnamed {layer_type(message) or 'layer'}"


def check_type(message: Any) -> None:
    """InputError for a layer of a type that is not supported."""
    name = layer_type(message)
    if name not in READERS:
        raise InputError(f"{name_layer(message)}: type {name or '(none)'} is not supported; {advice(name)}")


def list_shared(message: Any) -> list[str]:
    """Names under which a layer's parameters may be another layer's too, in either form."""
    names = [one if isinstance(one, str) else one.name for one in message.param]
    return [name for name in names if name]


def advice(type_name: str) -> str:
    """What to do about a layer type that is not supported."""
    if type_name in DATA_TYPES or type_name.upper().endswith("DATA"):
        return "it reads a data set: hand in the deploy prototxt, which declares its input"
    if type_name.upper() == "ACCURACY" or type_name.upper().endswith("LOSS"):
        return "it belongs to training: hand in the deploy prototxt, or mark it `include { phase: TRAIN }`"
    return f"there are {', '.join(sorted(READERS))}"


def check_values(message: Any, place: str) -> None:
    """InputError for a field of a layer's options that holds another value than the one supported."""
    ignored = ignored_fields(message.DESCRIPTOR.name)
    for field, value in message.ListFields():
        if field.name.endswith("_param") and field.name not in ignored:
            check_values(value, place)
        wanted = fixed_fields(message.DESCRIPTOR.name).get(field.name)
        if wanted is not None and written(field, value) != wanted:
            raise InputError(
                f"{place}: {field.name} {written(field, value)} is not supported; only {wanted} is"
            )


def written(field: Any, value: Any) -> str:
    """A value as a prototxt spells it."""
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_convolution(message: Any, _: Shape) -> Convolution:
    """Convolution, with its options in one value, in two, or as height and width."""
    options = message.convolution_param
    return Convolution(
        **ends(message),
        num_output=positive(message, "num_output", options.num_output),
        kernel=read_pair(message, options, ("kernel_size", "kernel_h", "kernel_w"), None),
        stride=read_pair(message, options, ("stride", "stride_h", "stride_w"), 1),
        pad=read_pair(message, options, ("pad", "pad_h", "pad_w"), 0),
        dilation=read_pair(message, options, ("dilation", "", ""), 1),
        group=positive(message, "group", options.group),
        bias=bool(options.bias_term),
    )


def read_inner_product(message: Any, _: Shape) -> InnerProduct:
    """InnerProduct over everything but the batch."""
    options = message.inner_product_param
    return InnerProduct(
        **ends(message),
        num_output=positive(message, "num_output", options.num_output),
        bias=bool(options.bias_term),
    )


def read_pooling(message: Any, bottom: Shape) -> Pooling:
    """Pooling; a global one gets its bottom's size as kernel."""
    options = message.pooling_param
    method = options.DESCRIPTOR.fields_by_name["pool"].enum_type.values_by_number[options.pool].name
    if method not in POOLING_METHODS:
        raise InputError(f"{name_layer(message)}: pool {method} is not supported; only MAX and AVE are")
    kernel_names = ("kernel_size", "kernel_h", "kernel_w")
    stride = read_pair(message, options, ("stride", "stride_h", "stride_w"), 1)
    pad = read_pair(message, options, ("pad", "pad_h", "pad_w"), 0)
    if options.global_pooling:
        kernel = global_kernel(message, bottom, stride, pad)
    else:
        kernel = read_pair(message, options, kernel_names, None)
    if pad[0] >= kernel[0] or pad[1] >= kernel[1]:
        raise InputError(f"{name_layer(message)}: pad {pad} is not smaller than kernel {kernel}")
    return Pooling(**ends(message), method=POOLING_METHODS[method], kernel=kernel, stride=stride, pad=pad)


def global_kernel(message: Any, bottom: Shape, stride: Pair, pad: Pair) -> Pair:
    """Kernel of a global pooling; like Caffe, refuses what would contradict it."""
    options = message.pooling_param
    if any(options.HasField(name) for name in ("kernel_size", "kernel_h", "kernel_w")):
        raise InputError(f"{name_layer(message)}: global_pooling takes no kernel; remove one of them")
    if stride != (1, 1) or pad != (0, 0):
        raise InputError(f"{name_layer(message)}: global_pooling needs stride 1 and pad 0")
    if len(bottom) != 3:
        raise InputError(f"{name_layer(message)}: needs a bottom of (channels, height, width), has {bottom}")
    return (bottom[1], bottom[2])


def read_relu(message: Any, _: Shape) -> Relu:
    """ReLU, leaky or not."""
    return Relu(**ends(message), negative_slope=read_number(message, message.relu_param, "negative_slope"))


def read_lrn(message: Any, _: Shape) -> Lrn:
    """Local response normalisation across channels."""
    options = message.lrn_param
    if options.local_size % 2 != 1:
        raise InputError(f"{name_layer(message)}: local_size {options.local_size} is not odd")
    return Lrn(
        **ends(message),
        local_size=int(options.local_size),
        alpha=read_number(message, options, "alpha"),
        beta=read_number(message, options, "beta"),
        k=read_number(message, options, "k"),
    )


def read_dropout(message: Any, _: Shape) -> Dropout:
    """Dropout, whose ratio matters to training only; InputError for one whose own phase is that."""
    if "phase" in message.DESCRIPTOR.fields_by_name and message.HasField("phase") and not message.phase:
        raise InputError(
            f"{name_layer(message)}: its own phase, TRAIN, keeps it at work at test time, at random;"
            " remove the phase, or write include { phase: TRAIN }"
        )
    return Dropout(**ends(message))


def read_softmax(message: Any, _: Shape) -> Softmax:
    """Softmax over the channels."""
    return Softmax(**ends(message))


READERS: dict[str, Callable[[Any, Shape], Layer]] = {
    "Convolution": read_convolution,
    "InnerProduct": read_inner_product,
    "ReLU": read_relu,
    "Pooling": read_pooling,
    "LRN": read_lrn,
    "Dropout": read_dropout,
    "Softmax": read_softmax,
}


def ends(message: Any) -> dict[str, str]:
    """What every layer has."""
    return {"name": message.name, "bottom": message.bottom[0], "top": message.top[0]}


def positive(message: Any, field: str, value: int) -> int:
    """A count; InputError unless it is at least 1."""
    if value < 1:
        raise InputError(f"{name_layer(message)}: {field} must be given and at least 1")
    return int(value)


def read_number(message: Any, options: Any, field: str) -> float:
    """A number; InputError for one that is not finite."""
    value = float(getattr(options, field))
    if not math.isfinite(value):
        raise InputError(f"{name_layer(message)}: {field} must be a finite number")
    return value


def read_pair(message: Any, options: Any, names: tuple[str, str, str], default: int | None) -> Pair:
    """(height, width) from one field for both or a field for each; without a default it must be given."""
    both, *single = names
    declared = [name for name in single if name]
    values = read_values(options, both)
    singles = [getattr(options, name) for name in declared if options.HasField(name)]
    if values and singles:
        raise InputError(
            f"{name_layer(message)}: {both} and {' and '.join(declared)} contradict; keep one form"
        )
    if singles and len(singles) != len(declared):
        # For pads Caffe takes 0 for the one that is absent; for the others it refuses, as here.
        if default != 0:
            raise InputError(f"{name_layer(message)}: {' and '.join(declared)} must both be given")
        values = [getattr(options, name) for name in declared]
    values = values or singles or [default] * (default is not None)
    if len(values) not in (1, 2) or (default != 0 and min(values) < 1):
        raise InputError(f"{name_layer(message)}: {both} must be given: one value, or two, each at least 1")
    return (int(values[0]), int(values[-1]))


def read_values(options: Any, name: str) -> list[int]:
    """Values of a field that may be repeated, single or absent."""
    value = getattr(options, name)
    if isinstance(value, int):
        return [value] if options.HasField(name) else []
    return list(value)


def write_layer(message: Any, layer: Layer) -> None:
    """Fill in a message of the newer form; values that Caffe takes anyway are left out."""
    message.name, message.type = layer.name, TYPE_NAMES[type(layer)]
    message.bottom.append(layer.bottom)
    message.top.append(layer.top)
    if isinstance(layer, Convolution):
        write_convolution(message.convolution_param, layer)
    elif isinstance(layer, InnerProduct):
        message.inner_product_param.num_output = layer.num_output
        if not layer.bias:
            message.inner_product_param.bias_term = False
    elif isinstance(layer, Pooling):
        spelling = {method: written for written, method in POOLING_METHODS.items()}
        message.pooling_param.pool = spelling[layer.method]
        write_window(message.pooling_param, layer)
    elif isinstance(layer, Lrn):
        for name in ("local_size", "alpha", "beta", "k"):
            setattr(message.lrn_param, name, getattr(layer, name))
    elif isinstance(layer, Relu) and layer.negative_slope:
        message.relu_param.negative_slope = layer.negative_slope


def write_convolution(options: Any, layer: Convolution) -> None:
    """Options of a convolution."""
    options.num_output = layer.num_output
    write_window(options, layer)
    if layer.dilation != (1, 1):
        options.dilation.extend(layer.dilation)
    if layer.group != 1:
        options.group = layer.group
    if not layer.bias:
        options.bias_term = False


def write_window(options: Any, layer: Convolution | Pooling) -> None:
    """Kernel, stride and pad: one value where height and width agree."""
    pairs = (("kernel_size", "kernel", layer.kernel, None), ("stride", "stride", layer.stride, (1, 1)))
    for both, prefix, pair, default in (*pairs, ("pad", "pad", layer.pad, (0, 0))):
        if pair == default:
            continue
        if pair[0] != pair[1]:
            setattr(options, f"{prefix}_h", pair[0])
            setattr(options, f"{prefix}_w", pair[1])
        elif isinstance(getattr(options, both), int):
            setattr(options, both, pair[0])
        else:
            getattr(options, both).append(pair[0])
