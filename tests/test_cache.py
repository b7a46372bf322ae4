"""The cache: hashes follow the files, and the snapshot holds the inside half alone."""

import json
import os
import sys

import pytest

from harness.ami.errors import InputError
from harness.ami.examples import hash_file
from harness.matrix import cache as module
from harness.matrix.cache import find_cache, read_hashes, snapshot_worker
from harness.system.drafts import write_json


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


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_hashes(tmp_path).hash_file(tmp_path / "no")


def test_the_snapshot_holds_the_inside_half_alone(tmp_path):
    folder, digest = snapshot_worker(tmp_path)
    assert folder.name == digest
    assert {path.name for path in (folder / "harness").iterdir()} == {
        "__init__.py", "ami", "backends", "worker",
    }  # fmt: skip
    assert not list(folder.rglob("__pycache__"))
    assert snapshot_worker(tmp_path) == (folder, digest)


def test_the_cache_lies_where_it_is_told_to(tmp_path, monkeypatch):
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    assert find_cache(tmp_path) == tmp_path / ".harness"
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    assert find_cache(tmp_path) == tmp_path / "home"
    (tmp_path / "file").touch()
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(InputError, match="set HARNESS_HOME"):
        find_cache(tmp_path)


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
