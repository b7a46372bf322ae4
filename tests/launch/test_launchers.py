"""Launchers: what cannot run here is unavailable, and sessions are closed however a run ends."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker_places import make_box, make_session
from fake_worker import make_environment
from plans import SUBJECT

from harness.launch import gpus
from harness.launch.docker import launcher as docker
from harness.launch.launcher import Opening, Place, Unavailable
from harness.launch.launchers import LAUNCHERS, find_placement, open_sessions
from harness.launch.local import LocalSession
from harness.plan.environments import LAUNCHER_KEYS, BackendSettings


def make_sessions(tmp_path, engine):
    return {"local": LocalSession(tmp_path, threading.Semaphore(1), pytest.fail), "docker": engine}


def test_every_launcher_that_an_environment_can_name_is_there():
    assert set(LAUNCHERS) == set(LAUNCHER_KEYS)


def test_a_local_environment_asks_for_no_engine(tmp_path):
    sessions = make_sessions(tmp_path, Unavailable("no engine"))
    found = find_placement(make_environment("a"), sessions)
    assert found.place.identity == ""
    assert found.place.folders[0].is_relative_to(tmp_path)
    assert find_placement(make_box(), sessions) == Unavailable("no engine")


def test_an_interpreter_that_is_not_there_is_unavailable(tmp_path):
    found = find_placement(make_environment("a", python="3.99"), make_sessions(tmp_path, None))
    assert isinstance(found, Unavailable)
    assert "python3.99" in found.reason


def test_cuda_without_a_gpu_is_unavailable(monkeypatch, tmp_path):
    environment = make_environment("a", settings=BackendSettings(device="cuda"))
    monkeypatch.setattr(gpus, "NVIDIA", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_placement(environment, make_sessions(tmp_path, None))
    assert isinstance(found, Unavailable)
    assert "GPU" in found.reason
    (tmp_path / "none").touch()
    assert isinstance(find_placement(environment, make_sessions(tmp_path, None)).place, Place)


def test_another_processor_needs_emulation(monkeypatch, tmp_path):
    monkeypatch.setattr(docker, "is_emulated", lambda _: False)
    found = find_placement(make_box("caffe-openblas-arm64"), make_sessions(tmp_path, make_session(tmp_path)))
    assert isinstance(found, Unavailable)
    assert "arm64" in found.reason
    assert "qemu" in found.reason


def test_an_image_that_does_not_exist_is_unavailable(tmp_path):
    found = find_placement(make_box("no-such"), make_sessions(tmp_path, make_session(tmp_path)))
    assert found == Unavailable("there is no image 'no-such'")


def test_an_engine_that_went_away_is_unavailable(monkeypatch, tmp_path):
    monkeypatch.setattr("harness.launch.docker.session.PAUSES_SECONDS", ())
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    found = find_placement(make_box(), make_sessions(tmp_path, make_session(tmp_path)))
    assert isinstance(found, Unavailable)
    assert "nobody.sock" in found.reason


def test_only_sessions_that_are_asked_for_are_opened_and_all_of_them_are_closed(monkeypatch, tmp_path):
    log = []

    def make_fake(name):
        return SimpleNamespace(
            open_session=lambda opening: log.append((name, len(opening.runs))) or name,
            close_session=lambda session: log.append(f"closed {session}"),
        )

    for name in LAUNCHERS:
        monkeypatch.setitem(LAUNCHERS, name, make_fake(name))
    runs = [(make_environment("a"), SUBJECT), (make_box(), SUBJECT), (make_environment("b"), SUBJECT)]
    opening = Opening(Path("/"), tmp_path, threading.Event(), print, runs)
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117 - one statement in it
        with open_sessions(opening):
            raise KeyboardInterrupt
    assert log == [("local", 2), ("docker", 1), "closed docker", "closed local"]


def test_a_session_that_is_unavailable_is_not_closed(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setattr(docker, "close_session", pytest.fail)
    opening = Opening(tmp_path, tmp_path, threading.Event(), print, [(make_box(), SUBJECT)])
    (tmp_path / "dockerfiles").symlink_to(Path(__file__).parents[2] / "dockerfiles")
    with open_sessions(opening) as sessions:
        assert "nobody.sock" in sessions["docker"].reason
