"""Cells side by side: reused, launched, failed and unavailable ones, and an interruption."""

import dataclasses
import json
import queue
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_worker import make_environment, make_key, write_worker

from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.launch import local
from harness.launch.launcher import Place, RunContext, Unavailable
from harness.launch.launchers import Placement
from harness.launch.local import LocalSession
from harness.launch.pools import ResourcePool
from harness.matrix.schedule import run_cells
from harness.plan.plan import Cell
from harness.system.machine import Interpreter

HERE = Interpreter(Path(sys.executable), "3")


def make_cell(name, **more):
    environment = make_environment(name, packages=("nothing==1",), **more)
    return Cell(name, environment, make_key(name), {"cell": f"m/{name}", "environment": name})


def make_context(tmp_path, body, **more):
    return RunContext(
        cache=tmp_path,
        snapshot=write_worker(tmp_path / "snapshot", body),
        cores=ResourcePool(2),
        stop=threading.Event(),
        events=queue.Queue(),
        **more,
    )


def place(cells, make_python=lambda *_: Path(sys.executable), installs=1):
    """Places of cells in virtual environments that are this interpreter."""
    session = LocalSession(Path(), threading.Semaphore(installs), make_python)
    return {cell.id: Placement(local, session, Place(HERE, {})) for cell in cells}


def run(context, cells, places=None):
    events = []
    outcomes = run_cells(cells, places or place(cells), context, events.append)
    return outcomes, events


def states(events, name):
    return [event.state for event in events if event.cell == name]


def test_a_cell_runs_once_and_is_reused_then(tmp_path):
    cells = [make_cell("a"), make_cell("b")]
    outcomes, events = run(make_context(tmp_path, "tell(1, 1); finish()"), cells)
    assert [one.status for one in outcomes] == ["done", "done"]
    assert [one.reused for one in outcomes] == [False, False]
    assert states(events, "a")[0] == "installing"
    assert states(events, "a")[-1] == "done"
    outcomes, events = run(make_context(tmp_path, "sys.exit(1)"), cells)
    assert [one.reused for one in outcomes] == [True, True]
    assert states(events, "a") == ["reused"]


def test_a_damaged_result_is_reported_and_run_again(tmp_path):
    (outcome,), _ = run(make_context(tmp_path, "finish()"), [make_cell("a")])
    (outcome.folder / "records.jsonl").write_text("other\n")
    (outcome,), events = run(make_context(tmp_path, "finish()"), [make_cell("a")])
    assert not outcome.reused
    assert any("was changed after it was written; it is run again" in event.note for event in events)


def test_a_cell_that_breaks_stops_no_other(tmp_path):
    body = "sys.exit(5) if job['environment'] == 'a' else finish()"
    outcomes, _ = run(make_context(tmp_path, body), [make_cell("a"), make_cell("b")])
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert (outcomes[0].folder / "log.txt").is_file()


def test_a_failed_cell_is_run_again(tmp_path):
    run(make_context(tmp_path, "sys.exit(5)"), [make_cell("a")])
    (outcome,), _ = run(make_context(tmp_path, "finish()"), [make_cell("a")])
    assert (outcome.status, outcome.reused) == ("done", False)


def test_a_cell_that_was_killed_goes_on_as_the_same_execution(tmp_path):
    (outcome,), _ = run(make_context(tmp_path, "tell(0, 1); os.kill(os.getpid(), 9)"), [make_cell("a")])
    killed = json.loads((outcome.folder / "cell.json").read_text())["execution"]
    (outcome,), _ = run(make_context(tmp_path, "finish()"), [make_cell("a")])
    assert json.loads((outcome.folder / "cell.json").read_text())["execution"] == killed
    (outcome,), events = run(make_context(tmp_path, "finish()", fresh=True), [make_cell("a")])
    assert json.loads((outcome.folder / "cell.json").read_text())["execution"] != killed
    assert not outcome.reused
    assert states(events, "a")[-1] == "done"


def test_an_installation_that_fails_is_its_cells_failure(tmp_path):
    def fail(environment, *_):
        if environment.name == "a":
            raise InputError("environment a: no such package")
        return Path(sys.executable)

    cells = [make_cell("a"), make_cell("b")]
    outcomes, _ = run(make_context(tmp_path, "finish()"), cells, place(cells, fail))
    assert [one.status for one in outcomes] == ["failed", "done"]
    assert outcomes[0].reason == "environment a: no such package"


def test_a_missing_interpreter_is_unavailable_and_not_failed(tmp_path):
    places = {"a": Unavailable("no python3.99")}
    (outcome,), events = run(make_context(tmp_path, "finish()"), [make_cell("a")], places)
    assert (outcome.status, outcome.reason) == ("unavailable", "no python3.99")
    assert states(events, "a") == ["unavailable"]


def test_ready_cells_run_while_others_install(tmp_path):
    ran = threading.Event()

    def install(environment, *_):
        if environment.name == "slow":
            assert ran.wait(300)
        return Path(sys.executable)

    cells = [make_cell("slow"), make_cell("quick")]

    def show(event):
        if (event.cell, event.state) == ("quick", "done"):
            ran.set()

    outcomes = run_cells(cells, place(cells, install, 2), make_context(tmp_path, "finish()"), show)
    assert [one.status for one in outcomes] == ["done", "done"]


