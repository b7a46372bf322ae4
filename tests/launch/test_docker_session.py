"""Sessions and leftovers, as far as they can be known without an engine."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from docker.errors import APIError, NotFound
from docker_places import make_box, make_session
from plans import SUBJECT, plan
from requests import Response
from requests.exceptions import ConnectionError as Lost

from harness.core.errors import InputError
from harness.images import engine
from harness.images.engine import EngineMissingError, call_engine
from harness.images.lock import ImageContents
from harness.launch.docker.containers import (
    LINE_BYTES,
    ContainerJob,
    cut_lines,
    judge_state,
    name_container,
)
from harness.launch.docker.files import list_shared_files, relocate_job
from harness.launch.docker.leftovers import describe_owner, is_gone, make_labels
from harness.launch.docker.session import connect_session, remember
from harness.launch.launcher import Opening
from harness.plan.plan import settle_cell


def answer(status):
    response = Response()
    response.status_code = status
    return response


@pytest.mark.parametrize("place", ["unix://{}/nobody.sock", "tcp://127.0.0.1:1", "nonsense://x"])
def test_no_engine_is_said_with_its_place(monkeypatch, tmp_path, place):
    place = place.format(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", place)
    with pytest.raises(EngineMissingError) as caught:
        connect_session(Opening(tmp_path, tmp_path, threading.Event(), print), {})
    assert place in str(caught.value)


def count_calls(monkeypatch, errors):
    monkeypatch.setattr(engine, "PAUSES_SECONDS", (0.0, 0.0))
    errors = list(errors)
    calls = []

    def action():
        calls.append(1)
        if errors:
            raise errors.pop(0)
        return "fine"

    return action, calls


@pytest.mark.parametrize("error", [Lost("gone"), APIError("x", answer(500)), APIError("x", answer(503))])
def test_trouble_that_passes_is_tried_again_and_not_for_ever(monkeypatch, error):
    action, calls = count_calls(monkeypatch, [error, error])
    assert (call_engine("doing", action), len(calls)) == ("fine", 3)
    action, calls = count_calls(monkeypatch, [error] * 9)
    with pytest.raises(InputError, match="doing: the Docker engine refuses"):
        call_engine("doing", action)
    assert len(calls) == 3


def test_what_an_engine_refuses_is_not_tried_again(monkeypatch):
    action, calls = count_calls(monkeypatch, [APIError("x", answer(400), "odd")] * 9)
    with pytest.raises(InputError, match="odd"):
        call_engine("doing", action)
    assert len(calls) == 1
    action, calls = count_calls(monkeypatch, [NotFound("gone", answer(404))])
    with pytest.raises(NotFound):
        call_engine("doing", action)


def test_something_is_made_once_and_its_failure_is_everybodys(tmp_path):
    session, made = make_session(tmp_path), []
    assert [remember(session, "a", lambda: made.append(1) or len(made)) for _ in range(3)] == [1, 1, 1]

    def fail():
        made.append(1)
        raise InputError("cannot be built")

    for _ in range(2):
        with pytest.raises(InputError, match="cannot be built"):
            remember(session, "b", fail)
    assert len(made) == 2


def test_core_numbers_are_lent_once_and_come_back(tmp_path):
    session = make_session(tmp_path, cores=3)
    with (
        session.lend_numbers(2) as first,
        session.lend_numbers(2) as second,
        session.lend_numbers(1) as third,
    ):
        assert (first, second, third) == ((0, 1), (2,), ())
    assert session.idle == {0, 1, 2}


def test_memory_is_lent_below_what_the_engine_has(tmp_path):
    assert make_session(tmp_path, memory_megabytes=1000).memory.total == 900


def test_an_owner_that_runs_is_not_gone_and_one_that_ended_is():
    assert not is_gone(describe_owner())
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
    own = json.loads(describe_owner())
    assert is_gone(json.dumps({**own, "pid": process.pid}))
    assert is_gone(json.dumps({**own, "pid": os.getpid(), "started": own["started"] - 60}))


@pytest.mark.skipif(not psutil.LINUX, reason="other systems tell the time of day at which a process started")
def test_an_owner_is_known_after_the_clock_was_set(monkeypatch):
    owner, system = describe_owner(), psutil._psplatform
    boot = psutil.boot_time()
    monkeypatch.setattr(system, "boot_time", lambda: boot + 3600)
    assert psutil.Process().create_time() > boot + 3600
    assert not is_gone(owner)


def describe_other(**change):
    """This process' label with something else in it."""
    return json.dumps({**json.loads(describe_owner()), **change})


