"""What a dump holds as a partial trace, in the format that other traces have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.examples import hash_file
from harness.core.traces import SCHEMA, Trace, read_trace, write_arrays, write_index
from harness.dumps.targets import TUPLE
from harness.dumps.tie import Ties

ARCHIVE = "dump.npz"
ROUNDED = ("float16", "bfloat16")


def write_partial(folder: Path, ties: Ties, model: str, example: str, file: str | None) -> Trace:
    """Write what was tied as a trace of one example, of the file of that hash; the trace."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: one.values for name, one in ties.tied.items() if name != TUPLE}
    write_arrays(folder / ARCHIVE, {name: keep(values) for name, values in arrays.items()})
    path = folder / ARCHIVE
    said = {
        "example": example,
        "archive": ARCHIVE,
        "bytes": path.stat().st_size,
        "sha256": hash_file(path),
        "hashes": {"file": file} if file else {},
        **read_tuple(ties),
    }
    write_index(folder, describe(ties, model, said))
    return read_trace(folder)


def keep(values: np.ndarray) -> np.ndarray:
    """Values as traces have them: floats, or levels of pixels."""
    return values if values.dtype in (np.float32, np.float64, np.uint8) else values.astype(np.float32)


def read_tuple(ties: Ties) -> dict[str, int]:
    """Gold, Original and Attribute, where the dump says them; what is negative is not said."""
    if TUPLE not in ties.tied:
        return {}
    numbers = map(int, ties.tied[TUPLE].values)
    return {
        name: one for name, one in zip(("gold", "original", "attribute"), numbers, strict=True) if one >= 0
    }


def describe(ties: Ties, model: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """What `trace.json` says: nothing of rules, which nobody knows."""
    targets = ties.targets
    return {
        "schema": SCHEMA,
        "partial": True,
        "model": model,
        "blobs": [{"name": name, "shape": list(shape)} for name, shape in targets.shapes.items()],
        "tied": [one.describe() for one in ties.tied.values()],
        "left": ties.left,
        "stored": {name: one.kind for name, one in ties.tied.items() if one.kind in ROUNDED},
        "hashes": {},
        "port": {},
        "parameters": {},
        "examples": [dict(said)],
    }
