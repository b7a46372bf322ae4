"""Requests to end: every signal is taken like Ctrl-C, none gets lost, and nohup keeps its word."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

TAKE = "import os, signal\nfrom harness.system.stopping import check_asked, take_signals\n"
SEND = "os.kill(os.getpid(), getattr(signal, '{}'))\n"


def run(code, **more):
    command = [sys.executable, "-c", TAKE + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_are_taken_like_ctrl_c(name):
    done = run("take_signals()\ntry:\n " + SEND.format(name) + "except KeyboardInterrupt:\n print('stopped')")
    assert (done.stdout, done.returncode) == ("stopped\n", 0), done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_whose_exception_is_lost_is_remembered(name):
    lost = "class Odd:\n def __del__(self):\n  " + SEND.format(name)
    done = run(lost + "take_signals()\ncheck_asked()\nOdd()\nprint('goes on')\ncheck_asked()\nprint('lost')")
    assert done.stdout == "goes on\n"
    assert "KeyboardInterrupt" in done.stderr


def test_a_signal_that_was_ignored_from_the_start_stays_so():
    done = run(
        "take_signals()\n" + SEND.format("SIGHUP") + "check_asked()\nprint('goes on')",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert done.stdout == "goes on\n", done.stderr
