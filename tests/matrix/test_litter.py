"""Litter: what nobody has is removed, what others use or would go on with is not."""

import json
import os
import time

import pytest
from fake_worker import make_key

from harness.matrix.litter import DAY_SECONDS, RESUME_DAYS, sweep_cache
from harness.plan.store import lock_cell, make_workplace
from harness.system.drafts import hold_draft
from harness.system.locks import take_lock

KEY = make_key("a cell")


@pytest.fixture(name="workplace")
def fill_workplace(tmp_path):
    workplace = make_workplace(tmp_path, KEY)
    (workplace / "records.jsonl").write_text("{}\n")
    return workplace


def test_drafts_and_locks_of_killed_processes_are_removed(tmp_path):
    for place in ("", "models", "venvs", "worker"):
        (tmp_path / place / ".making-0123abcd").mkdir(parents=True)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "venv-1.lock").touch()
    with (tmp_path / "locks" / "venv-2.lock").open("a+b"):
        held = take_lock(tmp_path / "locks" / "venv-2.lock")
        with held, hold_draft(tmp_path / "models") as draft:
            sweep_cache(tmp_path)
            assert draft.is_dir()
            assert [path.name for path in (tmp_path / "locks").iterdir()] == ["venv-2.lock"]
    assert not list(tmp_path.rglob(".making-*"))


def test_a_workplace_without_records_is_removed(tmp_path, workplace):
    (workplace / "records.jsonl").write_text("")
    sweep_cache(tmp_path)
    assert not workplace.exists()


def test_a_workplace_with_records_is_kept_until_it_is_old(tmp_path, workplace):
    sweep_cache(tmp_path)
    assert workplace.exists()
    old = time.time() - (RESUME_DAYS + 1) * DAY_SECONDS
    os.utime(workplace, (old, old))
    sweep_cache(tmp_path)
    assert not workplace.exists()


def test_a_workplace_in_use_is_kept(tmp_path, workplace):
    (workplace / "records.jsonl").write_text("")
    (tmp_path / "locks").mkdir()
    with take_lock(tmp_path / "locks" / f"{lock_cell(KEY)}.lock"):
        sweep_cache(tmp_path)
        assert workplace.exists()


def test_a_workplace_whose_container_may_be_there_is_kept(tmp_path, workplace):
    (workplace / "records.jsonl").write_text("")
    for output, stays in (("/work/out", True), (str(workplace), False)):
        (workplace / "job.json").write_text(json.dumps({"output": output}))
        sweep_cache(tmp_path)
        assert workplace.exists() == stays


def test_a_cache_without_anything_is_left_alone(tmp_path):
    sweep_cache(tmp_path)
    assert not list(tmp_path.iterdir())
