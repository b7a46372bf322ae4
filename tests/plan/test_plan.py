"""Plans: one cell an environment, and a key that changes with everything that changes numbers."""

import dataclasses
from pathlib import Path

import pytest
from plans import ENVIRONMENT, SUBJECT, WITNESSES, environment, plan

from harness.core.errors import InputError
from harness.plan.environments import BackendSettings
from harness.plan.plan import CellRequest, Override, hash_parts, name_port, plan_cells, repeat_cells
from harness.worker.job import read_job


def test_a_cell_is_one_environment_with_one_model():
    cell = plan()
    assert (cell.id, cell.job["cell"]) == ("one", "m/one")
    assert (cell.job["environment"], cell.job["replicate"]) == ("one", 1)


def test_a_job_is_what_the_worker_reads():
    job = read_job({**plan().job, "output": "/out"})
    assert job.parameters.alpha == 100
    assert job.settings.caffemodel == "/w"


@pytest.mark.parametrize(
    "other",
    [
        plan(environment(packages=("a==1", "b==3"))),
        plan(environment(backend="pytorch")),
        plan(environment(settings=BackendSettings(threads=2))),
        plan(environment(batch_size=4)),
        plan(environment(decoder="opencv")),
        plan(environment(variables={"OMP_NUM_THREADS": "1"})),
        plan(environment(port="pytorch-port")),
        plan(environment(rules={"ddof": 1})),
        plan(override=Override(beta=5)),
        plan(override=Override(port="pytorch-port")),
        plan(subject=dataclasses.replace(SUBJECT, network_key="other")),
        plan(subject=dataclasses.replace(SUBJECT, examples_sha256="other")),
        plan(subject=dataclasses.replace(SUBJECT, npy="raw-rgb")),
        plan(subject=dataclasses.replace(SUBJECT, only=("a",))),
        plan(subject=dataclasses.replace(SUBJECT, preprocess={**SUBJECT.preprocess, "scale": 0.5})),
        plan(
            subject=dataclasses.replace(
                SUBJECT, witnesses={"notebook": {**WITNESSES, "nose": (Path("/n"), "x")}}
            )
        ),
        plan(worker="other"),
        plan(python="3.12.1"),
        plan(machine="y"),
    ],
)
def test_the_key_changes_with_everything_that_changes_numbers(other):
    assert other.key != plan().key


@pytest.mark.parametrize(
    "same",
    [
        plan(environment(description="other", groups=("g",), silence_seconds=5)),
        plan(environment(packages=("b==2", "a==1"))),
        plan(environment(rules={"ddof": 0})),
        plan(override=Override(alpha=100.0)),
        plan(subject=dataclasses.replace(SUBJECT, network=Path("/elsewhere"), examples=Path("/f.jsonl"))),
    ],
)
def test_the_key_stays_where_only_names_and_places_change(same):
    assert same.key == plan().key


def test_environments_of_one_content_are_run_apart():
    assert plan(environment(name="two")).key != plan().key


def test_a_cell_is_repeated_under_keys_of_its_own():
    requests = repeat_cells([ENVIRONMENT, environment(name="two")], Override(), 3)
    found = plan_cells(requests, SUBJECT, "w", {}, {})
    assert [cell.id for cell in found] == ["one", "one#2", "one#3", "two", "two#2", "two#3"]
    assert [cell.job["cell"] for cell in found[:2]] == ["m/one", "m/one#2"]
    assert {cell.environment.name for cell in found[:3]} == {"one"}
    assert len({cell.key for cell in found}) == 6
    (alone,) = plan_cells([CellRequest(ENVIRONMENT)], SUBJECT, "w", {}, {})
    assert alone == found[0]


def test_keys_do_not_hang_on_the_order_of_keys():
    assert hash_parts({"a": 1, "b": 2}) == hash_parts({"b": 2, "a": 1})


def test_the_command_line_replaces_port_and_parameters():
    cell = plan(environment(port="pytorch-port", rules={"ddof": 1}), override=Override("notebook", 1, 2, 3))
    assert cell.job["port"] == {"preset": "notebook", "rules": {}}
    assert cell.job["parameters"] == {"alpha": 1.0, "beta": 2.0, "epsilon": 3.0}


@pytest.mark.parametrize("override", [Override(port="none"), Override(alpha=0), Override(beta=float("nan"))])
def test_a_port_or_parameters_that_do_not_exist_are_refused(override):
    with pytest.raises(InputError):
        plan(override=override)


def test_ports_are_named_with_their_rules():
    assert name_port({"preset": "notebook", "rules": {}}) == "notebook"
    assert name_port({"preset": "notebook", "rules": {"ddof": 1}}) == "notebook (ddof 1)"
    listed = {"order": "listing", "listing": ["nose_witness.txt", "leye_witness.txt"]}
    assert name_port({"preset": "notebook", "rules": listed}) == "notebook (order listing, listing nose leye)"
