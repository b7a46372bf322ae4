"""The bundled list `fragile`: found again by the search, and on the edge in exact arithmetic."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.ami.detection import build_detector
from harness.ami.port import Port
from harness.backends import Settings, reference
from harness.core.examples import read_examples
from harness.examples.subject import find_examples
from harness.model.folder import read_model
from harness.numerics import edge_list, edges
from harness.numerics.edge_list import WANTED, Search, State, follow, list_edges, open_search
from harness.numerics.edges import (
    WHOLE,
    Brackets,
    Way,
    ask_all,
    ask_attribute,
    ask_order,
    ask_original,
    begin,
    find_zeros,
    halve,
    look,
    measure_sums,
    name_edges,
)
from harness.system.cache import read_hashes

MODEL = Path(__file__).parents[2] / "models" / "tiny-vgg-face"
LIST = [json.loads(line) for line in (MODEL / "fragile.jsonl").read_text().splitlines()]
FEW = 2  # of each kind


@pytest.fixture(name="search", scope="module")
def make_search(tmp_path_factory):
    return open_search(read_model(MODEL), tmp_path_factory.mktemp("cache"))


def choose_ways(search, kind, count=FEW):
    """Ways and places of the first edges of a kind, as the list has them."""
    numbers = {one.path.relative_to(MODEL).as_posix(): number for number, one in enumerate(search.examples)}
    chosen = [one for one in LIST if one["attack"] == f"edge-{kind}"][:count]
    ways = [Way(*(numbers[name] for name in one["between"])) for one in chosen]
    at = [one["at"] * WHOLE for one in chosen]
    assert all(place == int(place) for place in at)
    return ways, Brackets(tuple(map(int, at)), tuple(int(place) + 1 for place in at))


def test_it_has_as_many_of_each_kind_as_are_wanted():
    assert Counter(one["attack"].removeprefix("edge-") for one in LIST) == WANTED
    assert sum(WANTED.values()) == 100
    assert len({one["sha256"] for one in LIST}) == 100
    assert (MODEL / "fragile.jsonl").stat().st_size < 100_000


def test_the_search_finds_the_same_places_again(search):
    ways, ends = choose_ways(search, "original")
    told = []
    found = halve(
        search.ground, ways, ask_original(search.ground.detector), begin(ways), lambda _: None,
        lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert (found.low, found.high) == (ends.low, ends.high)
    assert told == [(number, 40) for number in range(41)]
    made = list(list_edges(search, [edge_list.Edge("original", *one) for one in zip(ways, found.low)], MODEL))
    assert made == LIST[:FEW]


@pytest.mark.parametrize("kind", ["original", "attribute", "pool3"])
def test_neighbours_have_other_answers(search, kind):
    ways, ends = choose_ways(search, kind)
    ask = (ask_original if kind == "original" else ask_attribute)(search.ground.detector)
    below, above = (ask_all(search.ground, ways, ask, at) for at in (ends.low, ends.high))
    assert (below != above).all()
    inputs = [search.ground.place(ways, at) for at in (ends.low, ends.high)]
    assert max(float(np.abs(one - other).max()) for one, other in [inputs]) < 1e-4
    if kind != "original":
        assert name_edges(search.ground, ways, ends) == [kind] * FEW


def test_at_pool3_the_classes_are_far_apart_and_a_sum_is_at_the_mean(search):
    ways, ends = choose_ways(search, "pool3")
    inputs = search.ground.place(ways, ends.low)
    logits = np.sort(look(search.ground.detector, inputs).logits, axis=1)
    assert ((logits[:, -1] - logits[:, -2]) / logits[:, -1] > edges.NEARNESS).all()
    measured = measure_sums(search.ground.detector, "pool3", inputs)
    assert (np.abs(measured.sums / measured.mean - 1).min(1) < 1e-7).all()


def test_where_sigma_is_near_0_counting_it_as_0_makes_another_attribute(search):
    ways, ends = choose_ways(search, "sigma")
    assert find_zeros(search.ground, search.tolerant, ways, ends) == [True] * FEW
    far = Brackets((0,) * FEW, (1,) * FEW)
    assert find_zeros(search.ground, search.tolerant, ways, far) == [False] * FEW


def test_a_killed_search_goes_on_where_it_was(search, monkeypatch, tmp_path):
    few = replace(search, wanted={"original": 2, "attribute": 0, "pool3": 0, "sigma": 0})
    monkeypatch.setattr(edges, "STEPS", 3)
    asked = []

    def ask(ways, inputs):
        asked.append(len(ways))
        return np.array([int(one.mean() > 0) for one in inputs])

    def stop(done, _total):
        if done == 2 and len(asked) < 40:
            raise KeyboardInterrupt

    first = Search(few.ground, few.tolerant, few.examples, few.wanted, tmp_path / "s.json", State())
    with pytest.raises(KeyboardInterrupt):
        follow(first, "original", ask, 1, {"original": stop})
    kept = edge_list.read_state(tmp_path / "s.json")
    assert kept.brackets["original"].steps == 2
    done = len(asked)
    again = replace(first, state=kept)
    _, ends = follow(again, "original", ask, 1, {"original": lambda *_: None})
    assert len(asked) - done == 2  # the beginnings, and one halving
    whole = replace(first, state=State(), place=tmp_path / "t.json")
    assert follow(whole, "original", ask, 1, {"original": lambda *_: None})[1] == ends
    (tmp_path / "s.json").write_text("{")
    assert edge_list.read_state(tmp_path / "s.json") == State()


def test_the_order_of_two_sums_turns_where_a_way_is_halved(search):
    ask = ask_order(search.ground.detector, "conv1_1")
    still = [Way(number, number) for number in range(40)]
    said = ask_all(search.ground, still, ask, [0] * 40).tolist()
    way = Way(said.index(0), said.index(1), "conv1_1")
    ends = halve(search.ground, [way], ask, begin([way]), lambda _: None, lambda *_: None)
    measured = measure_sums(search.ground.detector, "conv1_1", search.ground.place([way], ends.low))
    assert float(measured.sigma[0, 0] / measured.mean[0, 0]) < 1e-8


def test_in_single_precision_many_are_others_and_what_they_lie_between_is_not(search):
    exact = search.ground.detector
    weights = exact.executor._weights
    executor = reference.load(exact.executor.network, weights, Settings(precision="float32"))
    entries = {one.blob: (one.entries,) for one in exact.visits}
    single = build_detector(executor, entries, Port(), exact.parameters)
    apart = {}
    for kind in WANTED:
        ways, ends = choose_ways(search, kind, 8)
        asks = ask_original if kind == "original" else ask_attribute
        for at in (ends.low, (0,) * len(ways)):
            said = [ask_all(search.ground, ways, asks(one), at) for one in (exact, single)]
            apart.setdefault(any(at), []).extend(said[0] != said[1])
    assert sum(apart[True]) >= 4  # of 32; how many depends on the processor
    assert not any(apart[False])


def test_the_list_has_a_name_and_its_arrays_are_made_where_it_is_asked_for(tmp_path):
    found = find_examples(read_model(MODEL), ["fragile"], None, tmp_path, read_hashes(tmp_path))
    assert found.refused == ()
    examples = read_examples(found.path, 100)
    assert [one.id for one in examples] == [one["id"] for one in LIST]
    assert {one.path.parent for one in examples} == {tmp_path / "examples"}
    assert {one.npy for one in examples} == {"bgr-minus-mean"}
