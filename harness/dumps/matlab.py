"""MATLAB's .mat files up to version 7, by SciPy. Those of version 7.3 are HDF5, and refused."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.core.errors import InputError
from harness.core.limits import MAX_ARRAY_BYTES

NEWER = b"MATLAB 7.3 MAT-file"
HDF = b"\x89HDF\r\n\x1a\n"
NUMBERS = {
    "double": 8,
    "single": 4,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "int64": 8,
    "uint64": 8,
}


def read_matlab(data: bytes, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of every variable that is of numbers; InputError for a variable of anything else."""
    if data.startswith((NEWER, HDF)):
        raise InputError(f"{path}: is of MATLAB 7.3, which is not read; save it with save(..., '-v7')")
    for name, shape, kind in list_variables(data, path):
        if kind not in NUMBERS:
            raise InputError(f"{path}: {name}: is a MATLAB {kind}, not numbers; save arrays alone")
        if math.prod(shape) * NUMBERS[kind] > MAX_ARRAY_BYTES:
            raise InputError(f"{path}: {name}: takes more than {MAX_ARRAY_BYTES >> 20} MiB")
        yield name, load_variable(data, name, path)


def list_variables(data: bytes, path: Path) -> list[tuple[str, tuple[int, ...], str]]:
    """Names, shapes and kinds, of which nothing is loaded."""
    from scipy.io import whosmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return [(str(name), tuple(shape), str(kind)) for name, shape, kind in whosmat(io.BytesIO(data))]
    except Exception as error:  # a broken file ends in errors of many kinds
        raise InputError(f"{path}: is no .mat file that can be read ({error}); save it again") from error


def load_variable(data: bytes, name: str, path: Path) -> np.ndarray:
    """One variable's values."""
    from scipy.io import loadmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = loadmat(io.BytesIO(data), variable_names=[name])[name]
    except Exception as error:  # likewise
        raise InputError(f"{path}: {name}: cannot be read ({error}); save it again") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name}: holds no numbers; save arrays alone")
    return np.ascontiguousarray(values)
