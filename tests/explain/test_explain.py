"""Divergences of toy cells explained: declared, undeclared, unstable, and what is left."""

import json
from itertools import islice

import pytest
from toy_cells import Toy, make_environment, make_job, make_pair

from harness.core.errors import InputError
from harness.explain import control
from harness.explain.causes import CAUSES
from harness.explain.explain import STRATEGIES, explain_pair, explain_pairs, keep_explained
from harness.explain.pair import explain as make_explanation

PORT = {
    "duplicates": "product",
    "pool3_channels": "all",
    "pool3_kernel": "bilinear",
    "pool3_when": "before-statistics",
}


def explain(a, b, **more):
    pair, answers, runner = make_pair(a, b, **more)
    found = list(explain_pair(pair, pair.diverging, answers, STRATEGIES))
    assert {one.example for one in found} == set(pair.diverging)
    return found, answers, runner


def name_sets(found):
    return {(one.verdict, tuple((named.factor, named.a, named.b) for named in one.causes)) for one in found}


@pytest.mark.parametrize(
    ("job", "factor", "a", "b"),
    [
        (make_job({"ddof": 1}), "port.ddof", 0, 1),
        (make_job({"mean": "none"}), "port.mean", "model", "none"),
        (make_job(beta=5.0), "parameters.beta", 60.0, 5.0),
    ],
)
def test_a_declared_difference_is_proven_by_undoing_it(job, factor, a, b):
    found, _, _ = explain(Toy("one"), Toy("two", job))
    assert name_sets(found) == {("proven", ((factor, a, b),))}
    first = found[0]
    assert (first.proof.kind, first.proof.cell, first.proof.tuple) == ("undone", "two", first.tuples[0])
    assert first.proof.other == len(found) - 1
    assert first.cells == ("one", "two")


def test_rules_that_work_together_are_one_smallest_set():
    found, _, _ = explain(
        Toy("one"), Toy("two", make_job({"fc": "skipped", "zero_sigma": "relative"})), count=6
    )
    named = (("port.zero_sigma", "exact", "relative"), ("port.fc", "steered", "skipped"))
    assert name_sets(found) == {("proven", named)}


def test_a_rule_that_cannot_be_undone_alone_goes_with_what_it_needs():
    found, _, _ = explain(Toy("one"), Toy("two", make_job(PORT)))
    factors = {"port.duplicates", "port.pool3_channels", "port.pool3_kernel", "port.pool3_when"}
    assert {one.verdict for one in found} == {"proven"}
    assert {named.factor for one in found for named in one.causes} == factors


def test_all_declared_differences_take_few_executions():
    _, answers, _ = explain(Toy("one"), Toy("two", make_job(PORT)))
    assert answers.executions <= 6


def test_a_single_divergence_takes_two_executions():
    _, answers, _ = explain(Toy("one"), Toy("two", make_job({"ddof": 1})), count=1)
    assert answers.executions == 2


@pytest.mark.parametrize(
    ("fault", "factor", "b"),
    [
        ({"port": {"ddof": 1}}, "port.ddof", 1),
        ({"port": {"fed_on": False}}, "port.fed_on", False),
        ({"port": {"mean": "swapped"}}, "port.mean", "swapped"),
        ({"parameters": {"beta": 5.0}}, "parameters.beta", 5.0),
        ({"preprocess": {"scale": 1 / 255}}, "preprocess.scale", 1 / 255),
        ({"pooling": "floor"}, "pooling", "floor"),
        ({"labels": {"shift": 1}}, "labels", 1),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 1e-5])
def test_an_undeclared_change_of_the_catalogue_is_found_by_its_logits(fault, factor, b, noise):
    found, answers, _ = explain(Toy("one"), Toy("two", fault=fault, noise=noise))
    assert {(one.verdict, one.causes[0].factor, one.causes[0].b) for one in found} == {("proven", factor, b)}
    assert {one.proof.kind for one in found} == {"done"}
    assert {one.proof.cell for one in found} == {"one"}
    assert answers.executions <= 6


