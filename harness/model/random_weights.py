"""Networks of VGG-Face's shape with seeded random weights, for tests and benches that need no download."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Layer,
    Network,
    Pooling,
    Relu,
    Softmax,
    build_network,
)

CONVOLUTIONS_PER_BLOCK = (2, 2, 3, 3, 3)
# Root mean square of mean-subtracted pixels; dividing by it once brings every later blob to the order of 1.
INPUT_RMS = 64.0


def vgg_face_network(
    channels: Sequence[int] = (64, 128, 256, 512, 512),
    size: int = 224,
    fc: int = 4096,
    classes: int = 2622,
    name: str = "VGG_FACE_16_layers",
    depths: Sequence[int] = CONVOLUTIONS_PER_BLOCK,
) -> Network:
    """VGG-Face (Parkhi et al. 2015), or a narrower or shallower one by its names."""
    layers: list[Layer] = []
    below = "data"
    for block, (width, count) in enumerate(zip(channels, depths, strict=True), start=1):
        for position in range(1, count + 1):
            place = f"{block}_{position}"
            layers.append(Convolution(f"conv{place}", below, f"conv{place}", width, (3, 3), pad=(1, 1)))
            below = f"conv{place}"
            layers.append(Relu(f"relu{place}", below, below))
        layers.append(Pooling(f"pool{block}", below, f"pool{block}", "max", (2, 2), stride=(2, 2)))
        below = f"pool{block}"
    for number in (6, 7):
        top = f"fc{number}"
        layers += [
            InnerProduct(top, below, top, fc),
            Relu(f"relu{number}", top, top),
            Dropout(f"drop{number}", top, top),
        ]
        below = top
    layers += [InnerProduct("fc8", below, "fc8", classes), Softmax("prob", "fc8", "prob")]
    return build_network(name, "data", (3, size, size), layers)


def random_weights(network: Network, seed: int) -> dict[str, np.ndarray]:
    """Float32 parameters, He-initialised: normal weights of variance 2 / fan-in, small normal biases.

    The first layer is scaled for mean-subtracted pixels, so that activations stay near 1 throughout.
    """
    weights = {}
    for position, (name, shape) in enumerate(network.parameter_shapes().items()):
        generator = np.random.default_rng([seed, position])
        deviation = 0.01 if name.endswith(".bias") else (2.0 / int(np.prod(shape[1:]))) ** 0.5
        if position == 0:
            deviation /= INPUT_RMS
        values = generator.standard_normal(shape, dtype=np.float32)
        values *= np.float32(deviation)
        weights[name] = values
    return weights
