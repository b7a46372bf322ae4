"""Parameters of a network, read from and written to Caffe's binary files one at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from harness.core.caffemodel import (
    BLOB_FIELDS,
    DELIMITED,
    FIXED32,
    FIXED64,
    NAME_FIELDS,
    VARINT,
    Field,
    layer_spans,
    list_blobs,
    open_caffemodel,
    read_varint,
    truncated,
    walk_fields,
)
from harness.core.errors import InputError
from harness.core.network import TYPE_NAMES, Layer, Network, Shape, layer_parameters

# Field numbers of caffe.proto: NetParameter, LayerParameter, BlobProto, BlobShape.
NET_NAME, NET_LAYER, LAYER_TYPE = 1, 100, 2
LEGACY_SIZES, BLOB_DATA, BLOB_SHAPE, BLOB_DOUBLE_DATA, SHAPE_DIM = (1, 2, 3, 4), 5, 7, 8, 1
CHUNK_BYTES = 1 << 20
MOST_AXES = 32
ELEMENT_TYPES: dict[int, np.dtype[Any]] = {BLOB_DATA: np.dtype("<f4"), BLOB_DOUBLE_DATA: np.dtype("<f8")}


@dataclass(frozen=True)
class StoredParameter:
    """Where a parameter's numbers lie in the file: (offset, length) in bytes, of one or more pieces."""

    name: str
    shape: Shape
    element: np.dtype[Any]
    pieces: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Contents:
    """A caffemodel seen through a network: its parameters in network order, and layers it has no use for."""

    parameters: tuple[StoredParameter, ...]
    ignored: tuple[str, ...]


def list_parameters(path: Path, network: Network) -> Contents:
    """Find every parameter of the network in a caffemodel of either form, without reading the numbers.

    Raises InputError, naming file and layer, where one is missing, given twice or of another shape.
    """
    path = Path(path)
    wanted = {layer.name: shapes for layer, shapes in network_parameters(network)}
    stored: dict[str, tuple[StoredParameter, ...]] = {}
    ignored = []
    with open_caffemodel(path) as file:
        for span in layer_spans(path):
            blobs = list_blobs(file, path, span)
            if span.name not in wanted:
                ignored += [span.name] * bool(blobs)
            elif blobs and span.name in stored:
                raise InputError(f"{path}: layer {span.name}: holds parameters twice; keep one of the layers")
            elif blobs:
                stored[span.name] = match_blobs(file, path, span.name, wanted[span.name], blobs)
    missing = [name for name in wanted if name not in stored]
    if missing:
        raise InputError(
            f"{path}: layer {missing[0]}: has no parameters here, nor have {len(missing) - 1} others of "
            f"network {network.name}; hand in the prototxt and the caffemodel of one model"
        )
    return Contents(tuple(part for name in wanted for part in stored[name]), tuple(ignored))


def read_parameters(path: Path, network: Network) -> Iterator[tuple[str, np.ndarray]]:
    """Parameters in network order, as (`LAYER.weight` or `LAYER.bias`, float32 array), one at a time.

    Raises InputError as `list_parameters` does, and where a number is not finite or the file ends early.
    """
    contents = list_parameters(path, network)
    with open_caffemodel(path) as file:
        for parameter in contents.parameters:
            yield parameter.name, read_parameter(file, path, parameter)


def network_parameters(network: Network) -> Iterator[tuple[Layer, dict[str, Shape]]]:
    """The layers that have parameters, with their shapes by name."""
    for before, blob in zip(network.blobs, network.blobs[1:], strict=False):
        for layer in blob.layers:
            shapes = layer_parameters(layer, before.shape)
            if shapes:
                yield layer, shapes


