"""What explaining refuses, in one line and with exit code 2, and what it keeps when it is cut short."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RULES = "[rules]\nddof = 1\n"


@pytest.fixture(name="declared", scope="module")
def run_declared(project):
    """A run of two environments of which one declares another rule; never explained itself."""
    project.add_environment("declared", rest="", settings=RULES)
    return project.run("truth", "declared")


@pytest.fixture(name="copy")
def copy_run(declared, project):
    """A copy of that run to explain, and the project."""
    place = project.root / "reports" / f"copy-{time.monotonic_ns()}"
    shutil.copytree(declared, place)
    yield place
    shutil.rmtree(place)


def refuse(project, folder, *more):
    """The one line that explaining ends in; nothing is on standard output."""
    code, out, err = project.explain(folder, *more)
    assert code == 2, out
    lines = [line for line in err.splitlines() if line.startswith("harness: ")]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    assert "fault of the harness" not in err
    return lines[0]


def read_causes(folder):
    path = folder / "causes.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_an_example_that_does_not_diverge_is_refused(copy, project):
    records = [
        [json.loads(line) for line in (copy / "cells" / name / "records.jsonl").read_text().splitlines()]
        for name in ("truth", "declared")
    ]
    same = next(a["example"] for a, b in zip(*records, strict=True) if a["attribute"] == b["attribute"])
    assert f"--example {same}: all cells agree on it" in refuse(project, copy, "--example", same)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--example", "nobody"), "--example nobody: names none of the run's 24 examples"),
        (("--cells", "truth", "nobody"), "nobody"),
        (("--cells", "truth", "truth"), "truth is both"),
    ],
)
def test_what_names_nothing_is_refused(copy, project, more, words):
    assert words in refuse(project, copy, *more)


def test_a_run_that_is_not_there_is_refused(project):
    assert "no-such-run" in refuse(project, "no-such-run")


def test_an_environment_that_is_not_here_is_refused(copy, project):
    path = project.root / "environments" / "declared.toml"
    text = path.read_text()
    path.unlink()
    try:
        assert "there is no environments/declared.toml here" in refuse(project, copy)
        path.write_text(text.replace("float32", "float64"))
        assert "has settings.precision = 'float64', the run had 'float32'" in refuse(project, copy)
    finally:
        path.write_text(text)


def test_a_model_that_was_changed_is_refused(copy, project):
    path = project.root / "models" / "faces" / "net.caffemodel"
    data = path.read_bytes()
    path.write_bytes(data[:-4] + b"\0\0\0\0")
    try:
        assert "is of another model than faces is now" in refuse(project, copy)
    finally:
        path.write_bytes(data)


def test_examples_that_were_changed_are_refused(copy, project):
    path = project.root / "models" / "faces" / "examples" / "default.jsonl"
    text = path.read_text()
    path.write_text("".join(text.splitlines(keepends=True)[:-1]))
    try:
        assert "is of another list than" in refuse(project, copy)
    finally:
        path.write_text(text)


@pytest.mark.parametrize("lost", ["records.jsonl", "cell.json"])
def test_a_run_that_lacks_a_cells_files_is_refused(copy, project, lost):
    (copy / "cells" / "declared" / lost).unlink()
    assert "declared" in refuse(project, copy) or lost in refuse(project, copy)


def test_a_store_that_was_cleaned_is_filled_again(copy, project):
    shutil.rmtree(project.root / "home")
    code, _, err = project.explain(copy)
    assert code == 0, err
    found = read_causes(copy)
    assert {one["verdict"] for one in found} == {"proven"}
    assert {cause["factor"] for one in found for cause in one["causes"]} == {"port.ddof"}


def test_a_full_disk_keeps_what_was_explained(copy, project, monkeypatch):
    opened, whole = [], Path.open

    def fill(path, mode="r", *rest, **more):
        if path.name == "causes.jsonl" and "a" in mode:
            opened.append(path)
            if len(opened) > 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return whole(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", fill)
    line = refuse(project, copy)
    assert "causes.jsonl" in line
    assert "No space left" in line
    kept = read_causes(copy)
    assert len(kept) == 3
    monkeypatch.undo()
    code, out, err = project.explain(copy, "--json")
    assert code == 0, err
    assert drop_stages(read_causes(copy)[:3]) == drop_stages(kept)
    assert json.loads(out)["explained"] == len(read_causes(copy)) > 3


def drop_stages(explanations):
    """Explanations without their first stages, which are measured last."""
    return [{**one, "stage": None} for one in explanations]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_explaining_that_was_killed_goes_on(copy, project):
    environment = {**os.environ, "HARNESS_HOME": str(project.root / "home")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "harness", "explain", str(copy)]
    process = subprocess.Popen(
        command, cwd=project.root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    path = copy / "causes.jsonl"
    while process.poll() is None and not (path.exists() and path.stat().st_size):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    data = path.read_bytes()
    path.write_bytes(data[: max(len(data) * 2 // 3, data.index(b"\n") + 10)])  # the last line is not whole
    kept = [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    code, _, err = project.explain(copy)
    assert code == 0, err
    found = read_causes(copy)
    assert drop_stages(found[: len(kept)]) == drop_stages(kept)
    assert len({one["example"] for one in found}) == len(found) == 14
