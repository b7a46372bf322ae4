"""Stored arrays: the conventions that their values may follow, and what a network was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

import numpy as np

from harness.core.errors import InputError, RefusedError

Triple = Tuple[float, float, float]
LARGEST = 1e38  # of what float32 has; a scale's inverse is taken, too
HALF: Triple = (0.5, 0.5, 0.5)
TORCHVISION: Tuple[Triple, Triple] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Convention:
    """How an array's values come from levels 0-255: (levels / unit - mean) / deviation, channels in `order`.

    Mean and deviation are of R, G and B; without a mean it is the model's, and its scale, that were applied.
    """

    order: str
    unit: float = 1.0
    mean: Optional[Triple] = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)

    @property
    def is_raw(self) -> bool:
        """Whether its values are levels 0-255 themselves."""
        return self.unit == 1 and self.mean == (0, 0, 0)


CONVENTIONS: Dict[str, Convention] = {
    "raw-rgb": Convention("rgb"),
    "raw-bgr": Convention("bgr"),
    "rgb-minus-mean": Convention("rgb", mean=None),
    "bgr-minus-mean": Convention("bgr", mean=None),
    "unit-rgb": Convention("rgb", 255),
    "unit-bgr": Convention("bgr", 255),
    "centred-rgb": Convention("rgb", 255, HALF),
    "centred-bgr": Convention("bgr", 255, HALF),
    "signed-rgb": Convention("rgb", 255, HALF, HALF),
    "signed-bgr": Convention("bgr", 255, HALF, HALF),
    "imagenet-rgb": Convention("rgb", 255, *TORCHVISION),
    "imagenet-bgr": Convention("bgr", 255, *TORCHVISION),
}
NPY_CONVENTIONS = tuple(CONVENTIONS)


@dataclass(frozen=True)
class Preprocess:
    """What the network was trained on; `mean` is per channel, in `channel_order`, before `scale`."""

    height: int
    width: int
    channel_order: str = "bgr"
    mean: Triple = (0.0, 0.0, 0.0)
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
    if chosen.scale == 0:
        raise InputError("preprocess: scale = 0 leaves nothing of an image; leave it out, or set what it is")
    if max(map(abs, chosen.mean)) > LARGEST or not 1 / LARGEST <= abs(chosen.scale) <= LARGEST:
        raise InputError(
            f"preprocess: mean = {list(chosen.mean)}, scale = {chosen.scale!r}; inputs are float32, so means"
            f" lie below {LARGEST:g} and a scale between {1 / LARGEST:g} and that"
        )
    return chosen


def check_array(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """A stored array as (3, height, width), float32; RefusedError unless it is that, of finite numbers."""
    if array.dtype.kind not in "fui":
        raise RefusedError(f"an array must hold numbers, not {array.dtype}")
    values = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
    if values.shape != (3, height, width):
        last = "; its channels come last: transpose it" if values.shape == (height, width, 3) else ""
        raise RefusedError(f"array is {array.shape}, the network takes (3, {height}, {width}){last}")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise RefusedError("array holds values that are no finite numbers (as float32)")
    return values


def show_levels(values: np.ndarray, convention: str, model: Preprocess) -> np.ndarray:
    """RGB levels (3, H, W), float32, that stored values show if they hold what a convention says."""
    gain, offset = find_line(convention, model)
    rgb = values if CONVENTIONS[convention].order == "rgb" else values[::-1]
    with np.errstate(over="ignore"):  # of values that hold nothing of the kind
        levels: np.ndarray = rgb * gain[:, None, None] + offset[:, None, None]
    return levels


def store_levels(levels: np.ndarray, convention: str, model: Preprocess) -> np.ndarray:
    """Values (3, H, W), float32, of an array that holds RGB levels as a convention says."""
    gain, offset = find_line(convention, model)
    rgb = (levels - offset[:, None, None]) / gain[:, None, None]
    return rgb if CONVENTIONS[convention].order == "rgb" else rgb[::-1]


def find_line(convention: str, model: Preprocess) -> Tuple[np.ndarray, np.ndarray]:
    """Gain and offset of R, G and B, (3,) each, float32, that make levels of stored values."""
    held = CONVENTIONS[convention]
    if held.mean is None:
        mean = model.mean if model.channel_order == "rgb" else model.mean[::-1]
        gain, offset = np.full(3, 1 / model.scale), np.array(mean)
    else:
        gain, offset = held.unit * np.array(held.deviation), held.unit * np.array(held.mean)
    return gain.astype(np.float32), offset.astype(np.float32)
