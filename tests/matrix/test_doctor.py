"""The doctor: it finds out what it can, and trouble on the way is a finding, never a traceback."""

import json
from pathlib import Path

import pytest
from docker_places import IMAGES, make_box, make_session
from fake_engine import ImageKeeper

from harness.cli import main
from harness.core.errors import InputError
from harness.matrix import doctor
from harness.matrix.doctor import Finding, examine, gather_findings
from harness.report.diagnosis import print_findings
from harness.system.consoles import open_output

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))


def find(findings, topic, name):
    return next(one for one in findings if (one.topic, one.name) == (topic, name))


def test_without_an_engine_it_says_why_and_how_to_get_one():
    findings = examine(ROOT)
    engine = find(findings, "engine", "docker")
    assert not engine.ok
    assert "nobody.sock" in engine.text
    assert "the engine that DOCKER_HOST names" in engine.advice
    assert not find(findings, "environment", "caffe-openblas").ok
    assert find(findings, "environment", "local-pytorch").ok
    assert find(findings, "machine", "memory").ok
    assert find(findings, "python", "any").ok


def test_who_chose_another_engine_is_not_told_to_start_the_one_here(monkeypatch, tmp_path):
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert "Docker context 'far'" in doctor.advise_engine()
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert "start it" in doctor.advise_engine()


@pytest.mark.parametrize("error", [InputError("odd"), OSError("odd")])
def test_a_look_that_fails_is_a_finding(error):
    def look():
        yield Finding("x", "a", ok=True, text="fine")
        raise error

    assert gather_findings("x", look) == [Finding("x", "cannot be examined", ok=False, text="odd")]


def test_an_engine_that_answers_is_asked_for_its_images(monkeypatch, tmp_path):
    built, other = IMAGES["caffe-openblas"], IMAGES["debian-trixie"]
    monkeypatch.setattr(
        "harness.launch.docker.session.reach_engine", lambda: ImageKeeper(built.tag, built.base)
    )
    session = make_session(tmp_path)
    (engine,) = doctor.examine_engine(session)
    assert engine.ok
    assert engine.text.endswith("at unix:///x on Debian, amd64, 2 cores, 4.0 GB")
    findings = {one.name: one for one in doctor.examine_images(session, [built, other])}
    assert findings[built.name].ok
    assert findings[built.name].text == f"1.23 GB, {built.tag}"
    assert not findings[other.name].ok
    assert f"where {other.base} cannot be pulled, first" in findings[other.name].advice
    places = doctor.examine_environments([make_box(built.name), make_box("gone")], {"docker": session})
    assert [(one.ok, one.text) for one in places] == [(True, "can run"), (False, "there is no image 'gone'")]


def test_a_broken_project_is_a_finding(tmp_path):
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "a.toml").write_text("nonsense")
    assert "no TOML" in find(examine(tmp_path), "project", "files").text


def test_a_machine_without_a_readable_disk_is_a_finding(monkeypatch):
    def refuse(_):
        raise OSError(5, "no disk")

    monkeypatch.setattr(doctor.shutil, "disk_usage", refuse)
    assert "no disk" in find(examine(ROOT), "machine", "cannot be examined").text


def test_findings_are_printed_with_advice_for_what_is_missing(capsys):
    findings = [
        Finding("engine", "docker", ok=False, text="is off", advice="switch it on"),
        Finding("environment", "a", ok=True, text="can run", advice="nothing"),
    ]
    print_findings(findings, open_output())
    out = capsys.readouterr().out
    assert "to get it: switch it on" in out
    assert "nothing" not in out
    assert "1 of 1 environments can run here" in out


def test_the_verb_prints_json(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["harness", "doctor", "--json"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert {"topic", "name", "ok", "text", "advice"} == set(json.loads(capsys.readouterr().out)[0])
