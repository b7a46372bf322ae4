"""Copies of an environment with another's threads, variables, packages or image: which of them counts."""

import pytest
from toy_cells import Toy, make_environment, make_job, make_pair

from harness.explain.counterfactual import Failure
from harness.explain.explain import STRATEGIES, explain_pair
from harness.explain.factors import copy_environment, list_inside
from harness.plan.environments import Environment

LISTING = ["nose_witness.txt", "leye_witness.txt", "mouth_witness.txt", "reye_witness.txt"]
ISA = {"ISA": "SSE41"}


class Near(Toy):
    """A cell of which a deviation is 0 but for last bits: what it feels is nothing where 0 is so counted."""

    def say(self, example, environment=None, patch=None):
        patch = patch or {}
        if patch.get("port", {}).get("zero_sigma") == "relative":
            calm = Toy(self.name, self.job, environment=self.environment)
            said = calm.say(example, environment, patch)
        else:
            said = super().say(example, environment, patch)
        return {**said, "sigma_ratio": ["conv3_3", 1e-7]}


def explain(a, b, count=8):
    pair, answers, _ = make_pair(a, b, count)
    return list(explain_pair(pair, pair.diverging, answers, STRATEGIES)), pair, answers


def name_factors(found):
    return {(one.verdict, tuple(cause.factor for cause in one.causes)) for one in found}


def feel_isa(environment):
    return {"port": {"fed_on": False}} if "ISA" in environment.variables else {}


def feel_place(environment):
    """Last bits of an image's BLAS, and of another number of threads."""
    bits = [environment.image == "atlas", environment.settings.threads == 2]
    return {"blas": bits} if any(bits) else {}


def make_box(name, image, **more):
    return Environment(
        name=name, description=name, backend="reference", groups=(), launcher="docker", image=image, **more
    )


def test_a_declared_difference_without_effect_is_not_named_beside_a_bridge():
    second = make_environment("two", variables=ISA)
    toys = Toy("one", feels=feel_isa), Toy("two", make_job({"listing": LISTING}), environment=second)
    toys[1].feels = feel_isa
    found, pair, _ = explain(*toys)
    assert [one.factor for one in pair.declared] == ["port.listing"]
    assert name_factors(found) == {("proven", ("variables.ISA",))}
    assert {one.proof.kind for one in found} == {"bridge"}


def test_a_rule_and_a_variable_are_named_together_where_neither_suffices():
    second = make_environment("two", variables={**ISA, "OTHER": "1"})
    toys = Toy("one", feels=feel_isa), Toy("two", make_job({"ddof": 1}), environment=second, feels=feel_isa)
    found, _, answers = explain(*toys)
    assert name_factors(found) == {("proven", ("port.ddof", "variables.ISA"))}
    assert answers.executions <= 15


@pytest.mark.parametrize(
    ("image", "threads", "factors"),
    [
        ("open", 2, ("settings.threads",)),
        ("atlas", 1, ("image",)),
        ("atlas", 2, ("settings.threads", "image")),
    ],
)
def test_of_an_image_and_threads_that_is_named_which_counts(image, threads, factors):
    first, second = make_box("one", "open"), make_box("two", image, settings={"threads": threads})
    found, _, _ = explain(
        Near("one", environment=first, feels=feel_place), Near("two", environment=second, feels=feel_place)
    )
    assert name_factors(found) == {("proven", factors)}
    assert {cause.cause for one in found for cause in one.causes} == {"numerics"}


def test_another_image_is_no_numerics_where_more_than_last_bits_differs():
    def feel_fault(environment):
        return {"port": {"ddof": 1}} if environment.image == "atlas" else {}

    first, second = make_box("one", "open"), make_box("two", "atlas", settings={"threads": 2})
    found, _, _ = explain(
        Toy("one", environment=first, feels=feel_fault), Toy("two", environment=second, feels=feel_fault)
    )
    assert name_factors(found) == {("proven", ("port.ddof",))}


def test_what_no_copy_can_have_is_said_with_its_reason():
    second = make_environment("two", variables=ISA).model_copy(update={"backend": "pytorch"})
    found, _, _ = explain(Toy("one"), Toy("two", fault={"nobody knows": 1}, environment=second), count=2)
    assert found[0].untested == [
        "backend (no environment has both)",
        "variables.ISA (another backend has its own)",
    ]


def test_a_copy_that_does_not_start_is_said_and_others_are_tried():
    second = make_environment("two", variables={**ISA, "OTHER": "1"})
    pair, answers, runner = make_pair(
        Toy("one", feels=feel_isa), Toy("two", environment=second, feels=feel_isa)
    )
    real = runner.run
    runner.run = lambda one: Failure("no room") if one.place.name == "two~variables.OTHER" else real(one)
    found = list(explain_pair(pair, pair.diverging, answers, STRATEGIES))
    assert name_factors(found) == {("proven", ("variables.ISA",))}
    assert found[0].untested == ["variables.OTHER (no room)"]


def test_a_place_is_taken_over_with_all_that_starts_it():
    local, box = make_environment("one", python="3.9"), make_box("two", "atlas")
    copy = copy_environment(local, box, frozenset(("launcher",)))
    assert (copy.launcher, copy.image, copy.python, copy.packages) == ("local", None, "3.9", ())
    assert copy_environment(box, local, frozenset(("launcher",))).image == "atlas"


def test_versions_that_differ_inside_are_named():
    ours = {
        "fingerprint": {"versions": {"blas": "/usr/lib/atlas/libblas.so.3; /x/libatlas.so", "caffe": "1"}}
    }
    other = {"fingerprint": {"versions": {"blas": "/usr/lib/libblas.so.3", "caffe": "1"}}}
    assert list_inside(ours, other) == ["blas libblas.so.3; libatlas.so"]
    assert list_inside(ours, ours) == []
