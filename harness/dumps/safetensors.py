"""Safetensors: a header in JSON that says kind, shape and place of each array, and then their bytes.

The format is its header; the library would bring a compiled module for these lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import check_fields, is_whole, parse_json
from harness.core.errors import InputError

KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
}
NAMES = {"F16": "float16", "BF16": "bfloat16"}
MAX_HEADER_BYTES = 16 << 20
ENTRY = {"dtype": "a text", "shape": "a list", "data_offsets": "a list"}


def read_safetensors(data: bytes, path: Path) -> Iterator[tuple[str, np.ndarray, str]]:
    """Name, values and kind of every array; InputError for what is cut off, or says what cannot be."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(len(data) - 8, MAX_HEADER_BYTES):
        raise InputError(f"{path}: is no .safetensors file, or is cut off; dump it again")
    header, body = parse_json(data[8 : 8 + size], str(path), names=True), memoryview(data)[8 + size :]
    if not isinstance(header, dict):
        raise InputError(f"{path}: its header is no table; dump it again")
    for name, entry in header.items():
        if name != "__metadata__":
            yield name, read_entry(entry, body, f"{path}: {name}"), NAMES.get(entry["dtype"], "float32")


def read_entry(entry: Any, body: memoryview, place: str) -> np.ndarray:
    """One array; InputError where its header's entry does not fit what is there."""
    check_fields(entry, ENTRY, place)
    shape, offsets, kind = entry["shape"], entry["data_offsets"], entry["dtype"]
    if kind not in KINDS:
        raise InputError(f"{place}: is of {kind}; dump float32")
    if not all(map(is_whole, [*shape, *offsets])) or min([*shape, *offsets], default=0) < 0:
        raise InputError(f"{place}: shape and offsets must be whole numbers; dump it again")
    dtype = np.dtype(KINDS[kind])
    begin, end = offsets if len(offsets) == 2 else (0, -1)
    if end - begin != math.prod(shape) * dtype.itemsize or end > len(body):
        raise InputError(f"{place}: its bytes are not those of an array {tuple(shape)}; dump it again")
    values = np.frombuffer(body[begin:end], dtype).reshape(shape)
    return (values.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else values
