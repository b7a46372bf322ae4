"""Locks: one holder at a time, whoever dies lets go, whoever waits says so, and nothing stays behind."""

import errno
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_worker import stop_after

from harness.system import locks
from harness.system.locks import NoLocksError, hold_lock, take_lock
from harness.system.stopping import Stopped

NEVER = threading.Event()
HOLDER = """
import pathlib, sys, threading, time
from harness.system.locks import hold_lock
with hold_lock(pathlib.Path(sys.argv[1]), "x", threading.Event(), print):
    print("held", flush=True)
    time.sleep(600)
"""


def start_holder(folder):
    """A process that has the lock x."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    with hold_lock(tmp_path, "x", NEVER, print):
        with pytest.raises(Stopped), hold_lock(tmp_path, "x", stop_after(0.3), print):
            pass
        with hold_lock(tmp_path, "y", NEVER, print):
            pass
    with hold_lock(tmp_path, "x", NEVER, print):
        pass


def test_a_lock_is_free_when_its_process_dies(tmp_path):
    with start_holder(tmp_path) as process:
        with pytest.raises(Stopped), hold_lock(tmp_path, "x", stop_after(0.3), print):
            pass
        process.kill()
        with hold_lock(tmp_path, "x", stop_after(120), print):  # Stopped where it stays locked
            pass


def test_locks_that_are_let_go_leave_no_files(tmp_path):
    with hold_lock(tmp_path, "x", NEVER, print):
        assert (tmp_path / "locks" / "x.lock").exists()
    assert not list((tmp_path / "locks").iterdir())


def test_a_removed_file_keeps_nobody_out_and_lets_nobody_in_twice(tmp_path):
    """Whoever opened the file that its holder removes has to look for the new one."""
    inside, most = [], []

    def work(_):
        with hold_lock(tmp_path, "x", NEVER, print):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.001)
            inside.pop()

    locks_before = locks.POLL_SECONDS
    locks.POLL_SECONDS = 0.0001
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(200)))
    finally:
        locks.POLL_SECONDS = locks_before
    assert (len(most), max(most)) == (200, 1)


def test_a_lock_whose_name_was_given_away_is_not_taken(tmp_path, monkeypatch):
    path = tmp_path / "x.lock"

    def lock_too_late(_descriptor, **_):
        path.unlink()  # its holder, who lets go of it
        path.touch()  # the next one
        return True

    monkeypatch.setattr(locks, "lock_descriptor", lock_too_late)
    assert take_lock(path) is None


def test_whoever_waits_says_for_whom(tmp_path):
    said = []
    with start_holder(tmp_path) as process:
        with pytest.raises(Stopped), hold_lock(tmp_path, "x", stop_after(3), said.append):
            pass
        process.kill()
    assert said == [f"waiting for process {process.pid}, which has {tmp_path / 'locks' / 'x.lock'}"]


def test_whoever_waits_for_a_moment_says_nothing(tmp_path):
    said = []
    with hold_lock(tmp_path, "x", NEVER, said.append):
        pass
    assert said == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF])
def test_a_file_system_without_locks_is_an_error_at_once(tmp_path, monkeypatch, number):
    def refuse(_descriptor, **_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with (
        pytest.raises(NoLocksError, match=r"locks.x\.lock: cannot be locked.*HARNESS_HOME"),
        hold_lock(tmp_path, "x", stop_after(5), print),
    ):
        pass
