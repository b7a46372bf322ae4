"""OpenCV's dnn module, 4.x, which reads Caffe's own files: one small net per blob."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

import cv2
import numpy as np

from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value
from harness.core.caffemodel import layer_bytes
from harness.core.errors import InputError
from harness.core.network import (
    Blob,
    Convolution,
    Dropout,
    InnerProduct,
    Lrn,
    Network,
    Pooling,
    Relu,
    Softmax,
)

BUILD_LINES = ("Baseline", "Dispatched", "Parallel framework", "Lapack")
POOLS = {"max": "MAX", "average": "AVE"}
STORED = (Convolution, InnerProduct)  # layers that a caffemodel has parameters of


def versions() -> Dict[str, str]:
    """OpenCV, what of its build concerns arithmetic, and NumPy, in which values are steered."""
    lines = (line.strip() for line in cv2.getBuildInformation().splitlines())
    known = [" ".join(line.split()) for line in lines if line.startswith(BUILD_LINES)]
    found = {"opencv": cv2.__version__, "opencv build": "; ".join(known), "numpy": np.__version__}
    return {**found, "convolution": "Winograd where it can" if has_winograd() else "direct"}


def load(network: Network, _weights: Mapping[str, np.ndarray], settings: Settings) -> OpencvExecutor:
    """An executor over `settings.caffemodel`; OpenCV reads the file itself, so neutral parameters go unused.

    The number of threads is set for the whole process.
    """
    check_settings("opencv", settings, graph_optimisation=(True, False), winograd=(True, False))
    check_network(network)
    for layer in network.layers:
        if isinstance(layer, Lrn) and layer.k != 1:
            raise InputError(f"layer {layer.name}: OpenCV's LRN knows no k but 1; use another backend")
    if not hasattr(getattr(cv2, "dnn", None), "readNetFromCaffe"):
        raise InputError(f"backend opencv: OpenCV {cv2.__version__} cannot read Caffe files; install 4.x")
    if settings.caffemodel is None:
        raise InputError("backend opencv: reads parameters from a .caffemodel itself; name one")
    cv2.setNumThreads(settings.threads)
    return OpencvExecutor(network, Path(settings.caffemodel), settings)


class OpencvExecutor:
    """A network over float32 NumPy arrays."""

    xp: Any = np

    def __init__(self, network: Network, caffemodel: Path, settings: Settings) -> None:
        self.network = network
        self._caffemodel = caffemodel
        self._settings = settings
        self._nets: Dict[str, Any] = {}

    def forward(self, value: np.ndarray, start: str, stop: str) -> np.ndarray:
        """Value of blob `stop`, always a new array; InputError for names or values that do not fit."""
        for blob in check_value(self.network, value, "float32", start, stop):
            try:
                net = self._find_net(blob)
                net.setInput(value)
                value = np.array(net.forward())  # what OpenCV returns may be its own memory
            except cv2.error as error:
                reason = " ".join(str(error).split())
                raise InputError(
                    f"{self._caffemodel}: OpenCV cannot compute blob {blob.name} ({reason}); check the model"
                ) from error
        return value

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """A float32 copy in C order."""
        return np.array(array, dtype=np.float32, order="C")

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(value)

    def _find_net(self, blob: Blob) -> Any:
        """The net that makes a blob from the one before, read once."""
        if blob.name not in self._nets:
            bottom = self.network.blobs[self.network.index(blob.name) - 1]
            net = read_net(bottom, blob, self._caffemodel)
            net.enableFusion(self._settings.graph_optimisation)
            if has_winograd():
                net.enableWinograd(self._settings.winograd)
            self._nets[blob.name] = net
        return self._nets[blob.name]


def has_winograd() -> bool:
    """Whether this OpenCV convolves by Winograd unless it is told not to; those before 4.7 cannot."""
    return hasattr(getattr(getattr(cv2, "dnn", None), "Net", None), "enableWinograd")


def read_net(bottom: Blob, blob: Blob, caffemodel: Path) -> Any:
    """OpenCV's net over one blob's layers and their bytes of the caffemodel."""
    wanted = (layer.name for layer in blob.layers if isinstance(layer, STORED))
    stored = b"".join(layer_bytes(caffemodel, name) for name in wanted)
    text = write_prototxt(bottom, blob).encode("utf-8")
    net = cv2.dnn.readNetFromCaffe(np.frombuffer(text, np.uint8), np.frombuffer(stored, np.uint8))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    return net


def write_prototxt(bottom: Blob, blob: Blob) -> str:
    """A deploy prototxt from one blob to the next."""
    sizes = " ".join(f"dim: {size}" for size in (1, *bottom.shape))
    lines = [f'input: "value0" input_shape {{ {sizes} }}']
    for number, (layer, name) in enumerate(zip(blob.layers, name_layers(blob))):
        names = f'name: {quote(name)} bottom: "value{number}" top: "value{number + 1}"'
        lines.append(f"layer {{ {names} {WRITERS[type(layer)](layer)} }}")
    return "\n".join(lines)


def name_layers(blob: Blob) -> Iterator[str]:
    """Names for a blob's layers: the caffemodel's where they have parameters, else numbers, all different.

    Caffe does not ask for names, and lets layers share them; OpenCV takes each name once.
    """
    stored = [layer.name for layer in blob.layers if isinstance(layer, STORED)]
    mark = "+" * max(map(len, stored), default=0)
    for number, layer in enumerate(blob.layers):
        yield layer.name if isinstance(layer, STORED) else f"{mark}{number}"


def quote(name: str) -> str:
    """A string as prototxt writes it, byte by byte."""
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in name.encode()
    )
    return f'"{"".join(plain)}"'


def write_convolution(layer: Convolution) -> str:
    """Type and options."""
    options = [f"num_output: {layer.num_output}", f"group: {layer.group}", write_bias(bias=layer.bias)]
    options += write_window(layer) + [f"dilation: {step}" for step in layer.dilation]
    return f'type: "Convolution" convolution_param {{ {" ".join(options)} }}'


def write_window(layer: Any) -> List[str]:
    """Kernel, stride and pad of a convolution or a pooling."""
    pairs: Tuple[Tuple[str, Tuple[int, int]], ...] = (
        ("kernel", layer.kernel),
        ("stride", layer.stride),
        ("pad", layer.pad),
    )
    return [f"{name}_{axis}: {size}" for name, pair in pairs for axis, size in zip("hw", pair)]


def write_bias(*, bias: bool) -> str:
    """Whether there is a bias."""
    return f"bias_term: {str(bias).lower()}"


def write_product(layer: InnerProduct) -> str:
    """Type and options."""
    options = f"num_output: {layer.num_output} {write_bias(bias=layer.bias)}"
    return f'type: "InnerProduct" inner_product_param {{ {options} }}'


def write_relu(layer: Relu) -> str:
    """Type and slope."""
    return f'type: "ReLU" relu_param {{ negative_slope: {layer.negative_slope!r} }}'


def write_pooling(layer: Pooling) -> str:
    """Type, method and window."""
    return f'type: "Pooling" pooling_param {{ pool: {POOLS[layer.method]} {" ".join(write_window(layer))} }}'


def write_lrn(layer: Lrn) -> str:
    """Type and constants."""
    constants = f"local_size: {layer.local_size} alpha: {layer.alpha!r} beta: {layer.beta!r}"
    return f'type: "LRN" lrn_param {{ {constants} }}'


def write_dropout(_layer: Dropout) -> str:
    """Type alone: at test time the ratio is nothing."""
    return 'type: "Dropout"'


def write_softmax(_layer: Softmax) -> str:
    """Type alone."""
    return 'type: "Softmax"'


WRITERS: Dict[type, Callable[..., str]] = {
    Convolution: write_convolution,
    InnerProduct: write_product,
    Relu: write_relu,
    Pooling: write_pooling,
    Lrn: write_lrn,
    Dropout: write_dropout,
    Softmax: write_softmax,
}
