"""`harness explain --trace`: a trace from another machine as one side."""

import json

import numpy as np
import pytest
import small_model
from command_line import list_runs, make_harness, make_root

from harness.model.caffemodel import write_caffemodel
from harness.model.random_weights import random_weights, vgg_face_network

FIXTURES = (make_root, make_harness)


@pytest.fixture(name="made")
def make_runs(harness, root, tmp_path):
    """A run of one environment, and the trace of another one's examples, which stand for another machine."""
    assert harness("run", "--model", "small", "--environment", "other")[0] == 0
    (there,) = list_runs(root)
    lines = (there / "cells" / "other" / "records.jsonl").read_text().splitlines()
    names = [json.loads(line)["example"] for line in lines]
    wanted = [word for name in names for word in ("--example", name)]
    code, out, err = harness("trace", there, *wanted, "--output", tmp_path / "there")
    assert code == 0, out + err
    assert harness("run", "--model", "small", "--environment", "a")[0] == 0
    (here,) = [one for one in list_runs(root) if one != there]
    return here, tmp_path / "there"


def test_a_trace_is_explained_by_what_it_declares(harness, made):
    here, trace = made
    code, out, err = harness("explain", here, "--trace", trace, "--json")
    assert code == 0, out + err
    lines = [json.loads(line) for line in (here / "causes.jsonl").read_text().splitlines()]
    assert lines
    assert json.loads(out)["explained"] == len(lines)
    for line in lines:
        assert line["cells"] == ["a", "other@there"]
        assert line["verdict"] == "proven"
        assert (line["proof"]["kind"], line["proof"]["in"]) == ("done", "a")
        assert line["proof"]["tuple"] == line["tuples"][1]
        assert {one["factor"].partition(".")[0] for one in line["causes"]} == {"parameters"}
    assert any(line["stage"] and line["stage"]["stage"].endswith("factors") for line in lines)
    code, out, _ = harness("explain", here, "--trace", trace, "--example", lines[0]["example"], "--json")
    assert (code, json.loads(out)["explained"]) == (0, 1)


def test_a_parameter_that_no_trace_tells_is_fitted(harness, root, tmp_path):
    """Of the examples that are named by a glob."""
    other = (root / "environments" / "other.toml").read_text().partition("[parameters]")[0]
    (root / "environments" / "other.toml").write_text(f"{other}[parameters]\nalpha = 2.3\n")
    assert harness("run", "--model", "small", "--environment", "other")[0] == 0
    (there,) = list_runs(root)
    lines = (there / "cells" / "other" / "records.jsonl").read_text().splitlines()
    wanted = [word for one in lines for word in ("--example", json.loads(one)["example"])]
    assert harness("trace", there, *wanted, "--output", tmp_path / "there")[0] == 0
    assert harness("run", "--model", "small", "--environment", "a")[0] == 0
    (here,) = [one for one in list_runs(root) if one != there]
    change_index(tmp_path / "there", lambda index: index["parameters"].update(alpha=100.0))
    words = ("--trace", tmp_path / "there", "--example", "*-000[0-9]")
    code, out, err = harness("explain", here, *words, "--json")
    assert code == 0, out + err
    found = [json.loads(line) for line in (here / "causes.jsonl").read_text().splitlines()]
    assert {(one["verdict"], one["causes"][0]["factor"]) for one in found} == {("proven", "parameters.alpha")}
    assert all(abs(one["causes"][0]["b"] - 2.3) < 1e-3 for one in found)


LAYER = "conv4_1"


def write_other(path):
    """The same model as another machine has it: one layer's weights are scattered, which no file says."""
    network = vgg_face_network((4, 6, 8, 10, 12), size=small_model.SIZE, fc=16, classes=small_model.CLASSES)
    weights = random_weights(network, 0)
    noise = np.random.default_rng(7).standard_normal(weights[f"{LAYER}.weight"].shape)
    weights[f"{LAYER}.weight"] = noise.astype(np.float32)
    write_caffemodel(path, network, weights)


