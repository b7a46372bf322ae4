"""The layers of a caffemodel, found by walking its wire format without reading the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Tuple

from harness.core.documents import open_file
from harness.core.errors import InputError
from harness.core.signatures import HEAD_BYTES, is_text, recognise

# Numbers of Caffe's caffe.proto: a layer's field in NetParameter, and in the layer its name and its blobs.
FORMS = {100: "layer", 2: "layers"}
NAME_FIELDS = {"layer": 1, "layers": 4}
BLOB_FIELDS = {"layer": 7, "layers": 6}
OLDEST_FIELD = 1  # in V1LayerParameter: a layer of the form before it

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
LONGEST_NAME = 4096


class Field(NamedTuple):
    """One field on the wire: where its tag starts, where its value starts and stops; a varint's value."""

    number: int
    wire: int
    start: int
    body: int
    stop: int
    value: int


@dataclass(frozen=True)
class LayerSpan:
    """Where a layer's message lies in the file: `length` bytes from `offset`, tag and length included.

    These bytes alone are a caffemodel of one layer; the message itself starts at `body`.
    """

    name: str
    form: str
    offset: int
    length: int
    body: int


def layer_spans(path: Path) -> Iterator[LayerSpan]:
    """Every layer of a caffemodel in file order, of either form; reads names, no parameters.

    Raises InputError with file and offset where the file is truncated or no caffemodel.
    """
    found = 0
    with open_caffemodel(path) as file:
        for field in walk_fields(file, str(path), 0, file_size(file)):
            if field.number in FORMS and field.wire == DELIMITED:
                found += 1
                yield layer_span(file, str(path), field)
    if not found:
        raise InputError(f"{path}: holds no layers; hand in the .caffemodel that Caffe wrote")


def layer_bytes(path: Path, name: str) -> bytes:
    """The bytes of one layer, by themselves a caffemodel; InputError unless it is clear which has the name.

    Caffe writes every layer, and those without parameters may share a name with the one that has some.
    """
    named: List[LayerSpan] = [span for span in layer_spans(path) if span.name == name]
    with open_caffemodel(path) as file:
        spans = [span for span in named if list_blobs(file, path, span)] or named
        if len(spans) != 1:
            raise InputError(f"{path}: {len(spans)} layers are named {name!r}; there must be one")
        return read_span(file, str(path), spans[0].offset, spans[0].length)


def open_caffemodel(path: Path) -> BinaryIO:
    """The file, opened for reading; InputError where that fails, or where it is plainly something else."""
    file = open_file(path)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = recognise(head)
    if kind is None and is_text(head):
        kind = "is text; if it is a prototxt, hand it in with --prototxt, and the .caffemodel here"
    if kind is not None:
        file.close()
        raise InputError(f"{path}: {kind}")
    return file


def file_size(file: BinaryIO) -> int:
    """Size in bytes."""
    return file.seek(0, 2)


def walk_fields(file: BinaryIO, path: str, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message between two offsets, without reading what they hold."""
    position = start
    while position < stop:
        tag, body = read_varint(file, path, position, stop)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise garbage(path, position, f"field number {number}")
        value, body, end = field_extent(file, path, wire, body, stop)
        if end > stop:
            raise truncated(path, position, f"field {number} needs {end - stop} bytes more than there are")
        yield Field(number, wire, position, body, end, value)
        position = end


def field_extent(file: BinaryIO, path: str, wire: int, body: int, stop: int) -> Tuple[int, int, int]:
    """A varint's value (else 0), and where the field's value starts and stops."""
    if wire == VARINT:
        value, end = read_varint(file, path, body, stop)
        return value, body, end
    if wire == DELIMITED:
        length, body = read_varint(file, path, body, stop)
        return 0, body, body + length
    if wire in (FIXED32, FIXED64):
        return 0, body, body + (4 if wire == FIXED32 else 8)
    raise garbage(path, body, f"wire type {wire}")


def read_varint(file: BinaryIO, path: str, position: int, stop: int) -> Tuple[int, int]:
    """An unsigned varint and the offset after it."""
    file.seek(position)
    data = file.read(min(LONGEST_VARINT, stop - position))
    value = 0
    for count, byte in enumerate(data, start=1):
        value |= (byte & 0x7F) << 7 * (count - 1)
        if byte < 0x80:
            return value, position + count
    if len(data) == LONGEST_VARINT:
        raise garbage(path, position, "a number of more than 10 bytes")
    raise truncated(path, position, "a number breaks off")


def layer_span(file: BinaryIO, path: str, layer: Field) -> LayerSpan:
    """A layer's place and name."""
    form = FORMS[layer.number]
    name = ""
    for field in walk_fields(file, path, layer.body, layer.stop):
        if form == "layers" and field.number == OLDEST_FIELD:
            raise InputError(
                f"{path}: byte {field.start}: the oldest form of layer; run upgrade_net_proto_binary on it"
            )
        if field.number == NAME_FIELDS[form] and field.wire == DELIMITED:
            name = read_name(file, path, field)
    return LayerSpan(name, form, layer.start, layer.stop - layer.start, layer.body)


def list_blobs(file: BinaryIO, path: Path, span: LayerSpan) -> List[Field]:
    """The blob fields of a layer's message."""
    fields = walk_fields(file, str(path), span.body, span.offset + span.length)
    return [field for field in fields if field.number == BLOB_FIELDS[span.form] and field.wire == DELIMITED]


def read_name(file: BinaryIO, path: str, field: Field) -> str:
    """Text of a name field."""
    if field.stop - field.body > LONGEST_NAME:
        raise garbage(path, field.start, "a layer name of more than 4096 bytes")
    try:
        return read_span(file, path, field.body, field.stop - field.body).decode("utf-8")
    except UnicodeDecodeError as error:
        raise garbage(path, field.start, "a layer name that is no UTF-8") from error


def read_span(file: BinaryIO, path: str, offset: int, length: int) -> bytes:
    """Exactly `length` bytes from `offset`."""
    file.seek(offset)
    data = file.read(length)
    if len(data) != length:
        raise truncated(path, offset + len(data), f"{length - len(data)} bytes are missing")
    return data


def truncated(path: str, offset: int, what: str) -> InputError:
    """The error for a file that ends too early."""
    return InputError(f"{path}: byte {offset}: {what}; the file is truncated, fetch or copy it again")


def garbage(path: str, offset: int, what: str) -> InputError:
    """The error for bytes that no caffemodel holds."""
    return InputError(f"{path}: byte {offset}: {what} cannot be in a caffemodel; hand in the one Caffe wrote")
