"""Plain data under its own hash: what was damaged on disk is told from what was written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.system.drafts import write_atomically

Shape = TypeVar("Shape")
MAX_SEALED_BYTES = 1 << 30  # of this project's own making


class Sealed(msgspec.Struct):
    """A file's contents, and the hash of their very bytes."""

    sha256: str
    data: msgspec.Raw


def write_sealed(path: Path, data: Any) -> None:
    """Write plain data, atomically."""
    text = msgspec.json.encode(data)
    digest = hashlib.sha256(text).hexdigest()
    write_atomically(path, ['{"sha256":"', digest, '","data":', text.decode(), "}\n"])


def read_sealed(path: Path, shape: type[Shape]) -> Shape | None:
    """Data of a known shape; None where there is no such file, or not what was written."""
    try:
        sealed = msgspec.json.decode(read_bytes(path, MAX_SEALED_BYTES), type=Sealed)
        if hashlib.sha256(sealed.data).hexdigest() != sealed.sha256:
            return None
        return msgspec.json.decode(sealed.data, type=shape)
    except (InputError, ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return None
