"""The resize kernels against OpenCV's: levels to the bit, maps of numbers nearly."""

import hashlib

import numpy as np
import pytest

from harness.core import resize
from harness.core.resize import find_nearest, resize_levels, resize_maps, resize_matrix

SIZES = [((4, 4), (8, 8)), ((24, 24), (28, 28)), ((13, 7), (29, 11)), ((50, 40), (24, 31)), ((1, 1), (5, 5))]
NETWORKS = (64, 224)
KERNELS = ("bicubic", "bilinear", "nearest")
GOLDEN = {
    "bicubic": "40de3d786e576d00bcbc2a05b4fad2f808bc4388ae52f60237bbebe50f44e6c1",
    "bilinear": "3f7632c0101e2801df449150b13a83dbe731b2c5dae2b78ba7de838cd28e6b42",
    "nearest": "30790e437c5098832831ca3a44881b3f05b27f32a679a526d6dbf4017746f0a0",
}


def draw(height, width, seed=0):
    """A colour image (height, width, 3): noise in one half, a gradient with edges in the other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    slope = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[:, :, None] + np.array([0, 60, 120])
    pixels[:, width // 2 :] = slope[:, width // 2 :].astype(np.uint8)
    return pixels


def list_sizes(count=150):
    """Sizes before and after: up, down, and both at once, to those of networks and to others."""
    sides = np.random.default_rng(7).integers(1, 400, (count, 4))
    for number, (height, width, high, wide) in enumerate(sides.tolist()):
        square = NETWORKS[number % 2]
        yield (height, width), (high, wide) if number % 3 == 0 else (square, square)


@pytest.fixture(name="cv2")
def find_opencv():
    """OpenCV's own code: its wheels hand bicubic resizing to Intel's IPP, which gives other levels."""
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    yield cv2
    cv2.ipp.setUseIPP(used)


def flag(cv2, kernel):
    return {"bicubic": cv2.INTER_CUBIC, "bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}[kernel]


@pytest.mark.parametrize("kernel", KERNELS)
def test_levels_are_opencv_s_to_the_bit(cv2, kernel):
    for before, (height, width) in list_sizes():
        pixels = draw(*before)
        expected = cv2.resize(pixels, (width, height), interpolation=flag(cv2, kernel))
        np.testing.assert_array_equal(
            resize_levels(pixels, height, width, kernel), expected, err_msg=f"{before} to {height}x{width}"
        )


def test_nearest_places_are_opencv_s_at_every_size(cv2):
    for side in range(1, 300):
        pixels = np.arange(side, dtype=np.uint16)[:, None]
        for size in (1, 7, 32, 64, 100, 224, 227):
            expected = cv2.resize(pixels, (1, size), interpolation=cv2.INTER_NEAREST)[:, 0]
            np.testing.assert_array_equal(find_nearest(side, size), expected)


@pytest.mark.parametrize(
    ("name", "value", "kernel"),
    [
        ("CUBIC_A", -0.5, "bicubic"),
        ("ONE", 1 << 12, "bicubic"),
        ("LANES", 16, "bicubic"),
        ("ONE", 1 << 10, "bilinear"),
    ],
)
def test_the_comparison_sees_other_arithmetic(cv2, monkeypatch, name, value, kernel):
    monkeypatch.setattr(resize, name, value)
    differing = 0
    for before, (height, width) in list_sizes():
        pixels = draw(*before)
        expected = cv2.resize(pixels, (width, height), interpolation=flag(cv2, kernel))
        differing += not np.array_equal(resize_levels(pixels, height, width, kernel), expected)
    assert differing


@pytest.mark.parametrize("kernel", KERNELS)
def test_levels_are_what_they_were(kernel):
    """The hash of what Debian 11's OpenCV 4.5.1 gives, where there is no OpenCV to ask."""
    digest = hashlib.sha256()
    for before, after in list_sizes(40):
        digest.update(resize_levels(draw(*before), *after, kernel).tobytes())
    assert digest.hexdigest() == GOLDEN[kernel]


@pytest.mark.parametrize("kernel", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_maps_are_opencv_s(cv2, kernel, before, after):
    maps = np.random.default_rng(1).random((2, *before)).astype(np.float32)
    rows, columns = (resize_matrix(*sides, kernel) for sides in zip(before, after, strict=True))
    for resized, one in zip(resize_maps(maps, rows, columns), maps, strict=True):
        expected = cv2.resize(one, after[::-1], interpolation=flag(cv2, kernel))
        np.testing.assert_allclose(resized, expected, atol=1e-5)


def test_the_comparison_of_maps_sees_another_cubic_parameter(cv2, monkeypatch):
    monkeypatch.setattr(resize, "CUBIC_A", -0.5)
    one = np.random.default_rng(1).random((4, 4)).astype(np.float32)
    rows = resize_matrix(4, 8, "bicubic")
    expected = cv2.resize(one, (8, 8), interpolation=cv2.INTER_CUBIC)
    assert np.abs(resize_maps(one, rows, rows) - expected).max() > 1e-2


def test_every_row_of_a_matrix_sums_to_one():
    for kernel in ("bicubic", "bilinear"):
        np.testing.assert_allclose(resize_matrix(9, 23, kernel).sum(axis=1), 1.0)
