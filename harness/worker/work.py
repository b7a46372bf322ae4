"""One cell: a job is read, its task done, and `cell.json` written."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any, Dict, Sequence

from harness.core.errors import InputError, explain_refusal
from harness.worker.cell import (
    check_planned,
    fail_job,
    write_cell,
)
from harness.worker.job import Job, load_job, read_job
from harness.worker.tasks import find_task


def main(paths: Sequence[Path]) -> int:
    """Run the job file that is named; 0 done, 2 whatever kept it from being done."""
    if len(paths) != 1:
        print("usage: python -m harness.worker JOB.json", file=sys.stderr)
        return 2
    try:
        data = load_job(paths[0])
    except InputError as error:
        print(f"harness.worker: {error}", file=sys.stderr)
        return 2
    try:
        write_cell(Path(data["output"]), do_job(read_job(data)))
    except InputError as error:
        return fail_job(data, str(error))
    except OSError as error:
        return fail_job(data, explain_refusal(error))
    except Exception as error:  # noqa: BLE001 - frameworks raise whatever they like
        traceback.print_exc()  # standard error is the cell's log
        return fail_job(data, f"the worker broke: {type(error).__name__}: {error}")
    return 0


def do_job(job: Job) -> Dict[str, Any]:
    """Do what the job asks for; what `cell.json` is to say."""
    check_planned(job)
    return find_task(job.task).run_job(job)
