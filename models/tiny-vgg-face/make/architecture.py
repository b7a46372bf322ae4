"""The VGG-Face chain at a quarter of its width: as our network, as a module to train, and folded."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

from harness.core.network import Convolution, Dropout, InnerProduct, Layer, Network, Pooling, Relu
from harness.model.random_weights import vgg_face_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "tiny-vgg-face"
MEAN_BGR = (93.5940, 104.7624, 129.1863)
CHANNELS = (16, 32, 64, 128, 128)
SIZE = 64
HIDDEN = 256
DROP = 0.3


def describe_network(identities: int) -> Network:
    """The chain `data, conv1_1, ..., fc8, prob` with VGG-Face's names."""
    return vgg_face_network(CHANNELS, SIZE, HIDDEN, identities, name=NAME)


def build_learner(network: Network) -> nn.Sequential:
    """The chain up to its logits, to be trained: all weighted layers but fc8 are batch-normalised."""
    learner = nn.Sequential()
    for before, blob in pairwise(network.blobs):
        for layer in blob.layers:
            add_layer(learner, layer, before.shape)
    return learner


def add_layer(chain: nn.Sequential, layer: Layer, bottom: tuple[int, ...]) -> None:
    """Append what trains one layer."""
    if isinstance(layer, Convolution):
        chain.add_module(layer.name, nn.Conv2d(bottom[0], layer.num_output, 3, padding=1, bias=False))
        chain.add_module(f"norm_{layer.name}", nn.BatchNorm2d(layer.num_output))
    elif isinstance(layer, Pooling):
        chain.add_module(layer.name, nn.MaxPool2d(2))
    elif isinstance(layer, InnerProduct):
        add_inner_product(chain, layer, bottom)
    elif isinstance(layer, Relu):
        chain.add_module(layer.name, nn.ReLU())
    elif isinstance(layer, Dropout):
        chain.add_module(layer.name, nn.Dropout(DROP))


def add_inner_product(chain: nn.Sequential, layer: InnerProduct, bottom: tuple[int, ...]) -> None:
    """Append a fully connected layer; all but the last are normalised."""
    if len(bottom) == 3:
        chain.add_module("flatten", nn.Flatten())
    last = layer.name == "fc8"
    inputs = int(torch.tensor(bottom).prod())
    chain.add_module(layer.name, nn.Linear(inputs, layer.num_output, bias=last))
    if not last:
        chain.add_module(f"norm_{layer.name}", nn.BatchNorm1d(layer.num_output))


def fold_learner(learner: nn.Sequential) -> dict[str, NDArray[np.float32]]:
    """Weights of the plain chain (`LAYER.weight`, `LAYER.bias`), normalisation multiplied in (in float64)."""
    weights: dict[str, NDArray[np.float32]] = {}
    modules = dict(learner.named_children())
    for name, module in modules.items():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        weight = module.weight.detach().double()
        bias = torch.zeros(len(weight)).double() if module.bias is None else module.bias.detach().double()
        norm = modules.get(f"norm_{name}")
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            weight, bias = fold_norm(norm, weight, bias)
        weights[f"{name}.weight"] = weight.float().contiguous().numpy()
        weights[f"{name}.bias"] = bias.float().numpy()
    return weights


def fold_norm(
    norm: nn.BatchNorm1d | nn.BatchNorm2d, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias that do what a layer and its normalisation do at test time."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("normalisation without running statistics cannot be folded")
    factor = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    shaped = factor.reshape(-1, *[1] * (weight.dim() - 1))
    return weight * shaped, norm.bias.detach().double() + (bias - norm.running_mean.double()) * factor
