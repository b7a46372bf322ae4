"""Layers that add up in an order that is known, written out number by number."""

import numpy as np

from harness.core.network import Convolution, InnerProduct, Relu, build_network
from harness.worker.masks import WEIGHT, Bench, bias_of
from harness.worker.sums import list_sums


def small_network(kernel=3, channels=3, outputs=4, size=7, bias=True):
    return build_network(
        "small",
        "data",
        (channels, size, size),
        [
            Convolution("c", "data", "c", outputs, (kernel, kernel), pad=(1, 1), bias=bias),
            Relu("r", "c", "c"),
            InnerProduct("f", "c", "f", outputs, bias=bias),
        ],
    )


def bench(add_up, network=None, which=0, batch_size=4, precision=np.float32):
    """A layer with the weights of masks, whose outputs `add_up` makes of values, weight and bias."""
    sum_ = list_sums(network or small_network())[which]
    biases = bias_of(sum_.layer.num_output) if sum_.layer.bias else [None] * sum_.layer.num_output

    def ask(values):
        if isinstance(sum_.layer, InnerProduct):
            windows = values.reshape(len(values), 1, -1)
        else:
            windows = cut(sum_, values)
        tops = [add_up(windows, precision(WEIGHT), None if b is None else precision(b)) for b in biases]
        top = np.stack(tops, axis=1).astype(precision)
        shape = (len(values), *sum_.stop.shape)
        return np.maximum(top.reshape(shape), 0)

    return Bench(sum_, ask, batch_size, np.dtype(precision))


def cut(sum_, values):
    """Windows (N, outputs, taps) of a padded batch."""
    layer = sum_.layer
    (rows, columns), (height, width) = sum_.outputs, layer.kernel
    padded = np.pad(values, ((0, 0), (0, 0), (layer.pad[0],) * 2, (layer.pad[1],) * 2))
    return np.stack(
        [
            padded[:, :, row : row + height, column : column + width].reshape(len(values), -1)
            for row in range(rows)
            for column in range(columns)
        ],
        axis=1,
    )


def fuse(first, second, third):
    """The first times the second plus the third, rounded once."""
    precision = type(second)
    return (first.astype(np.longdouble) * np.longdouble(second) + third).astype(precision)


def one_by_one(values, weight, bias):
    """The bias, then product by product."""
    total = np.zeros(values.shape[:-1], values.dtype) if bias is None else np.full(values.shape[:-1], bias)
    for tap in range(values.shape[-1]):
        total = total + values[..., tap] * weight
    return total


def backwards(values, weight, bias):
    """From the last product to the first, then the bias."""
    total = one_by_one(values[..., ::-1], weight, None)
    return total if bias is None else total + bias


def fused(values, weight, bias):
    """The bias, then every product added without being rounded."""
    total = np.zeros(values.shape[:-1], values.dtype) if bias is None else np.full(values.shape[:-1], bias)
    for tap in range(values.shape[-1]):
        total = fuse(values[..., tap], weight, total)
    return total


def pairwise(values, weight, bias):
    """Halves, and halves of halves, then the bias."""

    def halve(products):
        if products.shape[-1] == 1:
            return products[..., 0]
        half = products.shape[-1] // 2
        return halve(products[..., :half]) + halve(products[..., half:])

    total = halve(values * weight)
    return total if bias is None else total + bias


def in_lanes(values, weight, bias, lanes=8):
    """Eight sums side by side, fused, which are added up in pairs; then the bias."""
    sums = [np.zeros(values.shape[:-1], values.dtype) for _ in range(lanes)]
    for tap in range(values.shape[-1]):
        sums[tap % lanes] = fuse(values[..., tap], weight, sums[tap % lanes])
    while len(sums) > 1:
        sums = [first + second for first, second in zip(sums[::2], sums[1::2])]
    return sums[0] if bias is None else sums[0] + bias


def in_blocks(values, weight, bias, block=10):
    """Blocks one after the other onto the bias, each from nothing."""
    total = np.zeros(values.shape[:-1], values.dtype) if bias is None else np.full(values.shape[:-1], bias)
    for start in range(0, values.shape[-1], block):
        total = total + one_by_one(values[..., start : start + block], weight, None)
    return total


def widely(values, weight, bias):
    """Product by product in float64, rounded at the end."""
    total = one_by_one(values.astype(np.float64), np.float64(weight), None)
    return (total if bias is None else total + np.float64(bias)).astype(values.dtype)


def compensated(values, weight, bias):
    """Kahan's sum, which keeps what rounding loses."""
    total, lost = np.zeros(values.shape[:-1], values.dtype), np.zeros(values.shape[:-1], values.dtype)
    for tap in range(values.shape[-1]):
        step = values[..., tap] * weight - lost
        more = total + step
        lost, total = (more - total) - step, more
    return total if bias is None else total + bias
