"""PyTorch, 1.13 and later, on the processor or on CUDA."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Mapping, Tuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody gives it

from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value, check_weights
from harness.backends.reference import average_divisors, pool_margins
from harness.core.errors import InputError
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Layer,
    Lrn,
    Network,
    Pooling,
    Relu,
    Softmax,
)

Parameters = Dict[str, torch.Tensor]
CUDA_CHOICES = {"tf32": (False, True), "deterministic": (True, False)}
BUILD_LINES = (
    "oneDNN",
    "MKL-DNN",
    "Math Kernel Library",
    "Math Library",
    "CPU capability",
    "BLAS_INFO",
    "CuDNN",
)


def versions() -> Dict[str, str]:
    """PyTorch, what it was built with, and the instruction set it chose."""
    found = {"torch": torch.__version__, "numpy": np.__version__}
    lines = [line.strip(" -") for line in torch.__config__.show().splitlines()]
    known = [
        line for line in lines if any(word in line for word in BUILD_LINES) and "Build settings" not in line
    ]
    found["torch build"] = "; ".join(known)
    found["torch mkldnn"] = str(torch.backends.mkldnn.is_available())
    if torch.version.cuda:
        found["cuda"] = torch.version.cuda
        found["cudnn"] = str(torch.backends.cudnn.version())
    return found


def load(network: Network, weights: Mapping[str, np.ndarray], settings: Settings) -> PytorchExecutor:
    """An executor on `settings.device`; the number of threads is set for the whole process."""
    more = CUDA_CHOICES if settings.device == "cuda" else {}
    check_settings("pytorch", settings, device=("cpu", "cuda"), **more)
    check_network(network)
    check_weights(network, weights)
    torch.set_num_threads(settings.threads)
    if settings.device == "cuda":
        prepare_cuda(settings)
    tensors = {name: share_array(weights[name]).to(settings.device) for name in network.parameter_shapes()}
    return PytorchExecutor(network, tensors, settings.device)


def prepare_cuda(settings: Settings) -> None:
    """Full float32 products and repeatable kernels unless asked otherwise; InputError without a GPU."""
    if not torch.cuda.is_available():
        raise InputError("backend pytorch: this PyTorch finds no CUDA device; choose device cpu")
    torch.backends.cuda.matmul.allow_tf32 = settings.tf32
    torch.backends.cudnn.allow_tf32 = settings.tf32
    torch.backends.cudnn.deterministic = settings.deterministic
    torch.backends.cudnn.benchmark = False


def share_array(array: np.ndarray) -> torch.Tensor:
    """A tensor over the array's own memory: mapped parameters stay shared between processes."""
    with warnings.catch_warnings():  # nothing here writes to a parameter
        warnings.filterwarnings("ignore", "The given NumPy array is not writ", UserWarning)
        return torch.from_numpy(np.asarray(array))


class PytorchExecutor:
    """A network over float32 tensors."""

    xp: Any = torch

    def __init__(self, network: Network, tensors: Parameters, device: str) -> None:
        self.network = network
        self.device = device
        self._tensors = tensors

    def forward(self, value: torch.Tensor, start: str, stop: str) -> torch.Tensor:
        """Value of blob `stop`, always a new tensor; InputError for names or values that do not fit."""
        span = check_value(self.network, value, "float32", start, stop)
        with torch.no_grad():
            for layer in (layer for blob in span for layer in blob.layers):
                value = compute_layer(layer, value, self._tensors)
        return value

    def to_native(self, array: np.ndarray) -> torch.Tensor:
        """A float32 copy on the executor's device."""
        return torch.from_numpy(np.array(array, dtype=np.float32, order="C")).to(self.device)

    def to_numpy(self, value: torch.Tensor) -> np.ndarray:
        """A copy in main memory."""
        return np.array(value.detach().cpu().numpy())


def compute_layer(layer: Layer, value: torch.Tensor, tensors: Parameters) -> torch.Tensor:
    """A layer's top, a new tensor, from its bottom (N, C, H, W) or (N, C)."""
    operation: Callable[[Any, torch.Tensor, Parameters], torch.Tensor] = OPERATIONS[type(layer)]
    return operation(layer, value, tensors)


def convolve(layer: Convolution, value: torch.Tensor, tensors: Parameters) -> torch.Tensor:
    """Cross-correlation."""
    weight, bias = tensors[f"{layer.name}.weight"], tensors.get(f"{layer.name}.bias")
    return F.conv2d(value, weight, bias, layer.stride, layer.pad, layer.dilation, layer.group)


def multiply(layer: InnerProduct, value: torch.Tensor, tensors: Parameters) -> torch.Tensor:
    """Fully connected, (N, out)."""
    return F.linear(value.flatten(1), tensors[f"{layer.name}.weight"], tensors.get(f"{layer.name}.bias"))


def rectify(layer: Relu, value: torch.Tensor, _tensors: Parameters) -> torch.Tensor:
    """max(x, 0) + negative_slope * min(x, 0)."""
    return F.leaky_relu(value, layer.negative_slope) if layer.negative_slope else F.relu(value)


def pool(layer: Pooling, value: torch.Tensor, _tensors: Parameters) -> torch.Tensor:
    """Max or average pooling; padded by hand, because ceil_mode and wide pads differ from Caffe."""
    bottom: Tuple[int, ...] = tuple(value.shape[1:])
    above, left, below, right = pool_margins(layer, bottom)
    maximum = layer.method == "max"
    if above or left or below or right:
        value = F.pad(value, (left, right, above, below), value=float("-inf") if maximum else 0.0)
    if maximum:
        return F.max_pool2d(value, layer.kernel, layer.stride)
    divisors = torch.from_numpy(average_divisors(layer, bottom)).to(value)
    return F.avg_pool2d(value, layer.kernel, layer.stride, divisor_override=1) / divisors


def normalise(layer: Lrn, value: torch.Tensor, _tensors: Parameters) -> torch.Tensor:
    """Each channel over a power of the sum of squares of the channels around it."""
    return F.local_response_norm(value, layer.local_size, layer.alpha, layer.beta, layer.k)


def copy(_layer: Layer, value: torch.Tensor, _tensors: Parameters) -> torch.Tensor:
    """Dropout at test time; a copy, so that changing a top never changes its bottom."""
    return value.clone()


def exponentiate(_layer: Softmax, value: torch.Tensor, _tensors: Parameters) -> torch.Tensor:
    """Softmax over the channels."""
    return torch.softmax(value, dim=1)


OPERATIONS: Dict[type, Callable[..., torch.Tensor]] = {
    Convolution: convolve,
    InnerProduct: multiply,
    Relu: rectify,
    Pooling: pool,
    Lrn: normalise,
    Dropout: copy,
    Softmax: exponentiate,
}
