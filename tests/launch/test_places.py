"""Places: what cannot run here is absent with a reason, whatever the engine says."""

import pytest
from docker_places import IMAGES, make_box, make_session
from fake_worker import make_environment

from harness.launch import places
from harness.launch.places import Unavailable, find_place, find_places, list_gpus
from harness.plan.environments import BackendSettings
from harness.system.machine import Interpreter


def test_a_local_environment_asks_for_no_engine():
    found = find_places([make_environment("a"), make_box()], IMAGES, Unavailable("no engine"))
    assert isinstance(found["a"], Interpreter)
    assert found["box"] == Unavailable("no engine")


def test_cuda_without_a_gpu_is_absent(monkeypatch, tmp_path):
    environment = make_environment("a", settings=BackendSettings(device="cuda"))
    monkeypatch.setattr(places, "NVIDIA", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    place = find_place(environment, {}, Unavailable(""))
    assert isinstance(place, Unavailable)
    assert "GPU" in place.reason
    (tmp_path / "none").touch()
    assert isinstance(find_place(environment, {}, Unavailable("")), Interpreter)


@pytest.mark.parametrize(
    ("body", "names"), [("echo H100; echo A100", ["H100", "A100"]), ("echo no driver; exit 9", [])]
)
def test_a_program_that_fails_lists_no_gpu(monkeypatch, tmp_path, body, names):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_gpus() == names


def test_another_processor_needs_emulation(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "is_emulated", lambda _: False)
    place = find_place(make_box("caffe-openblas-arm64"), IMAGES, make_session(tmp_path))
    assert isinstance(place, Unavailable)
    assert "arm64" in place.reason
    assert "qemu" in place.reason


def test_an_engine_that_went_away_is_absent(monkeypatch, tmp_path):
    monkeypatch.setattr("harness.launch.docker.session.PAUSES_SECONDS", ())
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    place = find_place(make_box(), IMAGES, make_session(tmp_path))
    assert isinstance(place, Unavailable)
    assert "nobody.sock" in place.reason
