"""What a cell's details name travels into its container, and what it leaves beside its records comes out."""

import shutil

import pytest
from docker_runs import MODEL, make_client, make_root
from plans import SUBJECT, plan
from quiet_screen import QuietScreen

from harness.core.errors import InputError
from harness.core.traces import read_trace
from harness.launch.docker.details import NamedFiles
from harness.launch.docker.files import list_taken, relocate_job
from harness.matrix.campaign import Campaign, list_runs, open_workspace, run_campaign
from harness.matrix.request import RunRequest, prepare_run, select_run
from harness.plan.environments import read_environments
from harness.plan.plan import CellRequest
from harness.records.record import read_records
from harness.system.tarstream import TAKEN
from harness.worker.tasks.trace import name_archive

FIXTURES = (make_client, make_root)


def test_files_and_folders_that_details_name_are_sent_and_named_as_they_lie_inside(tmp_path):
    witness, trace = tmp_path / "leye.txt", tmp_path / "trace"
    witness.touch()
    (trace / "deep").mkdir(parents=True)
    (trace / "trace.json").touch()
    (trace / "deep" / "a.npz").touch()
    named = NamedFiles("/work")
    patch = {"witnesses": {"leye": {"path": str(witness), "sha256": "5"}}, "port": {"ddof": 1}}
    patches = [{}, patch, {**patch, "weights": {"from": str(trace), "layers": ["conv1_1"]}}]
    job = {**plan().job, "details": {"trace": str(trace), "patches": patches}}
    details = relocate_job(job, named)["details"]
    sent = {f"/work/{entry.name}": entry.path for entry in named.list_entries()}
    assert sent[f"{details['trace']}/trace.json"] == trace / "trace.json"
    assert sent[f"{details['trace']}/deep/a.npz"] == trace / "deep" / "a.npz"
    first, second, third = details["patches"]
    assert (first, third["weights"]) == ({}, {"from": details["trace"], "layers": ["conv1_1"]})
    assert sent[second["witnesses"]["leye"]["path"]] == witness
    assert (second["witnesses"], second["port"]) == (third["witnesses"], {"ddof": 1})
    assert len(sent) == 3
    assert "details" not in relocate_job(plan().job)


def test_a_named_file_that_is_not_here_is_said(tmp_path):
    named = NamedFiles("/work")
    named.relocate({"trace": str(tmp_path / "gone")})
    with pytest.raises(InputError, match="gone: is not here"):
        list(named.list_entries())


def test_the_files_that_a_trace_leaves_are_taken_and_no_others():
    job = {"task": "trace", "details": {"examples": ["a/b"], "limit_bytes": 5}}
    assert list_taken(plan().job) == TAKEN
    assert set(list_taken(job)) - set(TAKEN) == {"trace.json", name_archive("a/b")}
    assert list_taken(job)[name_archive("a/b")] == 5


def test_batches_of_a_patch_travel_too():
    own = plan().environment
    details = {"details": {"patches": [{}, {"batch_size": 3}, {"batch_size": 3}, {"port": {"ddof": 1}}]}}

    request = CellRequest(own, task="counterfactuals", details=details)
    assert [one.batch_size for one, _ in list_runs(SUBJECT, request)] == [own.batch_size, 3]
    assert [one.batch_size for one, _ in list_runs(SUBJECT, CellRequest(own))] == [own.batch_size]


@pytest.mark.docker
@pytest.mark.usefixtures("client")
def test_patches_traces_and_grafts_answer_in_containers_as_they_do_here(root, monkeypatch):
    monkeypatch.chdir(root)
    environments = {one.name: one for one in read_environments(root / "environments")}
    other = root / "other.txt"
    shutil.copyfile(MODEL / "witnesses" / "nose_witness.txt", other)
    with open_workspace(root, QuietScreen()) as workspace:
        request = RunRequest(str(MODEL), globs=("a", "wheels"), examples=("few.jsonl",))
        subject = prepare_run(request, select_run(request, root), workspace).subject
        names = subject.example_ids[3:5]
        alone = {name: one.model_copy(update={"batch_size": 1}) for name, one in environments.items()}

        def run(task, details):
            requests = tuple(
                CellRequest(alone[name], task=task, only=names, details={"details": details})
                for name in ("a", "wheels")
            )
            found = run_campaign(workspace, Campaign(subject, requests)).outcomes
            assert [one.status for one in found] == ["done"] * 2, [one.reason for one in found]
            return [one.folder for one in found]

        witness = {"path": str(other), "sha256": digest(subject, "nose")}
        patches = [{}, {"batch_size": 3}, {"witnesses": {"leye": witness, "nose": witness}}]
        here, there = map(read_answers, run("counterfactuals", {"patches": patches}))
        assert here == there
        assert len(here) == len(patches) * len(names)
        traces = run("trace", {"examples": list(names)})
        values = [read_trace(folder).read_plain(names[0], "conv1_1") for folder in traces]
        assert values[0] == pytest.approx(values[1], rel=1e-3, abs=1e-3)
        grafts = [{"pass": "both", "blob": "input"}, {"pass": "plain", "blob": "pool3"}]
        here, there = map(read_answers, run("graft", {"trace": str(traces[0]), "grafts": grafts}))
        assert here == there
        assert len(here) == len(grafts) * len(names)


def digest(subject, attribute):
    """Hash of a subject's witness file."""
    return next(iter(subject.witnesses.values()))[attribute][1]


def read_answers(folder):
    """Tuples by what was changed and by example."""
    return {
        (record["example"], record.get("patch", record.get("graft"))): (
            record["gold"],
            record["original"],
            record["attribute"],
        )
        for record in read_records(folder)
    }
