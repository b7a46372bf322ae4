"""Waterfalls: a change of a rate shared out among factors, the parts of which add up to it."""

import math
from itertools import permutations

import numpy as np
import pytest
from toy_cells import Toy, make_job, make_pair, settle

from harness.core.errors import InputError
from harness.diff.tuples import Join
from harness.explain import waterfall
from harness.explain.waterfall import draw_waterfalls

COUNT = 40
NAMES = [f"face-{number}" for number in range(COUNT)]
ATTACKS = ["fgsm" if number < 24 else "benign" for number in range(COUNT)]
STEPS = {
    "ddof": {1: 7},
    "fc": {"skipped": 3},
    "pool3_channels": {"all": 4},
    "pool3_when": {"before-statistics": 5},
}


class Judging(Toy):
    """A cell that detects so many attacked and benign examples as its rules say; some rules work together."""

    def __init__(self, name, job=None, *, seconds=1.0, lacks=(), spoilt=(), fooled=20, **more):
        super().__init__(name, job, **more)
        self.seconds, self.lacks, self.spoilt, self.fooled, self.tried = seconds, lacks, spoilt, fooled, []

    def say(self, example, _environment=None, patch=None):
        if any(one in (patch or {}) for one in self.lacks):
            raise InputError("it has none")
        self.tried.append(example)
        (inputs, _, rest, _), port, parameters, _ = settle(self.job, self.fault, patch or {})
        number = NAMES.index(example)
        if patch and number in self.spoilt:
            return {"example": example, "refused": "is no picture"}
        place = number if number < 24 else number - 24
        gold, fooled = 7, number < 24 and (place < self.fooled or inputs["mean"] == "none")
        limit = sum(STEPS[rule].get(port[rule], 0) for rule in STEPS)
        limit += 2 * (port["ddof"] == 1 and port["fc"] == "skipped") + (parameters["alpha"] < 100)
        limit += (rest["batch_size"] == 1) + self.noise
        original = gold + fooled
        found = place < limit / (1 if fooled else 2)
        return {
            "example": example,
            "attack": ATTACKS[number],
            "gold": gold,
            "original": original,
            "attribute": original + 5 * found,
            "detected": found,
            "seconds": self.seconds,
        }  # fmt: skip


def draw(a, b, most=1e9):
    pair, answers, runner = make_pair(a, b, COUNT)
    said = [[toy.say(name) for toy in (a, b)] for name in NAMES]
    names = np.array(NAMES, dtype=object)
    tuples = np.array(
        [[[one[key] for key in ("gold", "original", "attribute")] for one in ones] for ones in said]
    )
    detected = np.array([[one["detected"] for one in ones] for ones in said])
    rows = np.zeros((COUNT, 2), int)
    join = Join((a.name, b.name), names, names, np.array(ATTACKS, dtype=object), tuples, detected, rows, ())
    a.tried, b.tried = [], []
    found, notes = draw_waterfalls([pair], join, answers, most)
    for one in found:
        assert math.fsum(part.share for part in one.parts) == pytest.approx(one.end - one.start, abs=1e-12)
    return {one.rate: one for one in found}, notes, runner


def read_parts(waterfall, scale=20):
    return {part.factor: round(part.share * scale, 9) for part in waterfall.parts}


def mean_gains(factors, value):
    """Shapley values by their definition: what a factor adds, mean over all orders."""
    orders = list(permutations(factors))
    gains = dict.fromkeys(factors, 0.0)
    for order in orders:
        for place, one in enumerate(order):
            gains[one] += value(set(order[: place + 1])) - value(set(order[:place]))
    return {one: gain / len(orders) for one, gain in gains.items()}


