"""From an example's file to the network's input, or why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Union

import numpy as np

from harness.ami.preprocess import prepare_array, prepare_image
from harness.core.decode import decode_array, decode_image
from harness.core.errors import InputError, RefusedError
from harness.core.examples import (
    Example,
    hash_bytes,
    read_file,
)
from harness.worker.job import Job


@dataclass(frozen=True)
class Prepared:
    """One example's network input (C, H, W), the hashes of what it came from, and what its array holds."""

    example: Example
    value: np.ndarray
    hashes: Dict[str, str]
    npy: Optional[str] = None


@dataclass(frozen=True)
class Refusal:
    """An example whose file cannot be used, and why."""

    example: Example
    reason: str


def admit_example(job: Job, example: Example) -> Union[Prepared, Refusal]:
    """Network input of one example, or why its file cannot be used."""
    try:
        return load_example(job, example)
    except RefusedError as error:
        return Refusal(example, str(error))


def prepare_example(job: Job, example: Example) -> Prepared:
    """Network input of one example that has to be there; InputError names its file."""
    try:
        return load_example(job, example)
    except RefusedError as error:
        raise InputError(f"{example.path}: {error}") from error


def load_example(job: Job, example: Example) -> Prepared:
    """Network input of one example; RefusedError where its file cannot be used."""
    data, npy = read_file(example), (example.npy or job.npy) if example.is_array else None
    if not example.is_array:
        pixels = decode_image(data, job.decoder)
        value = prepare_image(pixels, job.preprocess, job.port)
    elif npy is None:
        raise InputError(
            f"{example.path}: is a .npy file, but what it holds is not said; name its convention with --npy"
        )
    else:
        pixels = decode_array(data)
        value = prepare_array(pixels, npy, job.preprocess, job.port)
    hashes = {"file": example.sha256, "pixels": hash_array(pixels), "input": hash_array(value)}
    return Prepared(example, value, hashes, npy)


def hash_array(array: np.ndarray) -> str:
    """Hash of an array's kind, shape and values."""
    values = np.ascontiguousarray(array)
    return hash_bytes(f"{values.dtype.str}{values.shape}".encode() + values.tobytes())
