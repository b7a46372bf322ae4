"""Launching: every way in which a worker can end is told apart, and none outlives its harness."""

import json
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from fake_worker import make_environment, stop_after, write_worker

from harness.ami.errors import InputError
from harness.matrix.cache import Stopped
from harness.matrix.launch import Stock, run_worker

PYTHON = Path(sys.executable)


@pytest.fixture(name="launch")
def make_launch(tmp_path):
    (tmp_path / "work").mkdir()

    def launch(body, stop=None, python=PYTHON, **more):
        seen = []
        reason = run_worker(
            python,
            write_worker(tmp_path / "snapshot", body),
            make_environment(**more),
            {"cell": "m/one"},
            tmp_path / "work",
            lambda done, total: seen.append((done, total)),
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


def test_a_silent_worker_is_ended(launch):
    reason, cell, seen = launch("tell(1, 2); time.sleep(60)", silence_seconds=1)
    assert "no progress for 1 s" in reason
    assert cell["status"] == "failed"
    assert seen == [(1, 2)]


def test_a_slow_worker_is_ended(launch):
    body = "while True:\n    tell(1, 2)\n    time.sleep(0.05)"
    reason, _, _ = launch(body, timeout_seconds=1)
    assert "not done after 1 s" in reason


def test_stopping_ends_a_worker_and_what_it_started(launch, tmp_path):
    body = (
        "pid = subprocess.Popen(['sleep', '60']).pid; (output / 'pid').write_text(str(pid)); time.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(Stopped):
        launch(body, stop=stop_after(1))
    assert time.monotonic() - started < 10
    child = int((tmp_path / "work" / "pid").read_text())
    assert has_ended(child)


def has_ended(pid, seconds=5.0):
    """Whether a process that was told to end does so."""
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_worker_that_will_not_end_is_killed(launch):
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN); tell(0, 1); time.sleep(60)"
    with pytest.raises(Stopped):
        launch(body, stop=stop_after(1))


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


def use_cores(cores, wanted, log):
    with cores.lend(wanted, threading.Event()):
        log.append(cores.total - cores.free)
        time.sleep(0.05)


@pytest.mark.parametrize("wishes", [[1, 1, 1, 1], [2, 1, 2], [8, 1, 8, 3]])
def test_cores_are_never_lent_twice(wishes):
    cores, log = Stock(2), []
    threads = [threading.Thread(target=use_cores, args=(cores, wanted, log)) for wanted in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log) == len(wishes)
    assert max(log) <= 2
    assert cores.free == 2


def test_waiting_for_cores_can_be_stopped():
    cores = Stock(1)
    with cores.lend(1, threading.Event()), pytest.raises(Stopped), cores.lend(1, stop_after(0.2)):
        pass
