"""Networks of one's own from end to end: in a stage, with ReLUs out of place, in files that are none."""

import json

import pytest
from command_line import list_runs, make_harness, make_root

FIXTURES = (make_root, make_harness)
RUN = ("run", "--model", "small", "--environment", "a", "--environment", "b")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def read_last(root):
    run = list_runs(root)[-1]
    records = (run / "cells" / "a" / "records.jsonl").read_text().splitlines()
    tuples = [(one["original"], one["attribute"], one["score"]) for one in map(json.loads, records)]
    return run, json.loads((run / "run.json").read_text()), tuples


def test_a_stage_gives_a_network_and_cells_of_its_own(harness, root):
    path = root / "small" / "deploy.prototxt"
    plain = path.read_text()
    harness(*RUN)
    expected = read_last(root)[2]
    path.write_text(plain.replace('name: "relu1_1"', 'name: "relu1_1" include { stage: "deploy" }'))
    code, out, err = harness(*RUN)
    assert (code, "SAME" in out) == (0, True)
    assert "deploy.prototxt: stages that were not given would give other layers: deploy (1)" in out + err
    without = read_last(root)
    code, out, _ = harness(*RUN, "--stage", "deploy")
    assert (code, "reused" in out, "stages that were not given" in out) == (0, False, False)
    run, described, tuples = read_last(root)
    assert described["request"]["stages"] == ["deploy"]
    assert [one["job"]["model"]["state"]["stages"] for one in described["cells"]] == [["deploy"]] * 2
    assert {one["key"] for one in described["cells"]}.isdisjoint(one["key"] for one in without[1]["cells"])
    assert tuples == expected != without[2]
    assert "--stage deploy" in (run / "report.html").read_text()
    table = root / "small" / "model.toml"
    table.write_text(table.read_text().replace("labels = ", 'stages = ["deploy"]\nlabels = ', 1))
    assert "reused 2 of 2 cells" in harness(*RUN)[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stage", "deploy"], "no rule of its layers asks for stage 'deploy'; they ask for none"),
        (["--level", "2"], "no rule of its layers asks for a level; leave level 2 out"),
    ],
)
@pytest.mark.usefixtures("root")
def test_a_state_without_rules_is_one_line(harness, options, words):
    code, out, err = harness(*RUN, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_relus_out_of_place_change_no_record(harness, root):
    harness(*RUN)
    path = root / "small" / "deploy.prototxt"
    text = path.read_text()
    place = text.index('name: "conv1_1"')
    text = text[:place] + text[place:].replace('top: "conv1_1"', 'top: "conv1_1a"', 1)
    place = text.index('name: "relu1_1"')
    text = text[:place] + text[place:].replace('bottom: "conv1_1"', 'bottom: "conv1_1a"', 1)
    path.write_text(text.replace('name: "relu1_1"', ""))
    expected = read_last(root)[2]
    assert harness(*RUN)[0] == 0
    assert read_last(root)[2] == expected


@pytest.mark.parametrize("name", ["prototxt", "caffemodel"])
def test_another_file_is_called_what_it_is_in_one_line(harness, root, name):
    (root / "own").write_bytes(POINTER)
    code, out, err = harness(*RUN, f"--{name}", "own")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        "harness: own: is a Git LFS pointer, which stands for a file that was not fetched; run: git lfs pull"
    )
