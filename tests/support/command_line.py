"""The command line, run in a project whose environments are this interpreter in disguise."""

import sys

import pytest
import small_model

from harness.cli import main
from harness.launch.install import key_venv
from harness.plan.environments import read_environments
from harness.system.machine import find_interpreter
from harness.system.manifest import write_manifest

ENVIRONMENT = """description = "for tests: DESCRIPTION"
backend = "reference"
groups = ["default"]
packages = ["numpy==1"]
[settings]
precision = "float64"
"""
REGISTER = """reference = "a"
default = "default"
[groups]
default = "all"
more = "none"
"""
COUNT = 6


@pytest.fixture(name="root")
def make_root(tmp_path, monkeypatch):
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "matrix.toml").write_text(REGISTER)
    (folder / "a.toml").write_text(ENVIRONMENT)
    (folder / "b.toml").write_text(ENVIRONMENT.replace("float64", "float32"))
    (folder / "other.toml").write_text(
        ENVIRONMENT.replace('["default"]', "[]") + "[parameters]\nalpha = 0.001\nbeta = 0.001\nepsilon = 9\n"
    )
    small_model.write_model(tmp_path / "small", COUNT)
    disguise(folder, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    return tmp_path


def disguise(folder, cache):
    """Ready virtual environments that run this interpreter."""
    for environment in read_environments(folder):
        place = cache / "venvs" / key_venv(environment, find_interpreter(None))
        (place / "bin").mkdir(parents=True, exist_ok=True)
        (place / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (place / "bin" / "python").chmod(0o755)
        write_manifest(place)


@pytest.fixture(name="harness")
def make_harness(monkeypatch, capsys):
    return make_caller(monkeypatch, capsys)


def make_caller(monkeypatch, capsys):
    """A function that runs the command line: exit code, output, errors."""

    def harness(*arguments):
        monkeypatch.setattr("sys.argv", ["harness", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, *capsys.readouterr()

    return harness


def list_runs(folder):
    """Run folders, the oldest first."""
    return sorted((folder / "reports").iterdir(), key=lambda path: path.stat().st_mtime_ns)
