"""Runs that are killed anywhere: nothing goes on, the next one gives what an undisturbed one does, no litter.

A few kills are always tried; `-m kill` tries as many as HARNESS_KILLS says.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import small_model

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = """description = "for tests"
backend = "reference"
groups = ["default"]
batch_size = 1
packages = ["borrowed-numpy==1"]
[settings]
precision = "PRECISION"
"""
REGISTER = 'reference = "a"\ndefault = "default"\n[groups]\ndefault = "all"\n'
COUNT = 40
PATIENCE_SECONDS = 600
SIGNALS = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
# The line of standard error after which a stage is going on, and how many seconds of it are tried.
STAGES = {
    "start": ("", 1.0),
    "convert": ("reading ", 0.3),
    "install": ("a: installing", 6.0),
    "run": ("a: running", 1.5),
    "judge": ("b: done", 0.5),
    "write": ("report", 0.5),
}


@dataclass(frozen=True)
class Project:
    """A folder with environments and a model, a cache in which all is installed, and what a run comes to."""

    root: Path
    home: Path
    answers: dict


@dataclass
class Try:
    """One run that is killed, and the one after it."""

    project: Project
    folder: Path

    @property
    def home(self):
        return self.folder / "home"

    @property
    def reports(self):
        return self.folder / "reports"

    def start(self):
        """A run, with standard error to be read."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", "matrix", "--model", "small", "--reports", str(self.reports)],
            cwd=self.project.root,
            env={
                **os.environ,
                "HARNESS_HOME": str(self.home),
                "PYTHONPATH": str(REPOSITORY),
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(self.project.root),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 - it takes no lock
        )


def heed_signals():
    """Whoever runs the tests may ignore some."""
    for name in SIGNALS[1:]:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def write_wheel(folder):
    """A package that lends an environment the NumPy and Pillow of this interpreter."""
    name = "borrowed_numpy-1"
    files = {
        "borrowed_numpy.pth": f"{Path(np.__file__).parents[1]}\n",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: borrowed-numpy\nVersion: 1\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{name}.dist-info/RECORD"] = "".join(f"{file},,\n" for file in files)
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


@pytest.fixture(name="project", scope="module")
def make_project(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    (root / "environments").mkdir()
    (root / "environments" / "matrix.toml").write_text(REGISTER)
    for name, precision in (("a", "float64"), ("b", "float32")):
        text = ENVIRONMENT.replace("PRECISION", precision)
        (root / "environments" / f"{name}.toml").write_text(text)
    small_model.write_model(root / "small", COUNT)
    write_wheel(root)
    first = Try(Project(root, root, {}), root)
    process = first.start()
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    return Project(root, first.home, read_answers(first.reports))


def read_answers(reports):
    """Records of the newest run by cell, without what they took."""
    answers = {}
    newest = max(reports.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    for path in newest.glob("cells/*/records.jsonl"):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        answers[path.parent.name] = [{**one, "seconds": 0} for one in records]
    assert sorted(answers) == ["a", "b"]
    return answers


def prepare(project, folder, stage):
    """A try in which the stage is to be gone through."""
    done = {"start": (), "install": (), "convert": ("venvs",)}.get(stage, ("venvs", "models", "worker"))
    (folder / "home").mkdir(parents=True)
    for name in done:
        shutil.copytree(project.home / name, folder / "home" / name, symlinks=True)
    return Try(project, folder)


def read_lines(stream, line, reached):
    """Read all that a run says, and tell when a line is there."""
    for text in stream:
        if line in text:
            reached.set()
    reached.set()


def kill(one, name, stage, delay):
    """Start a run, and send it a signal so long after a stage has begun; its exit code."""
    process, reached = one.start(), threading.Event()
    line = STAGES[stage][0]
    threading.Thread(target=read_lines, args=(process.stderr, line, reached), daemon=True).start()
    if stage == "write":
        await_draft(process, one.reports)
    elif line:
        assert reached.wait(PATIENCE_SECONDS)
    time.sleep(delay)
    with process:
        process.send_signal(getattr(signal, name))
        return process.wait(PATIENCE_SECONDS)


def await_draft(process, reports):
    """Wait until a run's folder is being written, or the run is over."""
    while process.poll() is None and not list(reports.glob(".making-*/run.json")):
        time.sleep(0.005)


def check_gone(folder, seconds=60):
    """No process is left that works in a folder."""
    deadline = time.monotonic() + seconds
    while left := [one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if works_in(one, folder)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def works_in(process, folder):
    """Whether a process was started with a path in a folder."""
    return any(str(folder) in word for word in process.info["cmdline"] or ())


def check_next(one):
    """The next run succeeds with an undisturbed run's answers, and leaves nothing lying about."""
    process = one.start()
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    assert read_answers(one.reports) == one.project.answers
    litter = [path for path in one.folder.rglob(".*") if "site-packages" not in path.parts]
    for room in ("locks", "working"):
        litter += list((one.home / room).iterdir())
    assert litter == []


def try_kill(project, folder, name, stage, delay):
    one = prepare(project, folder, stage)
    code = kill(one, name, stage, delay)
    # Python ends by SIGINT, which is 130 to a shell, where Ctrl-C came while it made code from text.
    assert code in (0, 130, -signal.SIGINT, -getattr(signal, name)), code
    check_gone(folder)
    check_next(one)
    check_gone(folder)
    shutil.rmtree(folder)
    return code


SAMPLE = (
    ("SIGKILL", "install", 1.0),
    ("SIGTERM", "convert", 0.0),
    ("SIGHUP", "run", 0.1),
    ("SIGINT", "write", 0.0),
)


@pytest.mark.parametrize(("name", "stage", "delay"), SAMPLE)
def test_a_killed_run_leaves_nothing_and_the_next_one_is_undisturbed(project, tmp_path, name, stage, delay):
    try_kill(project, tmp_path / "try", name, stage, delay)


@pytest.mark.kill
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", SIGNALS)
def test_so_do_runs_that_are_killed_at_random(project, tmp_path, name, stage):
    """The times are other ones in every session; they are told where one fails."""
    for number in range(int(os.environ.get("HARNESS_KILLS", "20"))):
        delay = random.uniform(0, STAGES[stage][1])
        print(f"{name} {stage} {number}: {delay:.4f} s", flush=True)
        try_kill(project, tmp_path / str(number), name, stage, delay)
