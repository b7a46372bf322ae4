"""`harness fragile` and `harness trace`, end to end."""

import json

import pytest
from command_line import list_runs, make_harness, make_root

from harness.core.traces import read_trace

FIXTURES = (make_root, make_harness)


@pytest.fixture(name="folder")
def make_run(harness, root):
    """A run of one environment."""
    code, out, err = harness("run", "--model", "small", "--environment", "a")
    assert code == 0, out + err
    (folder,) = list_runs(root)
    return folder


def test_one_cell_tells_what_is_near_to_flip(harness, folder):
    code, out, err = harness("fragile", folder, "--json")
    assert code == 0, out + err
    found = json.loads(out)
    assert found["cell"] == "a"
    reaches = [one["reach"] for one in found["fragile"]]
    assert reaches == sorted(reaches)
    records = (folder / "cells" / "a" / "records.jsonl").read_text().splitlines()
    assert found["examples"] == len(records)
    code, out, _ = harness("fragile", folder, "--most", "2")
    assert code == 0
    assert len(out.splitlines()) == 3


def test_last_bits_and_traces_are_tried_where_asked_for(harness, folder):
    code, out, err = harness("fragile", folder, "--shake", "--trace", "--most", "2", "--json")
    assert code == 0, out + err
    assert len(json.loads(out)["fragile"]) == 2


def test_a_trace_is_written_once_and_can_be_read(harness, folder, tmp_path):
    name = json.loads((folder / "cells" / "a" / "records.jsonl").read_text().splitlines()[0])["example"]
    place = tmp_path / "there"
    code, out, err = harness("trace", folder, "--example", name, "--output", place)
    assert code == 0, out + err
    assert list(read_trace(place).examples) == [name]
    assert sorted(path.suffix for path in place.iterdir()) == [".json", ".npz"]
    code, _, err = harness("trace", folder, "--example", name, "--output", place)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "is there already" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trace", "{}", "--example", "none"), "--example none: a has no such example"),
        (("trace", "{}", "--example", "none", "--cell", "b"), "b: is none of the cells"),
        (("fragile", "{}", "--cell", "b"), "b: is none of the cells; there are a"),
        (("fragile", "nowhere"), "nowhere"),
    ],
)
def test_what_there_is_not_is_one_line(harness, folder, words, said):
    code, _, err = harness(*(str(folder) if word == "{}" else word for word in words))
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