def match_blobs(
    file: BinaryIO, path: Path, layer: str, shapes: Mapping[str, Shape], blobs: list[Field]
) -> tuple[StoredParameter, ...]:
    """A layer's blobs as its parameters; InputError where count or shapes differ."""
    if len(blobs) != len(shapes):
        raise InputError(f"{path}: layer {layer}: holds {len(blobs)} blobs, the network has {len(shapes)}")
    return tuple(
        locate_numbers(file, path, name, shape, blob)
        for (name, shape), blob in zip(shapes.items(), blobs, strict=True)
    )


def locate_numbers(file: BinaryIO, path: Path, name: str, shape: Shape, blob: Field) -> StoredParameter:
    """Where one parameter's numbers lie; InputError where the blob is not of its shape."""
    where = f"{path}: layer {name.rpartition('.')[0]}: {name.rpartition('.')[2]}"
    sizes, pieces = read_header(file, str(path), where, blob)
    # Older files pad shapes with leading ones: an InnerProduct weight is 1 x 1 x OUT x IN.
    if strip_ones(sizes) != strip_ones(shape):
        raise InputError(f"{where} has shape {sizes}, the network needs {shape}")
    kinds = [kind for kind in ELEMENT_TYPES if kind in pieces]
    if len(kinds) != 1:
        raise InputError(f"{where} holds {'no numbers' if not kinds else 'both floats and doubles'}")
    element = ELEMENT_TYPES[kinds[0]]
    spans = tuple(pieces[kinds[0]])
    count, expected = sum(length for _, length in spans), math.prod(shape) * element.itemsize
    if count != expected or any(length % element.itemsize for _, length in spans):
        raise InputError(f"{where} holds {count} bytes of numbers, shape {shape} needs {expected}")
    return StoredParameter(name, shape, element, spans)


def read_header(
    file: BinaryIO, path: str, where: str, blob: Field
) -> tuple[Shape, dict[int, list[tuple[int, int]]]]:
    """A blob's declared shape, and the pieces of its numbers by field."""
    sizes, legacy = None, dict.fromkeys(LEGACY_SIZES, 0)
    pieces: dict[int, list[tuple[int, int]]] = {}
    for field in walk_fields(file, path, blob.body, blob.stop):
        if field.number in ELEMENT_TYPES and field.wire in (FIXED32, FIXED64):
            raise InputError(f"{where} is not packed; run upgrade_net_proto_binary on the file")
        if field.number in ELEMENT_TYPES and field.wire == DELIMITED:
            pieces.setdefault(field.number, []).append((field.body, field.stop - field.body))
        elif field.number in legacy and field.wire == VARINT:
            legacy[field.number] = field.value
        elif field.number == BLOB_SHAPE and field.wire == DELIMITED:
            sizes = read_shape(file, path, field)
    return (tuple(legacy.values()) if sizes is None else sizes), pieces


def read_shape(file: BinaryIO, path: str, shape: Field) -> Shape:
    """Sizes of a BlobShape, packed or not; of one with more axes than Caffe has, no more than show that."""
    sizes: list[int] = []
    for field in walk_fields(file, path, shape.body, shape.stop):
        if field.number == SHAPE_DIM and field.wire == VARINT:
            sizes.append(field.value)
        position = field.body
        while field.number == SHAPE_DIM and field.wire == DELIMITED and position < field.stop:
            size, position = read_varint(file, path, position, field.stop)
            sizes.append(size)
            if len(sizes) > MOST_AXES:
                break
        if len(sizes) > MOST_AXES:
            break
    return tuple(sizes)


def strip_ones(shape: Shape) -> Shape:
    """A shape without its leading ones."""
    return shape[next((at for at, size in enumerate(shape) if size != 1), len(shape)) :]


def read_parameter(file: BinaryIO, path: Path, parameter: StoredParameter) -> np.ndarray:
    """One parameter as float32; InputError where the file ends early or a number is not finite."""
    values = np.empty(math.prod(parameter.shape), np.float32)
    done = 0
    for chunk in read_chunks(file, path, parameter):
        values[done : done + chunk.size] = chunk
        done += chunk.size
    return values.reshape(parameter.shape)


