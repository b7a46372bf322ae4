"""Manifests: every change of a folder shows, a copy is none, and a manifest vouches for itself."""

import os
import shutil
import sys
import time

import pytest

from harness.system.manifest import FILE, find_change, write_manifest
from harness.system.sealed import read_sealed, write_sealed


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    folder = tmp_path / "folder"
    (folder / "inner" / "__pycache__").mkdir(parents=True)
    (folder / "one.py").write_text("a = 1\n")
    (folder / "inner" / "two").write_bytes(bytes(1000))
    (folder / "inner" / "__pycache__" / "one.pyc").write_bytes(b"compiled")
    (folder / "link").symlink_to("inner/two")
    write_manifest(folder)
    return folder


def flip(path):
    """Change one bit, and put size and time of change back."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def relink(path):
    path.unlink()
    path.symlink_to("one.py")


def replace_by_fifo(path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are none here")
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def test_what_was_taken_down_is_unchanged(folder):
    assert find_change(folder) is None


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("one.py", flip, "one.py was changed"),
        ("one.py", lambda path: path.write_text(""), "one.py was changed"),
        ("inner/two", flip, "two was changed"),
        ("inner/two", os.unlink, "two is missing"),
        ("inner/two", replace_by_folder, "two is missing"),
        ("inner/two", replace_by_fifo, "two was changed"),
        ("inner/__pycache__/one.pyc", flip, "one.pyc was changed"),
        ("inner/three.py", lambda path: path.touch(), "three.py was added"),
        ("link", relink, "link was changed"),
        (FILE, flip, "manifest.json is missing or damaged"),
        (FILE, os.unlink, "manifest.json is missing or damaged"),
    ],
)
def test_every_change_shows(folder, name, damage, words):
    damage(folder / name)
    assert find_change(folder).endswith(words)


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="file names are Unicode there")
def test_a_name_that_is_not_utf_8_is_taken_down(tmp_path):
    path = tmp_path / os.fsdecode(b"\xe9")
    path.write_text("x")
    write_manifest(tmp_path)
    assert find_change(tmp_path) is None
    path.write_text("y")
    assert "was changed" in find_change(tmp_path)


def test_what_python_compiles_is_no_change(folder):
    (folder / "inner" / "__pycache__" / "two.pyc").touch()
    assert find_change(folder) is None


def test_a_copy_is_none_and_is_read_once(folder, tmp_path, monkeypatch):
    time.sleep(0.02)  # later than the times of the first
    shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    assert find_change(tmp_path / "copy") is None
    monkeypatch.setattr("harness.system.manifest.hash_entry", lambda *_: pytest.fail("was read again"))
    assert find_change(tmp_path / "copy") is None
    assert find_change(folder) is None


def test_a_folder_that_is_none_is_damaged(tmp_path):
    (tmp_path / "file").touch()
    assert "manifest.json is missing" in find_change(tmp_path / "file")


def test_sealed_data_comes_back_as_it_was_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    write_sealed(path, {"a": [1, "é"]})
    text = path.read_bytes()
    assert read_sealed(path, dict[str, list]) == {"a": [1, "é"]}
    assert read_sealed(path, dict[str, int]) is None
    for place in range(len(text) - 1):
        for bit in range(8):
            path.write_bytes(text[:place] + bytes([text[place] ^ 1 << bit]) + text[place + 1 :])
            assert read_sealed(path, dict[str, list]) in (None, {"a": [1, "é"]})
    for data in (b"", text[:20], b"[" * 100_000, b"null"):
        path.write_bytes(data)
        assert read_sealed(path, dict[str, list]) is None
    assert read_sealed(tmp_path / "none", dict) is None
    assert read_sealed(tmp_path, dict) is None