@pytest.mark.parametrize(
    "owner",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        '{"host": "elsewhere", "pid": 1, "started": 0}',
        "[" * 100_000,
        *(describe_other(pid=pid) for pid in ("1", 1.5, -1, 1 << 70, float("inf"), True)),
        describe_other(started="1_0"),
        describe_other(started={}),
    ],
)
def test_what_cannot_be_told_to_be_gone_is_left_alone(owner):
    assert not is_gone(owner)


def test_labels_name_run_cell_and_owner():
    labels = make_labels("token", "one", "/cache/working/x")
    assert labels["ami-harness.run"] == "token"
    assert labels["ami-harness.cell"] == "one"
    assert labels["ami-harness.workplace"] == "/cache/working/x"
    assert not is_gone(labels["ami-harness.owner"])
    assert "ami-harness.workplace" not in make_labels("token")


def test_a_job_is_moved_into_its_container_and_everything_it_names_travels(tmp_path):
    folder = tmp_path / "neutral" / "parameters"
    folder.mkdir(parents=True)
    (folder / "a.npy").touch()
    (folder.parent / "network.json").touch()
    entry = {
        "id": "a",
        "source": "a",
        "attack": "benign",
        "gold": 0,
        "file": "/far/a.png",
        "sha256": "5" * 64,
    }
    (tmp_path / "list.jsonl").write_text(json.dumps(entry) + "\n" + json.dumps({**entry, "id": "b"}) + "\n")
    subject = dataclasses.replace(SUBJECT, network=folder.parent, examples=tmp_path / "list.jsonl")
    job = relocate_job(plan(subject=subject).job)
    names = {f"/data/{entry.name}": entry.path for entry in list_shared_files([(subject, 8)])}
    named = [job["model"][key] for key in ("caffemodel", "prototxt")]
    named += [entry["path"] for entry in job["model"]["witnesses"].values()]
    named += [job["examples"]["path"], f"{job['model']['network']}/network.json"]
    named += [f"{job['model']['network']}/parameters/a.npy"]
    named += [f"{job['examples']['files']}/{'5' * 20}/a.png"]
    assert sorted(named) == sorted(names)
    assert names["/data/model.prototxt"] == Path("/p")
    assert job["output"] == "/work/out"
    assert job["settings"] == plan().job["settings"]


@pytest.mark.parametrize(
    ("only", "sizes", "names"),
    [(None, {2}, "abcde"), (("d",), {2}, "cd"), (("d",), {3}, "de"), (("a", "e"), {1, 2}, "abe")],
)
def test_of_chosen_examples_only_their_batches_travel(tmp_path, only, sizes, names):
    lines = [
        {
            "id": name,
            "source": name,
            "attack": "benign",
            "gold": 0,
            "file": f"{name}.png",
            "sha256": name * 64,
        }
        for name in "abcde"
    ]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    subject = dataclasses.replace(
        SUBJECT, network=tmp_path / "n", examples=tmp_path / "list.jsonl", only=only
    )
    paths = [entry.path for entry in list_shared_files([(subject, size) for size in sizes])]
    assert sorted(path.stem for path in paths if path.suffix == ".png") == list(names)


def test_the_key_of_a_container_changes_with_its_image():
    cell = plan()
    first, second = settle_cell(cell, "sha256:1"), settle_cell(cell, "sha256:2")
    assert len({cell.key, first.key, second.key}) == 3
    assert settle_cell(cell, None) == cell


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_lines_are_put_together_from_pieces(size):
    text = b"one\n\ntwo\nthree"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert list(cut_lines(pieces)) == [b"one\n", b"\n", b"two\n", b"three"]


def test_a_line_without_end_does_not_fill_the_memory():
    lines = list(cut_lines([b"x" * 1000] * 1000))
    assert max(map(len, lines)) <= LINE_BYTES
    assert sum(map(len, lines)) == 1_000_000


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"ExitCode": 137, "OOMKilled": True}, "ran out of memory (memory_megabytes = 4096)"),
        ({"ExitCode": 137, "OOMKilled": False}, "killed by SIGKILL"),
        ({"ExitCode": 139}, "killed by SIGSEGV"),
        ({"ExitCode": 1}, "broke (exit 1)"),
        ({"ExitCode": 0}, "broke (exit 0)"),
    ],
)
def test_a_container_that_breaks_says_how(tmp_path, state, words):
    job = ContainerJob("box#2", make_box(), {}, ImageContents("t", "i", "b", {}), "amd64", tmp_path, tmp_path)
    assert words in judge_state(state, job)


def test_containers_of_one_environment_have_names_of_their_own():
    labels = ("box", "box#2", "box+2", "box-2", "box+a#2", "box.2", "box~variables.ABC~packages+2")
    names = [name_container(label) for label in labels]
    assert names[:3] == ["box", "box_2", "box__2"]
    assert len(set(names)) == len(labels)
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]+", name) for name in names)
