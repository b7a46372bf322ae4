"""ONNX Runtime, 1.20 and later: pieces of the network as ONNX graphs, one session each."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

import numpy as np
import onnx
import onnxruntime

from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value, check_weights
from harness.backends.onnx_graph import (
    BOTTOM,
    TOP,
    build_model,
    cut_span,
    is_product,
    list_parameters,
    release_pages,
)
from harness.core.errors import InputError
from harness.core.network import Blob, Network, Shape

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
PROVIDER_OPTIONS: Dict[str, Dict[str, str]] = {
    "cpu": {},
    "cuda": {
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
    },  # whole float32, the same kernels each time
}
ERRORS_ONLY = 3
EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Session:
    """A session, and the parameters that it reads without owning them."""

    session: onnxruntime.InferenceSession
    parameters: Dict[str, onnxruntime.OrtValue]


def versions() -> Dict[str, str]:
    """ONNX Runtime with its build, ONNX, and NumPy, in which values are steered."""
    build = onnxruntime.get_build_info().split(", cmake")[0]  # then compiler flags, hundreds of characters
    return {
        "onnxruntime": onnxruntime.__version__,
        "onnxruntime build": build.replace("ORT Build Info: ", ""),
        "onnx": onnx.__version__,
        "numpy": np.__version__,
    }


def load(network: Network, weights: Weights, settings: Settings) -> OnnxruntimeExecutor:
    """An executor that makes a session when a span is first asked for; InputError without the provider."""
    check_settings("onnxruntime", settings, device=("cpu", "cuda"), graph_optimisation=(True, False))
    check_network(network)
    check_weights(network, weights)
    if PROVIDERS[settings.device] not in onnxruntime.get_available_providers():
        raise InputError("backend onnxruntime: this build has no CUDA provider; install onnxruntime-gpu")
    if settings.device == "cuda" and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # CUDA's libraries from their wheels, which no loader looks into
    return OnnxruntimeExecutor(network, weights, settings)


class OnnxruntimeExecutor:
    """A network over float32 NumPy arrays."""

    xp: Any = np

    def __init__(self, network: Network, weights: Weights, settings: Settings) -> None:
        self.network = network
        self._weights = weights
        self._settings = settings
        self._sessions: Dict[Tuple[str, str], Session] = {}

    def forward(self, value: np.ndarray, start: str, stop: str) -> np.ndarray:
        """Value of blob `stop`, always a new array; InputError for names or values that do not fit."""
        for piece in cut_span(check_value(self.network, value, "float32", start, stop)):
            session = self._find_session(start, piece)
            value = run_session(session, value, piece[-1].shape)
            start = piece[-1].name
        return value

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """A float32 copy in C order."""
        return np.array(array, dtype=np.float32, order="C")

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(value)

    def _find_session(self, start: str, piece: Tuple[Blob, ...]) -> onnxruntime.InferenceSession:
        """The piece's session, made once."""
        key = (start, piece[-1].name)
        if key not in self._sessions:
            bottom = self.network.blobs[self.network.index(start)]
            self._sessions[key] = build_session(bottom, piece, self._weights, self._settings)
        return self._sessions[key].session


def run_session(session: onnxruntime.InferenceSession, value: np.ndarray, shape: Shape) -> np.ndarray:
    """A session's result (N, *shape), written where it stays: a plain run copies it, 103 MB at conv1_1."""
    top = np.empty((len(value), *shape), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input(BOTTOM, np.ascontiguousarray(value))
    binding.bind_output(TOP, "cpu", 0, np.float32, top.shape, top.ctypes.data)
    session.run_with_iobinding(binding)
    return top


def build_session(bottom: Blob, piece: Tuple[Blob, ...], weights: Weights, settings: Settings) -> Session:
    """A session over the piece; InputError where its provider does not come up."""
    arrays = {name: np.asarray(weights[name]) for name in list_parameters(bottom, piece)}
    parameters = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}
    options = build_options(settings)
    hand_over(options, parameters, shared=is_product(piece[0]) and settings.device == "cpu")
    with tempfile.NamedTemporaryFile() as empty:  # releases after 1.20 check that external data exists
        path = Path(empty.name)
        options.add_session_config_entry(EXTERNAL_FOLDER, str(path.parent))
        model = build_model(bottom, piece, path.name).SerializeToString()
        session = start_session(model, options, settings.device)
    for name in arrays:
        release_pages(weights[name])
    return Session(session, parameters)


def hand_over(options: Any, parameters: Dict[str, onnxruntime.OrtValue], *, shared: bool) -> None:
    """Give parameters in memory to a session to be made.

    Shared ones are read where they are, which spares fc6 a second 411 MB. The others are seen by the graph
    optimiser too, which rewrites a convolution's weights into blocks.
    """
    if shared:
        for name, value in parameters.items():
            options.add_initializer(name, value)
    elif parameters:
        options.add_external_initializers(list(parameters), list(parameters.values()))


def build_options(settings: Settings) -> Any:
    """Options of every session: in sequence, quiet, and no thread spinning once a run has ended.

    Without arenas, which never give back: 18 sessions over full-size VGG-Face at batch 8 would peak at 3.2 GB
    instead of 1.9, and no faster.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if not settings.graph_optimisation:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def start_session(model: bytes, options: Any, device: str) -> onnxruntime.InferenceSession:
    """A session on one provider; ONNX Runtime itself would fall back to the processor with a warning."""
    provider = PROVIDERS[device]
    session = onnxruntime.InferenceSession(
        model, options, providers=[provider], provider_options=[PROVIDER_OPTIONS[device]]
    )
    if session.get_providers()[0] != provider:
        raise InputError(f"backend onnxruntime: {provider} does not start on this machine; choose device cpu")
    return session
