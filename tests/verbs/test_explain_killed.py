"""`harness explain` ended from outside while a cell of it runs: nothing runs on, and it goes on later."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from command_line import list_runs, make_harness, make_root

from harness.system.manifest import write_manifest

FIXTURES = (make_root, make_harness)
CHECKOUT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
HANG = """#!/bin/sh
if [ -e "{0}/hang" ]; then echo $$ > "{0}/pid.part"; mv "{0}/pid.part" "{0}/pid"; exec sleep 600; fi
exec "{1}" "$@"
"""


@pytest.fixture(name="folder")
def make_run(harness, root):
    """A run of two environments that diverge; the interpreter of both hangs where a file says so."""
    code, out, err = harness("matrix", "--model", "small", "--environment", "a", "--environment", "other")
    assert code == 1, out + err
    (folder,) = list_runs(root)
    for python in (root / "home" / "venvs").glob("*/bin/python"):
        python.write_text(HANG.format(root, sys.executable))
        write_manifest(python.parents[1])
    return folder


def wait_for(condition):
    """Wait until something is so; what it is."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start(root, folder, *more):
    command = [sys.executable, "-m", "harness", "explain", str(folder), "--no-waterfall", *more]
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(
        command, cwd=root, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of other systems")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_worker_is_left_and_what_was_explained_is(harness, root, folder, name):
    assert harness("explain", folder, "--example", "benign-0000")[0] == 0
    kept = (folder / "causes.jsonl").read_bytes()
    (root / "hang").touch()
    process = start(root, folder)
    worker = int(wait_for(lambda: (root / "pid").exists() and (root / "pid").read_text()))
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    wait_for(lambda: is_gone(worker))
    if name == "SIGKILL":
        assert process.returncode == -signal.SIGKILL
    else:
        assert (process.returncode, "what was explained is kept" in err) == (130, True), err
        assert "Traceback" not in err
    assert (folder / "causes.jsonl").read_bytes() == kept
    (root / "hang").unlink()
    code, out, err = harness("explain", folder, "--no-waterfall", "--json")
    assert code == 0, out + err
    lines = [json.loads(line) for line in (folder / "causes.jsonl").read_text().splitlines()]
    assert lines[0]["example"] == "benign-0000"
    assert len({one["example"] for one in lines}) == len(lines) == json.loads(out)["explained"] > 1
