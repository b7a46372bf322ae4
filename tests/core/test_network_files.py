"""Networks as plain data, and neutral folders: exact, and anything else refused with its place."""

import copy
import json

import nets
import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.limits import MAX_LAYERS, MAX_NAME
from harness.core.network import Convolution, Lrn, Pooling, Relu, build_network
from harness.core.network_files import (
    layer_to_json,
    list_files,
    network_from_json,
    network_to_json,
    read_network,
    read_notes,
    read_weights,
)

NETWORK = nets.face_like_network()
ALL_KINDS = build_network(
    "all",
    "data",
    (3, 8, 8),
    [
        Convolution("conv", "data", "conv", 4, (3, 3), bias=False),
        Relu("", "conv", "conv", 0.25),
        Lrn("norm", "conv", "norm", 3, 0.5, 0.25, 2.0),
        Pooling("pool", "norm", "pool", "average", (2, 2), (2, 2), (1, 0)),
    ],
)


def change(data, path, value):
    """A copy with one value replaced, or taken out where the value is None."""
    copied = place = copy.deepcopy(data)
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


@pytest.mark.parametrize("network", [NETWORK, ALL_KINDS], ids=lambda network: network.name)
def test_a_network_survives_json(network):
    assert network_from_json(json.loads(json.dumps(network_to_json(network)))) == network


BROKEN = [
    (("name",), None, "key 'name' is missing"),
    (("name",), 3, "name: is no text"),
    (("more",), 1, "'more' is no key"),
    (("input",), [1], "input: is no table"),
    (("input", "shape"), [3, 8], "input: shape: is no list of three"),
    (("input", "shape", 0), 0, "input: shape: is no whole number from 1"),
    (("input", "shape", 0), True, "input: shape: is no whole number"),
    (("layers",), {}, "layers: is no list"),
    (("layers",), [], "has no layers"),
    (("layers", 0), "conv", "layer 1: is no layer"),
    (("layers", 0, "type"), "LSTM", "layer 1: is no layer of a type"),
    (("layers", 0, "type"), ["ReLU"], "layer 1: is no layer of a type"),
    (("layers", 0, "kernel"), None, "layer 1: key 'kernel' is missing"),
    (("layers", 0, "colour"), "red", "layer 1: 'colour' is no key"),
    (("layers", 0, "kernel"), [3], "layer 1: kernel: is no list of two"),
    (("layers", 0, "kernel", 1), 0, "layer 1: kernel: is no whole number from 1"),
    (("layers", 0, "kernel", 1), 1.0, "layer 1: kernel: is no whole number"),
    (("layers", 0, "pad", 0), -1, "layer 1: pad: is no whole number from 0"),
    (("layers", 0, "num_output"), 1 << 40, "layer 1: num_output: is no whole number"),
    (("layers", 0, "bias"), 1, "layer 1: bias: is neither true nor false"),
    (("layers", 0, "top"), None, "layer 1: key 'top' is missing"),
    (("layers", 0, "group"), 3, "group 3 does not divide"),
    (("layers", 1, "negative_slope"), "much", "layer 2: negative_slope: is no finite number"),
    (("layers", 1, "negative_slope"), float("nan"), "layer 2: negative_slope: is no finite number"),
    (("layers", 1, "bottom"), "data", "reads 'data'"),
    (("layers", 1, "name"), "x" * (MAX_NAME + 1), f"more than {MAX_NAME} characters"),
    (("layers", 3, "method"), "median", "layer 4: method: is none of max, average"),
]


@pytest.mark.parametrize(("path", "value", "words"), BROKEN)
def test_what_is_not_a_network_of_ours_is_refused_by_its_place(path, value, words):
    with pytest.raises(InputError, match=rf"network\.json: .*{words}|network\.json: {words}"):
        network_from_json(change(network_to_json(ALL_KINDS), path, value))


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(InputError, match=r"network\.json"):
        network_from_json(data)


def test_endless_networks_are_refused():
    relu = {**layer_to_json(Relu("r", "conv", "conv"))}
    data = change(network_to_json(ALL_KINDS), ("layers",), [network_to_json(ALL_KINDS)["layers"][0], relu])
    data["layers"] += [relu] * MAX_LAYERS
    with pytest.raises(InputError, match=f"at most {MAX_LAYERS} layers"):
        network_from_json(data)


def test_weights_are_memory_mapped_and_checked(tmp_path):
    nets.write_folder(tmp_path, NETWORK)
    assert read_network(tmp_path) == NETWORK
    weights = read_weights(tmp_path, NETWORK)
    assert isinstance(weights["fc6.weight"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        weights["fc6.weight"][0] = 0
    path = list_files(tmp_path, NETWORK)["fc6.weight"]
    np.save(path, np.zeros((2, 2), np.float32))
    with pytest.raises(
        InputError, match=r"fc6\.weight\.npy: holds float32 \(2, 2\), not float32 \(12, 512\)"
    ):
        read_weights(tmp_path, NETWORK)
    path.unlink()
    with pytest.raises(InputError, match=r"fc6\.weight\.npy: cannot be read"):
        read_weights(tmp_path, NETWORK)


@pytest.mark.parametrize("name", ["", "a b", "../x", "/x", "é" * 200, "con", "x\n:*?", "x" * 900])
def test_a_layer_of_any_name_has_a_file_in_the_folder(tmp_path, name):
    layers = [Convolution(name, "data", "a", 2, (1, 1)), Convolution(f"{name} ", "a", "b", 2, (1, 1))]
    network = build_network("named", "data", (3, 4, 4), layers)
    weights = nets.write_folder(tmp_path, network)
    assert sum(path.is_file() for path in (tmp_path / "parameters").iterdir()) == len(weights) == 4
    found = read_weights(tmp_path, read_network(tmp_path))
    assert all(found[key].tobytes() == array.tobytes() for key, array in weights.items())


def test_damaged_notes_are_refused(tmp_path):
    nets.write_folder(tmp_path, NETWORK)
    path = tmp_path / "network.json"
    whole = json.loads(path.read_text())
    for place, value, words in (
        (("sources",), [], "'sources' must be a table"),
        (("parameters",), None, "has no 'parameters'"),
        (("parameters", "fc6.bias"), 3, r"parameter fc6\.bias: is no table"),
        (("parameters", "fc6.bias", "sha256"), 3, r"parameter fc6\.bias: 'sha256' must be"),
    ):
        path.write_text(json.dumps(change(whole, place, value)))
        with pytest.raises(InputError, match=words):
            read_notes(tmp_path)
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"network\.json: is no JSON"):
        read_network(tmp_path)
