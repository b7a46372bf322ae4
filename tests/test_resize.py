"""The resize kernels against OpenCV's."""

import numpy as np
import pytest

from harness.ami.resize import resize_image, resize_maps, resize_matrix

SIZES = [((4, 4), (8, 8)), ((24, 24), (28, 28)), ((13, 7), (29, 11)), ((50, 40), (24, 31)), ((1, 1), (5, 5))]


@pytest.mark.parametrize("kernel", ["bicubic", "bilinear", "nearest"])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_kernel_equals_opencv(kernel, before, after):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    flag = {"bicubic": cv2.INTER_CUBIC, "bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}[kernel]
    image = np.random.default_rng(1).random((*before, 3)).astype(np.float32)
    expected = cv2.resize(image, after[::-1], interpolation=flag)
    np.testing.assert_allclose(resize_image(image, *after, kernel), expected, atol=1e-5)


def test_the_comparison_sees_another_cubic_parameter(monkeypatch):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    monkeypatch.setattr("harness.ami.resize.CUBIC_A", -0.5)
    image = np.random.default_rng(1).random((4, 4, 3)).astype(np.float32)
    expected = cv2.resize(image, (8, 8), interpolation=cv2.INTER_CUBIC)
    assert np.abs(resize_image(image, 8, 8, "bicubic") - expected).max() > 1e-2


def test_every_row_of_a_matrix_sums_to_one():
    for kernel in ("bicubic", "bilinear", "nearest"):
        np.testing.assert_allclose(resize_matrix(9, 23, kernel).sum(axis=1), 1.0)


def test_maps_and_images_resize_alike():
    maps = np.random.default_rng(2).random((2, 3, 6, 5))
    rows, columns = resize_matrix(6, 10, "bicubic"), resize_matrix(5, 9, "bicubic")
    expected = resize_image(maps[1].transpose(1, 2, 0), 10, 9, "bicubic")
    np.testing.assert_allclose(resize_maps(maps, rows, columns)[1].transpose(1, 2, 0), expected)
