"""Image decoding by a named library: decoders may give different levels of the same JPEG file."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
from numpy.lib import format as npy_format

from harness.core.errors import InputError, RefusedError
from harness.core.image_headers import check_size, inspect_image

MAGIC = b"\x93NUMPY"
JPEG_MAGIC = b"\xff\xd8"
READ_HEADER: Dict[Tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}
MOST_HEADER_BYTES = 10_000  # old NumPy sets no limit of its own


def decode_pillow(data: bytes) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8, by Pillow."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def decode_opencv(data: bytes) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8, by OpenCV; never turned, as Pillow never does."""
    import cv2

    how = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), how)
    if pixels is None:
        raise ValueError("OpenCV cannot decode it")
    return np.ascontiguousarray(pixels[:, :, ::-1])


def decode_libjpeg(data: bytes) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8: a JPEG's by libjpeg 9e of the Independent JPEG Group, others' by Pillow.

    Since its version 7, libjpeg brings halved colours back to size by the transform itself; libjpeg-turbo, in
    Pillow and OpenCV, interpolates them as version 6b does.
    """
    import jpeglib

    if not data.startswith(JPEG_MAGIC):
        return decode_pillow(data)
    jpeglib.version.set("9e")
    with tempfile.TemporaryDirectory() as folder:  # it reads files alone
        path = Path(folder) / "image.jpg"
        path.write_bytes(data)
        try:
            return np.asarray(jpeglib.read_spatial(str(path), out_color_space=jpeglib.JCS_RGB).spatial)
        except OSError as error:  # it names the file, which is another one each time
            raise ValueError("libjpeg 9e cannot decode it") from error


DECODERS: Dict[str, Callable[[bytes], np.ndarray]] = {
    "pillow": decode_pillow,
    "opencv": decode_opencv,
    "libjpeg-9e": decode_libjpeg,
}


def decode_image(data: bytes, decoder: str) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8.

    InputError where there is no such decoder; RefusedError where the image is no good, or of a kind that
    decoders do not read alike.
    """
    if decoder not in DECODERS:
        raise InputError(f"decoder {decoder!r}: unknown; there are {', '.join(DECODERS)}")
    header = inspect_image(data)
    try:
        pixels = DECODERS[decoder](data)
    except ImportError as error:
        raise InputError(f"decoder {decoder}: {error}; install it or choose another") from error
    except Exception as error:  # decoders raise errors of many kinds on bad data
        raise RefusedError(f"is not an image that {decoder} can decode ({name_error(error)})") from error
    if pixels.shape != (header.height, header.width, 3):
        raise RefusedError(
            f"is of {header.width}x{header.height} pixels by its header, but decoded {pixels.shape}"
        )
    return pixels


def decode_array(data: bytes) -> np.ndarray:
    """Array of numbers of a `.npy` file; RefusedError where it is none. Never unpickles."""
    check_array_header(data)
    try:
        array: np.ndarray = npy_format.read_array(io.BytesIO(data), allow_pickle=False)
        return array
    except Exception as error:  # a broken header ends in errors of many kinds
        raise RefusedError(f"is not a .npy array of numbers ({name_error(error)})") from error


def check_array_header(data: bytes) -> None:
    """Refuse what is no array, no numbers, or not whole, before memory is taken for it."""
    check_size(len(data))
    if not data.startswith(MAGIC):
        raise RefusedError("is not a .npy array: it does not begin as one")
    shape, dtype, start = read_array_header(data)
    if dtype.hasobject:
        raise RefusedError("is not a .npy array of numbers: it holds Python objects, which are never read")
    if dtype.kind not in "fui":
        raise RefusedError(f"is not a .npy array of numbers: it holds {dtype}")
    wanted, there = dtype.itemsize, len(data) - start
    for side in shape:
        wanted *= side
    if wanted > there:
        raise RefusedError(f"is cut off: an array {shape} of {dtype} takes {wanted} bytes, it has {there}")


def read_array_header(data: bytes) -> Tuple[Tuple[int, ...], Any, int]:
    """Shape, dtype and start of the values of a `.npy` file; RefusedError where its header is damaged."""
    file = io.BytesIO(data)
    try:
        shape, _, dtype = choose_header_reader(data, npy_format.read_magic(file))(file)
    except Exception as error:  # the header is Python text, and broken ones end in errors of many kinds
        raise RefusedError(f"is not a .npy array: its header is damaged ({name_error(error)})") from error
    if any(side < 0 for side in shape):
        raise RefusedError(f"is not a .npy array: its header is damaged (shape {shape})")
    return shape, dtype, file.tell()


def choose_header_reader(data: bytes, version: Tuple[int, int]) -> Callable[..., Any]:
    """NumPy's reader of a version's headers; ValueError where there is none, or the header is too long."""
    length = int.from_bytes(data[8:10] if version == (1, 0) else data[8:12], "little")
    if version not in READ_HEADER or length > MOST_HEADER_BYTES:
        raise ValueError(f"version {version}, header of {length} bytes")
    return READ_HEADER[version]


def name_error(error: Exception) -> str:
    """Start of an error's first line, without addresses in memory: records must not differ by them."""
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", str(error)) or type(error).__name__
    return text.splitlines()[0][:200]
