"""Virtual environments: made once, whole, and shared; a failure says what to do."""

import os
import platform
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fake_worker import make_environment, stop_after

from harness.core.errors import InputError
from harness.launch.install import build_venv, find_python, key_venv, make_python
from harness.system.machine import Interpreter, ask_version, choose_variables, find_interpreter
from harness.system.processes import read_end, run_step
from harness.system.stopping import Stopped

HERE = Interpreter(Path(sys.executable).resolve(), platform.python_version())
NEVER = threading.Event()


def make_twice(environments, cache):
    """Make two virtual environments at once; their interpreters."""
    found = {}
    threads = [
        threading.Thread(
            target=lambda one=one: found.update({one.name: make_python(one, HERE, cache, NEVER, print)})
        )
        for one in environments
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_environments_of_the_same_packages_share_what_is_made_once(tmp_path, monkeypatch):
    builds = []

    def build(*arguments):
        builds.append(arguments)
        build_venv(*arguments)

    monkeypatch.setattr("harness.launch.install.build_venv", build)
    found = make_twice([make_environment("a"), make_environment("b")], tmp_path)
    assert len(builds) == 1
    assert found["a"] == found["b"]
    answer = subprocess.check_output([found["a"], "-c", "import sys; print(sys.prefix != sys.base_prefix)"])
    assert answer.strip() == b"True"
    assert find_python(make_environment(), HERE, tmp_path) == found["a"]


def test_other_packages_or_pythons_need_another_one():
    keys = {
        key_venv(make_environment(packages=("a==1",)), HERE),
        key_venv(make_environment(packages=("a==2",)), HERE),
        key_venv(make_environment(packages=("a==1",)), Interpreter(HERE.path, "3.99")),
    }
    assert len(keys) == 3


def test_half_of_one_is_made_again(tmp_path):
    environment = make_environment()
    folder = tmp_path / "venvs" / key_venv(environment, HERE)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    assert find_python(environment, HERE, tmp_path) is None
    python = make_python(environment, HERE, tmp_path, NEVER, print)
    assert ask_version(str(python)) == HERE.version


def damage(folder, name, text):
    """Write a file into a virtual environment."""
    (next(folder.rglob("site-packages")) / name).write_text(text)


def test_a_damaged_one_is_made_anew_and_that_is_said(tmp_path):
    environment, said = make_environment(), []
    python = make_python(environment, HERE, tmp_path, NEVER, print)
    folder = python.parents[1]
    assert make_python(environment, HERE, tmp_path, NEVER, pytest.fail) == python
    damages = [
        (lambda: damage(folder, "sitecustomize.py", "x = 1"), "sitecustomize.py was added"),
        (lambda: (folder / "pyvenv.cfg").write_text("home = nowhere\n"), "pyvenv.cfg was changed"),
        (python.unlink, "is missing, or what it leads to"),
        (lambda: (folder / "manifest.json").write_text("{}"), "manifest.json is missing or damaged"),
        (lambda: (shutil.rmtree(folder), folder.write_text("a file")), "is missing, or what it leads to"),
    ]
    for number, (do, words) in enumerate(damages, start=1):
        do()
        assert find_python(environment, HERE, tmp_path) is None
        assert make_python(environment, HERE, tmp_path, NEVER, said.append) == python
        assert len(said) == number
        assert words in said[-1]
        assert said[-1].endswith("; the environment is made anew")
        assert ask_version(str(python)) == HERE.version
        assert find_python(environment, HERE, tmp_path) == python
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name, f"{folder.name}.log"]


def test_a_failed_installation_leaves_its_log_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    environment = make_environment("odd", packages=("no-such-package==1.2.3",))
    with pytest.raises(InputError):
        make_python(environment, HERE, tmp_path, NEVER, print)
    assert [path.suffix for path in (tmp_path / "venvs").iterdir()] == [".log"]
    assert not list((tmp_path / "locks").iterdir())


def test_packages_that_cannot_be_had_are_named_with_the_logs_end(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    environment = make_environment("odd", packages=("no-such-package==1.2.3",))
    with pytest.raises(InputError) as caught:
        make_python(environment, HERE, tmp_path, NEVER, print)
    for words in ("environment odd", "no-such-package==1.2.3", "run again", "No matching distribution"):
        assert words in str(caught.value)
    assert find_python(environment, HERE, tmp_path) is None


def test_a_step_that_fails_where_little_room_is_left_says_so(tmp_path, monkeypatch):
    command = [sys.executable, "-c", "raise SystemExit('no wheel')"]
    for low, words in (
        (0, r"\(exit 1\)"),
        (1 << 80, rf"\(exit 1, with \d+ MiB left on the disk of {tmp_path}\)"),
    ):
        monkeypatch.setattr("harness.system.processes.LOW_BYTES", low)
        with pytest.raises(InputError, match=rf"^it cannot be made {words}: no wheel; correct"):
            run_step(command, tmp_path / "log", NEVER, "it cannot be made")


def test_an_installation_can_be_stopped(tmp_path):
    with pytest.raises(Stopped):
        run_step(["sleep", "600"], tmp_path / "log", stop_after(0.3), "failed")


def test_the_running_python_is_found_and_one_that_is_not_there_is_none(monkeypatch, tmp_path):
    assert find_interpreter(None) == HERE
    assert find_interpreter(".".join(platform.python_version_tuple()[:2])) == HERE
    assert find_interpreter("3.99") is None
    stub = tmp_path / "python3.99"
    stub.write_text("#!/bin/sh\necho 'no such version' >&2; exit 127\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_interpreter("3.99") is None


def test_a_stub_before_the_real_interpreter_is_passed_over(monkeypatch, tmp_path):
    for folder, line in (("one", "exit 127"), ("two", "echo 3.99.1")):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "python3.99"
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'one'}{os.pathsep}{tmp_path / 'two'}")
    assert find_interpreter("3.99") == Interpreter(tmp_path / "two" / "python3.99", "3.99.1")


@pytest.mark.parametrize(
    ("variable", "place"),
    [("PYENV_ROOT", "versions/3.99.{}"), ("UV_PYTHON_INSTALL_DIR", "cpython-3.99.{}-linux-x86_64-gnu")],
)
def test_an_interpreter_that_is_installed_but_not_active_is_found(monkeypatch, tmp_path, variable, place):
    for release in (9, 10):
        program = tmp_path / place.format(release) / "bin" / "python3.99"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 3.99.{release}\n")
        program.chmod(0o755)
    monkeypatch.setenv(variable, str(tmp_path))
    assert find_interpreter("3.99") == Interpreter(program, "3.99.10")


def test_variables_come_from_the_environment_file_alone(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert "MKL_CBWR" not in choose_variables({})
    assert choose_variables({"MKL_CBWR": "AVX2"})["MKL_CBWR"] == "AVX2"


def test_the_end_of_a_log_that_is_not_there_is_empty(tmp_path):
    assert read_end(tmp_path / "no") == ""
