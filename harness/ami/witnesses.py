"""Witness files in both published formats, and their concatenation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from harness.ami.port import ATTRIBUTES, Port, listed_attributes
from harness.core.documents import parse_integer, shorten
from harness.core.errors import InputError
from harness.core.limits import MAX_MENTIONS, MAX_WITNESS_BYTES
from harness.core.network import Blob, Network, Relu
from harness.core.text import read_lines

Witnesses = Mapping[str, Mapping[str, Tuple[int, ...]]]
"""attribute -> blob -> channels, duplicates kept, in the files' order."""

Entries = Mapping[str, Sequence[Sequence[int]]]
"""blob -> a list of channels for each attribute that has any there; duplicates kept, in the files' order."""


def read_witnesses(path: Path, network: Network) -> Dict[str, Tuple[int, ...]]:
    """One attribute's witnesses by blob, from either format.

    Notebook: `conv1_1,42` a line. PyTorch port: `relu1_1->42,7`, where a layer stands for its blob.
    InputError, with file and line, for an unknown blob, a channel out of range or a line of neither format.
    """
    found: Dict[str, List[int]] = {}
    for number, line in enumerate(read_lines(path, MAX_WITNESS_BYTES), start=1):
        if line.strip():
            blob, channels = read_line(line.strip(), network, f"{path}:{number}")
            found.setdefault(blob, []).extend(channels)
    for blob, listed in found.items():
        check_mentions(listed, f"{path}: blob {blob!r}")
    return {blob: tuple(channels) for blob, channels in found.items() if channels}


def check_mentions(channels: Sequence[int], place: str) -> None:
    """Refuse a channel that is listed so often that strengthening it would not end."""
    for channel, times in Counter(channels).most_common(1):
        if times > MAX_MENTIONS:
            raise InputError(
                f"{place}: lists channel {channel} {times} times; at most {MAX_MENTIONS} are read"
            )


def read_line(line: str, network: Network, place: str) -> Tuple[str, Tuple[int, ...]]:
    """Blob and channels of one line."""
    name, _, rest = line.partition("->") if "->" in line else line.partition(",")
    try:
        blob = network.blob_of(name.strip())
        channels = tuple(parse_integer(part) for part in rest.split(",") if part)
    except InputError as error:
        raise InputError(f"{place}: {error}; is this the right network for these witnesses?") from error
    except ValueError as error:
        raise InputError(
            f"{place}: {shorten(line)!r} is not `blob,channel,…` nor `layer->channel,…`"
        ) from error
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


def write_port_witnesses(path: Path, witnesses: Mapping[str, Any], network: Network) -> None:
    """Write them in the PyTorch port's format, which lists every blob that can have some, by its layer."""
    lines = [
        f"{name_layer(blob, network)}->{','.join(map(str, witnesses.get(blob.name, ())))}\n"
        for blob in list_steerable(network)
    ]
    Path(path).write_text("".join(lines), encoding="utf-8")


def list_steerable(network: Network) -> Tuple[Blob, ...]:
    """The blobs that can have witnesses: those between input and logits."""
    return network.blobs[1 : network.index(network.logits.name)]


def name_layer(blob: Blob, network: Network) -> str:
    """The port's name of a blob: its ReLU, or else the layer that makes it.

    Where that would be read as the name of another blob or of none, it is the blob's own.
    """
    relu = next((layer for layer in blob.layers if isinstance(layer, Relu)), blob.layers[0])
    return relu.name if is_name_of(relu.name, blob, network) else blob.name


def is_name_of(name: str, blob: Blob, network: Network) -> bool:
    """Whether a witness file's name is read as this blob's."""
    try:
        return name == name.strip() and "->" not in name and network.blob_of(name) == blob.name
    except InputError:
        return False


def check_names(network: Network) -> None:
    """Refuse blobs whose names no witness file can hold, before witnesses are looked for in them."""
    for blob in list_steerable(network):
        if blob.name != blob.name.strip() or any(mark in blob.name for mark in (",", "->", "\n", "\r")):
            raise InputError(
                f"network {network.name}: no witness file can hold the name of blob {blob.name!r};"
                " rename it in the prototxt, without commas, `->`, line breaks, or spaces at its ends"
            )


def concatenate_witnesses(witnesses: Witnesses, port: Port) -> Dict[str, Tuple[Tuple[int, ...], ...]]:
    """Entries by blob over the four attributes, in the order of the port's listing."""
    entries: Dict[str, List[Tuple[int, ...]]] = {}
    for attribute in listed_attributes(port.listing) or ATTRIBUTES:
        for blob, channels in witnesses[attribute].items():
            entries.setdefault(blob, []).append(tuple(channels))
    return {blob: tuple(lists) for blob, lists in entries.items()}
