"""JPEG decoders on the bundled examples: which give equal pixels, and which do not."""

from pathlib import Path

import numpy as np
import picture_files as files
import pytest

from harness.core.decode import decode_image
from harness.core.errors import RefusedError

JPEGS = sorted((Path(__file__).parents[2] / "models" / "tiny-vgg-face" / "examples" / "jpeg").glob("*.jpg"))


def decode_all(decoder):
    return [decode_image(path.read_bytes(), decoder).astype(int) for path in JPEGS]


def test_builds_of_libjpeg_turbo_give_equal_pixels():
    for needed in ("PIL", "cv2"):
        pytest.importorskip(needed)
    pairs = zip(decode_all("pillow"), decode_all("opencv"), strict=True)
    assert [np.array_equal(*pair) for pair in pairs] == [True] * 50


def test_libjpeg_9e_gives_other_pixels_of_every_one():
    for needed in ("PIL", "jpeglib"):
        pytest.importorskip(needed)
    differences = [
        np.abs(one - other) for one, other in zip(decode_all("pillow"), decode_all("libjpeg-9e"), strict=True)
    ]
    assert [bool(one.any()) for one in differences] == [True] * 50
    assert max(int(one.max()) for one in differences) == 37
    assert 0.4 < np.mean([(one != 0).mean() for one in differences]) < 0.5
    assert np.mean([one.mean() for one in differences]) < 4  # the same picture


def test_libjpeg_s_reason_is_the_same_each_time():
    pytest.importorskip("jpeglib")
    whole = files.encode()
    tables = whole.index(b"\xff\xc4")
    broken = whole[: tables + 5] + b"\xff" * 16 + whole[tables + 21 :]
    reasons = set()
    for _ in range(2):
        with pytest.raises(RefusedError) as caught:
            decode_image(broken, "libjpeg-9e")
        reasons.add(str(caught.value))
    assert reasons == {"is not an image that libjpeg-9e can decode (libjpeg 9e cannot decode it)"}


def test_what_is_no_jpeg_goes_to_pillow():
    pytest.importorskip("jpeglib")
    data = files.plain_png()
    np.testing.assert_array_equal(decode_image(data, "libjpeg-9e"), files.draw_face())
