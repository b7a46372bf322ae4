"""Network descriptions in Caffe's text form, older and newer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from harness.ami.errors import InputError
from harness.ami.network import Layer, Network, Shape, build_network, output_shape
from harness.model.layers import check_type, check_values, layer_type, read_layer, write_layer
from harness.model.schema import message_class

IMAGE_AXES = 4
TEST_PHASE = 1


def read_prototxt(path: Path) -> Network:
    """Network of a prototxt file, as it runs at test time; the batch size is dropped.

    Raises InputError, naming file, line and layer where they are known, for a text that does not parse,
    a network that is no chain, and any layer, field or value that is not supported.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a prototxt ({error})") from error
    message = parse_text(path, text)
    try:
        return read_net(message, path.stem)
    except InputError as error:
        raise InputError(f"{path}{line_of(text, str(error))}: {error}") from error


def write_prototxt(network: Network) -> str:
    """A network in the newer form, its input an Input layer with a batch of one."""
    message = message_class("NetParameter")(name=network.name)
    layer = message.layer.add(name=network.input.name, type="Input", top=[network.input.name])
    layer.input_param.shape.add(dim=[1, *network.input.shape])
    for written in network.layers:
        write_layer(message.layer.add(), written)
    return str(text_format.MessageToString(message))


def parse_text(path: Path, text: str) -> Any:
    """The text as a NetParameter message; InputError with the line where it does not parse."""
    message = message_class("NetParameter")()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise InputError(f"{path}, line {error.GetLine()}: {explain_error(message, str(error))}") from error
    except (UnicodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a prototxt ({error})") from error
    return message


def explain_error(partial: Any, error: str) -> str:
    """The parser's complaint, after the name and type of the layer in which it arose, as far as read."""
    reason = re.sub(r"^\d+:\d+ : ", "", error).replace('"caffe.', '"').replace('.Value"', '"')
    layers = [*partial.layer, *partial.layers]
    if not layers:
        return reason
    last = layers[-1]
    type_name = f" ({layer_type(last)})" if last.HasField("type") else ""
    if "no field named" in reason:
        reason += " It is unknown or not supported; remove it if it does not matter at test time"
    return f"in or after layer {last.name or 'without a name yet'}{type_name}: {reason}"


def line_of(text: str, error: str) -> str:
    """`, line N` for an error that names a layer, else nothing."""
    named = re.match(r"layer (\S+):", error)
    match = named and re.search(rf"""\bname\s*:\s*["']{re.escape(named[1])}["']""", text)
    return f", line {text.count(chr(10), 0, match.start()) + 1}" if match else ""


def read_net(message: Any, default_name: str) -> Network:
    """Network of a parsed prototxt."""
    if message.layer and message.layers:
        raise InputError("mixes `layer` and `layers`; write all of it in one form")
    messages = [layer for layer in (*message.layer, *message.layers) if runs_in_test(layer)]
    if not messages:
        raise InputError("has no layers that run at test time")
    body = [layer for layer in messages if layer_type(layer) != "Input"]
    for layer in body:
        check_type(layer)
    input_name, shape = read_input(message, messages)
    layers: list[Layer] = []
    below = shape
    for layer_message in body:
        layers.append(read_layer(layer_message, below))
        below = output_shape(layers[-1], below)
    return build_network(message.name or default_name, input_name, shape, layers)


def read_input(message: Any, messages: list[Any]) -> tuple[str, Shape]:
    """Name and shape (C, H, W) of the one input, however it is declared."""
    declared = [layer for layer in messages if layer_type(layer) == "Input"]
    names = [*message.input, *(top for layer in declared for top in layer.top)]
    if len(names) != 1:
        wanted = "`input: ...` with `input_dim` or `input_shape`, or one Input layer"
        raise InputError(f"declares {len(names)} inputs; it must declare one: {wanted}")
    if declared:
        check_values(declared[0], names[0])
        shapes = [list(shape.dim) for shape in declared[0].input_param.shape]
    else:
        shapes = [list(shape.dim) for shape in message.input_shape]
        shapes += [list(message.input_dim)] * bool(message.input_dim)
    if len(shapes) != 1 or len(shapes[0]) != IMAGE_AXES:
        raise InputError(
            f"input {names[0]}: needs one shape of (batch, channels, height, width), has {shapes}"
        )
    shape = tuple(int(size) for size in shapes[0][1:])
    if min(shape) < 1:
        raise InputError(f"input {names[0]}: (channels, height, width) is {shape}; each must be at least 1")
    return names[0], shape


def runs_in_test(layer: Any) -> bool:
    """Whether a layer is in the network at test time, by its include and exclude rules."""
    if layer.include:
        return any(rule_holds(rule) for rule in layer.include)
    return not any(rule_holds(rule) for rule in layer.exclude)


def rule_holds(rule: Any) -> bool:
    """Whether a rule is met by Caffe's test phase at level 0 without stages."""
    phase = not rule.HasField("phase") or rule.phase == TEST_PHASE
    return bool(
        phase
        and rule.min_level <= 0
        and not (rule.HasField("max_level") and rule.max_level < 0)
        and not rule.stage
    )
