"""Clearing: what nobody uses goes, what a running harness uses stays, and who starts meanwhile waits."""

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import make_harness, make_root

from harness.core.errors import InputError
from harness.matrix.clear import KINDS, check_kinds, clear_items, list_items
from harness.plan.store import lock_cell
from harness.system.locks import hold_lock
from harness.system.usage import GATE, declare_use, read_uses

FIXTURES = (make_harness, make_root)

NEVER = threading.Event()
USER = """
import pathlib, sys, time
from harness.system.usage import declare_use
with declare_use(pathlib.Path(sys.argv[1]), print) as use:
    if len(sys.argv) > 2:
        use(sys.argv[2:])
    print("uses", flush=True)
    time.sleep(600)
"""
FILES = (
    "venvs/a/bin/python", "venvs/a.log", "venvs/b/bin/python", "models/m/network.json", "worker/w/x.py",
    "store/s/cell.json", "working/0123-x/records.jsonl", "examples/e.jsonl", "images/i.json", "images/i.log",
    "wheelhouses/h/x.whl", "bases/b.log", "downloads/d.part", "hashes.json", "durations.json",
)  # fmt: skip


@pytest.fixture(name="cache")
def fill_cache(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("12345")
    return tmp_path


def list_files(cache):
    return {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}


@contextlib.contextmanager
def start_user(cache, *paths):
    """A process that uses some paths of the cache, or does not say which."""
    command = [sys.executable, "-c", USER, str(cache), *paths]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"uses\n"
            yield process
        finally:
            process.kill()


def test_everything_is_listed_once_with_its_log(cache):
    items = list_items(cache)
    assert sum(one.bytes for one in items) == 5 * len(FILES)
    assert {one.kind for one in items} == set(KINDS)
    assert [(one.path, one.bytes) for one in items if one.kind == "environments"] == [
        ("venvs/a", 10),
        ("venvs/b", 5),
    ]
    assert not any(one.in_use for one in items)


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_is_cleared_and_the_rest_stays(cache, kind):
    gone = {one.path for one in clear_items(cache, [kind], pytest.fail)}
    left = {
        name
        for name in FILES
        if not any(name == one or name.startswith((f"{one}/", f"{one}.log")) for one in gone)
    }
    assert list_files(cache) == left
    assert len(left) < len(FILES)


def test_what_another_process_uses_stays_until_it_is_gone(cache):
    with start_user(cache, "venvs/a", "models/m", "store/other"):
        kinds = ("environments", "networks", "store")
        stay = {one.path for one in clear_items(cache, kinds, pytest.fail) if one.in_use}
        assert stay == {"venvs/a", "models/m"}
        assert {"venvs/a/bin/python", "venvs/a.log", "models/m/network.json"} <= list_files(cache)
        assert not (cache / "venvs" / "b").exists()
        assert not (cache / "store" / "s").exists()
    assert not any(one.in_use for one in clear_items(cache, kinds, pytest.fail))
    assert not (cache / "venvs" / "a").exists()


def test_as_long_as_a_process_does_not_say_what_it_uses_nothing_is_cleared(cache):
    said = []
    with start_user(cache) as process:
        assert all(one.in_use for one in clear_items(cache, tuple(KINDS), said.append))
    assert set(FILES) <= list_files(cache)
    who = f"process {process.pid} is just starting, or does not say what it uses"
    assert said == [f"{who}: nothing is cleared; try again"]


@pytest.mark.parametrize(
    ("lock", "path"),
    [("venv-b", "venvs/b"), ("wheelhouse-h", "wheelhouses/h"), ("fetch-1", "downloads/d.part"),
     (lock_cell("0123-x"), "working/0123-x")],
)  # fmt: skip
def test_what_is_being_made_stays(cache, lock, path):
    with hold_lock(cache, lock, NEVER, print):
        assert [one.path for one in clear_items(cache, tuple(KINDS), pytest.fail) if one.in_use] == [path]
        assert (cache / path).exists()


def test_whoever_starts_waits_until_all_is_cleared(cache):
    order = []

    def start():
        with declare_use(cache, order.append):
            order.append("started")

    thread = threading.Thread(target=start)
    with hold_lock(cache, GATE, NEVER, print):
        thread.start()
        thread.join(0.5)
        order.append("cleared")
    thread.join()
    assert order == ["cleared", "started"]


def test_uses_are_read_whatever_lies_there(cache):
    with declare_use(cache, print) as use:
        use(["b", "a"])
        (path,) = (cache / "locks").glob("use-*.lock")
        assert read_uses(cache).paths == {"a", "b"}
        path.write_text("{")
        assert read_uses(cache).unknown == ("another process",)
    path.write_text('{"pid": 1, "paths": ["c"]}')
    assert read_uses(cache).paths == set()
    assert not list((cache / "locks").iterdir())


def test_a_kind_that_there_is_not_is_named():
    assert check_kinds(["store", "store"]) == ("store",)
    assert check_kinds(["work", "all"]) == tuple(KINDS)
    with pytest.raises(InputError, match="--clear venvs: there is no such kind; there are environments, "):
        check_kinds(["venvs"])


def test_the_verb_lists_says_what_it_would_do_and_does_it(harness, root):
    assert harness("matrix", "--model", root / "small")[0] == 0
    code, out, _ = harness("cache")
    assert code == 0
    assert "store             2" in out
    code, out, _ = harness("cache", "--clear", "store", "--dry-run")
    assert "would remove 2" in out
    assert len(list((root / "home" / "store").iterdir())) == 2
    code, out, _ = harness("cache", "--clear", "store", "--clear", "networks")
    assert "removed 3" in out
    assert not list((root / "home" / "store").iterdir())
    code, out, err = harness("cache", "--json")
    assert json.loads(out)["folder"] == str(root / "home")
    code, out, err = harness("cache", "--dry-run")
    assert (code, err) == (2, "harness: --dry-run: goes with --clear KIND\n")
    code, _, err = harness("matrix", "--model", root / "small")
    assert code == 0, err
    assert "anew" not in err


def test_a_run_says_what_it_uses(harness, root, monkeypatch):
    """Nothing that the run still needs is cleared while its cells run."""
    from harness.matrix import campaign as module

    seen = []

    def run_cells(cells, places, context, show):
        seen.extend(clear_items(context.cache, tuple(KINDS), pytest.fail))
        return original(cells, places, context, show)

    original = module.run_cells
    (root / "home" / "venvs" / "old").mkdir()
    monkeypatch.setattr(module, "run_cells", run_cells)
    code, _, err = harness("matrix", "--model", root / "small")
    assert code == 0, err
    stay = [Path(one.path).parts[0] for one in seen if one.in_use]
    assert stay == ["venvs", "models", "worker"]
    assert "venvs/old" in [one.path for one in seen if not one.in_use]
