"""BVLC Caffe 1.0 through pycaffe, on the model's own files and on the processor."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

from harness.ami.errors import InputError
from harness.ami.network import Layer, Network
from harness.backends import Settings
from harness.backends.check import check_network, check_settings, check_value, check_weights

os.environ.setdefault("GLOG_minloglevel", "2")  # read once, when the library starts: errors alone
import caffe

BLAS_NAMES = ("libblas", "libatlas", "libopenblas", "libmkl", "libf77blas", "libcblas")
SUFFIXES = ("weight", "bias")


def versions() -> Dict[str, str]:
    """Caffe, NumPy, and the BLAS that both of them multiply with."""
    found = {"caffe": str(caffe.__version__), "numpy": np.__version__}
    paths = find_blas()
    found["blas"] = "; ".join(paths) or "unknown"
    library = open_openblas(paths)
    if library is not None:
        library.openblas_get_config.restype = ctypes.c_char_p
        found["openblas"] = library.openblas_get_config().decode("ascii", "replace").strip()
    return found


def find_blas() -> List[str]:
    """Files of the BLAS libraries in this process, links followed."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = {fields[5] for fields in (line.split(maxsplit=5) for line in lines) if len(fields) == 6}
    return sorted(path for path in paths if Path(path).name.startswith(BLAS_NAMES))


def open_openblas(paths: List[str]) -> Optional[Any]:
    """OpenBLAS, where that is the BLAS in use."""
    for path in paths:
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_set_num_threads"):
            return library
    return None


def load(network: Network, weights: Mapping[str, np.ndarray], settings: Settings) -> CaffeExecutor:
    """An executor over `settings.prototxt` and `settings.caffemodel`, which Caffe reads itself.

    InputError where they do not hold the network's layers and, bit for bit, `weights`: Caffe fills what a
    caffemodel lacks with noise. The number of threads is set for the whole process.
    """
    check_settings("caffe", settings)
    check_network(network)
    check_weights(network, weights)
    set_threads(settings.threads)
    prototxt = find_file(settings.prototxt, "prototxt")
    caffemodel = find_file(settings.caffemodel, "caffemodel")
    caffe.set_mode_cpu()
    net = caffe.Net(prototxt, caffe.TEST, weights=caffemodel)
    check_layers(network, net, prototxt)
    check_parameters(weights, net, caffemodel)
    return CaffeExecutor(network, net)


def set_threads(threads: int) -> None:
    """Let OpenBLAS use so many; Caffe's own code, and any other BLAS here, runs on one."""
    library = open_openblas(find_blas())
    if library is not None:
        library.openblas_set_num_threads(threads)
    elif threads != 1:
        raise InputError(f"backend caffe: its BLAS has no {threads} threads; ask for 1, or take OpenBLAS")


def find_file(path: Optional[str], kind: str) -> str:
    """The file's path; InputError where none is named or there: Caffe itself would end the process."""
    if path is None:
        raise InputError(f"backend caffe: reads the {kind} itself; name one")
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); restore the {kind}") from error


def check_layers(network: Network, net: Any, prototxt: str) -> None:
    """InputError unless Caffe's net has the network's layers in their order, with tops of the same shapes."""
    names = [name for name, tops in net.top_names.items() if net.bottom_names[name] and tops]
    expected = [layer.name for layer in network.layers]
    if names != expected:
        odd = next((one for one in names + expected if (one in names) != (one in expected)), "their order")
        raise InputError(f"{prototxt}: its layers are not the converted model's ({odd}); convert it again")
    for blob in network.blobs[1:]:
        top = net.top_names[blob.layers[-1].name][0]
        shape = tuple(net.blobs[top].shape)[1:]
        if shape != blob.shape:
            raise InputError(f"{prototxt}: blob {top} is {shape}, not {blob.shape}; convert the model again")


def check_parameters(weights: Mapping[str, np.ndarray], net: Any, caffemodel: str) -> None:
    """InputError where Caffe read other numbers than the converted ones."""
    for name, array in weights.items():
        layer, _, suffix = name.rpartition(".")
        blobs = net.params.get(layer, ())
        place = SUFFIXES.index(suffix)
        if place >= len(blobs) or not np.array_equal(blobs[place].data, array):
            raise InputError(f"{caffemodel}: {name} is not the converted model's; convert it again")


class CaffeExecutor:
    """A network over float32 NumPy arrays; one net, reshaped to the batch."""

    xp: Any = np

    def __init__(self, network: Network, net: Any) -> None:
        self.network = network
        self._net = net

    def forward(self, value: np.ndarray, start: str, stop: str) -> np.ndarray:
        """Value of blob `stop`, always a new array; InputError for names or values that do not fit."""
        span = check_value(self.network, value, "float32", start, stop)
        first: Layer = span[0].layers[0]
        last: Layer = span[-1].layers[-1]
        self._fit_batch(value.shape[0])
        net = self._net
        net.blobs[net.bottom_names[first.name][0]].data[...] = value
        net.forward(start=first.name, end=last.name)
        return np.array(net.blobs[net.top_names[last.name][0]].data)

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """A float32 copy in C order."""
        return np.array(array, dtype=np.float32, order="C")

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(value)

    def _fit_batch(self, count: int) -> None:
        """Reshape every blob to `count` examples."""
        first = self._net.blobs[self._net.bottom_names[self.network.layers[0].name][0]]
        if first.shape[0] != count:
            first.reshape(count, *self.network.input.shape)
            self._net.reshape()
