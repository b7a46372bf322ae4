"""Where last bits are a cause, the first layer that both environments do not add up alike is named."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from numerics_readings import order
from toy_cells import Toy, make_pair

from harness.core.errors import InputError
from harness.explain import cells
from harness.explain.causes import Named
from harness.explain.counterfactual import Failure
from harness.explain.orders import tell_orders
from harness.explain.pair import explain


def write_orders(folder, *orders):
    folder.mkdir()
    (folder / "records.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in orders))
    return folder


@pytest.fixture(name="toy")
def make_toy(tmp_path):
    """A pair, its answers, and what was asked; the second layer is added up otherwise."""
    pair, answers, _ = make_pair(Toy("one"), Toy("two", fault={"parameters": {"alpha": 5.0}}))
    same, other = order("conv1", "1"), order("conv2", "3", row=(1, 5, 5, 5, 5))
    folders = [
        write_orders(tmp_path / "a", same, order("conv2", "2")), write_orders(tmp_path / "b", same, other)
    ]  # fmt: skip
    asked = []

    def read(environments):
        asked.append([one.name for one in environments])
        return folders

    answers.read_orders = read
    return pair, answers, folders, asked


def told(pair, answers, cause="numerics"):
    named = [Named(cause, "batch_size", 1, 8)] if cause else []
    one = explain(pair, pair.diverging[0], "proven", named, "Last bits do it.")
    return one, tell_orders(pair, one, answers)


def test_the_layer_is_named_and_the_verdict_stays(toy):
    pair, answers, _, asked = toy
    before, after = told(pair, answers)
    assert after.sentence.startswith(
        "Last bits do it. The first layer that they do not add up alike: conv2 adds its 27 products in"
        f" another order ({pair.names[0]}: 27 one after the other"
    )
    assert msgspec.structs.replace(after, sentence=before.sentence) == before
    told(pair, answers, "algorithm")
    assert asked == [[pair.a.environment.name, pair.b.environment.name]]
    assert answers.executions == 2


@pytest.mark.parametrize("cause", ["mean", "precision", None])
def test_other_causes_have_nothing_to_do_with_orders(toy, cause):
    pair, answers, _, asked = toy
    before, after = told(pair, answers, cause)
    assert before == after
    assert not asked


def test_nothing_is_said_where_orders_are_the_same_or_not_known(toy):
    pair, answers, folders, _ = toy
    folders[1] = folders[0]
    before, after = told(pair, answers)
    assert before == after
    answers.partings.clear()
    folders[1] = Failure("no Docker engine")
    before, after = told(pair, answers)
    assert before == after
    assert pair.untested == [f"{pair.names[1]}: order of addition (no Docker engine)"]
    answers.partings.clear()
    answers.read_orders = None
    before, after = told(pair, answers)
    assert before == after


def test_what_cannot_be_read_costs_no_explanation(toy):
    pair, answers, _, _ = toy

    def refuse(_environments):
        raise InputError("the disk is full")

    answers.read_orders = refuse
    before, after = told(pair, answers)
    assert before == after
    assert pair.untested[0].endswith("order of addition (the disk is full)")


def test_a_trace_from_elsewhere_has_no_environment_here(toy):
    pair, answers, _, asked = toy
    pair.b = replace(pair.b, trace=Path("elsewhere"))
    before, after = told(pair, answers)
    assert before == after
    assert not asked


def test_a_large_model_is_not_read_unasked(tmp_path, monkeypatch):
    path = tmp_path / "large.caffemodel"
    path.write_bytes(b"")
    os.truncate(path, cells.MOST_MODEL_BYTES + 10**6)
    monkeypatch.setattr(cells, "Reader", None)  # what would run them
    runner = cells.CellRunner(None, SimpleNamespace(caffemodel=path), None)
    found = runner.read_orders([None, None])
    assert [one.reason for one in found] == ["a model of 65 MB; `harness numerics RUN` reads it"] * 2
