"""A project with a small model whose environments run here; those called noisy disagree with themselves."""

import json
import sys
from pathlib import Path

import pytest
import small_model
from command_line import make_caller

ENVIRONMENT = """description = "for tests"
backend = "reference"
groups = ["default"]
packages = ["nothing==1"]
[settings]
precision = "float64"
"""
REGISTER = """reference = "a"
default = "default"
[groups]
default = "all"
"""
COUNT = 6
WORKER = Path(__file__).with_name("fakes") / "noisy_worker.py"


def write_project(folder, *names):
    """Environments of these names and one content, but for the noise; the folder."""
    (folder / "environments").mkdir()
    (folder / "environments" / "matrix.toml").write_text(REGISTER)
    for name in names:
        noise = f'[variables]\nNOISE = "{folder / "noise"}"\n' if name.startswith("noisy") else ""
        (folder / "environments" / f"{name}.toml").write_text(ENVIRONMENT + noise)
    small_model.write_model(folder / "small", COUNT)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{WORKER}" "$@"\n')
    python.chmod(0o755)
    return folder


@pytest.fixture(name="harness")
def make_harness(tmp_path, monkeypatch, capsys):
    """The command line, run in a project that installs nothing: exit code, output, errors."""
    monkeypatch.setattr("harness.launch.local.make_python", lambda *_: tmp_path / "python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    return make_caller(monkeypatch, capsys)


def read_cells(run_folder):
    """What each cell's `cell.json` says, by the cell's id."""
    return {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(run_folder.glob("cells/*/cell.json"))
    }
