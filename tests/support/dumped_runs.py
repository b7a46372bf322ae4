"""A run of a small model whose maps are large enough for pool3's rule, and a program of somebody else's."""

import json

import numpy as np
import pytest
import small_model
from command_line import list_runs
from own_program import Program

from harness.model.random_weights import random_weights, vgg_face_network

SIZE = 64
MORE = {
    "nose": "conv3_2,3,1\nfc6,2\nfc7,1\npool3,2,5\n",
    "leye": "conv1_1,1,2\nconv3_2,3\nfc6,2,5\npool3,2\n",
}
EXAMPLE = "fgsm-0001"


def read_witnesses():
    """The lists by attribute and blob."""
    lists = {}
    for attribute, text in small_model.WITNESSES.items():
        rows = [line.split(",") for line in text.split()]
        lists[attribute] = {blob: list(map(int, channels)) for blob, *channels in rows}
    return lists


@pytest.fixture(name="larger", autouse=True)
def make_larger(monkeypatch):
    """The small model, twice as wide and as high."""
    monkeypatch.setattr(small_model, "SIZE", SIZE)
    table = small_model.TABLE.replace("height = 32", f"height = {SIZE}").replace(
        "width = 32", f"width = {SIZE}"
    )
    monkeypatch.setattr(small_model, "TABLE", table)
    monkeypatch.setattr(small_model, "WITNESSES", {**small_model.WITNESSES, **MORE})


@pytest.fixture(name="made")
def make_run(larger, harness, root):
    """Folder of a run of one environment."""
    del larger
    code, out, err = harness("run", "--model", "small", "--environment", "a")
    assert code == 0, out + err
    (folder,) = list_runs(root)
    return folder


def make_weights():
    """The model's parameters, as whoever converted them has them."""
    network = vgg_face_network((4, 6, 8, 10, 12), size=SIZE, fc=16, classes=small_model.CLASSES)
    return random_weights(network, 0)


def dump(root, **faults):
    """All that the program keeps of the example, by its own names."""
    png = (root / "small" / "examples" / "images" / f"{EXAMPLE}.png").read_bytes()
    return Program(make_weights(), read_witnesses(), **faults).dump(png)


def save(path, arrays):
    """A dump as NumPy writes it."""
    np.savez(path, **arrays)
    return path


def explain(harness, run, path, *words):
    """Exit code, the one group or None, what was printed, and errors."""
    code, out, err = harness("explain", run, "--foreign", path, "--example", EXAMPLE, *words, "--json")
    groups = json.loads(out)["groups"] if code == 0 else []
    return code, groups[0] if groups else None, out, err
