"""What looks like a cause and is none: settings of another backend, last bits, answers of a die."""

import pytest
from toy_cells import Toy, make_job, make_pair

from harness.ami.port import fit_rules
from harness.explain.control import is_unstable
from harness.explain.explain import STRATEGIES, explain_pair
from harness.explain.known import list_presets
from harness.explain.patches import list_declared, merge_patches


def explain(a, b):
    pair, answers, _ = make_pair(a, b)
    return list(explain_pair(pair, pair.diverging, answers, STRATEGIES))


def make_backend(backend, **settings):
    job = make_job()
    return {**job, "backend": backend, "settings": {**job["settings"], "winograd": True, **settings}}


def test_a_setting_that_only_one_backend_has_is_no_difference_to_another():
    assert list_declared(make_backend("opencv", winograd=False), make_backend("onnxruntime")) == []
    (patch,) = list_declared(make_backend("opencv", winograd=False), make_backend("opencv"))
    assert patch.factor == "settings.winograd"


def test_precision_is_one_to_every_backend():
    (patch,) = list_declared(make_backend("reference", precision="float64"), make_backend("pytorch"))
    assert (patch.factor, patch.sets) == ("settings.precision", "float64")


@pytest.mark.parametrize("noise", [0.0, 1e-5])
def test_an_arithmetic_is_named_for_its_bits_alone(noise):
    found = explain(Toy("one"), Toy("two", fault={"port": {"arithmetic": "term-by-term"}}, noise=noise))
    assert found
    named = {cause.factor for one in found for cause in one.causes}
    assert named == {"port.arithmetic" if noise == 0 else "deviation"}


def test_the_port_that_is_tried_as_a_whole_is_one_that_the_backend_runs():
    job = make_job()
    (patches,) = list_presets(job)
    rules = merge_patches(patches)["port"]
    assert "arithmetic" not in rules
    assert fit_rules("pytorch-port", {}, "reference")["arithmetic"] == "numpy"
    assert rules["duplicates"] == "product-per-attribute"


def test_of_the_port_as_a_whole_only_what_counts_is_named():
    rules = {
        "duplicates": "product-per-attribute",
        "pool3_channels": "all",
        "pool3_kernel": "bilinear",
        "pool3_when": "before-statistics",
    }
    found = explain(Toy("one"), Toy("two", fault={"port": rules}))
    assert {one.verdict for one in found} == {"proven"}
    named = {tuple(cause.factor for cause in one.causes) for one in found}
    assert named == {tuple(f"port.{rule}" for rule in rules)}


def test_a_cell_whose_logits_differ_from_run_to_run_is_no_base_for_other_causes():
    pair, answers, _ = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    first = pair.diverging[0]
    said, other = pair.b.records[first], pair.b.records[pair.diverging[1]]
    pair.b.records[first] = {**other, **{name: said[name] for name in ("gold", "original", "attribute")}}
    one = next(one for one in explain_pair(pair, [first], answers, STRATEGIES))
    assert [cause.cause for cause in one.causes] == ["nondeterminism"]
    assert one.verdict == "consistent"
    assert "its logits differ by" in one.sentence


def test_last_bits_are_no_disagreement():
    said = Toy("one").say("face")
    assert not is_unstable(Toy("one", noise=1e-5).say("face"), said)
    assert is_unstable(Toy("one", noise=1e-2).say("face"), said)


@pytest.mark.parametrize(("pixels", "declared"), [("same", []), ("other", ["decoder"]), (None, ["decoder"])])
def test_decoders_that_gave_the_same_pixels_are_no_difference(pixels, declared):
    pair, _, _ = make_pair(Toy("one"), Toy("two", {**make_job(), "decoder": "opencv"}))
    for side, digest in ((pair.a, "same"), (pair.b, pixels)):
        for name in side.records:
            side.records[name] = {**side.records[name], "hashes": {"pixels": digest}}
    pair.__post_init__()
    assert [one.factor for one in pair.declared] == declared
    assert [one.factor for one in pair.returned] == declared


SLIPS = {"parameters": {"alpha": 99.0, "epsilon": 1.16}}
"""Two undeclared changes that move the logits and turn no tuple."""


def test_a_declared_difference_that_gives_the_tuple_alone_proves_nothing():
    found = explain(Toy("one"), Toy("two", make_job({"ddof": 1}), fault=SLIPS))
    assert {one.verdict for one in found} == {"consistent"}
    assert {tuple(cause.factor for cause in one.causes) for one in found} == {("port.ddof",)}
    assert all("something else differs that no file says" in one.sentence for one in found)


def test_what_else_differs_is_named_beside_where_it_is_found():
    found = explain(Toy("one"), Toy("two", make_job({"ddof": 1}), fault={"parameters": {"alpha": 99.0}}))
    assert {one.verdict for one in found} == {"proven"}
    assert {tuple((cause.factor, cause.b) for cause in one.causes) for one in found} == {
        (("port.ddof", 1), ("parameters.alpha", 99.0))
    }


def test_last_bits_beside_a_declared_difference_leave_it_proven():
    found = explain(Toy("one"), Toy("two", make_job({"ddof": 1}), noise=1e-5))
    assert {one.verdict for one in found} == {"proven"}
