"""A network as a differentiable function of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from harness.ami.errors import InputError
from harness.backends.check import check_network, check_weights
from harness.backends.pytorch import compute_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from harness.ami.network import Layer, Network
    from harness.ami.preprocess import Preprocess


class PixelModel(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Logits (N, classes) from RGB pixels (N, 3, H, W), float32, 0 to 255; preprocessing is part of it."""

    def __init__(
        self, layers: tuple[Layer, ...], tensors: dict[str, torch.Tensor], preprocess: Preprocess
    ) -> None:
        super().__init__()
        self.layers = layers
        self.tensors = tensors
        self.flipped = preprocess.channel_order == "bgr"
        self.scale = preprocess.scale
        self.mean = torch.tensor(preprocess.mean).reshape(1, 3, 1, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        ordered = pixels.flip(1) if self.flipped else pixels
        value = (ordered - self.mean) * self.scale
        for layer in self.layers:
            value = compute_layer(layer, value, self.tensors)
        return value


def build_pixel_model(
    network: Network, weights: Mapping[str, NDArray[np.float32]], preprocess: Preprocess
) -> PixelModel:
    """The network up to its logits, at test time; its weights are copied and not trained.

    Raises InputError where the weights are not the network's or the input sizes differ.
    """
    check_network(network)
    check_weights(network, weights)
    wanted = (3, preprocess.height, preprocess.width)
    if network.input.shape != wanted:
        raise InputError(f"network {network.name}: takes {network.input.shape}, preprocess makes {wanted}")
    span = network.span(network.input.name, network.logits.name)
    layers = tuple(layer for blob in span for layer in blob.layers)
    tensors: dict[str, Any] = {name: torch.tensor(weights[name]) for name in network.parameter_shapes()}
    return PixelModel(layers, tensors, preprocess).eval()
