"""Drafts: whole or not there, none outlives its process, and none that is in use is removed."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system import drafts, locks
from harness.system.drafts import (
    hold_draft,
    move_folder,
    remove_path,
    replace_file,
    sweep_drafts,
    write_atomically,
    write_json,
)

HOLDER = """
import pathlib, sys, time
from harness.system.drafts import hold_draft, replace_file
with hold_draft(pathlib.Path(sys.argv[1])) as folder, replace_file(pathlib.Path(sys.argv[1], "x")) as file:
    (folder / "part").touch()
    file.touch()
    print("held", flush=True)
    time.sleep(600)
"""


def start_holder(folder):
    """A process that is making a folder and a file."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "x.txt"
    write_atomically(path, ["a", "b"])
    assert path.read_text() == "ab"

    def fail():
        yield "half"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is this test's own
        write_atomically(path, fail())
    assert path.read_text() == "ab"
    assert [one.name for one in path.parent.iterdir()] == ["x.txt"]


def test_no_number_that_json_lacks_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_folder_is_moved_or_gone(tmp_path):
    with hold_draft(tmp_path) as made:
        (made / "x").touch()
        move_folder(made, tmp_path / "place")
    with hold_draft(tmp_path) as made:
        (made / "y").touch()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "place", str(Path("place", "x")),
    ]  # fmt: skip


def test_what_killed_processes_were_making_is_removed_and_what_others_make_is_not(tmp_path):
    with start_holder(tmp_path) as process:
        before = {path.name for path in tmp_path.iterdir()}
        assert len(before) == 4
        sweep_drafts(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == before
        process.kill()
    sweep_drafts(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [write_atomically, lambda path, _: hold_draft(path.parent).__enter__()])
def test_the_next_one_removes_what_was_left(tmp_path, make):
    with start_holder(tmp_path) as process:
        process.kill()
    old = {path.name for path in tmp_path.iterdir()}
    made = make(tmp_path / "y", "text")  # noqa: F841 - held to the end
    assert not old & {path.name for path in tmp_path.iterdir()}


def test_drafts_of_versions_without_locks_and_nothing_else_are_removed(tmp_path):
    (tmp_path / ".making-a1b_2c3d").mkdir()
    (tmp_path / ".making-0123abcd.lock").touch()
    for name in (".making-", ".making-of", ".making-0123abcd.mp4", "making-0123abcd", ".making-0123abcde"):
        (tmp_path / name).touch()
    sweep_drafts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".making-", ".making-0123abcd.mp4", ".making-0123abcde", ".making-of", "making-0123abcd",
    ]  # fmt: skip


def test_a_file_that_an_earlier_version_is_making_is_left(tmp_path):
    """It has no lock beside it: it is one itself."""
    path = tmp_path / ".making-0123abcd"
    with path.open("a+b") as file:
        assert locks.try_lock(file, path)
        sweep_drafts(tmp_path)
        assert path.is_file()
    sweep_drafts(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_being_swept_is_given_up(tmp_path, monkeypatch):
    names = iter(["0" * 8, "1" * 8])
    monkeypatch.setattr(drafts.secrets, "token_hex", lambda _: next(names))
    with (tmp_path / ".making-00000000.lock").open("a+b") as file:
        assert locks.try_lock(file, tmp_path)
        with replace_file(tmp_path / "x") as draft:
            assert draft.name == ".making-11111111"
    assert (tmp_path / "x").is_file()


def test_where_no_locks_are_kept_files_are_written_and_drafts_of_others_left(tmp_path, monkeypatch):
    def refuse(_descriptor, **_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with hold_draft(tmp_path) as draft:
        write_atomically(tmp_path / "x", "text")
        assert draft.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_nothing_is_removed_through_what_is_mounted(tmp_path, monkeypatch):
    monkeypatch.setattr(drafts, "find_mounts", lambda folder: [folder / "proc"])
    (tmp_path / ".making-0123abcd" / "proc").mkdir(parents=True)
    with pytest.raises(OSError, match="mounted"):
        remove_path(tmp_path / ".making-0123abcd")
    sweep_drafts(tmp_path)
    assert (tmp_path / ".making-0123abcd" / "proc").is_dir()


def test_mounts_are_found():
    if not os.path.ismount("/proc"):
        pytest.skip("nothing is mounted at /proc")
    assert Path("/proc") in drafts.find_mounts(Path("/"))
    assert drafts.find_mounts(Path("/proc/self")) == []


def test_a_full_disk_is_named_by_the_file(tmp_path, limit_files):
    """A limit on the size of files is refused like a disk that is full: when it is written to."""
    code = (
        "import pathlib, sys; from harness.system.drafts import write_atomically\n"
        "write_atomically(pathlib.Path(sys.argv[1]), ['x' * 100_000] * 9)"
    )
    path = tmp_path / "big.json"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_files(50_000),
    )
    assert done.stderr.endswith(f"File too large: '{path}'\n")
    assert not list(tmp_path.iterdir())
