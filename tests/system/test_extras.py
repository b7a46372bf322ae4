"""A verb whose libraries are not installed says in one line what to install, and ends with 2."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from past_runs import make_records, write_run

from harness.system.extras import EXTRAS, explain_import, write_install

ROOT = Path(__file__).parents[2]
FACES = ROOT / "models/tiny-vgg-face/portraits"
EXTRACT = (
    "witnesses", "extract", "--model", "tiny-vgg-face", "--base", FACES / "Face_064.png", "--others",
    FACES / "others", "--landmarks", FACES / "landmarks.json", "--output", "out",
    "--environment", "local-pytorch",
)  # fmt: skip
BLOCK = """
import sys, importlib.machinery as machinery
blocked = set(sys.argv[1].split(","))
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] not in blocked:
            return machinery.PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [Finder if one is machinery.PathFinder else one for one in sys.meta_path]
sys.argv = ["harness", *sys.argv[2:]]
from harness.cli import main
main()
"""


def start(folder, blocked, *words):
    """The command line in an interpreter that lacks some modules."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HARNESS_HOME": str(folder / "home")}
    return subprocess.run(
        [sys.executable, "-c", BLOCK, blocked, *map(str, words)],
        cwd=folder, env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("blocked", "words"),
    [
        ("torch", ("attack", "fgsm", "--output", "out")),
        ("art", ("attack", "pgd", "--output", "out")),
        ("cv2", ("attack", "glasses_next", "--output", "out")),
        ("torch,art,cv2", ("attack", "patch_next", "--output", "out")),
        ("onnxruntime", ("attack", "fgsm", "--check", "onnxruntime", "--output", "out")),
        ("cv2", EXTRACT),
        ("cv2", ("landmarks", FACES / "others", "--predictor", "x.dat")),
        ("dlib", ("landmarks", FACES / "others", "--predictor", "x.dat")),
        ("pyarrow", ("report", "run", "--records", "r.parquet")),
        ("deepdiff", ("diff", "run")),
        ("PIL", ("report", "run", "--html", "r.html")),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_brings_it(tmp_path, blocked, words):
    write_run(tmp_path / "run", {"a": make_records(1, 1), "b": make_records(1, 2)})
    start(tmp_path, "", "diff", "run", "--output", "compared")
    (tmp_path / "compared/summary.json").rename(tmp_path / "run/summary.json")
    found = start(tmp_path, blocked, *words)
    assert found.returncode == 2, found.stdout + found.stderr
    (line,) = found.stderr.splitlines()
    assert all(module in line for module in blocked.split(","))
    assert not (tmp_path / "out").exists()
    if "deepdiff" not in blocked:
        assert re.search(r"install with: \S*python\S* -m pip install '?[a-z]", line), line
        assert "ami-harness" not in line


@pytest.mark.parametrize(
    "words", [("environments",), ("evaluate", "run"), ("witnesses", "compare", "--help")]
)
def test_what_needs_none_of_them_runs_without(tmp_path, words):
    write_run(tmp_path / "run", {"a": make_records(1, 1)})
    found = start(tmp_path, "torch,art,cv2,dlib,onnx,onnxruntime,pyarrow,jpeglib", *words)
    assert (found.returncode, found.stderr) == (0, "")


def test_extras_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name, modules in EXTRAS.items():
        assert sorted(modules.values()) == sorted(project[name]), name


def test_the_command_is_one_that_this_interpreter_has():
    words = shlex.split(write_install(["pyarrow>=18"]).removeprefix("install with: "))
    assert words[1:] == ["-m", "pip", "install", "pyarrow>=18"]
    assert subprocess.run([*words[:3], "--version"], check=False, capture_output=True).returncode == 0


def test_a_library_that_cannot_be_loaded_is_not_called_missing():
    told = explain_import(ImportError("libGL.so.1: cannot open shared object file", name="cv2"))
    assert told.startswith("cv2 is installed, but cannot be loaded (libGL.so.1: cannot open")
    assert explain_import(ImportError("cannot import name 'x'", name="harness.cli")) is None


def test_no_message_names_a_package_that_no_index_has():
    for path in (ROOT / "harness").rglob("*.py"):
        assert not re.search(r"pip install '?ami-harness", path.read_text(encoding="utf-8")), path