def test_an_interruption_ends_workers_and_keeps_finished_cells(tmp_path):
    body = (
        "if job['environment'] == 'quick': finish()\n"
        "else: tell(0, 1); time.sleep(300); (output / 'slept').touch()"
    )
    cells = [make_cell("quick"), make_cell("slow")]
    seen = set()

    def interrupt(event):
        seen.add((event.cell, event.state, event.total))
        if seen >= {("quick", "done", 0), ("slow", "running", 1)}:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, place(cells), make_context(tmp_path, body), interrupt)
    (kept,) = (tmp_path / "working").iterdir()
    assert kept.name.startswith(cells[1].key[:20])
    assert not (kept / "slept").exists()
    outcomes, _ = run(make_context(tmp_path, "finish()"), cells)
    assert [one.reused for one in outcomes] == [True, False]


def test_an_interruption_before_all_have_started_ends_those_that_have(tmp_path, monkeypatch):
    submit = ThreadPoolExecutor.submit

    def interrupt(pool, action, run, *more):
        if run.cell.id == "two":
            raise KeyboardInterrupt
        return submit(pool, action, run, *more)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupt)
    body = "time.sleep(30); (output / 'slept').touch(); finish()"
    cells = [make_cell("one"), make_cell("two")]
    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, place(cells), make_context(tmp_path, body), print)
    assert not list(tmp_path.glob("working/*/slept"))
    assert not list(tmp_path.glob("store/*"))


def test_a_signal_whose_exception_was_lost_ends_them_too(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.system.stopping.ASKED", asked := threading.Event())
    asked.set()
    body, cell = "time.sleep(30); (output / 'slept').touch(); finish()", make_cell("one")
    with pytest.raises(KeyboardInterrupt):
        run_cells([cell], place([cell]), make_context(tmp_path, body), print)
    assert not list(tmp_path.glob("working/*/slept"))


HASHED = """
(output / "records.jsonl").touch()
hashes = json.loads((output.parents[1] / "hashes").read_text())
(output / "cell.json").write_text(json.dumps({"schema": 1, "status": "done", "job": job, "hashes": hashes}))
"""
PLANNED = {"worker": "w" * 64, "network": "n" * 64}


def make_planned(folder, **told):
    """A cell with planned hashes, whose worker tells other ones."""
    (folder / "hashes").write_text(json.dumps({**PLANNED, "examples": "e" * 64, **told}))
    cell = make_cell("a")
    job = {**cell.job, "hashes": PLANNED, "examples": {"sha256": "e" * 64}}
    return dataclasses.replace(cell, job=job)


def test_a_cell_of_what_was_planned_is_kept(tmp_path):
    cell = make_planned(tmp_path)
    (outcome,), _ = run(make_context(tmp_path, HASHED), [cell])
    assert outcome.status == "done"


@pytest.mark.parametrize("name", ["worker", "network", "examples"])
def test_a_cell_of_something_else_is_refused_and_not_kept(tmp_path, name):
    cell = make_planned(tmp_path, **{name: "0" * 64})
    (outcome,), _ = run(make_context(tmp_path, HASHED), [cell])
    assert outcome.status == "failed"
    assert f"its {name} has the hash 000000000000, not the planned" in outcome.reason
    assert json.loads((outcome.folder / "cell.json").read_text())["status"] == "failed"
    assert not (outcome.folder / "records.jsonl").exists()
    assert not list(tmp_path.glob("store/*"))


def test_a_stored_cell_of_something_else_is_run_again(tmp_path):
    cell = make_planned(tmp_path)
    (outcome,), _ = run(make_context(tmp_path, HASHED), [cell])
    other = json.loads((outcome.folder / "cell.json").read_text())
    other["hashes"]["worker"] = "0" * 64
    (outcome.folder / "cell.json").write_text(json.dumps(other))
    sums = {name: hash_file(outcome.folder / name) for name in ("cell.json", "records.jsonl")}
    (outcome.folder / "checksums.json").write_text(json.dumps(sums))
    (outcome,), events = run(make_context(tmp_path, HASHED), [cell])
    assert (outcome.status, outcome.reused) == ("done", False)
    (note,) = [event.note for event in events if event.lasting]
    assert note.endswith(
        "its worker has the hash 000000000000, not the planned wwwwwwwwwwww; it is run again"
    )


def be_file(folder):
    shutil.rmtree(folder)
    folder.write_text("a file")


def be_link(folder):
    shutil.rmtree(folder)
    folder.symlink_to("nowhere")


def be_empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("damage", [be_file, be_link, be_empty])
def test_whatever_is_in_a_results_place_makes_way(tmp_path, damage):
    (outcome,), _ = run(make_context(tmp_path, "finish()"), [make_cell("a")])
    damage(outcome.folder)
    (outcome,), events = run(make_context(tmp_path, "finish()"), [make_cell("a")])
    assert (outcome.status, outcome.reused) == ("done", False)
    assert (outcome.folder / "cell.json").is_file()
    assert next(event.note for event in events if event.lasting).endswith("it is run again")
