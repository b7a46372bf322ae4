"""Campaigns: cells of any kind are run, kept and read by one function, wherever a launcher puts them."""

import json

import pytest
import thread_launcher
from noisy_project import ENVIRONMENT, make_harness, write_project
from quiet_screen import QuietScreen

from harness.core.errors import InputError
from harness.launch.launchers import LAUNCHERS
from harness.matrix.campaign import Campaign, open_workspace, remove_failed, run_campaign
from harness.matrix.request import RunRequest, prepare_run, select_run
from harness.plan import environments as environment_files
from harness.plan.environments import read_environments
from harness.plan.plan import CellRequest, Override
from harness.records.cell import read_cell
from harness.records.record import read_records
from harness.system.usage import read_uses

__all__ = ["make_harness"]  # a fixture
IDS = [f"{attack}-{number:04}" for number, attack in enumerate(["benign", "fgsm"] * 3)]


@pytest.fixture(name="workspace")
def make_workspace(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.launch.local.make_python", lambda *_: tmp_path / "python")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, "a", "b")
    with open_workspace(tmp_path, QuietScreen()) as workspace:
        yield workspace


@pytest.fixture(name="subject")
def make_subject(workspace):
    request = RunRequest(model="small")
    return prepare_run(request, select_run(request, workspace.root), workspace).subject


def find_environment(workspace, name):
    (found,) = [one for one in read_environments(workspace.root / "environments") if one.name == name]
    return found


def run(workspace, subject, *requests, **more):
    return run_campaign(workspace, Campaign(subject, requests, **more)).outcomes


def read_bare(outcome):
    """A cell's records without what differs from run to run."""
    assert outcome.status == "done", outcome.reason
    return [{**one, "seconds": None} for one in read_records(outcome.folder)]


@pytest.fixture(name="thread")
def add_launcher(monkeypatch):
    """The fake launcher, as an environment's file can name it."""
    monkeypatch.setitem(LAUNCHERS, "thread", thread_launcher)
    monkeypatch.setitem(environment_files.LAUNCHER_KEYS, "thread", ())
    thread_launcher.SESSIONS.clear()
    return thread_launcher


def test_a_launcher_is_one_file_and_its_records_are_those_of_the_local_one(workspace, subject, thread):
    text = ENVIRONMENT.replace('packages = ["nothing==1"]', 'launcher = "thread"')
    (workspace.root / "environments" / "threaded.toml").write_text(text)
    names = ("a", "threaded")
    requests = [CellRequest(find_environment(workspace, name)) for name in names]
    here, threaded = run(workspace, subject, *requests)
    assert len(read_bare(here)) == len(IDS)
    assert read_bare(threaded) == read_bare(here)
    (session,) = thread.SESSIONS
    assert session.ran == ["threaded"]
    assert session.is_closed
    assert all(one.reused for one in run(workspace, subject, *requests))
    assert thread.SESSIONS[1].ran == []


def test_a_new_launcher_runs_a_whole_matrix(workspace, thread, harness):
    text = ENVIRONMENT.replace('packages = ["nothing==1"]', 'launcher = "thread"')
    (workspace.root / "environments" / "threaded.toml").write_text(text)
    code, out, err = harness("matrix", "--model", "small", "--environment", "a", "--environment", "threaded")
    assert code == 0, out + err
    assert "SAME: all 6 examples" in out
    assert thread.SESSIONS[0].ran == ["threaded"]


def test_cells_of_one_environment_differ_in_rules_parameters_and_examples(workspace, subject):
    environment = find_environment(workspace, "a")
    plain, ruled, strong, some = run(
        workspace,
        subject,
        CellRequest(environment),
        CellRequest(environment, Override(rules=("ddof=1",)), variant="ddof"),
        CellRequest(environment, Override(alpha=0.001, beta=0.001, epsilon=9), variant="weak"),
        CellRequest(environment, only=(IDS[4], IDS[1]), variant="some"),
    )
    assert [one.cell.id for one in (plain, ruled, strong, some)] == ["a", "a+ddof", "a+weak", "a+some"]
    assert len({one.folder for one in (plain, ruled, strong, some)}) == 4
    assert read_cell(ruled.folder)["port"]["ddof"] == 1
    assert read_bare(strong) != read_bare(plain)
    assert [one["example"] for one in read_bare(some)] == [IDS[1], IDS[4]]
    assert read_bare(some) == [one for one in read_bare(plain) if one["example"] in (IDS[1], IDS[4])]
    assert not (workspace.root / "reports").exists()


def test_cells_of_one_content_share_a_result_and_replicates_do_not(workspace, subject):
    environment = find_environment(workspace, "a")
    (first,) = run(workspace, subject, CellRequest(environment))
    again, control = run(
        workspace,
        subject,
        CellRequest(environment, variant="control"),
        CellRequest(environment, replicate=2),
    )
    assert (again.reused, again.folder) == (True, first.folder)
    assert not control.reused
    (fresh,) = run(workspace, subject, CellRequest(environment), fresh=True)
    assert not fresh.reused


def test_an_environment_can_be_another_in_one_thing(workspace, subject):
    environment = find_environment(workspace, "a")
    settings = environment.settings.model_copy(update={"precision": "float32"})
    double, single = run(
        workspace,
        subject,
        CellRequest(environment),
        CellRequest(environment.model_copy(update={"settings": settings}), variant="float32"),
    )
    assert read_cell(single.folder)["job"]["settings"]["precision"] == "float32"
    assert double.cell.key != single.cell.key


def test_another_task_gets_its_details_and_a_key_of_its_own(workspace, subject):
    environment = find_environment(workspace, "a")
    pairs = {"base": IDS[0], "pairs": {"leye": {"substitution": [IDS[1]], "preservation": [IDS[2]]}}}
    other = {**pairs, "base": IDS[3]}
    requests = [
        CellRequest(environment),
        CellRequest(environment, variant="w", task="extract", details={"extraction": pairs}),
        CellRequest(environment, variant="x", task="extract", details={"extraction": other}),
    ]
    judged, extracted, another = run(workspace, subject, *requests)
    assert [one.reason for one in (judged, extracted, another)] == [None] * 3
    assert len({one.folder for one in (judged, extracted, another)}) == 3
    assert {one["attribute"] for one in read_records(extracted.folder)} == {"leye"}
    assert "witnesses" in read_records(extracted.folder)[0]
    assert all(one.reused for one in run(workspace, subject, *requests))
    kept = json.loads((workspace.cache / "durations.json").read_text())
    assert list(kept) == ["a"]


def test_a_cell_that_fails_is_an_outcome_whose_leftovers_can_be_removed(workspace, subject):
    environment = find_environment(workspace, "a")
    wrong = CellRequest(environment, variant="wrong", task="no-such")
    fine, failed = outcomes = run(workspace, subject, CellRequest(environment), wrong)
    assert fine.status == "done"
    assert failed.status == "failed"
    assert "no-such" in failed.reason
    assert failed.folder.is_dir()
    remove_failed(outcomes)
    assert not failed.folder.exists()
    assert fine.folder.is_dir()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "cell a is asked for 2 times"),
        ({"only": ("none",), "variant": "x"}, "example none is none of the 6"),
        ({"variant": "ddof=1"}, "variant 'ddof=1' is not of letters"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_runs(workspace, subject, more, words):
    environment = find_environment(workspace, "a")
    with pytest.raises(InputError, match=words):
        run(workspace, subject, CellRequest(environment), CellRequest(environment, **more))
    assert workspace.screen.events == []


def test_the_plan_is_told_before_anything_starts(workspace, subject):
    told = []

    def announce(plan):
        told.append(([cell.id for cell in plan.cells], list(workspace.screen.events)))

    campaign = Campaign(subject, (CellRequest(find_environment(workspace, "a")),))
    run_campaign(workspace, campaign, announce)
    assert told == [(["a"], [])]
    assert workspace.screen.events


def test_what_campaigns_use_stays_in_use_until_the_workspace_is_left(workspace, subject):
    (first,) = run(workspace, subject, CellRequest(find_environment(workspace, "a")))
    (second,) = run(workspace, subject, CellRequest(find_environment(workspace, "b")))
    uses = read_uses(workspace.cache)
    paths = {one.folder.relative_to(workspace.cache).as_posix() for one in (first, second)}
    assert not uses.unknown
    assert paths <= uses.paths
