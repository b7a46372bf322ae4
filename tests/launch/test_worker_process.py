"""Launching: every way in which a worker can end is told apart, and none outlives its harness."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from fake_worker import make_environment, stop_after, write_worker

from harness.core.errors import InputError
from harness.launch.worker import END, follow, run_worker
from harness.system.stopping import Stopped

PYTHON = Path(sys.executable)
DEAF = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " sys.stderr.write('.'); sys.stderr.flush(); time.sleep(600)"
)
"""What a child does that will not be asked to end; the dot says that it is so far."""


@pytest.fixture(name="launch")
def make_launch(tmp_path):
    (tmp_path / "work").mkdir()

    def launch(body, stop=None, python=PYTHON, watch=None, **more):
        seen = []

        def report(done, total):
            seen.append((done, total))
            if watch is not None:
                watch()

        reason = run_worker(
            python,
            write_worker(tmp_path / "snapshot", body),
            make_environment(**more),
            {"cell": "m/one"},
            tmp_path / "work",
            report,
            stop or threading.Event(),
        )
        return reason, json.loads((tmp_path / "work" / "cell.json").read_text()), seen

    return launch


def test_a_worker_that_does_its_work(launch, tmp_path):
    body = (
        "tell(0, 2); tell(2, 2); print('plain words'); print('{}'); print('error', file=sys.stderr); finish()"
    )
    reason, cell, seen = launch(body)
    assert reason is None
    assert cell["status"] == "done"
    assert seen == [(0, 2), (2, 2)]
    assert sorted((tmp_path / "work" / "log.txt").read_text().splitlines()) == [
        "error", "plain words", "{}",
    ]  # fmt: skip


def test_the_job_names_its_output_folder(launch, tmp_path):
    launch("finish()")
    assert json.loads((tmp_path / "work" / "job.json").read_text())["output"] == str(tmp_path / "work")


def test_bad_input_keeps_the_workers_own_words(launch):
    reason, cell, _ = launch("finish('failed', 'image is odd'); sys.exit(2)")
    assert reason == "image is odd"
    assert cell["error"] == "image is odd"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('odd')", "broke (exit 1): ValueError: odd"),
        ("sys.exit(2)", "broke (exit 2)"),
        ("pass", "broke (exit 0)"),
        ("finish('failed', 'x')", "broke (exit 0)"),
        ("finish(); (output / 'records.jsonl').unlink()", "broke (exit 0)"),
        ("finish(); (output / 'records.jsonl').write_text('{}\\n{\"exam')", "records.jsonl:2: is no record"),
        ("finish(); (output / 'records.jsonl').write_text('7\\n')", "records.jsonl:1: is no record"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL; was memory short?"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
        ("(output / 'cell.json').write_text('{'); sys.exit(3)", "broke (exit 3)"),
    ],
)
def test_a_worker_that_breaks_has_failed_with_a_reason(launch, body, words):
    reason, cell, _ = launch(body)
    assert words in reason
    assert cell["status"] == "failed"
    assert cell["job"]["cell"] == "m/one"


VOUCHED = """
import hashlib
data = b'{"example": "e1", "original": 1}\\n'
voucher = {"records": 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "job": "x"}
(output / "batches.jsonl").write_text(json.dumps(voucher) + "\\n")
(output / "records.jsonl").write_bytes(data)
"""


def test_records_that_are_not_what_the_worker_wrote_are_no_result(launch):
    """What one bit on the disk makes of a record may be a record."""
    assert launch(VOUCHED + "finish()")[0] is None
    reason, cell, _ = launch(
        VOUCHED + "(output / 'records.jsonl').write_bytes(data.replace(b'1}', b'3}')); finish()"
    )
    assert "only 0 of its 33 bytes are what was written" in reason
    assert cell["status"] == "failed"
    assert launch(VOUCHED + "(output / 'batches.jsonl').unlink(); finish()")[0] is not None


def test_a_silent_worker_is_ended(launch):
    reason, cell, _ = launch("time.sleep(600)", silence_seconds=1)
    assert "no progress for 1 s" in reason
    assert cell["status"] == "failed"


def test_a_worker_that_closes_its_output_and_stays_is_ended(launch):
    reason, cell, _ = launch("finish(); sys.stdout.close(); os.close(1); time.sleep(600)", silence_seconds=1)
    assert "closed its output and had not ended 1 s later" in reason
    assert cell["status"] == "failed"


def test_nor_does_such_a_worker_keep_its_harness_from_stopping(launch):
    with pytest.raises(Stopped):
        launch("sys.stdout.close(); os.close(1); time.sleep(600)", stop=stop_after(1))


@pytest.mark.parametrize("ends", [True, False])
def test_what_a_worker_said_counts_before_its_silence_does(tmp_path, ends):
    lines, seen = queue.Queue(), []
    for line in (b'{"event": "progress", "done": 1, "total": 2}\n', b"plain\n", *([END] if ends else [])):
        lines.put(line)
    with (tmp_path / "log").open("wb") as log:
        environment = make_environment(silence_seconds=1)
        reason = follow(lines, log, environment, lambda *event: seen.append(event), threading.Event())
    assert seen == [(1, 2)]
    assert (tmp_path / "log").read_bytes() == b"plain\n"
    assert reason == (None if ends else "no progress for 1 s (silence_seconds); it was ended")


def test_a_slow_worker_is_ended(launch):
    body = "while True:\n    tell(1, 2)\n    time.sleep(0.05)"
    reason, _, _ = launch(body, timeout_seconds=1, silence_seconds=600)
    assert "not done after 1 s" in reason


@pytest.mark.parametrize("child", ["time.sleep(600)", DEAF])
def test_stopping_ends_a_worker_and_what_it_started(launch, tmp_path, child):
    body = (
        f"child = subprocess.Popen([sys.executable, '-c', {'import time; ' + child!r}],"
        " stderr=subprocess.PIPE)\n"
        f"{'child.stderr.read(1)' if child == DEAF else ''}\n"
        "(output / 'pid').write_text(str(child.pid)); tell(0, 1); time.sleep(600)"
    )
    stop, children = threading.Event(), []

    def watch():
        children.append(psutil.Process(int((tmp_path / "work" / "pid").read_text())))
        stop.set()

    with pytest.raises(Stopped):
        launch(body, stop=stop, watch=watch)
    assert has_ended(children[0])


def has_ended(process, seconds=120.0):
    """Whether a process that was told to end does so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_worker_that_will_not_end_is_killed(launch, tmp_path):
    body = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "(output / 'pid').write_text(str(os.getpid())); tell(0, 1); time.sleep(600)"
    )
    stop, workers = threading.Event(), []

    def watch():
        workers.append(psutil.Process(int((tmp_path / "work" / "pid").read_text())))
        stop.set()

    with pytest.raises(Stopped):
        launch(body, stop=stop, watch=watch)
    assert has_ended(workers[0])


