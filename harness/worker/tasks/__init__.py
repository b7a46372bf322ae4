"""What a job can ask for: a module a task, each with a function that does a job and says what it came to."""

from __future__ import annotations

from typing import Any, Callable, Dict

from harness.worker.job import Job
from harness.worker.tasks.extract import extract_job
from harness.worker.tasks.judge import judge_job

Task = Callable[[Job], Dict[str, Any]]
TASKS: Dict[str, Task] = {"judge": judge_job, "extract": extract_job}


def find_task(job: Job) -> Task:
    """The task of a job: witnesses where it says of which images, otherwise answers."""
    return TASKS["judge" if job.extraction is None else "extract"]
