"""A worker's process on this machine: started, followed by its lines, judged when it has ended."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from harness.core.documents import check_fields, parse_json
from harness.core.errors import InputError, name_file
from harness.core.limits import MAX_LINE_BYTES
from harness.core.text import store_data
from harness.plan.environments import Environment
from harness.plan.store import find_lost_batch
from harness.records.cell import read_cell
from harness.records.record import walk_records
from harness.system.drafts import write_json
from harness.system.machine import choose_variables
from harness.system.processes import GRACE_SECONDS, read_end, start_process, stop_process
from harness.system.stopping import POLL_SECONDS, Stopped

Report = Callable[[int, int], None]
"""Takes how many examples are done, and of how many."""

END: None = None
PROGRESS = {"done": "a whole number", "total": "a whole number"}


def run_worker(
    python: Path,
    snapshot: Path,
    environment: Environment,
    job: Mapping[str, Any],
    workplace: Path,
    report: Report,
    stop: threading.Event,
) -> str | None:
    """Run a cell's worker in its workplace; why it failed, or None.

    However it ends, the workplace holds a `cell.json` that says so. Stopped when `stop` is set meanwhile.
    """
    full_job = {**job, "output": str(workplace)}
    write_json(workplace / "job.json", full_job)
    variables = choose_variables({**environment.variables, "PYTHONPATH": str(snapshot)})
    command = [str(python), "-m", "harness.worker", str(workplace / "job.json")]
    with (workplace / "log.txt").open("wb") as log:
        try:
            process = start_process(command, variables, workplace, log, piped=True)
        except OSError as error:
            raise InputError(f"environment {environment.name}: {python} does not start ({error})") from error
        lines: queue.Queue[bytes | None] = queue.Queue()
        reader = threading.Thread(target=queue_lines, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            reason = follow(lines, log, environment, report, stop)
            if reason is None:
                reason = await_end(process, environment, stop)
        finally:
            stop_process(process)
            reader.join(GRACE_SECONDS)
    reason = reason or judge_ending(process.returncode, workplace)
    note_failure(workplace, reason, full_job)
    return reason


def follow(
    lines: queue.Queue[bytes | None],
    log: IO[bytes],
    environment: Environment,
    report: Report,
    stop: threading.Event,
) -> str | None:
    """Pass on a worker's progress until its lines end; a reason where it had to be ended."""
    started = heard = time.monotonic()
    while True:
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            line = b""
        if line is END:
            return None
        if line:
            heard = time.monotonic()
            pass_on(line, log, report)
        if stop.is_set():
            raise Stopped
        if time.monotonic() - heard > environment.silence_seconds:
            return f"no progress for {environment.silence_seconds} s (silence_seconds); it was ended"
        if time.monotonic() - started > environment.timeout_seconds:
            return f"not done after {environment.timeout_seconds} s (timeout_seconds); it was ended"


def await_end(
    process: subprocess.Popen[bytes], environment: Environment, stop: threading.Event
) -> str | None:
    """Wait until a worker that has closed its output has ended; a reason where it does not."""
    limit = time.monotonic() + environment.silence_seconds
    while time.monotonic() < limit:
        if stop.is_set():
            raise Stopped
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
            return None
    return (
        f"closed its output and had not ended {environment.silence_seconds} s later (silence_seconds);"
        " it was ended"
    )


def queue_lines(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    """Put a stream's lines into a queue, then END: reading would block whoever has deadlines to keep."""
    with stream:
        while line := stream.readline(MAX_LINE_BYTES):
            lines.put(line)
    lines.put(END)


def pass_on(line: bytes, log: IO[bytes], report: Report) -> None:
    """Report a progress line; anything else that a worker prints belongs into its log."""
    try:
        event = parse_json(line, "progress")
        check_fields(event, PROGRESS, "progress")
    except InputError:
        with name_file(log.name):
            log.write(line)
            log.flush()
        return
    report(event["done"], event["total"])


def judge_ending(code: int, workplace: Path) -> str | None:
    """Why a worker that ended by itself did not do its work; None where it did."""
    status = read_status(workplace)
    if code == 0 and status == "done" and (workplace / "records.jsonl").is_file():
        return check_results(workplace)
    if code == 2 and status == "failed":
        return str(read_cell(workplace).get("error"))
    if code < 0:
        hint = "; was memory short?" if -code == getattr(signal, "SIGKILL", 9) else ""
        return f"the worker was killed by {name_signal(-code)}{hint}"
    end = read_end(workplace / "log.txt", 1)
    return f"the worker broke (exit {code}){': ' + end if end else ''}"


def note_failure(workplace: Path, reason: str | None, job: Mapping[str, Any]) -> None:
    """Have the workplace's `cell.json` say that the cell failed, unless its worker said so itself."""
    if reason and read_status(workplace) != "failed":
        cell = {"schema": 1, "status": "failed", "error": reason, "job": job}
        write_json(workplace / "cell.json", store_data(cell))


def check_results(workplace: Path) -> str | None:
    """What is wrong with the files of a worker that says it is done: they are read as they will be later."""
    try:
        read_cell(workplace)
        count = sum(1 for _ in walk_records(workplace))
        return find_lost_batch(workplace) if count else None
    except InputError as error:
        return f"the worker left something that is no record: {error}"


def name_signal(number: int) -> str:
    """`SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def read_status(workplace: Path) -> str | None:
    """Status in a workplace's `cell.json`; None where it has none."""
    try:
        return str(read_cell(workplace)["status"])
    except InputError:
        return None