@pytest.fixture(name="scattered")
def make_scattered(harness, root, tmp_path):
    """A run, and the trace of a run whose layer conv4_1 is another."""
    assert harness("run", "--model", "small", "--environment", "a")[0] == 0
    (here,) = list_runs(root)
    write_other(tmp_path / "other.caffemodel")
    words = ("--caffemodel", tmp_path / "other.caffemodel")
    assert harness("run", "--model", "small", "--environment", "a", *words)[0] == 0
    (there,) = [one for one in list_runs(root) if one != here]
    records = (there / "cells" / "a" / "records.jsonl").read_text().splitlines()
    wanted = [word for one in records for word in ("--example", json.loads(one)["example"])]
    code, out, err = harness("trace", there, *wanted, "--output", tmp_path / "there")
    assert code == 0, out + err
    return here, tmp_path / "there"


def test_a_trace_s_values_are_grafted_into_the_cell_that_is_here(harness, scattered):
    here, trace = scattered
    hashes = json.loads((here / "cells" / "a" / "cell.json").read_text())["hashes"]["parameters"]
    change_index(trace, lambda index: index["hashes"].update(parameters=hashes))
    code, out, err = harness("explain", here, "--trace", trace, "--json")
    assert code == 0, out + err
    lines = [json.loads(line) for line in (here / "causes.jsonl").read_text().splitlines()]
    assert lines
    for line in lines:
        assert (line["verdict"] in ("consistent", "unknown"), line["stage"]["stage"]) == (
            True,
            f"plain {LAYER}",
        )
        assert {one["cause"] for one in line["causes"]} <= {"weights"}
        assert (line["proof"]["kind"], line["proof"]["in"]) == ("graft", "a")
        assert line["proof"]["tuple"] == line["tuples"][1]
        assert f"values of {LAYER} in the" in line["sentence"]
        assert "does not say why" in line["sentence"]
    (ladder,) = map(json.loads, (here / "ladders.jsonl").read_text().splitlines())
    tuples = {one["stage"]: one["tuple"] for one in ladder["stages"] if one["tuple"]}
    assert {str(one) for one in tuples.values()} >= {str(one) for one in lines[0]["tuples"]}


def test_of_a_trace_at_the_place_of_another_nothing_old_is_said(harness, scattered):
    """The store has an audit of the trace that was there before."""
    here, trace = scattered
    hashes = json.loads((here / "cells" / "a" / "cell.json").read_text())["hashes"]["parameters"]
    stages = []
    for parameters in (None, hashes):
        if parameters is not None:
            change_index(trace, lambda index: index["hashes"].update(parameters=hashes))
        code, out, err = harness("explain", here, "--trace", trace)
        assert code == 0, out + err
        stages.append(json.loads((here / "causes.jsonl").read_text().splitlines()[-1])["stage"]["stage"])
    assert stages == [f"parameters {LAYER}.weight", f"plain {LAYER}"]


def test_other_weights_that_a_trace_says_are_consistent_with_it(harness, scattered):
    here, trace = scattered
    code, out, err = harness("explain", here, "--trace", trace, "--json")
    assert code == 0, out + err
    for line in map(json.loads, (here / "causes.jsonl").read_text().splitlines()):
        assert line["verdict"] == "consistent"
        assert [one["cause"] for one in line["causes"]] == ["weights"]
        assert f"other parameters than a ({LAYER}.weight)" in line["sentence"]


def change_index(trace, change):
    path = trace / "trace.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


def test_what_does_not_fit_is_one_line(harness, made, tmp_path):
    here, trace = made
    cases = [
        (("--trace", tmp_path / "none"), "trace.json: cannot be read"),
        (("--trace", trace, "--example", "none"), "has none of these examples"),
        (("--trace", trace, "--cell", "b"), "b: is none of the cells"),
        (("--cell", "a"), "--cell: goes with --trace"),
    ]
    for words, said in cases:
        code, _, err = harness("explain", here, *words)
        assert (code, said in err) == (2, True), err
        assert len(err.strip().splitlines()) == 1
    change_index(trace, lambda index: index.update(model="another"))
    code, _, err = harness("explain", here, "--trace", trace)
    assert code == 2
    assert "is of model 'another'" in err
