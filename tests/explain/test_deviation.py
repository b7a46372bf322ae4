"""Deviations that are 0 but for last bits: numerics, whatever a change of the catalogue happens to give."""

import pytest
from toy_cells import Toy, make_environment, make_job, make_pair

from harness.explain.causes import Cause
from harness.explain.counterfactual import AS_IT_IS
from harness.explain.explain import STRATEGIES, explain_pair

TERMS = {"port": {"arithmetic": "term-by-term"}}  # what last bits happen to look like


class Wavering(Toy):
    """A cell whose deviations are 0 but for last bits: only a tolerant test makes it answer as others do."""

    def say(self, example, environment=None, patch=AS_IT_IS):
        is_tolerant = patch.get("port", {}).get("zero_sigma") == "relative"
        cell = Toy("toy", self.job) if is_tolerant else super()
        return {**cell.say(example, environment, patch), "sigma_ratio": ["conv3_3", 7e-8]}


def explain(one, other):
    pair, answers, _ = make_pair(one, other)
    return [*explain_pair(pair, pair.diverging, answers, STRATEGIES)]


def make_cells(job=None, backend="onnxruntime"):
    there = make_environment("two").model_copy(update={"backend": backend})
    return Toy("one"), Wavering("two", job, fault=TERMS, environment=there)


def name(found):
    return {(one.verdict, tuple(named.cause for named in one.causes)) for one in found}


def test_a_deviation_of_last_bits_is_numerics_and_no_rule():
    found = explain(*make_cells())
    assert name(found) == {("proven", ("numerics",))}
    first = found[0]
    assert (first.proof.kind, first.proof.cell) == ("undone", "two")
    assert (first.causes[0].factor, first.causes[0].a, first.causes[0].b) == (
        "backend",
        "reference",
        "onnxruntime",
    )
    assert first.sentence.startswith("The deviation of conv3_3 is 0 but for last bits")
    assert "both have the tuple " + "-".join(map(str, first.proof.tuple)) in first.sentence


@pytest.mark.parametrize("ratio", [None, 1e-3])
def test_a_deviation_that_is_none_explains_nothing(ratio, monkeypatch):
    one, other = make_cells()
    say = other.say
    monkeypatch.setattr(
        other, "say", lambda *a, **k: {**say(*a, **k), "sigma_ratio": ratio and ["conv3_3", ratio]}
    )
    assert name(explain(one, other)) == {("proven", ("arithmetic",))}


def test_a_declared_rule_comes_before_last_bits():
    found = explain(*make_cells(make_job({"ddof": 1})))
    assert Cause.NUMERICS.value not in {one for _, causes in name(found) for one in causes}


class Near(Toy):
    """A cell that says of every answer that a deviation is 0 but for last bits."""

    def say(self, example, environment=None, patch=AS_IT_IS):
        return {**super().say(example, environment, patch), "sigma_ratio": ["conv3_3", 7e-8]}


@pytest.mark.parametrize(("noise", "cause"), [(0.0, "zero-sigma"), (1e-7, "numerics")])
def test_cells_of_one_make_and_the_same_bits_are_not_parted_by_last_bits(noise, cause):
    fault = {"port": {"zero_sigma": "relative"}}
    found = explain(Near("one"), Near("two", fault=fault, noise=noise))
    assert name(found) == {("proven", (cause,))}
