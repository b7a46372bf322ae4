"""Witness files in both published formats, and the extraction of witnesses from mutated images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from harness.ami.errors import InputError
from harness.ami.network import InnerProduct, Network
from harness.ami.port import ATTRIBUTES, Port, listed_attributes

Witnesses = Mapping[str, Mapping[str, Tuple[int, ...]]]
"""attribute -> blob -> channels, duplicates kept, in the files' order."""


def read_witnesses(path: Path, network: Network) -> Dict[str, Tuple[int, ...]]:
    """One attribute's witnesses by blob, from either format.

    Notebook: `conv1_1,42` a line. PyTorch port: `relu1_1->42,7`, where a layer stands for its blob.
    InputError, with file and line, for an unknown blob, a channel out of range or a line of neither format.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a witness file ({error})") from error
    found: Dict[str, Tuple[int, ...]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            blob, channels = read_line(line.strip(), network, f"{path}:{number}")
            found[blob] = found.get(blob, ()) + channels
    return {blob: channels for blob, channels in found.items() if channels}


def read_line(line: str, network: Network, place: str) -> Tuple[str, Tuple[int, ...]]:
    """Blob and channels of one line."""
    name, _, rest = line.partition("->") if "->" in line else line.partition(",")
    try:
        blob = network.blob_of(name.strip())
        channels = tuple(int(part) for part in rest.split(",") if part.strip())
    except InputError as error:
        raise InputError(f"{place}: {error}; is this the right network for these witnesses?") from error
    except ValueError as error:
        raise InputError(f"{place}: {line!r} is not `blob,channel,…` nor `layer->channel,…`") from error
    if not 0 < network.index(blob) < network.index(network.logits.name):
        raise InputError(f"{place}: blob {blob!r} cannot be steered; only blobs between input and logits can")
    width = network.blobs[network.index(blob)].shape[0]
    outside = [channel for channel in channels if not 0 <= channel < width]
    if outside:
        raise InputError(f"{place}: blob {blob!r} has channels 0 to {width - 1}, not {outside[0]}")
    return blob, channels


def write_witnesses(path: Path, witnesses: Mapping[str, Any]) -> None:
    """Write one attribute's witnesses in the notebook's format."""
    lines = [",".join([blob, *map(str, channels)]) for blob, channels in witnesses.items() if len(channels)]
    Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def concatenate_witnesses(witnesses: Witnesses, port: Port) -> Dict[str, Tuple[int, ...]]:
    """Entries by blob over the four attributes, duplicates kept, in the order of the port's listing."""
    entries: Dict[str, List[int]] = {}
    for attribute in listed_attributes(port.listing) or ATTRIBUTES:
        for blob, channels in witnesses[attribute].items():
            entries.setdefault(blob, []).extend(channels)
    return {blob: tuple(channels) for blob, channels in entries.items()}


def extract_witnesses(
    executor: Any, base: np.ndarray, substitution: np.ndarray, preservation: np.ndarray
) -> Dict[str, List[int]]:
    """Witnesses of one attribute by blob, from the first blob after the input to the last before the logits.

    `base` is one network input (1, C, H, W); `substitution` and `preservation` hold one mutated input per
    pair, (P, C, H, W). A channel is a witness when for every pair its activation difference to the base is
    above the median of its blob under substitution and not above it under preservation (AmI, section 4.2).
    """
    if len(substitution) != len(preservation) or not len(substitution):
        raise InputError(
            f"witness extraction: {len(substitution)} substituted and {len(preservation)} preserved images;"
            " it takes pairs, at least one"
        )
    network = executor.network
    values = [executor.to_native(array) for array in (base, substitution, preservation)]
    found: Dict[str, List[int]] = {}
    for below, blob in zip(network.blobs, network.span(network.input.name, last_hidden(network))):
        values = [executor.forward(value, below.name, blob.name) for value in values]
        plain, substituted, preserved = (executor.to_numpy(value) for value in values)
        chosen = select_witnesses(
            channel_differences(substituted, plain), channel_differences(preserved, plain)
        )
        if chosen:
            found[blob.name] = chosen
    return found


def last_hidden(network: Network) -> str:
    """Name of the last blob before the logits (`fc7`)."""
    hidden = network.blobs[network.index(network.logits.name) - 1]
    if not any(isinstance(layer, InnerProduct) for layer in network.logits.layers) or not hidden.layers:
        raise InputError(f"network {network.name}: its logits are no inner product over a hidden blob")
    return hidden.name


def channel_differences(mutated: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Sum of |mutated - base| over each channel's map, (P, C)."""
    return np.abs(mutated - base).reshape(mutated.shape[0], mutated.shape[1], -1).sum(-1)


def select_witnesses(substituted: np.ndarray, preserved: np.ndarray) -> List[int]:
    """Channels that pass in every pair; both arguments are (P, C) activation differences."""
    above = substituted > np.median(substituted, axis=1, keepdims=True)
    not_above = preserved <= np.median(preserved, axis=1, keepdims=True)
    return [int(channel) for channel in np.flatnonzero((above & not_above).all(axis=0))]
