"""The reference backend against every layer written out pixel by pixel in plain Python."""

import itertools

import numpy as np
import pytest

from harness.backends import Settings, reference
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Lrn,
    Pooling,
    Relu,
    Softmax,
    build_network,
    convolved_size,
    pooled_size,
)

EXACT = {"rtol": 1e-12, "atol": 1e-12}  # float64, sums of at most a hundred terms of order 1


def compute(layer, bottom, weight=None, bias=None):
    return reference.compute_layer(layer, bottom, (weight, bias))


def convolve_literally(layer, image, weight, bias):
    """Caffe's cross-correlation of one image (C, H, W), a multiplication at a time."""
    sizes = [convolved_size(layer, image.shape[axis + 1], axis) for axis in (0, 1)]
    top = np.zeros((layer.num_output, *sizes))
    inputs, outputs = image.shape[0] // layer.group, layer.num_output // layer.group
    for out, row, column in np.ndindex(top.shape):
        total = 0.0 if bias is None else bias[out]
        for part, i, j in np.ndindex(inputs, *layer.kernel):
            y = row * layer.stride[0] - layer.pad[0] + i * layer.dilation[0]
            x = column * layer.stride[1] - layer.pad[1] + j * layer.dilation[1]
            if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                total += weight[out, part, i, j] * image[out // outputs * inputs + part, y, x]
        top[out, row, column] = total
    return top


def pool_literally(layer, image):
    """Caffe's pooling of one image (C, H, W): windows are clipped to the padded, then to the true bottom."""
    sizes = [pooled_size(layer, image.shape[axis + 1], axis) for axis in (0, 1)]
    top = np.zeros((image.shape[0], *sizes))
    for channel, row, column in np.ndindex(top.shape):
        begin = [place * layer.stride[axis] - layer.pad[axis] for axis, place in enumerate((row, column))]
        end = [
            min(begin[axis] + layer.kernel[axis], image.shape[axis + 1] + layer.pad[axis]) for axis in (0, 1)
        ]
        area = (end[0] - begin[0]) * (end[1] - begin[1])
        rows = range(max(begin[0], 0), min(end[0], image.shape[1]))
        columns = range(max(begin[1], 0), min(end[1], image.shape[2]))
        pixels = [image[channel, y, x] for y, x in itertools.product(rows, columns)]
        top[channel, row, column] = max(pixels) if layer.method == "max" else sum(pixels) / area
    return top


CONVOLUTIONS = {
    "vgg": {"kernel": (3, 3), "pad": (1, 1)},
    "valid": {"kernel": (3, 3)},
    "pointwise": {"kernel": (1, 1)},
    "oblong": {"kernel": (3, 5), "pad": (0, 2), "stride": (2, 1)},
    "strided": {"kernel": (3, 3), "pad": (1, 0), "stride": (2, 3)},
    "dilated": {"kernel": (3, 2), "pad": (2, 1), "dilation": (2, 3)},
    "grouped": {"kernel": (3, 3), "pad": (1, 1), "group": 2},
    "depthwise": {"kernel": (3, 3), "pad": (1, 1), "group": 4},
}


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("biased", [True, False])
def test_convolution_agrees_with_literal_loops(options, biased):
    rng = np.random.default_rng(3)
    layer = Convolution("conv", "data", "conv", 8, bias=biased, **options)
    bottom = rng.normal(size=(2, 4, 9, 8))
    weight = rng.normal(size=(8, 4 // layer.group, *layer.kernel))
    bias = rng.normal(size=8) if biased else None
    expected = np.stack([convolve_literally(layer, image, weight, bias) for image in bottom])
    np.testing.assert_allclose(compute(layer, bottom, weight, bias), expected, **EXACT)


def test_convolution_is_no_true_convolution():
    """A kernel turned by 180 degrees gives another result, so the comparison above can fail."""
    rng = np.random.default_rng(4)
    layer = Convolution("conv", "data", "conv", 2, (3, 3), pad=(1, 1))
    bottom, weight = rng.normal(size=(1, 3, 6, 6)), rng.normal(size=(2, 3, 3, 3))
    turned = compute(layer, bottom, np.ascontiguousarray(weight[:, :, ::-1, ::-1]), np.zeros(2))
    expected = convolve_literally(layer, bottom[0], weight, None)
    assert np.abs(turned[0] - expected).max() > 0.1


POOLINGS = {
    "vgg": {"kernel": (2, 2), "stride": (2, 2)},
    "overlapping": {"kernel": (3, 3), "stride": (2, 2)},
    "padded": {"kernel": (3, 3), "stride": (2, 2), "pad": (1, 1)},
    "widely padded": {"kernel": (4, 3), "stride": (2, 1), "pad": (3, 2)},
    "padded by half": {"kernel": (2, 2), "stride": (2, 2), "pad": (1, 1)},
    "spread": {"kernel": (2, 2), "stride": (3, 3), "pad": (1, 1)},
    "global": {"kernel": (7, 9), "stride": (1, 1)},
}


@pytest.mark.parametrize("options", POOLINGS.values(), ids=POOLINGS)
@pytest.mark.parametrize("method", ["max", "average"])
@pytest.mark.parametrize("size", [(7, 9), (8, 10)])
def test_pooling_agrees_with_literal_loops(options, method, size):
    bottom = np.random.default_rng(5).normal(size=(2, 3, *size)) - 3
    layer = Pooling("pool", "data", "pool", method, **options)
    expected = np.stack([pool_literally(layer, image) for image in bottom])
    np.testing.assert_allclose(compute(layer, bottom), expected, **EXACT)


def test_average_divides_a_clipped_window_by_its_area_with_padding():
    """Corner windows hold 4 of 9 pixels, yet Caffe divides by 9; beyond the padding nothing counts."""
    layer = Pooling("pool", "data", "pool", "average", (3, 3), (2, 2), (1, 1))
    top = compute(layer, np.ones((1, 1, 4, 4)))
    np.testing.assert_allclose(top[0, 0, 0], [4 / 9, 6 / 9, 2 / 6], **EXACT)


def test_inner_product_agrees_with_literal_loops():
    rng = np.random.default_rng(6)
    bottom, weight, bias = rng.normal(size=(2, 3, 2, 4)), rng.normal(size=(5, 24)), rng.normal(size=5)
    expected = np.empty((2, 5))
    for image, out in np.ndindex(2, 5):
        places = np.ndindex(3, 2, 4)
        expected[image, out] = bias[out] + sum(
            weight[out, (c * 2 + y) * 4 + x] * bottom[image, c, y, x] for c, y, x in places
        )
    layer = InnerProduct("fc", "data", "fc", 5)
    np.testing.assert_allclose(compute(layer, bottom, weight, bias), expected, **EXACT)


def test_lrn_agrees_with_literal_loops():
    bottom = np.random.default_rng(7).normal(size=(2, 7, 2, 3)) * 4
    layer = Lrn("norm", "data", "norm", local_size=5, alpha=0.3, beta=0.6, k=2.0)
    expected = np.empty_like(bottom)
    for n, c, y, x in np.ndindex(bottom.shape):
        squares = sum(bottom[n, other, y, x] ** 2 for other in range(max(c - 2, 0), min(c + 3, 7)))
        expected[n, c, y, x] = bottom[n, c, y, x] / (2.0 + 0.3 / 5 * squares) ** 0.6
    np.testing.assert_allclose(compute(layer, bottom), expected, **EXACT)


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_relu_keeps_what_is_positive_and_scales_the_rest(slope):
    bottom = np.array([[-2.0, -0.5, 0.0, 3.0]])
    top = compute(Relu("relu", "data", "relu", slope), bottom)
    np.testing.assert_array_equal(top, [[-2 * slope, -0.5 * slope, 0, 3]])


def test_softmax_sums_to_one_over_the_channels_however_large_they_are():
    bottom = np.array([[[[1000.0]], [[1001.0]], [[999.0]]]])
    top = compute(Softmax("prob", "data", "prob"), bottom)
    expected = np.exp([0.0, 1.0, -1.0]) / np.exp([0.0, 1.0, -1.0]).sum()
    np.testing.assert_allclose(top[0, :, 0, 0], expected, **EXACT)


def test_dropout_gives_a_copy():
    bottom = np.ones((1, 2))
    top = compute(Dropout("drop", "data", "drop"), bottom)
    assert (top == bottom).all()
    assert not np.shares_memory(top, bottom)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_layer_stays_in_its_precision(precision):
    layers = [
        Convolution("conv", "data", "conv", 4, (3, 3)),
        Relu("relu", "conv", "conv", 0.1),
        Lrn("norm", "conv", "norm"),
        Pooling("pool", "norm", "pool", "average", (2, 2), (2, 2)),
        InnerProduct("fc", "pool", "fc", 3),
        Softmax("prob", "fc", "prob"),
    ]
    network = build_network("small", "data", (2, 8, 8), layers)
    weights = {name: np.ones(shape, np.float32) for name, shape in network.parameter_shapes().items()}
    executor = reference.load(network, weights, Settings(precision=precision))
    value = executor.to_native(np.ones((1, 2, 8, 8)))
    for before, blob in zip(network.blobs, network.blobs[1:]):
        value = executor.forward(value, before.name, blob.name)
        assert value.dtype == precision, blob.name
        assert value.shape[1:] == blob.shape


def test_versions_name_numpy_and_its_blas():
    versions = reference.versions()
    assert versions["numpy"] == np.__version__
    assert versions["numpy blas"]
