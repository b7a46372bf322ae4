"""Networks as differentiable functions of pixels: the plain pass, and AmI's steered pass beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from harness.ami.detection import Detector, build_detector, run_plain, run_steered
from harness.ami.port import Port
from harness.ami.steering import Parameters
from harness.ami.witnesses import Entries
from harness.backends.check import check_network, check_weights
from harness.backends.pytorch import compute_layer
from harness.core.arrays import Preprocess
from harness.core.errors import InputError
from harness.core.network import Layer, Network

LARGEST_EXPONENT = 80.0  # e^80 is still a float32, and steering uses no larger power than 1
Tensors = dict[str, torch.Tensor]


class PixelModel(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Logits (N, classes) from RGB pixels (N, 3, H, W), float32, 0 to 255; preprocessing is part of it."""

    def __init__(self, layers: tuple[Layer, ...], tensors: Tensors, preprocess: Preprocess) -> None:
        super().__init__()
        self.layers = layers
        self.tensors = tensors
        self.flipped = preprocess.channel_order == "bgr"
        self.scale = preprocess.scale
        device = next(iter(tensors.values())).device
        self.mean = torch.tensor(preprocess.mean, device=device).reshape(1, 3, 1, 1)

    def prepare(self, pixels: torch.Tensor) -> torch.Tensor:
        """The network's input."""
        ordered = pixels.flip(1) if self.flipped else pixels
        return (ordered - self.mean) * self.scale

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        value = self.prepare(pixels)
        for layer in self.layers:
            value = compute_layer(layer, value, self.tensors)
        return value


class SteeredModel(nn.Module):  # type: ignore[misc]
    """Logits of both passes side by side, (N, 2 * classes), from pixels as in `PixelModel`."""

    def __init__(self, pixels: PixelModel, detector: Detector) -> None:
        super().__init__()
        self.pixels = pixels
        self.detector = detector

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Original's logits, then Attribute's."""
        value = self.pixels.prepare(pixels)
        plain = run_plain(self.detector.executor, value)
        return torch.cat([plain, run_steered(self.detector, value)], dim=1)


class GradientExecutor:
    """The PyTorch backend's passes, with gradients: `harness.ami` steers over it as over any executor."""

    def __init__(self, network: Network, tensors: Tensors) -> None:
        self.network = network
        self.tensors = tensors
        self.device = next(iter(tensors.values())).device
        self.xp: Any = SimpleNamespace(
            where=torch.where,
            ones_like=torch.ones_like,
            zeros_like=torch.zeros_like,
            minimum=torch.minimum,
            sqrt=take_root,
            exp=take_power,
        )

    def forward(self, value: torch.Tensor, start: str, stop: str) -> torch.Tensor:
        """Value of blob `stop` from the value of `start`."""
        for blob in self.network.span(start, stop):
            for layer in blob.layers:
                value = compute_layer(layer, value, self.tensors)
        return value

    def to_native(self, array: NDArray[Any]) -> torch.Tensor:
        """A constant of the parameters' precision."""
        kind = next(iter(self.tensors.values())).dtype
        return torch.tensor(np.asarray(array), dtype=kind, device=self.device)

    def to_numpy(self, value: torch.Tensor) -> NDArray[Any]:
        """A copy in main memory, without its gradients."""
        return np.array(value.detach().cpu().numpy())


def take_root(value: torch.Tensor) -> torch.Tensor:
    """Square root whose slope at 0 is 0.

    Steering replaces a deviation of 0, but backwards the infinite slope times the 0 that replaced it is NaN.
    """
    positive = value > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, value, torch.ones_like(value))), value * 0)


def take_power(value: torch.Tensor) -> torch.Tensor:
    """Exponential; steering discards powers above 1, whose overflow would be NaN backwards."""
    return torch.exp(value.clamp(max=LARGEST_EXPONENT))


def build_pixel_model(
    network: Network,
    weights: Mapping[str, NDArray[np.float32]],
    preprocess: Preprocess,
    device: str = "cpu",
) -> PixelModel:
    """The network up to its logits, at test time; its weights are copied and not trained.

    Raises InputError where the weights are not the network's, the input sizes differ, or there is no device.
    """
    check_network(network)
    check_weights(network, weights)
    check_device(device)
    wanted = (3, preprocess.height, preprocess.width)
    if network.input.shape != wanted:
        raise InputError(f"network {network.name}: takes {network.input.shape}, preprocess makes {wanted}")
    span = network.span(network.input.name, network.logits.name)
    layers = tuple(layer for blob in span for layer in blob.layers)
    tensors = {name: torch.tensor(weights[name]).to(device) for name in network.parameter_shapes()}
    return PixelModel(layers, tensors, preprocess).eval()


def build_steered_model(
    pixels: PixelModel,
    walked: Network,
    entries: Entries,
    port: Port,
    parameters: Parameters,
) -> SteeredModel:
    """Both passes of AmI over a pixel model's weights; `walked` has the blobs that the port steers.

    Its statistics are added up term by term, whatever the port's arithmetic, so that gradients follow them.
    """
    executor, port = GradientExecutor(walked, pixels.tensors), replace(port, arithmetic="term-by-term")
    return SteeredModel(pixels, build_detector(executor, entries, port, parameters)).eval()


def check_device(device: str) -> None:
    """Refuse a device that is not there."""
    if device not in {"cpu", "cuda"}:
        raise InputError(f"device {device}: unknown; there are cpu and cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: this PyTorch finds no CUDA device; choose cpu")
