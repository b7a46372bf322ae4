"""Extraction of witnesses from images with one attribute exchanged (AmI, section 4.2)."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from harness.core.errors import InputError
from harness.core.network import InnerProduct, Network


def extract_witnesses(
    executor: Any, base: np.ndarray, substitution: np.ndarray, preservation: np.ndarray
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
    plain = dict(walk_hidden(executor, base))
    return choose_witnesses(
        measure_differences(executor, plain, substitution), measure_differences(executor, plain, preservation)
    )


def measure_differences(
    executor: Any, plain: Mapping[str, np.ndarray], inputs: np.ndarray
) -> Dict[str, np.ndarray]:
    """Difference of every channel to the base's, (N, C) by blob; `plain` holds the base's blobs."""
    return {blob: channel_differences(value, plain[blob]) for blob, value in walk_hidden(executor, inputs)}


def walk_hidden(executor: Any, inputs: np.ndarray) -> Iterator[Tuple[str, np.ndarray]]:
    """Name and value of every blob between input and logits, in network order, of inputs (N, C, H, W)."""
    network = executor.network
    value = executor.to_native(inputs)
    for below, blob in zip(network.blobs, network.span(network.input.name, last_hidden(network))):
        value = executor.forward(value, below.name, blob.name)
        yield blob.name, executor.to_numpy(value)


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