def test_a_listing_order_is_found_among_all_that_give_the_same():
    listing = ["nose", "leye", "mouth", "reye"]
    found, _, _ = explain(Toy("one"), Toy("two", fault={"port": {"order": "listing", "listing": listing}}))
    assert {(one.causes[0].cause, tuple(one.causes[0].b)) for one in found} == {
        ("listing-order", tuple(listing))
    }


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", 37.0), ("beta", 222.0), ("epsilon", 1.62), ("alpha", 123.4)]
)
def test_a_parameter_of_an_unknown_value_is_fitted(name, value):
    found, _, _ = explain(Toy("one"), Toy("two", fault={"parameters": {name: value}}))
    (named,) = {(one.causes[0].factor, one.causes[0].b) for one in found if one.causes}
    assert named == (f"parameters.{name}", value)
    assert {one.verdict for one in found} == {"proven"}


def test_two_undeclared_changes_are_found_where_one_is_of_the_input():
    fault = {"port": {"mean": "none", "fc": "skipped"}}
    found, _, _ = explain(Toy("one"), Toy("two", fault=fault))
    assert name_sets(found) == {
        ("proven", (("port.mean", "model", "none"), ("port.fc", "steered", "skipped")))
    }


def test_two_undeclared_changes_of_the_steering_are_found():
    found, _, _ = explain(Toy("one"), Toy("two", fault={"port": {"ddof": 1, "fc": "skipped"}}))
    assert name_sets(found) == {("proven", (("port.ddof", 0, 1), ("port.fc", "steered", "skipped")))}


def test_an_undeclared_change_is_found_beside_declared_ones():
    found, _, _ = explain(
        Toy("one"), Toy("two", make_job({"duplicates": "product"}), fault={"port": {"mean": "none"}})
    )
    assert name_sets(found) == {("proven", (("port.mean", "model", "none"),))}
    assert "beside the 1 declared" in found[0].sentence


def test_a_cell_that_disagrees_with_itself_is_called_that_and_nothing_else():
    pair, answers, runner = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    runner.toys["two"].fault = {"port": {"zero_sigma": "relative"}}  # from now on it answers otherwise
    found = list(explain_pair(pair, pair.diverging, answers, STRATEGIES))
    assert {named.cause for one in found for named in one.causes} == {"nondeterminism"}
    assert {(one.proof.kind, one.proof.cell) for one in found} == {("control", "two")}
    assert "disagrees with itself" in found[0].sentence


def test_other_surroundings_are_not_called_nondeterminism(monkeypatch):
    """Another processor, another library: the cell was run again elsewhere, or later."""
    pair, answers, runner = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    runner.toys["two"].fault = {"port": {"zero_sigma": "relative"}}
    found = {"cpu": {"model": "A"}, "packages": {"pillow": "13.0.0"}, "kernel": "1"}
    pair.b.cell["fingerprint"] = found
    for now in (found, {**found, "kernel": "2"}):
        monkeypatch.setattr(control, "read_cell", lambda _, now=now: {"fingerprint": now})
        assert list(control.check_control(*begin(pair, answers)))
    for now, words in [
        ({**found, "cpu": {"model": "B"}}, r"two: .*surroundings \(processor: A then, B now\); run it again"),
        ({**found, "packages": {"pillow": "12.0.0"}}, "package pillow: 13.0.0 then, 12.0.0 now"),
    ]:
        monkeypatch.setattr(control, "read_cell", lambda _, now=now: {"fingerprint": now})
        with pytest.raises(InputError, match=words):
            list(control.check_control(*begin(pair, answers)))


def begin(pair, answers):
    """What a control gets, once both cells were run again."""
    control.run_again(pair, pair.diverging, answers, [])
    return pair, pair.diverging, answers


def test_another_version_of_the_harness_is_not_called_nondeterminism():
    pair, answers, runner = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    runner.toys["two"].fault = {"port": {"zero_sigma": "relative"}}
    answers.worker = "other code"
    with pytest.raises(InputError, match=r"two: answers otherwise than in the run, .*another version"):
        list(explain_pair(pair, pair.diverging, answers, STRATEGIES))


def test_a_side_that_cannot_run_here_leaves_the_other_one():
    found, _, _ = explain(Toy("one"), Toy("two", make_job({"ddof": 1}), away="needs a GPU"))
    assert name_sets(found) == {("proven", (("port.ddof", 0, 1),))}
    assert (found[0].proof.kind, found[0].proof.cell) == ("done", "one")
    assert found[0].proof.tuple == found[0].tuples[1]
    assert found[0].untested == ["two: needs a GPU"]