def read_chunks(file: BinaryIO, path: Path, parameter: StoredParameter) -> Iterator[np.ndarray]:
    """One parameter as flat float32 arrays, each good until the next is asked for; InputError likewise."""
    buffer = np.empty(CHUNK_BYTES // parameter.element.itemsize, parameter.element)
    for offset, length in parameter.pieces:
        file.seek(offset)
        for start in range(0, length, buffer.nbytes):
            chunk = buffer[: min(buffer.nbytes, length - start) // parameter.element.itemsize]
            if file.readinto(chunk.view(np.uint8).data) != chunk.nbytes:  # type: ignore[attr-defined]
                raise truncated(str(path), offset + start, f"parameter {parameter.name} breaks off")
            yield finite_floats(path, parameter.name, chunk)


def finite_floats(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    """The numbers as float32; InputError where one of them is not finite."""
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32, copy=False)
    if not np.isfinite(floats).all():
        layer, _, kind = name.rpartition(".")
        raise InputError(
            f"{path}: layer {layer}: {kind} holds a number that is not finite; the model is damaged"
        )
    return floats


def write_caffemodel(path: Path, network: Network, weights: Mapping[str, np.ndarray]) -> None:
    """Write parameters as a caffemodel of the newer form, bit for bit; the file appears when it is complete.

    `weights` holds float32 arrays keyed `LAYER.weight` and `LAYER.bias`. Layers without any are left out.
    Raises InputError, naming the parameter, where one is missing or not of the network's shape.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(delimited(NET_NAME, network.name.encode()))
            for layer, shapes in network_parameters(network):
                write_layer(
                    file, layer, {name: checked(weights, name, shape) for name, shape in shapes.items()}
                )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def checked(weights: Mapping[str, np.ndarray], name: str, shape: Shape) -> np.ndarray:
    """One parameter, contiguous; InputError where it is missing or does not fit."""
    if name not in weights:
        raise InputError(f"parameter {name}: missing; the network needs float32 {shape}")
    values = weights[name]
    if values.shape != shape or values.dtype != np.float32:
        raise InputError(
            f"parameter {name}: is {values.dtype} {values.shape}, the network needs float32 {shape}"
        )
    return np.ascontiguousarray(values, ELEMENT_TYPES[BLOB_DATA])


def write_layer(file: BinaryIO, layer: Layer, parameters: Mapping[str, np.ndarray]) -> None:
    """Write one layer: its sizes are known beforehand, so the numbers go straight to the file."""
    head = delimited(NAME_FIELDS["layer"], layer.name.encode())
    head += delimited(LAYER_TYPE, TYPE_NAMES[type(layer)].encode())
    shapes = {name: blob_shape(values.shape) for name, values in parameters.items()}
    prefixes = {name: prefix(BLOB_DATA, values.nbytes) for name, values in parameters.items()}
    sizes = {name: len(shapes[name]) + len(prefixes[name]) + parameters[name].nbytes for name in parameters}
    blobs = {name: prefix(BLOB_FIELDS["layer"], size) for name, size in sizes.items()}
    total = len(head) + sum(len(blobs[name]) + sizes[name] for name in parameters)
    file.write(prefix(NET_LAYER, total) + head)
    for name, values in parameters.items():
        file.write(blobs[name] + shapes[name] + prefixes[name])
        file.write(values.reshape(-1).view(np.uint8).data)


def blob_shape(shape: Shape) -> bytes:
    """The shape field of a blob."""
    return delimited(BLOB_SHAPE, delimited(SHAPE_DIM, b"".join(varint(size) for size in shape)))


def delimited(number: int, body: bytes) -> bytes:
    """A field that holds bytes."""
    return prefix(number, len(body)) + body


def prefix(number: int, length: int) -> bytes:
    """Tag and length of a field that holds bytes."""
    return varint(number << 3 | DELIMITED) + varint(length)


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte, lowest first."""
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
