"""Examples between two images: a list says which two and how far, and arrays are made where it is read."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Preprocess
from harness.core.decode import decode_image
from harness.core.documents import NAME, check_fields, read_json_lines
from harness.core.errors import InputError
from harness.core.examples import read_bytes
from harness.core.limits import MAX_LIST_BYTES
from harness.examples.gather import write_list
from harness.system.drafts import replace_file

BETWEEN, PLACE = "between", "at"
DECODER = "pillow"
MADE = {BETWEEN: "a list", PLACE: "a number"}
Levels = NDArray[np.uint8]


def fill_list(path: Path, preprocess: Preprocess, cache: Path) -> Path:
    """The list as it is, or one in the cache whose arrays were made there, each of the hash that is listed.

    InputError where an image is missing or of another size, or where an array comes out with another hash.
    """
    lines = list(read_json_lines(path, MAX_LIST_BYTES, names=True))
    if not any(isinstance(data, dict) and BETWEEN in data for _, data in lines):
        return path
    return write_list(
        cache, [fill_line(data, f"{path}:{number}", path.parent, preprocess, cache) for number, data in lines]
    )


def fill_line(data: Any, place: str, folder: Path, preprocess: Preprocess, cache: Path) -> dict[str, Any]:
    """A line whose array is made, or its file where it is."""
    check_fields(data, {"file": "a text", "sha256": NAME}, place)
    if BETWEEN not in data:
        return {**data, "file": str((folder / data["file"]).absolute())}
    between, at = check_line(data, place)
    first, second = (read_levels(folder / name, preprocess) for name in between)
    packed = pack_array(mix_levels(first, second, at, preprocess))
    found = hashlib.sha256(packed).hexdigest()
    if found != data["sha256"]:
        raise InputError(
            f"{place}: the array {at!r} of the way from {between[0]} to {between[1]} comes out with sha256"
            f" {found[:12]}…, listed is {data['sha256'][:12]}…; the images, or the model's mean, were"
            " changed since the list was made"
        )
    made = cache / "examples" / f"{found[:32]}.npy"
    if not made.is_file() or made.read_bytes() != packed:
        made.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(made) as draft:
            draft.write_bytes(packed)
    kept = {name: value for name, value in data.items() if name not in MADE}
    return {**kept, "file": str(made.absolute())}


def check_line(data: Mapping[str, Any], place: str) -> tuple[list[str], float]:
    """Which two images a line is between, and how far from the first; InputError where it does not say."""
    check_fields({name: data[name] for name in MADE if name in data}, MADE, place)
    between, at = data[BETWEEN], data[PLACE]
    if len(between) != 2 or not all(isinstance(name, str) for name in between):
        raise InputError(f"{place}: {BETWEEN} = {between!r}: must be two files")
    if not 0 <= at <= 1:
        raise InputError(f"{place}: {PLACE} = {at!r}: must be between 0 and 1")
    return list(between), float(at)


def read_levels(path: Path, preprocess: Preprocess) -> Levels:
    """Levels (3, H, W) of an image of the network's size, in the network's order; InputError for another."""
    try:
        pixels = decode_image(read_bytes(path), DECODER)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}") from error
    if pixels.shape[:2] != (preprocess.height, preprocess.width):
        raise InputError(f"{path}: is {pixels.shape[1]}x{pixels.shape[0]}; must have the network's size")
    ordered = pixels[:, :, ::-1] if preprocess.channel_order == "bgr" else pixels
    return np.ascontiguousarray(ordered.transpose(2, 0, 1))


def mix_levels(first: Levels, second: Levels, at: float, preprocess: Preprocess) -> NDArray[np.float32]:
    """The network's input (3, H, W) between two images' levels.

    With a whole number of 2^-40 as the place the sum is exact, and each value is rounded twice: when the
    mean is taken off, and to float32. So the same bits come out everywhere.
    """
    begin, end = first.astype(np.float64), second.astype(np.float64)
    mean = np.array(preprocess.mean, np.float32).astype(np.float64)[:, None, None]
    mixed = (begin + at * (end - begin) - mean) * float(np.float32(preprocess.scale))
    return mixed.astype(np.float32)


def pack_array(array: NDArray[np.float32]) -> bytes:
    """Bytes of a `.npy` file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def name_convention(preprocess: Preprocess) -> str:
    """What such an array holds."""
    return f"{preprocess.channel_order}-minus-mean"


def write_line(entry: Mapping[str, Any]) -> str:
    """A line of a list."""
    return json.dumps(entry) + "\n"