def test_two_sides_that_cannot_run_are_refused():
    pair, answers, _ = make_pair(Toy("one", away="no GPU"), Toy("two", make_job({"ddof": 1}), away="no disk"))
    with pytest.raises(InputError, match=r"two: cannot be run again here \(no disk\)"):
        list(explain_pair(pair, pair.diverging, answers, STRATEGIES))


def feel_threads(environment):
    return {"settings": {"threads felt": environment.settings.threads}}


def feel_variables(environment):
    return {"settings": {"felt": environment.variables.get("ISA")}}


@pytest.mark.parametrize(
    ("more", "feels", "factor", "a", "b"),
    [
        ({"settings": {"threads": 2}}, feel_threads, "settings.threads", 1, 2),
        ({"variables": {"ISA": "SSE41", "OTHER": "1"}}, feel_variables, "variables.ISA", None, "SSE41"),
    ],
)
def test_what_a_worker_is_started_with_is_tried_in_a_copy_of_the_environment(more, feels, factor, a, b):
    second = make_environment("two", **more)
    found, _, _ = explain(Toy("one", feels=feels), Toy("two", environment=second, feels=feels))
    assert name_sets(found) == {("proven", ((factor, a, b),))}
    assert {(one.causes[0].cause, one.proof.kind) for one in found} == {("numerics", "bridge")}


def test_what_nothing_explains_is_unknown_and_says_where_it_differs():
    found, _, _ = explain(Toy("one"), Toy("two", fault={"nobody knows": 1}), count=4)
    assert name_sets(found) == {("unknown", ())}
    assert {one.stage.stage for one in found} == {"logits_original"}
    assert found[0].stage.ratio > 100


def test_explanations_are_kept_as_they_are_found_and_not_made_again(tmp_path):
    pair, answers, _ = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    first = explain_pairs(tmp_path, [pair], answers, lambda _: None)
    lines = (tmp_path / CAUSES).read_text().splitlines()
    assert [json.loads(line)["example"] for line in lines] == [one.example for one in first]
    pair, again, _ = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    assert explain_pairs(tmp_path, [pair], again, lambda _: None) == first
    assert again.executions == 0
    assert (tmp_path / CAUSES).read_text().splitlines() == lines


def test_explaining_goes_on_where_it_was_killed(tmp_path):
    toys = [Toy("one"), Toy("two", make_job({"ddof": 1}))]
    pair, answers, _ = make_pair(*toys)
    whole = explain_pairs(tmp_path, [pair], answers, lambda _: None)
    data = (tmp_path / CAUSES).read_bytes()
    (tmp_path / CAUSES).write_bytes(data[: len(data) // 2])
    pair, again, _ = make_pair(*toys)
    seen = []
    found = explain_pairs(tmp_path, [pair], again, seen.append)
    assert {one.example: one.causes for one in found} == {one.example: one.causes for one in whole}
    assert 0 < seen[0].done < len(whole)
    assert len(keep_explained(tmp_path / CAUSES)) == len(whole)


def count_examples(pair, examples, _answers):
    """A strategy whose answers depend on how many examples it is given, as sets that suffice on most do."""
    for example in examples:
        yield make_explanation(pair, example, "unknown", [], f"{example} is one of {len(examples)}.")


@pytest.mark.parametrize("kept", [1, 3])
def test_what_was_killed_says_in_the_end_what_it_would_have_said(tmp_path, kept):
    toys = [Toy("one"), Toy("two", make_job({"ddof": 1}))]
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
        pair, answers, _ = make_pair(*toys)
        explain_pairs(tmp_path / folder, [pair], answers, lambda _: None, (count_examples,))
    paths = [tmp_path / folder / CAUSES for folder in ("whole", "killed")]
    lines = paths[0].read_bytes().splitlines(keepends=True)
    assert len(lines) > kept
    paths[1].write_bytes(b"".join(lines[:kept]) + lines[kept][:20])
    pair, answers, _ = make_pair(*toys)
    explain_pairs(tmp_path / "killed", [pair], answers, lambda _: None, (count_examples,))
    assert paths[1].read_bytes() == paths[0].read_bytes()


def test_explanations_of_other_executions_do_not_count(tmp_path):
    toys = [Toy("one"), Toy("two", make_job({"ddof": 1}))]
    pair, answers, _ = make_pair(*toys)
    explain_pairs(tmp_path, [pair], answers, lambda _: None)
    pair, again, _ = make_pair(*toys)
    pair.b = type(pair.b)(**{**vars(pair.b), "execution": "another"})
    explain_pairs(tmp_path, [pair], again, lambda _: None)
    assert again.executions == 2


def test_a_damaged_line_is_refused_with_its_place(tmp_path):
    (tmp_path / CAUSES).write_text('{"schema": 1}\n')
    with pytest.raises(InputError, match=rf"{CAUSES}:1"):
        keep_explained(tmp_path / CAUSES)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"schema": 2}', "is of version 2, this harness writes 1; move the file away"),
        ('{"half', "move the file away, and explain the run again"),
        ("[1]", "move the file away, and explain the run again"),
    ],
)
def test_a_file_that_cannot_be_gone_on_with_says_what_to_do(tmp_path, line, words):
    (tmp_path / CAUSES).write_text(line + "\n")
    with pytest.raises(InputError, match=words):
        keep_explained(tmp_path / CAUSES)


