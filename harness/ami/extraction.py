"""Extraction of witnesses from images with one attribute exchanged (AmI, section 4.2)."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

import numpy as np

from harness.core.errors import InputError
from harness.core.network import InnerProduct, Network
from harness.core.walk import Executor, Watch, walk


def extract_witnesses(
    executor: Executor, base: np.ndarray, substitution: np.ndarray, preservation: np.ndarray
) -> Dict[str, List[int]]:
    """Witnesses of one attribute by blob, from the first blob after the input to the last before the logits.

    `base` is one network input (1, C, H, W); `substitution` and `preservation` hold one mutated input per
    pair, (P, C, H, W).
    """
    if len(substitution) != len(preservation) or not len(substitution):
        raise InputError(
            f"witness extraction: {len(substitution)} substituted and {len(preservation)} preserved images;"
            " it takes pairs, at least one"
        )
    blobs = read_hidden(executor, base)
    return choose_witnesses(
        measure_differences(executor, blobs, substitution), measure_differences(executor, blobs, preservation)
    )


def measure_differences(
    executor: Executor, base: Mapping[str, np.ndarray], inputs: np.ndarray
) -> Dict[str, np.ndarray]:
    """Difference of every channel to the base's, (N, C) by blob; `base` holds the base's blobs."""
    found: Dict[str, np.ndarray] = {}

    def measure(blob: str, value: Any) -> None:
        found[blob] = channel_differences(executor.to_numpy(value), base[blob])

    walk_hidden(executor, inputs, measure)
    return found


def read_hidden(executor: Executor, inputs: np.ndarray) -> Dict[str, np.ndarray]:
    """Value of every hidden blob, of inputs (N, C, H, W)."""
    found: Dict[str, np.ndarray] = {}

    def keep(blob: str, value: Any) -> None:
        found[blob] = executor.to_numpy(value)

    walk_hidden(executor, inputs, keep)
    return found


def walk_hidden(executor: Executor, inputs: np.ndarray, watch: Watch) -> None:
    """Show every blob between input and logits, in network order, of inputs (N, C, H, W)."""
    network = executor.network
    last = last_hidden(network)
    hidden = [blob.name for blob in network.span(network.input.name, last)]
    walk(executor, executor.to_native(inputs), watch=watch, watched=hidden, stop=last)


def last_hidden(network: Network) -> str:
    """Name of the last blob before the logits (`fc7`)."""
    hidden = network.blobs[network.index(network.logits.name) - 1]
    if not any(isinstance(layer, InnerProduct) for layer in network.logits.layers) or not hidden.layers:
        raise InputError(f"network {network.name}: its logits are no inner product over a hidden blob")
    return hidden.name


def channel_differences(mutated: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Sum of |mutated - base| over each channel's map, (N, C)."""
    return np.abs(mutated - base).reshape(mutated.shape[0], mutated.shape[1], -1).sum(-1)


def choose_witnesses(
    substituted: Mapping[str, np.ndarray], preserved: Mapping[str, np.ndarray]
) -> Dict[str, List[int]]:
    """Witnesses by blob, from differences (P, C) by blob; blobs without any are left out."""
    found = {blob: select_witnesses(substituted[blob], preserved[blob]) for blob in substituted}
    return {blob: channels for blob, channels in found.items() if channels}


def select_witnesses(substituted: np.ndarray, preserved: np.ndarray) -> List[int]:
    """Channels above the median under substitution and not above it under preservation, in every pair.

    Both arguments are differences (P, C); each pair has its own median over the blob's channels.
    """
    above = substituted > np.median(substituted, axis=1, keepdims=True)
    not_above = preserved <= np.median(preserved, axis=1, keepdims=True)
    return [int(channel) for channel in np.flatnonzero((above & not_above).all(axis=0))]
