"""`harness explain --trace`: a trace from another machine as one side."""

import json

import pytest
from command_line import list_runs, make_harness, make_root

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