def test_explanations_come_one_by_one():
    pair, answers, _ = make_pair(Toy("one"), Toy("two", make_job({"ddof": 1})))
    assert len(list(islice(explain_pair(pair, pair.diverging, answers, STRATEGIES), 3))) == 3


def feel_batch(job, patch):
    """Last bits that hang on how many examples are walked at a time."""
    return {"bits": patch.get("batch_size", job["batch_size"]) > 1}


def test_a_tuple_that_another_batch_size_turns_is_decided_by_last_bits():
    found, _, _ = explain(Toy("one", bits=lambda *_: {"bits": False}), Toy("two", bits=feel_batch))
    assert name_sets(found) == {("proven", (("batch_size", 1, 8),))}
    assert {(one.causes[0].cause, one.proof.kind) for one in found} == {("numerics", "control")}
    assert "8 at a time" in found[0].sentence


def feel_rounding(name):
    def feel(job, patch):
        rules = {"arithmetic": "numpy", **job["port"]["rules"], **patch.get("port", {})}
        return {} if rules["arithmetic"] == "exact" else {"bits of": name}

    return feel


def test_sides_that_agree_without_rounding_are_decided_by_last_bits():
    found, _, _ = explain(Toy("one", bits=feel_rounding("one")), Toy("two", bits=feel_rounding("two")))
    assert name_sets(found) == {("proven", (("deviation", "numpy", "numpy"),))}
    assert "without rounding both answer" in found[0].sentence


def test_a_cell_that_answers_otherwise_while_it_is_traced_is_the_harness_fault():
    second = Toy("two", fault={"nobody knows": 1}, watched=lambda original, _: [original, 3])
    found, _, _ = explain(Toy("one"), second, count=2)
    assert {(one.verdict, one.causes[0].cause) for one in found} == {("proven", "harness")}
    assert all(one.sentence.endswith("-3 while it is traced.") for one in found)


def test_other_pixels_of_one_file_are_evidence_of_the_decoder():
    hashes = {"file": "f" * 64, "pixels": "1" * 64}
    second = Toy("two", fault={"nobody knows": 1}, hashes={**hashes, "pixels": "2" * 64})
    found, _, _ = explain(Toy("one", hashes=hashes), second, count=2)
    assert {(one.verdict, one.causes[0].cause, one.stage.stage) for one in found} == {
        ("consistent", "decoder", "pixels")
    }


def test_other_parameters_are_evidence_of_weights_with_their_names():
    second = Toy("two", fault={"nobody knows": 1}, parameters={"fc8.weight": "2", "fc8.bias": "1"})
    first = Toy("one", parameters={"fc8.weight": "1", "fc8.bias": "1"})
    found, _, _ = explain(first, second, count=2)
    assert {(one.verdict, one.causes[0].cause) for one in found} == {("consistent", "weights")}
    assert "(fc8.weight)" in found[0].sentence