STARTER = """
import pathlib, sys, threading
from fake_worker import make_environment
from harness.launch.install import run_step
from harness.launch.worker import run_worker
folder = pathlib.Path(sys.argv[1])
if sys.argv[2] == "worker":
    job, stop = {"cell": "m/one"}, threading.Event()
    python, report = pathlib.Path(sys.executable), lambda *_: None
    run_worker(python, folder / "snapshot", make_environment(), job, folder, report, stop)
else:
    command = [sys.executable, "-c", (folder / "code").read_text()]
    run_step(command, folder / "log", threading.Event(), "failed")
"""
FAMILY = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(output / "draft").write_text(f"{os.getpid()} {child.pid}")
(output / "draft").replace(output / "pids")
time.sleep(600)
"""


@pytest.mark.parametrize("what", ["worker", "step"])
def test_what_was_started_ends_with_a_harness_that_is_killed(tmp_path, what):
    write_worker(tmp_path / "snapshot", FAMILY)
    head = f"import os, pathlib, subprocess, sys, time; output = pathlib.Path({str(tmp_path)!r})\n"
    (tmp_path / "code").write_text(head + FAMILY)
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path), what], env=variables) as process:
        while not (tmp_path / "pids").exists():
            assert process.poll() is None
            time.sleep(0.05)
        family = [psutil.Process(int(pid)) for pid in (tmp_path / "pids").read_text().split()]
        process.kill()
    try:
        assert [has_ended(one, 20) for one in family] == [True, True]
    finally:
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()


def test_an_interpreter_that_is_gone_is_an_error(launch):
    with pytest.raises(InputError, match="does not start"):
        launch("", python=Path("/no/python"))


def test_variables_of_the_shell_do_not_reach_a_worker(launch, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Odd")
    body = "(output / 'env').write_text(json.dumps(dict(os.environ))); finish()"
    launch(body, variables={"OMP_NUM_THREADS": "1"})
    seen = json.loads((tmp_path / "work" / "env").read_text())
    assert "OPENBLAS_CORETYPE" not in seen
    assert seen["OMP_NUM_THREADS"] == "1"
    assert "PATH" in seen
