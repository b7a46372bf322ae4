"""What was read as the summary's part: what is missing is said, orders of equal words are told apart."""

from dataclasses import replace

import pytest
from numerics_readings import order, reading

from harness.core.errors import InputError
from harness.numerics.readings import Reading
from harness.numerics.replay import Replay
from harness.numerics.summarise import ELSEWHERE, summarise


def test_all_of_it_is_there():
    ours, theirs = reading("a", "11", "iabc", winograd=True), reading("b", "12", "iabd", winograd=False)
    theirs = replace(theirs, unlike=("e0",))
    part = summarise([ours, theirs, Reading("c", reasons=("no engine",))], {"a": [Replay("fc", 9, 9)]})
    assert (part.examples, part.environments, part.blobs[0]) == (2, ("a", "b"), "data")
    assert (part.passes.total, part.passes.equal, part.passes.wrong_equal) == (3, 2, 0)
    (split,) = part.splits
    assert (split.blob, split.properties[0].name) == ("fc", "setting winograd")
    assert (part.missing, part.unlike) == ({"c": "no engine"}, {"b": 1})
    assert part.replays["a"][0].equal == 9


def test_orders_of_equal_words_are_told_apart():
    part = summarise([reading("a", "11", "iabc"), reading("b", "12", "iabd")])
    same, other = part.layers
    assert [one.environments for one in same.orders] == [("a", "b")]
    assert [one.words.endswith(ELSEWHERE) for one in other.orders] == [False, True]


def test_layers_without_weights_have_no_order():
    one = reading("a", "11", "iabc")
    pooled = {**one.orders, "pool": order("pool", None, plain=False, products=0, kind="Pooling")}
    part = summarise([replace(one, orders=pooled), replace(one, name="b", orders=pooled)])
    assert [layer.blob for layer in part.layers] == ["conv", "fc"]


def test_one_environment_is_not_compared():
    with pytest.raises(InputError, match=r"only 1 environment could be read.*c: no engine"):
        summarise([reading("a", "11", "iabc"), Reading("c", reasons=("no engine",))])
