"""Ports that feed stored arrays as something else than the network's input: said for each."""

from types import SimpleNamespace

import pytest

from harness.core.arrays import Preprocess
from harness.examples.subject import PreparedSubject
from harness.plan.feeding import is_input, note_feeding

BGR = {"height": 2, "width": 2, "channel_order": "bgr", "mean": [10, 20, 30]}
MODEL = Preprocess(2, 2, "bgr", (10.0, 20.0, 30.0))


def port(rule):
    return {"preset": "notebook", "rules": {"npy": rule}}


def cell(preset="notebook", **rules):
    return SimpleNamespace(job={"port": {"preset": preset, "rules": rules}})


@pytest.mark.parametrize(
    ("held", "rules"),
    [
        ("bgr-minus-mean", ("as-is", "to-bgr", "convert")),
        ("rgb-minus-mean", ("to-bgr", "convert")),
        ("raw-bgr", ("convert",)),
        ("unit-rgb", ("convert",)),
    ],
)
def test_the_input_of_a_bgr_network(held, rules):
    found = [rule for rule in ("as-is", "to-bgr", "convert") if is_input(held, port(rule), MODEL)]
    assert found == list(rules)


def test_the_input_of_an_rgb_network_and_of_one_without_a_mean():
    rgb, plain = Preprocess(2, 2, "rgb", (30.0, 20.0, 10.0)), Preprocess(2, 2)
    assert is_input("rgb-minus-mean", port("as-is"), rgb)
    assert not is_input("rgb-minus-mean", port("to-bgr"), rgb)
    assert is_input("raw-bgr", port("as-is"), plain)
    assert not is_input("raw-rgb", port("as-is"), plain)


def test_each_port_and_convention_is_noted_once():
    prepared = PreparedSubject(
        SimpleNamespace(preprocess=BGR), (), ("before",), ("unit-rgb", "bgr-minus-mean")
    )
    cells = [cell(), cell(), cell("pytorch-port"), cell(npy="convert")]
    text = "npy: port {} does not make this network's input of unit-rgb arrays; --rule npy=convert does"
    assert note_feeding(prepared, cells).notes == (
        "before",
        text.format("notebook"),
        text.format("pytorch-port"),
    )
