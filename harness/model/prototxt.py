"""Network descriptions in Caffe's text form, older and newer."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from harness.core.errors import InputError
from harness.core.network import Chain, Network, Shape
from harness.model.layers import (
    check_type,
    check_values,
    layer_type,
    list_shared,
    name_layer,
    read_layer,
    write_layer,
)
from harness.model.scan import find_layers, read_text
from harness.model.schema import message_class
from harness.model.state import (
    State,
    check_state,
    describe_missing,
    describe_replaced,
    find_situation,
    is_included,
    suggest_stages,
)

IMAGE_AXES = 4


@dataclass(frozen=True)
class Description:
    """What a prototxt says: the network, and what is to be known about how it was read."""

    network: Network
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A layer's message, and the line it begins on, where that is known."""

    message: Any
    line: int | None


def read_prototxt(path: Path, state: State | None = None) -> Network:
    """Network of a prototxt file, as it runs at test time; the batch size is dropped.

    Raises InputError, naming file, line and layer where they are known, for a text that does not parse,
    a network that is no chain, and any layer, field or value that is not supported.
    """
    return read_description(path, state or State()).network


def read_description(path: Path, state: State) -> Description:
    """The same with notes."""
    path = Path(path)
    text = read_text(path)
    message = parse_text(path, text)
    try:
        return describe_net(message, path, place_layers(message, text), state)
    except LineError as error:
        raise InputError(f"{path}, line {error.line}: {error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


class LineError(InputError):
    """An InputError about the layer that begins on a line."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@contextmanager
def on_line(line: int | None) -> Iterator[None]:
    """Have an InputError know the line of the layer that it is about."""
    try:
        yield
    except InputError as error:
        if line is None:
            raise
        raise LineError(line, str(error)) from error


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
        with warnings.catch_warnings():  # of escapes in strings that there are not, at which Caffe ends
            warnings.simplefilter("error", DeprecationWarning)
            text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise InputError(f"{path}, line {error.GetLine()}: {explain_error(message, str(error))}") from error
    except (UnicodeError, ValueError, RecursionError, DeprecationWarning) as error:
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


def place_layers(message: Any, text: str) -> list[Placed]:
    """All layers of a parsed prototxt with their lines."""
    messages = [*message.layer, *message.layers]
    lines: Sequence[int | None] = find_layers(text)
    if len(lines) != len(
        messages
    ):  # written in a way that was not thought of: better no line than a wrong one
        lines = [None] * len(messages)
    return [Placed(one, line) for one, line in zip(messages, lines, strict=True)]


def describe_net(message: Any, path: Path, layers: Sequence[Placed], state: State) -> Description:
    """Network of a parsed prototxt in a state, and what is to be said of it."""
    if message.layer and message.layers:
        raise InputError("mixes `layer` and `layers`; write all of it in one form")
    messages = [layer.message for layer in layers]
    check_state(messages, state)
    situation = find_situation(message, state)
    run = []
    for layer in layers:
        with on_line(layer.line):
            run += [layer] * is_included(layer.message, situation)
    notes = [describe_replaced(message, messages, situation), describe_missing(messages, situation)]
    try:
        network = read_net(message, path.stem, run)
    except InputError as error:
        error.args = (f"{error}{suggest_stages(messages, situation)}",)
        raise
    return Description(network, tuple(f"{path}: {note}" for note in notes if note))


def read_net(message: Any, default_name: str, layers: Sequence[Placed]) -> Network:
    """Network of the layers that run."""
    if not layers:
        raise InputError("has no layers that run at test time")
    declared = [layer for layer in layers if layer_type(layer.message) == "Input"]
    body = [layer for layer in layers if layer_type(layer.message) != "Input"]
    for layer in body:
        with on_line(layer.line):
            check_type(layer.message)
    refuse_shared(body)
    chain = Chain(*read_input(message, declared))
    for layer in body:
        with on_line(layer.line):
            chain.add(read_layer(layer.message, chain.last.shape))
    return chain.close(message.name or default_name)


def refuse_shared(layers: Sequence[Placed]) -> None:
    """InputError where two layers name one parameter: Caffe gives both the numbers that it loads last."""
    owners: dict[str, str] = {}
    for layer in layers:
        for name in list_shared(layer.message):
            with on_line(layer.line):
                if name in owners:
                    raise InputError(
                        f"{name_layer(layer.message)}: shares its parameter {name!r} with {owners[name]},"
                        " which is not supported; give each a name of its own, or none"
                    )
            owners[name] = name_layer(layer.message)


def read_input(message: Any, declared: Sequence[Placed]) -> tuple[str, Shape]:
    """Name and shape (C, H, W) of the one input, however it is declared.

    As in Caffe, `input_shape` counts before `input_dim`, and an `input` with neither counts for nothing
    beside a layer.
    """
    shapes = [list(shape.dim) for shape in message.input_shape] or [list(message.input_dim)] * bool(
        message.input_dim
    )
    names = [*(message.input if shapes or not declared else ())]
    names += [top for layer in declared for top in layer.message.top]
    if len(names) != 1:
        wanted = "`input: ...` with `input_dim` or `input_shape`, or one Input layer"
        raise InputError(f"declares {len(names)} inputs; it must declare one: {wanted}")
    for layer in declared:
        with on_line(layer.line):
            check_values(layer.message, f"input {names[0]}")
        shapes = [list(shape.dim) for shape in layer.message.input_param.shape]
    return names[0], check_shape(names[0], shapes)


def check_shape(name: str, shapes: list[list[int]]) -> Shape:
    """(channels, height, width) of an input; InputError unless one shape of four axes is given."""
    if len(shapes) != 1 or len(shapes[0]) != IMAGE_AXES:
        raise InputError(f"input {name}: needs one shape of (batch, channels, height, width), has {shapes}")
    batch, *rest = map(int, shapes[0])
    if batch < 0 or min(rest) < 1:
        raise InputError(
            f"input {name}: (channels, height, width) is {tuple(rest)}; each must be at least 1,"
            f" and the batch, {batch}, at least 0"
        )
    return tuple(rest)
