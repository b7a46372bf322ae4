"""What a job can ask for: a module a task, found by the name that stands in the job."""

from __future__ import annotations

from typing import Any, Dict, Protocol

from harness.core.errors import InputError
from harness.worker.job import Job
from harness.worker.tasks import audit, blobs, counterfactuals, extract, graft, judge, orders, predict, trace


class Task(Protocol):
    """A task's module."""

    def run_job(self, job: Job) -> Dict[str, Any]:
        """Do a job, of which the task checks what it alone reads; what `cell.json` is to say."""


TASKS: Dict[str, Task] = {
    "judge": judge,
    "extract": extract,
    "counterfactuals": counterfactuals,
    "trace": trace,
    "graft": graft,
    "audit": audit,
    "orders": orders,
    "predict": predict,
    "blobs": blobs,
}


def find_task(name: str) -> Task:
    """The task of that name; InputError where there is none."""
    if name not in TASKS:
        raise InputError(f"job: task {name!r}: unknown; there are {', '.join(TASKS)}")
    return TASKS[name]
