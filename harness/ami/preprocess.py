"""From a decoded image or a stored array to the network's input, with every choice explicit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Mapping, Tuple

import numpy as np

from harness.ami.errors import InputError, RefusedError
from harness.ami.port import Port
from harness.ami.resize import resize_image

NPY_CONVENTIONS = ("raw-rgb", "raw-bgr", "bgr-minus-mean")


@dataclass(frozen=True)
class Preprocess:
    """What the network was trained on; `mean` is per channel, in `channel_order`, before `scale`."""

    height: int
    width: int
    channel_order: str = "bgr"
    mean: Tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    resize: str = "bicubic"


def read_preprocess(data: Mapping[str, Any]) -> Preprocess:
    """Preprocess from plain data; InputError names the key that is wrong."""
    try:
        chosen = Preprocess(**{**data, "mean": tuple(float(x) for x in data.get("mean", (0, 0, 0)))})
    except (TypeError, ValueError) as error:
        raise InputError(f"preprocess: {error}") from error
    if chosen.channel_order not in ("bgr", "rgb"):
        raise InputError(f"preprocess: channel_order = {chosen.channel_order!r}; choose 'bgr' or 'rgb'")
    if chosen.resize not in ("bicubic", "bilinear", "nearest"):
        raise InputError(f"preprocess: resize = {chosen.resize!r}; choose 'bicubic', 'bilinear' or 'nearest'")
    if len(chosen.mean) != 3 or not all(map(math.isfinite, (*chosen.mean, chosen.scale))):
        raise InputError("preprocess: mean must be three numbers and scale one")
    return chosen


def prepare_image(pixels: np.ndarray, model: Preprocess, port: Port) -> np.ndarray:
    """Network input (C, H, W), float32, from RGB pixels (H, W, 3), uint8."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise RefusedError(f"an image must be (height, width, 3) uint8, not {pixels.shape} {pixels.dtype}")
    pixels = fit_image(pixels, model, port)
    if pixels.shape[:2] != (model.height, model.width):
        raise RefusedError(
            f"image is {pixels.shape[1]}x{pixels.shape[0]}, the network takes {model.width}x{model.height},"
            f" and resize_when = {port.resize_when!r} leaves it so; set resize_when = 'size-differs'"
        )
    if (port.channel_order == "model") == (model.channel_order == "bgr"):
        pixels = pixels[:, :, ::-1]
    values = pixels.astype(np.float32)
    if port.value_range == "0-1":
        values = values / np.float32(255)
    centred = (values - choose_mean(model, port)) * np.float32(model.scale)
    return np.ascontiguousarray(centred.transpose(2, 0, 1), dtype=np.float32)


def choose_mean(model: Preprocess, port: Port) -> np.ndarray:
    """Mean to subtract, (3,), float32, in the network's channel order."""
    mean = np.array(model.mean, dtype=np.float32)
    if port.mean == "none":
        return np.zeros_like(mean)
    return mean[::-1] if port.mean == "swapped" else mean


def fit_image(pixels: np.ndarray, model: Preprocess, port: Port) -> np.ndarray:
    """Crop and resize uint8 pixels to the network's size, rounded to uint8 as OpenCV does."""
    if port.fit == "centre-crop":
        side = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    sizes_differ = pixels.shape[0] != model.height or (
        port.resize_when == "size-differs" and pixels.shape[1] != model.width
    )
    if not sizes_differ:
        return pixels
    kernel = model.resize if port.resize == "model" else port.resize
    resized = resize_image(pixels, model.height, model.width, kernel)
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def prepare_array(array: np.ndarray, convention: str, model: Preprocess, port: Port) -> np.ndarray:
    """Network input (C, H, W), float32, from a stored array of that shape (or with a 1 before it)."""
    if convention not in NPY_CONVENTIONS:
        raise InputError(f"npy convention {convention!r}: unknown; there are {', '.join(NPY_CONVENTIONS)}")
    values = quantise(check_array(array, model.height, model.width), convention, port)
    return np.ascontiguousarray(convert_array(values, convention, model, port), dtype=np.float32)


def check_array(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """A stored array as (3, height, width), float32; RefusedError unless it is that, of finite numbers."""
    if array.dtype.kind not in "fui":
        raise RefusedError(f"an array must hold numbers, not {array.dtype}")
    values = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
    if values.shape != (3, height, width):
        raise RefusedError(f"array is {array.shape}, the network takes (3, {height}, {width})")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise RefusedError("array holds values that are no finite numbers (as float32)")
    return values


def convert_array(values: np.ndarray, convention: str, model: Preprocess, port: Port) -> np.ndarray:
    """Apply the port's rule for stored arrays: as they are, turned to BGR, or converted properly."""
    if port.npy == "as-is":
        return values
    bgr = values[::-1] if convention == "raw-rgb" else values
    if port.npy == "to-bgr":
        return bgr
    ordered = bgr if model.channel_order == "bgr" else bgr[::-1]
    if convention == "bgr-minus-mean":
        return ordered
    mean = np.array(model.mean, dtype=np.float32)[:, None, None]
    centred: np.ndarray = (ordered - mean) * np.float32(model.scale)
    return centred


def quantise(values: np.ndarray, convention: str, port: Port) -> np.ndarray:
    """Bring raw float pixels to whole levels 0-255, as code does that stores them as images."""
    if port.quantise == "none" or convention == "bgr-minus-mean":
        return values
    levels = np.rint(values) if port.quantise == "round" else np.trunc(values)
    return np.clip(levels, 0, 255).astype(np.float32)
