"""Networks as plain data, and neutral folders: `network.json` and a file for every parameter."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Tuple

import numpy as np

from harness.core.documents import check_fields, read_json
from harness.core.errors import InputError
from harness.core.limits import MAX_LAYERS, MAX_NOTE_BYTES
from harness.core.network import LAYER_TYPES, TYPE_NAMES, Layer, Network, build_network

NETWORK_FILE, PARAMETERS = "network.json", "parameters"
KEYS = ("name", "input", "layers")
# What a conversion says of itself beside the network.
NOTES = ("schema", "sources", "ignored", "parameters")
MOST = (1 << 31) - 1
LEAST = {"pad": 0}
METHODS = ("max", "average")
SLUG_LENGTH = 60
MADE_ANEW = "start again: what is damaged is made anew"


def layer_to_json(layer: Layer) -> Dict[str, Any]:
    """One layer as plain data."""
    options = dataclasses.asdict(layer)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
    return {"type": TYPE_NAMES[type(layer)], **plain}


def layer_from_json(data: Any, place: str) -> Layer:
    """Inverse of `layer_to_json`; InputError, with the place, for any other key, type or value."""
    if not isinstance(data, dict) or data.get("type") not in TYPE_NAMES.values():
        raise InputError(f"{place}: is no layer of a type that there is")
    options = {key: value for key, value in data.items() if key != "type"}
    layer_class = LAYER_TYPES[data["type"]]
    known = {field.name: field for field in dataclasses.fields(layer_class)}
    check_keys(options, tuple(known), place)
    values = {
        name: VALUES[str(field.type)](name, options[name], f"{place}: {name}")
        for name, field in known.items()
    }
    layer: Layer = layer_class(**values)
    return layer


def check_keys(data: Mapping[str, Any], wanted: Tuple[str, ...], place: str) -> None:
    """InputError unless a table has exactly the keys that are wanted."""
    for key in wanted:
        if key not in data:
            raise InputError(f"{place}: key {key!r} is missing")
    for key in data:
        if key not in wanted:
            raise InputError(f"{place}: {str(key)[:50]!r} is no key; there are {', '.join(wanted)}")


def take_text(name: str, value: Any, place: str) -> str:
    """A name, or a pooling's method."""
    if not isinstance(value, str) or (name == "method" and value not in METHODS):
        raise InputError(f"{place}: is {'none of ' + ', '.join(METHODS) if name == 'method' else 'no text'}")
    return value


def take_count(name: str, value: Any, place: str) -> int:
    """A whole number in the range of its option."""
    least = LEAST.get(name, 1)
    if type(value) is not int or not least <= value <= MOST:
        raise InputError(f"{place}: is no whole number from {least} to {MOST}")
    return value


def take_pair(name: str, value: Any, place: str) -> Tuple[int, int]:
    """Height and width."""
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{place}: is no list of two whole numbers")
    return (take_count(name, value[0], place), take_count(name, value[1], place))


def take_switch(_name: str, value: Any, place: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise InputError(f"{place}: is neither true nor false")
    return value


def take_number(_name: str, value: Any, place: str) -> float:
    """A finite number."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise InputError(f"{place}: is no finite number")
    return float(value)


VALUES: Dict[str, Callable[[str, Any, str], Any]] = {
    "str": take_text,
    "int": take_count,
    "Pair": take_pair,
    "bool": take_switch,
    "float": take_number,
}


def network_to_json(network: Network) -> Dict[str, Any]:
    """The network as plain data."""
    return {
        "name": network.name,
        "input": {"name": network.input.name, "shape": list(network.input.shape)},
        "layers": [layer_to_json(layer) for layer in network.layers],
    }


def hash_layers(network: Network) -> str:
    """Hash of what the network computes but for its parameters: the input's shape and the layers."""
    data = {key: value for key, value in network_to_json(network).items() if key != "name"}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def network_from_json(data: Any, place: str = NETWORK_FILE) -> Network:
    """Inverse of `network_to_json`; InputError, with the place, where the data is anything else."""
    if not isinstance(data, dict):
        raise InputError(f"{place}: is no network")
    check_keys(data, KEYS, place)
    if not isinstance(data["input"], dict):
        raise InputError(f"{place}: input: is no table")
    check_keys(data["input"], ("name", "shape"), f"{place}: input")
    name = take_text("name", data["name"], f"{place}: name")
    input_name = take_text("name", data["input"]["name"], f"{place}: input: name")
    shape, layers = data["input"]["shape"], data["layers"]
    if not isinstance(shape, list) or len(shape) != 3:
        raise InputError(f"{place}: input: shape: is no list of three whole numbers")
    sizes = tuple(take_count("shape", size, f"{place}: input: shape") for size in shape)
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise InputError(f"{place}: layers: is no list of at most {MAX_LAYERS} layers")
    read = [layer_from_json(layer, f"{place}: layer {at}") for at, layer in enumerate(layers, start=1)]
    try:
        return build_network(name, input_name, sizes, read)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def read_network(folder: Path) -> Network:
    """Network of a neutral folder."""
    data = read_notes(folder)
    network = {key: value for key, value in data.items() if key not in NOTES}
    return network_from_json(network, str(Path(folder) / NETWORK_FILE))


def read_notes(folder: Path) -> Dict[str, Any]:
    """A neutral folder's `network.json`: its sources and parameters, and, unchecked, the network."""
    path = Path(folder) / NETWORK_FILE
    data: Dict[str, Any] = read_json(path, MAX_NOTE_BYTES)
    kinds = {"schema": "a whole number", "sources": "a table", "parameters": "a table"}
    check_fields(data, kinds, str(path))
    for name, entry in data["parameters"].items():
        check_fields(entry, {"shape": "a list of numbers", "sha256": "a text"}, f"{path}: parameter {name}")
    return data


def list_files(folder: Path, network: Network) -> Dict[str, Path]:
    """File of every parameter in a neutral folder, keyed `LAYER.weight` and `LAYER.bias`.

    A layer may have any name, or none, so files are numbered; what fits of the name is for the eye alone.
    """
    names = network.parameter_shapes()
    return {
        name: Path(folder) / PARAMETERS / f"{at:04}-{re.sub('[^A-Za-z0-9_.]', '_', name)[-SLUG_LENGTH:]}.npy"
        for at, name in enumerate(names)
    }


def read_weights(folder: Path, network: Network) -> Dict[str, np.ndarray]:
    """Parameters of a neutral folder, memory-mapped read-only so that parallel cells share one copy."""
    weights = {}
    shapes = network.parameter_shapes()
    for name, path in list_files(folder, network).items():
        try:
            weights[name] = np.load(str(path), mmap_mode="r", allow_pickle=False)
        except Exception as error:  # a broken header ends in errors of many kinds
            raise InputError(f"{path}: cannot be read ({error}); {MADE_ANEW}") from error
        if weights[name].shape != shapes[name] or weights[name].dtype != np.float32:
            raise InputError(
                f"{path}: holds {weights[name].dtype} {weights[name].shape}, not float32 {shapes[name]}"
            )
    return weights
