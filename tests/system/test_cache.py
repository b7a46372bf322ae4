"""The cache: hashes follow the files, and the snapshot holds the inside half alone."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.system import cache as module
from harness.system.cache import find_cache, read_hashes, snapshot_worker
from harness.system.drafts import write_json
from harness.worker.fingerprint import hash_code, hash_sources, read_code


def test_a_hash_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("one")
    hashes = read_hashes(tmp_path)
    assert hashes.hash_file(path) == hash_file(path)
    hashes.save()
    again = read_hashes(tmp_path)
    monkeypatch.setattr(module, "hash_file", lambda _: pytest.fail("was read again"))
    assert again.hash_file(path) == hashes.hash_file(path)
    monkeypatch.undo()
    path.write_text("two")
    os.utime(path, ns=(1, 1))
    assert again.hash_file(path) == hash_file(path)


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("one")

    def read_slowly(path):
        digest = hash_file(path)
        path.write_text("two, and more")
        return digest

    hashes = read_hashes(tmp_path)
    monkeypatch.setattr(module, "hash_file", read_slowly)
    hashes.hash_file(path)
    monkeypatch.undo()
    assert hashes.hash_file(path) == hash_file(path)


def test_a_damaged_memory_is_forgotten(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    place = json.dumps(str(tmp_path / "a"))
    for text in (
        "[1",
        "[]",
        f"{{{place}: 5}}",
        f"{{{place}: [1, 2, 3]}}",
        f"{{{place}: null}}",
        "[" * 100_000,
    ):
        (tmp_path / "hashes.json").write_text(text)
        assert read_hashes(tmp_path).hash_file(tmp_path / "a") == hash_file(tmp_path / "a")


def test_one_changed_digit_is_damage(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    hashes = read_hashes(tmp_path)
    digest = hashes.hash_file(tmp_path / "a")
    hashes.save()
    text = (tmp_path / "hashes.json").read_text()
    assert digest.endswith("b")
    (tmp_path / "hashes.json").write_text(text.replace(digest, digest[:-1] + "c"))
    assert read_hashes(tmp_path).hash_file(tmp_path / "a") == digest


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_hashes(tmp_path).hash_file(tmp_path / "no")


def snapshot(cache, say=pytest.fail):
    return snapshot_worker(cache, threading.Event(), say)


def test_the_snapshot_holds_the_inside_half_alone(tmp_path):
    folder, digest = snapshot(tmp_path)
    assert folder.name == digest
    assert {path.name for path in (folder / "harness").iterdir()} == {
        "__init__.py", "ami", "backends", "core", "detectors", "worker",
    }  # fmt: skip
    assert not list(folder.rglob("__pycache__"))
    assert snapshot(tmp_path) == (folder, digest)


def weaken(path):
    """Change a number, and put size and times back as well as that goes."""
    before, text = path.stat(), path.read_text()
    changed = text.replace("1", "2", 1)
    assert changed != text
    path.write_text(changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_module(path):
    (path.parent / "torch.py").touch()


def add_compiled(path):
    (path.parent / "__pycache__").mkdir()
    (path.parent / "__pycache__" / "steering.cpython-311.pyc").touch()


def replace_by_folder(path):
    path.unlink()
    path.mkdir()
    (path / "x").touch()


def replace_by_link(path):
    path.rename(path.parents[4] / "steering.py")
    path.symlink_to(path.parents[4] / "steering.py")


@pytest.mark.parametrize(
    "damage",
    [weaken, os.unlink, add_module, add_compiled, replace_by_folder, replace_by_link,
     lambda path: path.write_text("")],
)  # fmt: skip
def test_a_damaged_snapshot_is_copied_anew_and_that_is_said(tmp_path, damage):
    folder, digest = snapshot(tmp_path)
    damage(folder / "harness" / "ami" / "steering.py")
    said = []
    assert snapshot(tmp_path, said.append) == (folder, digest)
    assert hash_sources(read_code(folder / "harness")) == digest
    assert not list(folder.rglob("torch.py"))
    assert not list(folder.rglob("*.pyc"))
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert len(said) == 1
    assert "was not what had been copied there" in said[0]
    assert snapshot(tmp_path) == (folder, digest)


def test_a_snapshot_that_is_a_file_is_replaced(tmp_path):
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / hash_code()).touch()
    folder, digest = snapshot(tmp_path, print)
    assert hash_sources(read_code(folder / "harness")) == digest


def test_the_cache_lies_where_it_is_told_to(tmp_path, monkeypatch):
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    monkeypatch.setattr(module, "user_cache_path", lambda name, **_: tmp_path / "user" / name)
    assert find_cache(tmp_path) == tmp_path / "user" / "ami-harness"
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    assert find_cache(tmp_path) == tmp_path / "home"
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(InputError, match="set HARNESS_HOME"):
        find_cache(tmp_path)


def test_a_project_that_has_a_cache_of_an_earlier_version_keeps_it(tmp_path, monkeypatch):
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    monkeypatch.setattr(module, "user_cache_path", lambda name, **_: tmp_path / "user" / name)
    (tmp_path / ".harness" / "screenshots").mkdir(parents=True)  # no cache yet
    assert module.choose_cache(tmp_path) == (tmp_path / "user" / "ami-harness", "")
    (tmp_path / ".harness" / "locks").mkdir()
    assert find_cache(tmp_path) == tmp_path / ".harness"
    assert "earlier versions" in module.choose_cache(tmp_path)[1]
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    assert find_cache(tmp_path) == tmp_path / "home"


def test_no_number_that_json_lacks_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="file names are Unicode there")
def test_a_name_that_is_not_utf_8_does_not_make_the_other_hashes_forgotten(tmp_path):
    hashes = read_hashes(tmp_path)
    for name in ("a", os.fsdecode(b"\xe9")):
        (tmp_path / name).write_text("x")
        hashes.hash_file(tmp_path / name)
    hashes.save()
    assert read_hashes(tmp_path).recall(tmp_path / "a") is not None


def test_a_cache_that_cannot_be_written_is_noticed_at_once(tmp_path, monkeypatch):
    if not Path("/proc/self").is_dir():
        pytest.skip("only there is a folder that nobody can write to")
    monkeypatch.setenv("HARNESS_HOME", "/proc/self/task")
    with pytest.raises(InputError, match=r"/proc/self/task: cannot be written .*set HARNESS_HOME"):
        find_cache(tmp_path)
