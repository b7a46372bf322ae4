"""The ladder: the first stage whose inputs agree and whose output does not, beyond noise."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from looked_cells import Cells, fail, reverse, scale
from worker_jobs import make_job

from harness.core import decode
from harness.core.errors import InputError
from harness.explain.blame import blame_stages
from harness.explain.climb import add_stages, climb_pairs
from harness.explain.foreign import compare_stages
from harness.explain.graft import find_flips, narrow
from harness.explain.ladder import build_ladder, find_first, look_at
from harness.explain.ladders import LADDERS, read_ladders
from harness.explain.noise import LEAST, LIMIT, MOST, Envelope, calibrate, classify
from harness.explain.pair import explain
from harness.worker import fingerprint

FIXTURES = (make_job,)
BLOBS = ["data", "conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7", "fc8"]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


@pytest.fixture(name="cells")
def make_cells(tmp_path, monkeypatch):
    return Cells(tmp_path, monkeypatch)


def test_two_sound_sides_have_no_stage(job, cells):
    a = cells.add("float64", {**job, "settings": {"threads": 1, "precision": "float64"}})
    pair, answers = cells.pair(a, cells.add("float32", job))
    looks = look_at(pair, ["e0", "e3"], answers)
    assert find_first(pair, "e0", looks) is None
    assert find_first(pair, "e3", looks) is None
    rungs = build_ladder(pair, "e0", looks).stages
    assert [one.stage for one in rungs[:4]] == ["file", "pixels", "input", "parameters"]
    assert all(one.ratio is None or one.ratio <= 0.5 for one in rungs)


@pytest.mark.parametrize("layer", ["conv1_1", "conv4_1", "fc7", "fc8"])
def test_a_fault_in_a_layer_is_its_stage_in_either_side(job, cells, layer):
    sound, faulty = cells.add("sound", job), cells.add("faulty", job, scale(layer, 1.001))
    for sides in ((sound, faulty), (faulty, sound)):
        pair, answers = cells.pair(*sides)
        stage = find_first(pair, "e1", look_at(pair, ["e1"], answers))
        assert stage.stage == f"plain {layer}"
        assert stage.ratio > 1
        assert stage.error > stage.noise > 0


@pytest.mark.parametrize(
    ("rules", "stage"),
    [
        ({"pool3_channels": "all"}, "steered pool3 after"),
        ({"ddof": 1}, "steered conv1_1 deviation"),
        ({"fed_on": False}, "steered conv1_1 after"),
        ({"order": "listing", "listing": ["nose", "leye", "reye", "mouth"]}, "order"),
    ],
)
def test_a_declared_rule_is_found_where_it_works(job, cells, rules, stage):
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", **rules}}}
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", other))
    assert find_first(pair, "e2", look_at(pair, ["e2"], answers)).stage == stage


def test_hashes_tell_before_any_number(job, cells):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job))
    looks = look_at(pair, ["e1"], answers)
    for stage in ("pixels", "file"):
        pair.b.records["e1"]["hashes"][stage] = "other"
        assert find_first(pair, "e1", looks).stage == stage
    assert build_ladder(pair, "e1", looks).stages[0].error is None


def test_nothing_is_traced_twice_nor_where_it_cannot_be(job, cells):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job))
    look_at(pair, ["e1"], answers)
    count = len(cells.errands)
    look_at(pair, ["e1"], answers)
    assert [one.task for one in cells.errands] == ["trace", "trace", "audit", "audit"]
    assert len(cells.errands) == count == answers.executions
    pair, answers = cells.pair(pair.a, pair.b)
    cells.away["theirs"] = fail("has no such image")
    assert look_at(pair, ["e1"], answers) is None
    assert pair.untested == ["theirs: traces (has no such image)"]


@pytest.mark.parametrize("layer", ["conv2_2", "conv4_1", "fc6"])
def test_the_tuple_flips_at_the_layer_that_is_another(job, cells, layer):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, reverse(layer)))
    assert pair.diverging
    looks = look_at(pair, pair.diverging, answers)
    flips = find_flips(pair, pair.diverging, looks, answers)
    assert flips
    before = BLOBS[BLOBS.index(layer) - 1]
    firsts = {(one.last, one.first) for one in flips.values()}
    assert all(BLOBS.index(first) >= BLOBS.index(layer) for _, first in firsts)
    assert (before, layer) in firsts


def test_a_large_network_is_narrowed_down_by_a_few_grafts_at_once(job, cells, monkeypatch):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, reverse("conv4_1")))
    looks = look_at(pair, pair.diverging, answers)
    whole = find_flips(pair, pair.diverging, looks, answers)
    looks.flips.clear()
    monkeypatch.setattr("harness.explain.graft.LARGE", 1)
    monkeypatch.setattr("harness.explain.graft.MOST_PROBES", 3)
    assert find_flips(pair, pair.diverging, looks, answers) == whole
    assert max(len(one.details["grafts"]) for one in cells.errands[-4:] if one.task == "graft") <= 5


def test_a_place_is_narrowed_to_where_the_last_graft_leaves_the_tuple():
    found = {("plain", blob): (1, number >= 3, 2) for number, blob in enumerate(BLOBS)}
    assert narrow(BLOBS, "plain", (1, True, 2), found) == (2, 3)
    del found["plain", "pool3"]
    assert narrow(BLOBS, "plain", (1, True, 2), found) == (2, 4)
    assert narrow(BLOBS, "plain", (9, 9, 9), found) == (7, 7)


def test_a_layer_with_other_weights_is_proven_by_doing_the_same(job, cells):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, reverse("conv4_1")))
    found = {one.example: one for one in blame_stages(pair, pair.diverging, answers)}
    assert set(found) == set(pair.diverging)
    for one in found.values():
        assert (one.verdict, one.causes[0].cause, one.causes[0].factor) == (
            "proven",
            "weights",
            "weights.conv4_1",
        )
        assert one.stage.stage == "plain conv4_1"
        assert one.proof.tuple == pair.b.read_tuple(one.example)
    pair, answers = cells.pair(pair.b, pair.a)  # the faulty side first
    assert {one.verdict for one in blame_stages(pair, pair.diverging, answers)} == {"proven"}


def test_what_nothing_known_does_is_unknown_with_its_stage(job, cells):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, scale("conv4_1", -1)))
    answers.network = None  # and so the layer's parameters cannot be looked at
    found = list(blame_stages(pair, pair.diverging, answers))
    assert found
    for one in found:
        assert (one.verdict, one.stage.stage, one.causes) == ("unknown", "plain conv4_1", [])
        assert one.stage.ratio > 1000
        assert "theirs leaves its own rules at plain conv4_1" in one.sentence


def tie(weights):
    """Two classes whose logits differ by less than float32 tells apart."""
    weights["fc8.weight"][1] = weights["fc8.weight"][0]
    weights["fc8.bias"][:2] = 400, np.nextafter(np.float32(400), np.float32(500))
    return weights


def test_last_bits_are_numerics_proven_by_a_graft(job, cells):
    double = {**job, "settings": {"threads": 1, "precision": "float64"}}
    a, b = cells.add("double", double, tie), cells.add("single", job, tie)
    pair, answers = cells.pair(a, b)
    pair.declared = pair.returned = ()  # float64 is a declared difference, which is tried before
    cells.faults["auditor"] = tie
    cells.monkeypatch.setattr("harness.worker.tasks.audit.read_weights", lambda *one: tie(read(*one)))
    assert pair.diverging
    found = list(blame_stages(pair, pair.diverging, answers))
    assert {one.causes[0].cause for one in found} == {"numerics"}
    assert {(one.verdict, one.proof.kind) for one in found} == {("proven", "graft")}
    assert all(one.stage.ratio < 1 for one in found)


class Darker(Cells):
    """Cells of which one, `theirs`, decodes every file to other pixels, which no file says."""

    def spoil(self, name):
        if name != "theirs":
            return super().spoil(name)
        stack = contextlib.ExitStack()
        patched = stack.enter_context(self.monkeypatch.context())
        for place in ("harness.worker.prepare", "harness.worker.tasks.trace"):
            for reader in ("decode_array", "decode_image"):
                patched.setattr(f"{place}.{reader}", darken(getattr(decode, reader)))
        return stack


def darken(read):
    """A decoder whose pixels have a third of their values."""

    def decode_darker(*given):
        pixels = read(*given)
        return (pixels / 3).astype(pixels.dtype)

    return decode_darker


def test_other_pixels_are_no_rounding(job, tmp_path, monkeypatch):
    """All stages keep to the rules from the pixels on, and it is the input that turns the tuple."""
    cells = Darker(tmp_path, monkeypatch)
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job))
    assert pair.diverging
    looks = look_at(pair, pair.diverging, answers)
    flips = find_flips(pair, pair.diverging, looks, answers)
    assert {(one.last, one.first) for one in flips.values()} == {("", "data")}
    found = list(blame_stages(pair, pair.diverging, answers))
    assert {(one.verdict, one.causes[0].cause, one.proof.kind) for one in found} == {
        ("proven", "decoder", "graft")
    }
    assert [one.example for one in found] == pair.diverging
    trace = replace(pair.b, trace=looks.traces["theirs"])
    pair, answers = cells.pair(pair.a, trace)
    found = list(compare_stages(pair, pair.diverging, answers))
    assert {(one.verdict, one.causes[0].cause, one.proof.kind) for one in found} == {
        ("consistent", "decoder", "graft")
    }


def read(folder, network):
    """Parameters that can be changed."""
    from harness.core.network_files import read_weights

    return {name: np.array(one) for name, one in read_weights(folder, network).items()}


def test_ladders_and_stages_are_written_once_for_every_group(job, cells, tmp_path):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, reverse("conv2_2")))
    found = [explain(pair, one, "unknown", [], "?") for one in pair.diverging]
    stages = climb_pairs(tmp_path, [pair], found, answers)
    assert list(stages) == [(pair.diverging[0], pair.names)]
    done = add_stages(found, stages)
    assert done[0].stage.stage == "plain conv2_2"
    assert done[1:] == found[1:]
    (ladder,) = read_ladders(tmp_path)
    blamed = [one for one in ladder.stages if one.ratio is not None and one.ratio > 1]
    assert {one.stage for one in blamed} == {"plain conv2_2", "steered conv2_2 before"}
    tuples = {one.stage: one.tuple for one in ladder.stages if one.tuple}
    assert tuples[next(reversed(tuples))] == pair.a.read_tuple(pair.diverging[0])
    count = len(cells.errands)
    assert climb_pairs(tmp_path, [pair], found, answers) == stages
    assert len(cells.errands) == count
    assert len((tmp_path / LADDERS).read_text().splitlines()) == 1


def test_a_full_disk_is_one_line(job, cells, tmp_path, monkeypatch):
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", job, reverse("conv2_2")))
    found = [explain(pair, pair.diverging[0], "unknown", [], "?")]

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.explain.climb.write_atomically", refuse)
    with pytest.raises(InputError, match=r"ladders.jsonl: cannot be written \(No space left"):
        climb_pairs(tmp_path, [pair], found, answers)


def make_findings(deviations, stage="plain fc6"):
    """Findings of one stage."""
    return [
        {"stage": stage, "deviations": one, "noise": 1e-6, "error": one * 1e-6, "what": None}
        for one in deviations
    ]


def test_an_algorithm_without_a_theory_is_calibrated_by_agreeing_examples_or_not_at_all():
    tf32 = {"backend": "pytorch", "settings": {"device": "cuda", "tf32": True}}
    few = calibrate(tf32, make_findings([300.0] * (LEAST - 1)))
    assert few.find_limit("plain fc6") is None
    assert not few.is_beyond(make_findings([1e9])[0])
    assert few.measure(make_findings([1e9])[0]).ratio is None
    known = calibrate(tf32, make_findings([280.0] * LEAST + [300.0]))
    assert not known.is_beyond(make_findings([800.0])[0])
    assert known.is_beyond(make_findings([1000.0])[0])
    assert known.find_limit("plain fc7") is None


def test_agreeing_examples_do_not_widen_what_theory_says():
    """A fault that all examples have would be taken for noise."""
    envelope = calibrate({"backend": "reference", "settings": {}}, make_findings([500.0] * 50))
    assert envelope.is_beyond(make_findings([LIMIT * 1.1])[0])
    assert not envelope.is_beyond(make_findings([LIMIT * 0.9])[0])


def test_cells_that_agree_on_everything_widen_what_theory_says_and_not_without_end():
    job = {"backend": "opencv", "settings": {}}
    narrow = calibrate(job, (), make_findings([0.5] * LEAST))
    assert narrow.find_limit("plain fc6") == LIMIT
    assert narrow.count == LEAST
    wide = calibrate(job, (), make_findings([2.5] * 50))
    assert wide.find_limit("plain fc6") == pytest.approx(7.5)
    assert wide.find_limit("plain fc7") == LIMIT
    assert not wide.is_beyond(make_findings([7.0])[0])
    broken = calibrate(job, (), make_findings([50.0] * 50))
    assert broken.is_beyond(make_findings([MOST * 1.1])[0])
    assert calibrate(job, (), make_findings([2.5] * (LEAST - 1))).find_limit("plain fc6") == LIMIT


@pytest.mark.parametrize(
    ("job", "algorithm"),
    [
        ({"backend": "opencv", "settings": {}}, "winograd"),
        ({"backend": "opencv", "settings": {"winograd": False}}, "direct"),
        ({"backend": "pytorch", "settings": {"device": "cuda:0"}}, "winograd"),
        ({"backend": "pytorch", "settings": {"device": "cuda", "tf32": True}}, "tf32"),
        ({"backend": "pytorch", "settings": {"precision": "bfloat16"}}, "half"),
        ({"backend": "reference", "settings": {"precision": "float64"}}, "direct"),
    ],
)
def test_an_algorithm_is_known_by_the_job(job, algorithm):
    assert classify(job) == algorithm


def test_what_differs_in_words_is_beyond_any_noise():
    assert Envelope("half").is_beyond({"stage": "order", "what": "conv1_1 first", "deviations": None})


def test_of_a_trace_no_more_than_consistent_is_said(job, cells):
    double = {**job, "settings": {"threads": 1, "precision": "float64"}}
    a, b = cells.add("double", double, tie), cells.add("single", job, tie)
    folder, _, _ = cells.run_folder("single", "trace", {"examples": list(b.records)})
    pair, answers = cells.pair(a, replace(b, trace=folder))
    assert pair.diverging
    cells.monkeypatch.setattr("harness.worker.tasks.audit.read_weights", lambda *one: tie(read(*one)))
    found = list(compare_stages(pair, pair.diverging, answers))
    assert {one.verdict for one in found} == {"consistent"}
    assert {one.causes[0].cause for one in found} == {"numerics"}
    assert {one.environment.name for one in cells.errands if one.task == "trace"} == {"double"}


LISTING = {"order": "listing", "listing": ["nose", "leye", "reye", "mouth"]}


def test_what_a_cell_alone_decides_is_measured_for_all_examples_with_the_same_input(job, cells, tmp_path):
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", **LISTING}}}
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", other))
    first, *others = pair.diverging
    assert others
    found = [explain(pair, one, "unknown", [], "why") for one in pair.diverging]
    stages = climb_pairs(tmp_path, [pair], found, answers)
    assert {example: stage.stage for (example, _), stage in stages.items()} == dict.fromkeys(
        pair.diverging, "order"
    )
    assert [one.example for one in read_ladders(tmp_path)] == [first]
    for one in others:
        pair.b.records[one]["hashes"]["input"] = "other"
    assert [example for example, _ in climb_pairs(tmp_path, [pair], found, answers)] == [first]


def test_what_an_example_decides_is_measured_for_the_one_that_was_traced(job, cells, tmp_path):
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", "pool3_channels": "all"}}}
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", other))
    found = [explain(pair, one, "unknown", [], "why") for one in pair.diverging]
    assert len(found) > 1
    assert len(climb_pairs(tmp_path, [pair], found, answers)) == 1


def test_a_ladder_says_both_orders_and_how_far_the_sides_come_apart(job, cells):
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", **LISTING}}}
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", other))
    example = pair.diverging[0]
    rungs = {one.stage: one for one in build_ladder(pair, example, look_at(pair, [example], answers)).stages}
    assert sorted(rungs["order"].a.split(", ")) == sorted(rungs["order"].b.split(", "))
    assert rungs["order"].a != rungs["order"].b
    assert rungs["plain fc8"].apart == rungs["input"].apart == 0
    last = rungs["logits steered"]
    assert last.apart > 0.001
    assert last.difference > 0


def test_a_stage_of_one_side_alone_stands_behind_the_one_before_it(job, cells):
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", **LISTING}}}
    pair, answers = cells.pair(cells.add("ours", job), cells.add("theirs", other))
    looks = look_at(pair, pair.diverging[:1], answers)
    theirs = [one["stage"] for one in looks.find(pair.b, pair.a, pair.diverging[0])]
    stages = [one.stage for one in build_ladder(pair, pair.diverging[0], looks).stages]
    ours = {one["stage"] for one in looks.find(pair.a, pair.a, pair.diverging[0])}
    alone = [one for one in theirs if one not in ours]
    assert alone
    assert set(theirs) <= set(stages)
    assert stages[-1] == "tuple"
    for one in alone:
        before = next(other for other in reversed(theirs[: theirs.index(one)]) if other in ours)
        assert stages.index(before) < stages.index(one) < stages.index("logits steered")
