"""Small pictures of inputs, and of what an attack changed in them, made as data that a page can hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from harness.core.arrays import CONVENTIONS, Preprocess, show_levels
from harness.core.decode import decode_array, decode_image
from harness.core.errors import InputError
from harness.core.examples import read_file
from harness.report.html.example_lists import ListedExample, is_readable

SIDE = 128  # pixels of the longer side, twice what the page shows
MOST_FILE_BYTES = 64_000_000
MOST_PIXELS = 40_000_000
GREY = 128.0
DECODER = "pillow"


@dataclass(frozen=True)
class Picture:
    """Data addresses of the input and of `factor` times its difference from the clean source.

    The perturbation is empty where there is none to show; `factor` is then 0.
    """

    input: str
    perturbation: str = ""
    factor: float = 0


def make_pictures(
    wanted: Iterable[str], examples: Mapping[str, ListedExample], most: int, most_bytes: int
) -> dict[str, Picture | None]:
    """Pictures of the first so many examples, or so many bytes; None where a file is not there as it was."""
    pictures: dict[str, Picture | None] = {}
    room = most_bytes
    for name in islice(wanted, most):
        if room <= 0:
            break
        picture = pictures[name] = make_picture(name, examples)
        room -= len(picture.input) + len(picture.perturbation) if picture else 0
    return pictures


def make_picture(name: str, examples: Mapping[str, ListedExample]) -> Picture | None:
    """Picture of one example; None where its file cannot be read as one."""
    pixels = read_pixels(examples.get(name))
    if pixels is None:
        return None
    shown = encode_photo(shrink(to_levels(pixels), Image.Resampling.BOX))
    source = examples[name].example.source
    clean = read_pixels(examples.get(source)) if source != name else None
    if clean is None or clean.shape != pixels.shape:
        return Picture(shown)
    change = pixels - clean
    factor = choose_factor(change)
    amplified = to_levels(GREY + factor * change)
    return Picture(shown, encode_change(shrink(amplified, Image.Resampling.NEAREST)), factor)


def read_pixels(found: ListedExample | None) -> np.ndarray | None:
    """RGB levels (H, W, 3), float32, of an example whose file is whole; None otherwise."""
    if found is None or not is_readable(found.example.path, MOST_FILE_BYTES):
        return None
    try:
        data = read_file(found.example)
        if found.example.path.suffix.lower() == ".npy":
            return convert_array(decode_array(data), found)
        return decode_image(data, DECODER).astype(np.float32)
    except (InputError, OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def convert_array(array: np.ndarray, found: ListedExample) -> np.ndarray | None:
    """RGB levels (H, W, 3) of a stored array (3, H, W), by the convention that its list or its run names."""
    values = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
    if (
        values.ndim != 3
        or values.shape[0] != 3
        or values.size > MOST_PIXELS
        or values.dtype.kind not in "fui"
    ):
        return None
    npy = found.example.npy or found.origin.npy
    if npy not in CONVENTIONS:
        return None
    model = Preprocess(values.shape[1], values.shape[2], "bgr", found.origin.mean, found.origin.scale)
    return show_levels(np.nan_to_num(values.astype(np.float32)), npy, model).transpose(1, 2, 0)


def to_levels(values: np.ndarray) -> np.ndarray:
    """Whole levels 0 to 255, uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def choose_factor(change: np.ndarray) -> float:
    """Largest power of two that keeps a change, laid on grey, within the levels; 1 at least."""
    largest = float(np.abs(change).max(initial=0.0))
    return 1.0 if largest == 0 else float(max(1.0, 2.0 ** np.floor(np.log2((255 - GREY) / largest))))


def shrink(pixels: np.ndarray, kernel: Image.Resampling) -> Image.Image:
    """An image no larger than the page needs; small ones stay as they are."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    ratio = SIDE / max(image.size)
    if ratio >= 1:
        return image
    size = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
    return image.resize(size, kernel)


def encode_photo(image: Image.Image) -> str:
    """Data address of a JPEG."""
    return encode(image, "jpeg", quality=85)


def encode_change(image: Image.Image) -> str:
    """Data address of a lossless WebP: noise is what JPEG shows worst."""
    return encode(image, "webp", lossless=True, quality=0, method=0)


def encode(image: Image.Image, kind: str, **options: int) -> str:
    """Data address of an image."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
