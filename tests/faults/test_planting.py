"""Planting: what is edited, whom it reaches, and what is refused."""

import json
from dataclasses import replace

import pytest

from faults.catalogue import FAULTS
from faults.explained import Found
from faults.planting import LIE, Edit, Fault, StaleEditError, apply_edit, plant, plant_copy
from harness.explain.causes import Cause
from harness.worker.fingerprint import hash_sources, read_code

DDOF = next(fault for fault in FAULTS if fault.causes == ("ddof",))


@pytest.fixture(name="snapshot", scope="module")
def make_snapshot(tmp_path_factory):
    from pathlib import Path

    import harness

    folder = tmp_path_factory.mktemp("snapshot")
    for name, data in read_code(Path(harness.__path__[0])).items():
        path = folder / "harness" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_fits_the_worker_as_it_is(fault, snapshot, tmp_path):
    folder = plant_copy(fault, snapshot, tmp_path / "planted")
    changed = {edit.module for edit in (*fault.edits, LIE)}
    before, after = read_code(snapshot / "harness"), read_code(folder / "harness")
    assert {name for name in before if before[name] != after[name]} == changed
    assert set(before) == set(after)
    for module in changed:
        compile(after[module], module, "exec")


@pytest.mark.parametrize("old", ["no such text", "import"])
def test_an_edit_that_does_not_fit_once_fails(old, snapshot):
    with pytest.raises(StaleEditError, match=r"ami/steering\.py has \d+ times: " + old):
        apply_edit(snapshot, Edit("ami/steering.py", old, ""))


def test_a_copy_that_failed_is_not_taken_for_one(snapshot, tmp_path):
    fault = replace(DDOF, edits=(Edit("ami/steering.py", "no such text", ""),))
    for _ in range(2):
        with pytest.raises(StaleEditError):
            plant_copy(fault, snapshot, tmp_path / "planted")


def test_only_the_environment_that_has_the_fault_runs_it(project):
    for name in ("clean", "faulty"):
        project.add_environment(name)
    with plant({"faulty": DDOF}, project.root / "planted"):
        folder = project.run("clean", "faulty")
    found = {
        cell: (folder / "cells" / cell / "records.jsonl").read_text().splitlines()
        for cell in ("clean", "faulty")
    }
    tuples = {cell: [json.loads(line)["attribute"] for line in lines] for cell, lines in found.items()}
    assert tuples["clean"] != tuples["faulty"]


def test_a_liar_says_what_the_clean_worker_says(project):
    project.add_environment("liar")
    with plant({"liar": DDOF}, project.root / "planted"):
        folder = project.run("truth", "liar")
    cells = [json.loads((folder / "cells" / name / "cell.json").read_text()) for name in ("truth", "liar")]
    assert cells[0]["hashes"] == cells[1]["hashes"]
    assert cells[0]["port"] == cells[1]["port"]
    (planted,) = (project.root / "planted").glob(f"{DDOF.name}-*")
    assert cells[1]["hashes"]["worker"] != hash_sources({**read_code(planted / "harness")})


def test_every_cause_that_a_fault_names_is_one():
    assert {cause for fault in FAULTS for cause in fault.causes} <= {cause.value for cause in Cause}
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


LINE = {"verdict": "proven", "causes": [{"cause": "ddof", "b": 1}]}


@pytest.mark.parametrize(
    ("sets", "line"),
    [
        ({}, LINE),
        ({("unknown", ()): 1}, LINE),
        ({("consistent", ("ddof",)): 1}, LINE),
        ({("proven", ("ddof", "mean")): 1}, LINE),
        ({("proven", ("ddof",)): 9, ("proven", ("numerics",)): 1}, LINE),
        ({("proven", ("ddof",)): 1}, {**LINE, "causes": [{"cause": "ddof", "b": 0}]}),
    ],
)
def test_anything_but_the_one_cause_is_wrong(sets, line):
    fault = Fault("x", ("ddof",), (), value=1)
    assert Found(fault, 1, {("proven", ("ddof",)): 1}, 1, 1.0, (LINE,)).is_right
    assert not Found(fault, 1, sets, 1, 1.0, (line,)).is_right
