"""Backends: modules that take the value of one blob to the value of a later one."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Dict, Mapping, Optional, Protocol, Tuple

import numpy as np

from harness.core.errors import InputError
from harness.core.network import Network
from harness.core.walk import Executor

NAMES = ("reference", "pytorch", "onnxruntime", "openvino", "opencv", "caffe")


@dataclass(frozen=True)
class Settings:
    """How a backend executes; what a backend does not have, it refuses.

    The last four are the model's, for backends that read Caffe's own files.
    """

    threads: int = 1
    precision: str = "float32"
    device: str = "cpu"
    graph_optimisation: bool = True
    tf32: bool = False
    deterministic: bool = True
    winograd: bool = True
    caffemodel: Optional[str] = None
    prototxt: Optional[str] = None
    level: int = 0
    stages: Tuple[str, ...] = ()


class Backend(Protocol):
    """A backend module."""

    def versions(self) -> Dict[str, str]:
        """Names and versions of what does the arithmetic."""

    def load(self, network: Network, weights: Mapping[str, np.ndarray], settings: Settings) -> Executor:
        """An executor over memory-mapped float32 parameters keyed `LAYER.weight` and `LAYER.bias`."""


def find_backend(name: str) -> ModuleType:
    """Import a backend's module; InputError where the name or the framework is missing."""
    if name not in NAMES:
        raise InputError(f"backend {name!r}: unknown; there are {', '.join(NAMES)}")
    try:
        return importlib.import_module(f"harness.backends.{name}")
    except ImportError as error:
        raise InputError(
            f"backend {name}: {error}; add its framework to the environment's packages, or to its image"
        ) from error
