"""Faults that change no tuple: `explain --stages` names the stage at which the passes part all the same."""

import json

import pytest

from faults.draw import KINDS
from faults.place import Place
from faults.planting import plant


@pytest.fixture(name="quiet", scope="module")
def run_quiet(project):
    """A run beside a suspect that has the softmax twice, and beside one of other last bits alone."""
    fault = KINDS["softmax twice"](Place(None, None))
    project.add_environment("quiet")
    project.add_environment("twin")
    with plant({"quiet": fault}, project.root / "planted"):
        names = [word for name in ("truth", "quiet", "twin") for word in ("--environment", name)]
        yield project.run_all(names)


def test_a_fault_that_changes_no_tuple_is_located(quiet, project):
    code, out, err = project.explain(quiet, "--stages", "--cells", "truth", "quiet", "--json")
    assert code == 0, err
    (parting,) = json.loads(out)["stages"]
    assert parting["stage"]["stage"] == "plain fc8"
    assert parting["stage"]["ratio"] > 100
    lines = [json.loads(line) for line in (quiet / "ladders.jsonl").read_text().splitlines()]
    assert parting["example"] in {one["example"] for one in lines}


def test_cells_that_are_the_same_have_no_stage(quiet, project):
    code, out, err = project.explain(quiet, "--stages", "--cells", "truth", "twin")
    assert code == 0, err
    assert "truth and twin have the same tuples, and the same logits bit for bit" in out


def test_without_it_nothing_is_looked_at(quiet, project):
    code, _, err = project.explain(quiet, "--cells", "truth", "quiet")
    assert (code, "nothing diverges" in err) == (2, True)


def test_it_goes_with_no_trace(quiet, project):
    code, _, err = project.explain(quiet, "--stages", "--trace", "somewhere")
    assert (code, "--stages: goes with two cells of a run" in err) == (2, True)
