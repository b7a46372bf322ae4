"""Orders read back from cells, where two part, and how that is said."""

import json

import pytest
from numerics_readings import order

from harness.core.errors import InputError
from harness.numerics.orders import describe, find_parting, read_orders, tell_parting

NAMES = ("here", "there")


def tell(ours, theirs):
    parting = find_parting({"conv": ours}, {"conv": theirs}, ["data", "conv"])
    return None if parting is None else tell_parting(parting, NAMES)


def test_equal_orders_do_not_part():
    assert tell(order("conv", "1"), order("conv", "1")) is None


def test_the_first_blob_that_parts_is_named():
    ours = {"a": order("a", "1"), "b": order("b", "1"), "c": order("c", "1")}
    theirs = {"a": order("a", "1"), "b": order("b", "2"), "c": order("c", "2")}
    assert find_parting(ours, theirs, ["a", "b", "c"]).blob == "b"


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (order("conv", "2", row=(1, 5, 5, 5, 5)), "conv adds its 27 products in another order (here: "),
        (
            order("conv", "2", fused=False),
            "conv rounds each of its 27 products before it adds it on one side",
        ),
        (order("conv", "2", wide=True), "conv adds its 27 products in more than 24 bits in there alone"),
        (order("conv", None, plain=False, why="tiles", bits="x"), "conv is no plain sum in there: tiles"),
        (order("conv", "1", bits="x"), "conv rounds otherwise"),
        (order("conv", "2"), "conv adds its 27 products in another order at some of its outputs"),
        (
            order("conv", "1", precision="float64"),
            "conv is computed in float32 by here and in float64 by there",
        ),
    ],
)
def test_every_way_to_part_has_its_words(theirs, said):
    assert tell(order("conv", "1"), theirs).startswith(said)


CHAIN = "27 one after the other from neighbour to neighbour"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, f"{CHAIN}, each product fused with its addition, the bias last"),
        ({"row": (1, 3, 4, 5, 6), "bias": "first"}, f"{CHAIN}, each product fused"),
        (
            {"row": (1, 2, 5, 5, 5)},
            "2 one after the other from neighbour to neighbour, then parts up to 5, each",
        ),
        ({"row": (1, 4, 2, 5, 3)}, "27 one after the other from every 2nd, each"),
        (
            {"fused": False, "wide": True},
            f"{CHAIN}, each product rounded, in more than 24 bits, the bias last",
        ),
        (
            {"precision": "float64"},
            f"{CHAIN}, each product fused with its addition, in float64, the bias last",
        ),
        ({"plain": False, "why": "tiles"}, "no plain sum (tiles)"),
    ],
)
def test_orders_in_words(more, said):
    assert describe(order("conv", "1", **more)).startswith(said)


def test_a_cell_is_read_back(tmp_path):
    line = {"example": "conv", "layer": "conv1", "kind": "Convolution", "precision": "float32", "plain": True,
            "why": None, "products": 27, "signature": "s", "bits": "b", "row": [1, 2],
            "taps": [0, 1]}  # fmt: skip
    (tmp_path / "records.jsonl").write_text(json.dumps(line) + "\n")
    assert read_orders(tmp_path)["conv"].row == (1, 2)
    (tmp_path / "records.jsonl").write_text(json.dumps({**line, "plain": "yes"}) + "\n")
    with pytest.raises(InputError, match=r"plain"):
        read_orders(tmp_path)