def test_the_parts_are_shapley_values_and_add_up_to_the_whole():
    found, notes, _ = draw(Judging("one"), Judging("two", make_job({"ddof": 1, "fc": "skipped"}, alpha=50.0)))
    names = {"port.ddof": 7, "port.fc": 3, "parameters.alpha": 1}
    wanted = mean_gains(
        names, lambda ones: sum(names[one] for one in ones) + 2 * ({"port.ddof", "port.fc"} <= ones)
    )
    assert read_parts(found["detection"]) == {**wanted, "environment": 0}
    assert [part.factor for part in found["detection"].parts] == [*names, "environment"]
    assert (found["detection"].start, found["detection"].end) == (0, 13 / 20)
    assert (found["alarms"].start, found["alarms"].end) == (0, 7 / 16)
    assert notes == []


def test_all_sets_are_tried_once_in_one_execution():
    toys = [Judging("one", seconds=0), Judging("two", make_job({"ddof": 1, "fc": "skipped"}, alpha=50.0))]
    _, _, runner = draw(*toys)
    assert [len(one.patches) for one in runner.questions] == [1, 1, 7]  # both as they are, then all sets


def test_many_sets_are_tried_in_one_worker_for_each_core(monkeypatch):
    monkeypatch.setattr(waterfall, "count_cores", lambda: 3)
    toys = [Judging("one"), Judging("two", make_job({"ddof": 1, "fc": "skipped"}, alpha=50.0))]
    found, _, runner = draw(*toys)
    parts = [one for one in runner.questions if len(one.examples) > 1]
    assert [len(one.patches) for one in parts] == [2, 2, 3]
    assert all(one.is_brief for one in parts)
    assert len({str(patch) for one in parts for patch in one.patches}) == 7
    late = [{"fc" in patch.get("port", {}) for patch in one.patches} for one in parts[:2]]
    assert late == [{True, False}] * 2
    assert found["detection"].end == 13 / 20
    toys = [Judging("one", seconds=0.1), Judging("two", make_job({"ddof": 1, "fc": "skipped"}), seconds=0.1)]
    _, _, runner = draw(*toys)
    assert [len(one.patches) for one in runner.questions] == [1, 1, 3]


def test_examples_that_no_rate_counts_are_not_tried_unless_their_input_changes():
    second = Judging("two", make_job({"ddof": 1}))
    draw(Judging("one"), second)
    assert [one for one in second.tried if one in NAMES[20:24]] == []
    first, second = Judging("one"), Judging("two", make_job({"ddof": 1, "mean": "none"}))
    found, _, _ = draw(first, second)
    assert set(NAMES[20:24]) <= {*first.tried, *second.tried}
    assert read_parts(found["detection"], 1)["port.mean"] == pytest.approx((7 / 24 - 7 / 20) / 2)


def test_a_rule_that_needs_another_adds_nothing_before_that_is_set():
    rules = {"pool3_channels": "all", "pool3_when": "before-statistics"}
    wanted = {"port.pool3_channels": 4 + 5 / 2, "port.pool3_when": 5 / 2, "environment": 0}
    found, _, _ = draw(Judging("one"), Judging("two", make_job(rules)))
    assert read_parts(found["detection"]) == wanted
    found, _, _ = draw(Judging("one", seconds=2.0), Judging("two", make_job(rules)))
    assert read_parts(found["detection"]) == wanted


def test_what_no_file_declares_is_the_environments():
    found, _, _ = draw(Judging("one"), Judging("two", make_job({"ddof": 1}), noise=2))
    assert read_parts(found["detection"]) == {"port.ddof": 7, "environment": 2}
    assert found["detection"].parts[-1].cause == "numerics"
    found, _, runner = draw(Judging("one"), Judging("two", noise=2))
    assert read_parts(found["detection"]) == {"environment": 2}
    assert [len(one.patches) for one in runner.questions] == [1, 1]


