"""BVLC Caffe 1.0 through pycaffe, on the model's own files and on the processor."""

# ruff: noqa: SLF001 - by their places, layers are known to pycaffe under such names alone

from __future__ import annotations

import ctypes
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from harness.backends import Settings
from harness.backends.blas import find_blas, open_openblas
from harness.backends.check import check_network, check_settings, check_value, check_weights
from harness.core.caffemodel import layer_spans, list_blobs, open_caffemodel
from harness.core.errors import InputError
from harness.core.network import TYPE_NAMES, Convolution, InnerProduct, Network
from harness.core.signatures import BOM

os.environ.setdefault("GLOG_minloglevel", "2")  # read once, when the library starts: errors alone
import caffe

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
    with strip_mark(prototxt) as path:
        net = caffe.Net(path, caffe.TEST, level=settings.level, stages=list(settings.stages))
    places = check_layers(network, net, prototxt)
    check_names(net, Path(caffemodel))
    net.copy_from(caffemodel)
    check_parameters(network, weights, net, places, caffemodel)
    return CaffeExecutor(network, net, places)


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


@contextmanager
def strip_mark(prototxt: str) -> Iterator[str]:
    """The file, or where it begins with a BOM, at which Caffe ends the process, a copy without."""
    data = Path(prototxt).read_bytes()
    if not data.startswith(BOM):
        yield prototxt
        return
    with tempfile.NamedTemporaryFile(suffix=".prototxt") as copy:
        copy.write(data[len(BOM) :])
        copy.flush()
        yield copy.name


def check_layers(network: Network, net: Any, prototxt: str) -> List[int]:
    """Places in Caffe's net of the network's layers; InputError unless they are the same, with the same tops.

    Layers are known by their places: those without parameters may have any names, or none.
    """
    names = list(net._layer_names)
    places = [place for place in range(len(names)) if len(net._bottom_ids(place))]
    found = [(names[place], net.layers[place].type) for place in places]
    wanted = [(layer.name, TYPE_NAMES[type(layer)]) for layer in network.layers]
    if found != wanted:
        odd = next((one for pair in zip(found, wanted) if pair[0] != pair[1] for one in pair), "their number")
        raise InputError(
            f"{prototxt}: Caffe finds other layers in it than were converted ({odd}); where it was changed"
            " meanwhile, start again; else remove what Caffe alone adds or leaves out"
        )
    for blob, (_, last) in list_ends(network, places).items():
        top = net._top_ids(last)[0]
        shape = tuple(net._blobs[top].shape)[1:]
        if shape != network.blobs[network.index(blob)].shape:
            raise InputError(
                f"{prototxt}: blob {net._blob_names[top]} is {shape}, not"
                f" {network.blobs[network.index(blob)].shape}, to Caffe; where it was changed meanwhile,"
                " start again"
            )
    return places


def list_ends(network: Network, places: Sequence[int]) -> Dict[str, Tuple[int, int]]:
    """Places of the first and the last layer of every blob, by its name."""
    left, ends = iter(places), {}
    for blob in network.blobs[1:]:
        own = [next(left) for _ in blob.layers]
        ends[blob.name] = (own[0], own[-1])
    return ends


def check_names(net: Any, caffemodel: Path) -> None:
    """InputError where a caffemodel's layer has other numbers than the first of its name, as Caffe takes it.

    Caffe itself ends the process there.
    """
    first: Dict[str, int] = {}
    for name, layer in zip(net._layer_names, net.layers):
        first.setdefault(name, len(layer.blobs))
    with open_caffemodel(caffemodel) as file:
        for span in layer_spans(caffemodel):
            count = len(list_blobs(file, caffemodel, span))
            if first.get(span.name, count) != count:
                raise InputError(
                    f"{caffemodel}: layer {span.name!r} has {count} arrays of numbers, but the first layer of"
                    f" this name in the prototxt takes {first[span.name]}; Caffe ends there: rename one"
                )


def check_parameters(
    network: Network, weights: Mapping[str, np.ndarray], net: Any, places: Sequence[int], caffemodel: str
) -> None:
    """InputError where Caffe read other numbers than the converted ones."""
    for layer, place in zip(network.layers, places):
        if not isinstance(layer, (Convolution, InnerProduct)):
            continue
        blobs = net.layers[place].blobs
        for suffix, number in zip(SUFFIXES, range(1 + layer.bias)):
            name = f"{layer.name}.{suffix}"
            if number >= len(blobs) or not np.array_equal(blobs[number].data, weights[name]):
                raise InputError(
                    f"{caffemodel}: {name} is not what was converted; where it was changed meanwhile,"
                    " start again"
                )


class CaffeExecutor:
    """A network over float32 NumPy arrays; one net, reshaped to the batch."""

    xp: Any = np

    def __init__(self, network: Network, net: Any, places: Sequence[int]) -> None:
        self.network = network
        self._net = net
        self._ends = list_ends(network, places)

    def forward(self, value: np.ndarray, start: str, stop: str) -> np.ndarray:
        """Value of blob `stop`, always a new array; InputError for names or values that do not fit."""
        span = check_value(self.network, value, "float32", start, stop)
        first, last = self._ends[span[0].name][0], self._ends[span[-1].name][1]
        self._fit_batch(value.shape[0])
        net = self._net
        net._blobs[net._bottom_ids(first)[0]].data[...] = value
        net._forward(first, last)
        return np.array(net._blobs[net._top_ids(last)[0]].data)

    def to_native(self, array: np.ndarray) -> np.ndarray:
        """A float32 copy in C order."""
        return np.array(array, dtype=np.float32, order="C")

    def to_numpy(self, value: np.ndarray) -> np.ndarray:
        """A copy."""
        return np.array(value)

    def _fit_batch(self, count: int) -> None:
        """Reshape every blob to `count` examples."""
        net, place = self._net, self._ends[self.network.blobs[1].name][0]
        first = net._blobs[net._bottom_ids(place)[0]]
        if first.shape[0] != count:
            first.reshape(count, *self.network.input.shape)
            net.reshape()
