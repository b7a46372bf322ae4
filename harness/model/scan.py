"""The text of a prototxt: comments in any encoding, a BOM, and the lines on which layers begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_PROTOTXT_BYTES
from harness.core.signatures import BOM, HEAD_BYTES, is_binary, recognise

STRING = rb"""(?:"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?)"""
STRING_OR_COMMENT = re.compile(rb"(" + STRING + rb")|#[^\n]*")
TOKEN = re.compile(STRING.decode() + r"|[{}<>]|\w+|\n")
OPENING, CLOSING, LAYERS = "{<", "}>", ("layer", "layers")


def read_text(path: Path) -> str:
    """Text of a prototxt, its comments left out, each line at its number.

    Caffe reads bytes: comments may be in any encoding. InputError for what is another kind of file, and for
    bytes that are not UTF-8 elsewhere.
    """
    data = read_bytes(path, MAX_PROTOTXT_BYTES)
    head = data[:HEAD_BYTES]
    kind = recognise(head)
    if kind is None and is_binary(head):
        kind = "is no text; if it is a .caffemodel, hand it in with --caffemodel"
    if kind is not None:
        raise InputError(f"{path}: {kind}")
    bare = STRING_OR_COMMENT.sub(rb"\1", data.removeprefix(BOM))
    try:
        return bare.decode("utf-8")
    except UnicodeDecodeError as error:
        line = bare.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: is not UTF-8 (0x{bare[error.start]:02x}), which only comments need not be;"
            " save it as UTF-8"
        ) from error


def find_layers(text: str) -> list[int]:
    """Line of every layer of such a text, in its order."""
    return list(walk_layers(text))


def walk_layers(text: str) -> Iterator[int]:
    """The same one by one: blocks of the outermost fields `layer` and `layers`, in lists or not."""
    line, depth, field = 1, 0, ""
    for found in TOKEN.finditer(text):
        part = found[0]
        if part == "\n":
            line += 1
        elif part in OPENING:
            if depth == 0 and field in LAYERS:
                yield line
            depth += 1
        elif part in CLOSING:
            depth -= 1
        elif depth == 0:
            field = part