def test_what_changes_last_bits_goes_with_the_environment_unless_it_is_all_that_differs():
    job = make_job({"ddof": 1})
    job["batch_size"] = 1
    found, _, _ = draw(Judging("one"), Judging("two", job))
    assert read_parts(found["detection"]) == {"port.ddof": 7, "environment": 1}
    found, _, _ = draw(Judging("one"), Judging("two", make_job({"ddof": 1, "arithmetic": "term-by-term"})))
    assert read_parts(found["detection"]) == {"port.ddof": 7, "environment": 0}
    job = make_job()
    job["batch_size"] = 1
    found, _, _ = draw(Judging("one"), Judging("two", job))
    assert read_parts(found["detection"]) == {"batch_size": 1, "environment": 0}


@pytest.mark.parametrize(("slow", "asked"), [("one", "two"), ("two", "one")])
def test_the_faster_side_is_taken(slow, asked):
    toys = [Judging("one"), Judging("two", make_job({"ddof": 1}))]
    for toy in toys:
        toy.seconds = 5.0 if toy.name == slow else 1.0
    found, _, runner = draw(*toys)
    assert runner.questions[-1].side.label == asked
    assert read_parts(found["detection"]) == {"port.ddof": 7, "environment": 0}


def test_the_side_is_taken_that_can_have_more_of_the_others():
    job = make_job({"ddof": 1})
    job["decoder"] = "opencv"
    found, _, runner = draw(Judging("one", lacks=["decoder"]), Judging("two", job, seconds=5.0))
    assert runner.questions[-1].side.label == "two"
    assert read_parts(found["detection"]) == {"port.ddof": 7, "decoder": 0, "environment": 0}
    found, _, _ = draw(Judging("one", lacks=["decoder"]), Judging("two", job, lacks=["decoder"]))
    last = found["detection"].parts[-1]
    assert (last.factor, last.cause) == ("environment and decoder", "unknown")


def test_a_side_that_cannot_run_here_leaves_the_other():
    found, _, runner = draw(
        Judging("one", away="needs a GPU"), Judging("two", make_job({"ddof": 1}), seconds=5.0)
    )
    assert runner.questions[-1].side.label == "two"
    assert read_parts(found["detection"]) == {"port.ddof": 7, "environment": 0}


def test_equal_rates_have_no_waterfall():
    first, second = Judging("one"), Judging("two", make_job(beta=5.0))
    assert draw(first, second)[:2] == ({}, [])
    assert first.tried == second.tried == []


def test_a_waterfall_that_takes_hours_is_left_to_who_asks_for_it():
    found, notes, runner = draw(
        Judging("one", seconds=900), Judging("two", make_job({"ddof": 1}), seconds=900), 100.0
    )
    assert found == {}
    assert notes == [
        "no waterfall of one and two: it takes about 4.5 hours on one core; --waterfall makes it"
    ]
    assert [len(one.examples) for one in runner.questions] == [1, 1]


def test_more_than_eight_factors_have_intervals():
    rules = {
        "ddof": 1,
        "fc": "skipped",
        "pool3_channels": "all",
        "pool3_when": "before-statistics",
        "pool3_kernel": "bilinear",
        "zero_sigma": "relative",
        "duplicates": "product",
    }
    found, _, _ = draw(Judging("one"), Judging("two", make_job(rules, alpha=50.0, beta=5.0)))
    parts = {part.factor: part for part in found["detection"].parts}
    assert len(parts) == 10
    assert parts["parameters.beta"].low == parts["parameters.beta"].high == 0
    assert parts["port.ddof"].low < parts["port.ddof"].share < parts["port.ddof"].high
    assert parts["environment"].low is None


def test_a_file_that_cannot_be_used_leaves_a_note():
    found, notes, _ = draw(Judging("one", spoilt=[3]), Judging("two", make_job({"ddof": 1})))
    assert found == {}
    assert notes == ["no waterfall of one and two: face-3: is no picture"]


def test_a_rate_of_nothing_has_no_waterfall():
    found, _, _ = draw(Judging("one", fooled=0), Judging("two", make_job({"ddof": 1}), fooled=0))
    assert list(found) == ["alarms"]
