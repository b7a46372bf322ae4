"""OpenVINO, on the processor: pieces of the network as ONNX graphs, one compiled model each."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy as np
import onnx
import openvino

from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value, check_weights
from harness.backends.onnx_graph import BOTTOM, build_model, cut_span, list_parameters, release_pages
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
            bottom = self.network.blobs[self.network.index(start)]
            model = read_piece(self._core, bottom, piece, self._weights)
            compiled = self._core.compile_model(model, DEVICE, list_properties(self._threads))
            self._requests[key] = compiled.create_infer_request()
            for name in list_parameters(bottom, piece):
                release_pages(self._weights[name])
        return self._requests[key]


def list_properties(threads: int) -> Dict[str, Any]:
    """Whole float32 on so many threads, which are not bound to cores: other cells run beside this one."""
    return {
        "INFERENCE_PRECISION_HINT": "f32",  # processors with bfloat16 would take that
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": "1",
        "ENABLE_CPU_PINNING": False,
    }


def read_piece(core: Any, bottom: Blob, piece: Sequence[Blob], weights: Weights) -> Any:
    """The piece as OpenVINO's model, over one copy of its parameters.

    Stored in the ONNX model they would be copied at every step of the way, fc6's 411 MB four times; and
    OpenVINO shares no memory that may not be written to.
    """
    graph = build_model(bottom, piece, "")
    del graph.graph.initializer[:]
    for name, shape in list_parameters(bottom, piece).items():
        graph.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    model = core.read_model(graph.SerializeToString())
    for parameter in model.get_parameters():
        if parameter.friendly_name != BOTTOM:
            constant = openvino.op.Constant(np.array(weights[parameter.friendly_name]), shared_memory=True)
            parameter.output(0).replace(constant.output(0))
            model.remove_parameter(parameter)
    return model
