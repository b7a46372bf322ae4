"""Kinds of jobs: one more is one module, which the job names."""

from types import ModuleType

from worker_jobs import COUNT, make_job, run

from harness.core.documents import check_fields
from harness.core.examples import list_examples
from harness.worker.cell import describe_cell, hash_job
from harness.worker.records import append_batch
from harness.worker.tasks import TASKS

FIXTURES = (make_job,)


def count_examples(job):
    """A whole task: it reads a key of its own, and leaves a record."""
    check_fields(job.data.get("counting"), {"unit": "a text"}, "job: counting")
    listed = list_examples(job.examples, 7, job.examples_sha256)
    append_batch(job.output, hash_job(job), [{"count": len(listed), **job.data["counting"]}])
    return describe_cell(job, {}, {}, {"examples": len(listed)})


def add_task(monkeypatch):
    """What a new file in `harness/worker/tasks` and its line in TASKS do."""
    module = ModuleType("count")
    module.run_job = count_examples
    monkeypatch.setitem(TASKS, "count", module)


def test_a_new_kind_of_job_is_one_module(job, tmp_path, monkeypatch):
    add_task(monkeypatch)
    del job["model"]["witnesses"]
    code, records, cell = run({**job, "task": "count", "counting": {"unit": "examples"}}, tmp_path)
    assert (code, cell["status"], cell["timings"]["examples"]) == (0, "done", COUNT)
    assert records == [{"count": COUNT, "unit": "examples"}]
    assert cell["job"]["counting"] == {"unit": "examples"}


def test_a_task_checks_what_it_alone_reads(job, tmp_path, monkeypatch, capsys):
    add_task(monkeypatch)
    code, records, cell = run({**job, "task": "count", "counting": {"unit": 3}}, tmp_path)
    assert (code, records, cell["error"]) == (2, [], "job: counting: 'unit' must be a text, not 3")
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert run({**job, "counting": 7}, tmp_path)[0] == 0  # nobody else's matter


def test_a_job_says_its_task(job, tmp_path):
    del job["task"]
    assert run(job, tmp_path)[2]["error"].startswith("job: has no 'task'")
