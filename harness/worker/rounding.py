"""Layers that compute with rounded values, as graphics cards' TF32 and half precision do."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

import numpy as np

from harness.core.documents import NAME, check_fields
from harness.core.errors import InputError
from harness.core.network import Convolution, InnerProduct, Network
from harness.core.walk import Executor

FIELDS = {"to": NAME, "weights": "a truth value", "kind": NAME, "layers": "a list of names"}
KINDS = {"convolutions": (Convolution,), "all": (Convolution, InnerProduct)}


def round_float16(values: np.ndarray) -> np.ndarray:
    """Values as float16 holds them."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


def round_bfloat16(values: np.ndarray) -> np.ndarray:
    """Values as bfloat16 holds them, the nearest, of two the even one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def cut_tf32(values: np.ndarray) -> np.ndarray:
    """Values with the ten bits of mantissa that TF32 reads."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return (bits & np.uint32(0xFFFFE000)).view(np.float32)


ROUNDERS: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "float16": round_float16,
    "bfloat16": round_bfloat16,
    "tf32": cut_tf32,
}


def choose_rounder(kind: str, place: str) -> Callable[[np.ndarray], np.ndarray]:
    """What rounds values to a kind; InputError for one that there is not."""
    if kind not in ROUNDERS:
        raise InputError(f"{place} = {kind!r}; choose one of {', '.join(ROUNDERS)}")
    return ROUNDERS[kind]


def list_rounded(network: Network, rounding: Mapping[str, Any]) -> List[str]:
    """Names of the layers that a rounding is of; InputError for a kind, or a layer, that there is not."""
    check_fields(rounding, FIELDS, "rounding", defaulted=["weights", "kind", "layers"])
    choose_rounder(rounding["to"], "rounding: to")
    kind = rounding.get("kind", "all")
    if kind not in KINDS:
        raise InputError(f"rounding: kind = {kind!r}; choose one of {', '.join(KINDS)}")
    names = [layer.name for layer in network.layers if isinstance(layer, KINDS[kind])]
    wanted = rounding.get("layers", names)
    for name in wanted:
        if name not in names:
            raise InputError(f"rounding: {name!r} is none of the layers {', '.join(names)}")
    return list(wanted)


def round_weights(
    network: Network, weights: Mapping[str, np.ndarray], rounding: Mapping[str, Any]
) -> Mapping[str, np.ndarray]:
    """Parameters of which the weights of the layers that round their inputs are rounded as well."""
    names = list_rounded(network, rounding)
    if not rounding.get("weights"):
        return weights
    rounder = ROUNDERS[rounding["to"]]
    changed = {f"{name}.weight": rounder(np.asarray(weights[f"{name}.weight"])) for name in names}
    return {**weights, **changed}


class RoundingExecutor:
    """An executor of which some layers read rounded inputs."""

    def __init__(self, executor: Executor, rounding: Mapping[str, Any]) -> None:
        self.network, self.xp = executor.network, executor.xp
        self.to_native, self.to_numpy = executor.to_native, executor.to_numpy
        self._executor, self._rounder = executor, ROUNDERS[rounding["to"]]
        self._layers = set(list_rounded(executor.network, rounding))

    def forward(self, value: Any, start: str, stop: str) -> Any:
        """Value of blob `stop` from the value of the earlier blob `start`, both native arrays."""
        for blob in self.network.span(start, stop):
            if blob.layers[0].name in self._layers:
                value = self.to_native(self._rounder(self.to_numpy(value)))
            value, start = self._executor.forward(value, start, blob.name), blob.name
        return value
