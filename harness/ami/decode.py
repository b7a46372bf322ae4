"""Image decoding by a named library: decoders differ by a few levels on the same JPEG file."""

from __future__ import annotations

import io
from typing import Callable, Dict

import numpy as np
from numpy.lib import format as npy_format

from harness.ami.errors import InputError


def decode_pillow(data: bytes) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8, by Pillow."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def decode_opencv(data: bytes) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8, by OpenCV."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("OpenCV cannot decode it")
    return np.ascontiguousarray(pixels[:, :, ::-1])


DECODERS: Dict[str, Callable[[bytes], np.ndarray]] = {"pillow": decode_pillow, "opencv": decode_opencv}


def decode_image(data: bytes, decoder: str) -> np.ndarray:
    """RGB pixels (H, W, 3), uint8; InputError where the decoder or the image is no good."""
    if decoder not in DECODERS:
        raise InputError(f"decoder {decoder!r}: unknown; there are {', '.join(DECODERS)}")
    try:
        return DECODERS[decoder](data)
    except ImportError as error:
        raise InputError(f"decoder {decoder}: {error}; install it or choose another") from error
    except Exception as error:  # decoders raise errors of many kinds on bad data
        raise InputError(f"not an image that {decoder} can decode ({error})") from error


def decode_array(data: bytes) -> np.ndarray:
    """Array of a `.npy` file; never unpickles."""
    try:
        array: np.ndarray = npy_format.read_array(io.BytesIO(data), allow_pickle=False)
        return array
    except Exception as error:  # a broken header ends in errors of many kinds
        raise InputError(f"not a .npy array of numbers ({error})") from error
