"""Printed commands run as they are pasted: installed, in the checkout, and from elsewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system.invocation import name_place, write_command

ROOT = Path(__file__).parents[2]
PRINT = "from harness.system.invocation import write_command; print(write_command('environments', '--json'))"
ENTRY = "import sys; from harness.cli import main; sys.exit(main())"


def make_script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def paste(command, folder, *bins):
    """What a shell makes of a command, in a folder, with these on its path and none of our variables."""
    variables = {"PATH": os.pathsep.join([*map(str, bins), os.environ["PATH"]]), "HOME": os.environ["HOME"]}
    return subprocess.run(
        command, shell=True, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def start(folder, *words, path=None):
    """What this interpreter prints, in a folder."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=variables, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_from_elsewhere_it_is_started_by_its_path(tmp_path):
    command = start(tmp_path, "-c", PRINT)
    found = paste(command, tmp_path)
    assert found.returncode == 0, command
    assert "local-pytorch" in found.stdout


def test_in_the_checkout_it_is_started_as_the_readme_has_it(tmp_path):
    command = start(ROOT, "-c", PRINT)
    assert command == "nox -s harness -- environments --json"
    make_script(
        tmp_path / "bin/nox", f'#!/bin/sh\nshift 3\nexec {shlex.quote(sys.executable)} -m harness "$@"\n'
    )
    assert "local-pytorch" in paste(command, ROOT, tmp_path / "bin").stdout
    session = (ROOT / "noxfile.py").read_text().partition("def harness(")[2].partition("@nox")[0]
    assert '"python", "-m", "harness", *session.posargs' in session


@pytest.mark.parametrize("is_found", [True, False])
def test_where_it_is_installed_it_is_started_by_its_name(tmp_path, is_found):
    code = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    script = tmp_path / "my bin/harness"
    make_script(script, code + ENTRY)
    path = script.parent if is_found else tmp_path
    help_text = start(ROOT, script, "environments", "--help", path=path)
    command = re.sub(r"\s+", " ", help_text.partition("Example: ")[2])
    assert command == ("harness environments --json" if is_found else f"'{script}' environments --json")
    assert "local-pytorch" in paste(command, tmp_path, *([script.parent] if is_found else [])).stdout


def test_whoever_has_another_path_is_told_the_whole_of_ours(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert write_command("images", sudo=True) == f"sudo {sys.executable} -m harness images"
    monkeypatch.chdir(tmp_path)
    assert (
        write_command("images", sudo=True) == f"sudo env PYTHONPATH={ROOT} {sys.executable} -m harness images"
    )


def test_places_are_named_as_from_here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert name_place(tmp_path / "a/b") == "a/b"
    assert name_place(Path("a")) == "a"
    assert name_place(ROOT) == str(ROOT)


def test_no_command_is_written_anywhere_else():
    own = ROOT / "harness"
    sources = [
        path for path in own.rglob("*.py") if path.relative_to(own).parts[0] not in {"worker", "__main__.py"}
    ]
    assert not [path for path in sources if "-m harness" in path.read_text(encoding="utf-8")]
