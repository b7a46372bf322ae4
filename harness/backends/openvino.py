"""OpenVINO, on the processor: pieces of the network as ONNX graphs, one compiled model each."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy as np
import onnx
import openvino

from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value, check_weights
from harness.backends.onnx_graph import build_model, cut_span
from harness.core.network import Blob, Network

DEVICE = "CPU"
Weights = Mapping[str, np.ndarray]


def versions() -> Dict[str, str]:
    """OpenVINO, what it can do on this processor, ONNX, and NumPy, in which values are steered."""
    capabilities = openvino.Core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
    return {
        "openvino": openvino.get_version(),
        "openvino capabilities": " ".join(sorted(capabilities)),
        "onnx": onnx.__version__,
        "numpy": np.__version__,
    }


def load(network: Network, weights: Weights, settings: Settings) -> OpenvinoExecutor:
    """An executor that compiles a piece when a span over it is first asked for."""
    check_settings("openvino", settings)
    check_network(network)
    check_weights(network, weights)
    return OpenvinoExecutor(network, weights, settings.threads)


class OpenvinoExecutor:
    """A network over float32 NumPy arrays."""

    xp: Any = np

    def __init__(self, network: Network, weights: Weights, threads: int) -> None:
        self.network = network
        self._weights = weights
        self._threads = threads
        self._core = openvino.Core()
        self._requests: Dict[Tuple[str, str], Any] = {}

    def forward(self, value: np.ndarray, start: str, stop: str) -> np.ndarray:
        """Value of blob `stop`, always a new array; InputError for names or values that do not fit."""
        for piece in cut_span(check_value(self.network, value, "float32", start, stop)):
            found = self._find_request(start, piece).infer([np.ascontiguousarray(value)])
            value = np.array(found[0])
            start = piece[-1].name
        return value

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """A float32 copy in C order."""
        return np.array(array, dtype=np.float32, order="C")

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(value)

    def _find_request(self, start: str, piece: Sequence[Blob]) -> Any:
        """A way to run the piece, which is compiled once."""
        key = (start, piece[-1].name)
        if key not in self._requests:
            model = fill_model(self.network.blobs[self.network.index(start)], piece, self._weights)
            compiled = self._core.compile_model(
                self._core.read_model(model), DEVICE, list_properties(self._threads)
            )
            self._requests[key] = compiled.create_infer_request()
        return self._requests[key]


def list_properties(threads: int) -> Dict[str, Any]:
    """Whole float32 on so many threads, which are not bound to cores: other cells run beside this one."""
    return {
        "INFERENCE_PRECISION_HINT": "f32",  # processors with bfloat16 would take that
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": "1",
        "ENABLE_CPU_PINNING": False,
    }


def fill_model(bottom: Blob, piece: Sequence[Blob], weights: Weights) -> bytes:
    """The piece's ONNX model with its parameters stored: OpenVINO takes none from memory."""
    model = build_model(bottom, piece, "")
    for parameter in model.graph.initializer:
        parameter.ClearField("external_data")
        parameter.data_location = onnx.TensorProto.DEFAULT
        parameter.raw_data = weights[parameter.name].tobytes()
    return bytes(model.SerializeToString())
