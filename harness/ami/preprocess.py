"""From a decoded image or a stored array to the network's input, with every choice explicit."""

from __future__ import annotations

import numpy as np

from harness.ami.port import Port
from harness.core.arrays import CONVENTIONS, NPY_CONVENTIONS, Preprocess, check_array, show_levels
from harness.core.errors import InputError, RefusedError
from harness.core.resize import resize_levels


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
    with np.errstate(over="ignore"):
        centred = (values - choose_mean(model, port)) * np.float32(model.scale)
    return check_input(np.ascontiguousarray(centred.transpose(2, 0, 1), dtype=np.float32), model)


def check_input(values: np.ndarray, model: Preprocess) -> np.ndarray:
    """The network's input; RefusedError where mean and scale leave values that float32 does not have."""
    if not np.isfinite(values).all():
        raise RefusedError(
            f"its input holds values beyond float32 with mean = {list(model.mean)} and scale ="
            f" {model.scale!r}; set what the network was trained on"
        )
    return values


def choose_mean(model: Preprocess, port: Port) -> np.ndarray:
    """Mean to subtract, (3,), float32, in the network's channel order."""
    mean = np.array(model.mean, dtype=np.float32)
    if port.mean == "none":
        return np.zeros_like(mean)
    return mean[::-1] if port.mean == "swapped" else mean


def fit_image(pixels: np.ndarray, model: Preprocess, port: Port) -> np.ndarray:
    """Crop and resize uint8 pixels to the network's size, to the levels that OpenCV gives."""
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
    return resize_levels(pixels, model.height, model.width, kernel)


def prepare_array(array: np.ndarray, convention: str, model: Preprocess, port: Port) -> np.ndarray:
    """Network input (C, H, W), float32, from a stored array of that shape (or with a 1 before it)."""
    if convention not in NPY_CONVENTIONS:
        raise InputError(f"npy convention {convention!r}: unknown; there are {', '.join(NPY_CONVENTIONS)}")
    values = quantise(check_array(array, model.height, model.width), convention, port)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite level minus an infinite mean
        converted = convert_array(values, convention, model, port)
    return check_input(np.ascontiguousarray(converted, dtype=np.float32), model)


def convert_array(values: np.ndarray, convention: str, model: Preprocess, port: Port) -> np.ndarray:
    """Apply the port's rule for stored arrays: as they are, turned to BGR, or converted properly."""
    held = CONVENTIONS[convention]
    if port.npy == "as-is":
        return values
    if port.npy == "to-bgr":
        return values if held.order == "bgr" else values[::-1]
    if held.mean is None:
        return values if held.order == model.channel_order else values[::-1]
    levels = show_levels(values, convention, model)
    ordered = levels if model.channel_order == "rgb" else levels[::-1]
    mean = np.array(model.mean, dtype=np.float32)[:, None, None]
    centred: np.ndarray = (ordered - mean) * np.float32(model.scale)
    return centred


def quantise(values: np.ndarray, convention: str, port: Port) -> np.ndarray:
    """Bring raw float pixels to whole levels 0-255, as code does that stores them as images."""
    if port.quantise == "none" or not CONVENTIONS[convention].is_raw:
        return values
    levels = np.rint(values) if port.quantise == "round" else np.trunc(values)
    return np.clip(levels, 0, 255).astype(np.float32)
