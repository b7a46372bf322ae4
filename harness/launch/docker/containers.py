"""A cell's container: made, locked in, followed to its end, emptied and removed."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.core.errors import InputError, name_file
from harness.images.engine import call_engine, explain_errors
from harness.images.lock import ImageContents
from harness.launch.docker.details import NamedFiles
from harness.launch.docker.files import (
    DATA_FOLDER,
    OUTPUT,
    WORK_FOLDER,
    list_own_files,
    list_taken,
    relocate_job,
)
from harness.launch.docker.leftovers import make_labels
from harness.launch.docker.session import DockerSession, provide_data
from harness.launch.worker import END, Report, follow, judge_ending, note_failure
from harness.plan.environments import Environment
from harness.records.cell import read_cell
from harness.system.drafts import write_json
from harness.system.machine import FIXED_VARIABLES
from harness.system.stopping import Stopped
from harness.system.tarstream import NOBODY, TAKEN, pack, unpack

LINE_BYTES = 1 << 16  # longer lines of a worker's output are cut
LOG_LINES = 2000
END_SECONDS = 60
PIDS = 512
SIGNALLED = 128  # an exit code above it means a signal
SETTLE_SECONDS = 0.1

HoldCores = Callable[[], contextlib.AbstractContextManager[None]]
"""Enters when the machine has cores for a cell, and holds them."""


@dataclass(frozen=True)
class ContainerJob:
    """A cell to be run in a container: its id, what its job holds (paths are those of here), its image."""

    cell: str
    environment: Environment
    content: Mapping[str, Any]
    image: ImageContents
    architecture: str
    snapshot: Path
    workplace: Path


def run_container(
    session: DockerSession, job: ContainerJob, hold_cores: HoldCores, report: Report, stop: threading.Event
) -> str | None:
    """Run a cell's worker in a container of its own; why it failed, or None.

    It is made and packed before it has cores and emptied afterwards, while another cell has the cores.
    However it ends, the container is gone then and the workplace holds a `cell.json` that says so.
    Stopped when `stop` is set meanwhile.
    """
    named = NamedFiles(WORK_FOLDER)
    moved = relocate_job(job.content, named)
    write_json(job.workplace / "job.json", moved)
    try:
        reason = run_in_container(session, job, named, hold_cores, report, stop)
    except InputError as error:
        reason = str(error)
    note_failure(job.workplace, reason, moved)
    if reason is None:
        stamp_image(job)
    return reason


def run_in_container(
    session: DockerSession,
    job: ContainerJob,
    named: NamedFiles,
    hold_cores: HoldCores,
    report: Report,
    stop: threading.Event,
) -> str | None:
    """Make the container, send it its files, follow it; InputError where the engine refuses."""
    with (
        session.connect() as client,
        hold_container(session, client, job) as container,
        (job.workplace / "log.txt").open("wb") as log,
    ):
        entries = list(list_own_files(job.snapshot, job.workplace, named))
        doing = f"environment {job.environment.name}: sending its job"
        call_engine(doing, lambda: client.api.put_archive(container, WORK_FOLDER, pack(entries)))
        with hold_cores():
            reason, state = run_to_end(session, client, container, job, log, report, stop)
        copy_out(client, container, job, log)
    return reason or judge_state(state, job)


def copy_out(client: Any, container: str, job: ContainerJob, log: IO[bytes]) -> None:
    """Copy out what an ended container made and said."""
    doing = f"environment {job.environment.name}: reading its log"
    said = call_engine(doing, lambda: client.api.logs(container, stdout=False, stderr=True, tail=LOG_LINES))
    refused = fetch_output(client, container, job.workplace, list_taken(job.content))
    with name_file(log.name):
        log.write(said + b"".join(f"left in the container: {one}\n".encode() for one in refused))
        log.flush()


@contextlib.contextmanager
def hold_container(session: DockerSession, client: Any, job: ContainerJob) -> Iterator[str]:
    """Id of a container that is removed with its volume in any case."""
    name = f"ami-harness-{session.token}-{name_container(job.cell)}"
    data = provide_data(session, client, job.image.id)
    doing = f"environment {job.environment.name}: making its container"
    options = choose_options(session, client, job, data)
    try:
        call_engine(doing, lambda: create_container(client, name, options))
        yield name
    finally:
        with contextlib.suppress(InputError), explain_errors(doing):
            client.api.remove_container(name, v=True, force=True)


def name_container(cell: str) -> str:
    """A cell's id in characters that engines take; no two cells of a run are of one name then.

    No environment's file has a `_` in its name, and copies of an environment differ by a variant's number.
    """
    return re.sub("[^a-zA-Z0-9_.-]", "_", cell.replace("+", "__"))


def create_container(client: Any, name: str, options: Mapping[str, Any]) -> None:
    """Create a container; one of that name is from a try whose answer was lost."""
    from docker.errors import APIError

    try:
        client.api.create_container(name=name, **options)
    except APIError as error:
        if error.status_code != 409:
            raise


def choose_options(session: DockerSession, client: Any, job: ContainerJob, data: str) -> dict[str, Any]:
    """How a cell's container is made: no network, nothing to write to but its own folder, no rights."""
    environment = job.environment
    memory = min(environment.memory_megabytes, session.memory.total) << 20
    config = client.api.create_host_config(
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": "size=512m,mode=1777"},  # noqa: S108 - the container's own
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        binds={data: {"bind": DATA_FOLDER, "mode": "ro"}},
        nano_cpus=min(environment.settings.threads, session.engine.cores) * 10**9,
        mem_limit=memory,
        memswap_limit=memory,
        pids_limit=PIDS,
        log_config={"type": "json-file", "config": {"max-size": "16m", "max-file": "2"}},
    )
    variables = {**FIXED_VARIABLES, **environment.variables, "PYTHONPATH": f"{WORK_FOLDER}/code"}
    return {
        "image": job.image.id,
        "command": ["python3", "-m", "harness.worker", f"{WORK_FOLDER}/job.json"],
        "user": f"{NOBODY}:{NOBODY}",
        "working_dir": "/tmp",  # noqa: S108 - likewise
        "environment": variables,
        "volumes": [WORK_FOLDER],
        "labels": make_labels(session.token, job.cell, str(job.workplace)),
        "network_disabled": True,
        "host_config": config,
        "platform": f"linux/{job.architecture}",
    }


def run_to_end(
    session: DockerSession,
    client: Any,
    container: str,
    job: ContainerJob,
    log: IO[bytes],
    report: Report,
    stop: threading.Event,
) -> tuple[str | None, dict[str, Any]]:
    """Run a container on cores of its own to its end; why it was ended early or None, and its last state."""
    doing = f"environment {job.environment.name}: running its container"
    with session.lend_numbers(job.environment.settings.threads) as numbers:
        if numbers:
            cores = ",".join(map(str, numbers))
            call_engine(doing, lambda: client.api.update_container(container, cpuset_cpus=cores))
        call_engine(doing, lambda: client.api.start(container))
        reason = follow_container(session, client, container, job, log, report, stop)
        return reason, wait_for_end(client, container, doing)


def follow_container(
    session: DockerSession,
    client: Any,
    container: str,
    job: ContainerJob,
    log: IO[bytes],
    report: Report,
    stop: threading.Event,
) -> str | None:
    """Follow a running container; why it was ended early, or None."""
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=read_output, args=(session, container, lines), daemon=True).start()
    try:
        reason = follow(lines, log, job.environment, report, stop)
    except Stopped:
        with contextlib.suppress(InputError, OSError):
            end_container(client, container)
            fetch_output(client, container, job.workplace, list_taken(job.content))
        raise
    if reason:
        end_container(client, container)
    return reason


def read_output(session: DockerSession, container: str, lines: queue.Queue[bytes | None]) -> None:
    """Put a container's standard output line by line into a queue, then END; a lost stream is resumed."""
    import requests
    from docker.errors import DockerException

    seen, doing = 0, "reading a container's output"
    try:
        with session.connect() as client:
            while True:
                with contextlib.suppress(DockerException, requests.RequestException, OSError):
                    stream = client.api.logs(container, stdout=True, stderr=False, stream=True, follow=True)
                    for number, line in enumerate(cut_lines(stream)):
                        if number >= seen:
                            lines.put(line)
                            seen = number + 1
                state = call_engine(doing, lambda: client.api.inspect_container(container))["State"]
                if not state["Running"]:
                    return
                time.sleep(SETTLE_SECONDS)
    except (InputError, DockerException):
        return  # the container is gone, or the engine: whoever follows finds out
    finally:
        lines.put(END)


def cut_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a stream with their ends; one without an end is cut before it fills the memory."""
    left = b""
    for piece in pieces:
        *whole, left = (left + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
        while len(left) > LINE_BYTES:
            yield left[:LINE_BYTES]
            left = left[LINE_BYTES:]
    if left:
        yield left


def end_container(client: Any, container: str) -> None:
    """Kill a container, which may have ended by itself."""
    with contextlib.suppress(InputError), explain_errors("ending a container"):
        client.api.kill(container)


def wait_for_end(client: Any, container: str, doing: str) -> dict[str, Any]:
    """State of a container that has ended."""
    call_engine(doing, lambda: client.api.wait(container, timeout=END_SECONDS))
    state: dict[str, Any] = call_engine(doing, lambda: client.api.inspect_container(container))["State"]
    return state


def fetch_output(client: Any, container: str, workplace: Path, taken: Mapping[str, int] = TAKEN) -> list[str]:
    """Copy a cell's files into its workplace; what was left in the container, with reasons."""
    with explain_errors("copying results out of a container"):
        pieces, _ = client.api.get_archive(container, f"{WORK_FOLDER}/{OUTPUT}")
        with contextlib.closing(pieces):
            return unpack(pieces, workplace, OUTPUT, taken)


def judge_state(state: Mapping[str, Any], job: ContainerJob) -> str | None:
    """Why a container that ended by itself did not do its work; None where it did."""
    code = int(state.get("ExitCode", 0))
    if state.get("OOMKilled"):
        megabytes = job.environment.memory_megabytes
        return f"its container ran out of memory (memory_megabytes = {megabytes}); give it more"
    return judge_ending(SIGNALLED - code if code > SIGNALLED else code, job.workplace)


def stamp_image(job: ContainerJob) -> None:
    """Add to a done cell's fingerprint which image it ran in, and that image's packages."""
    path, cell = job.workplace / "cell.json", read_cell(job.workplace)
    image = job.image
    stamp = {"tag": image.tag, "id": image.id, "architecture": job.architecture}
    packages = {source: dict(found) for source, found in image.packages.items()}
    if isinstance(cell.get("fingerprint"), dict):
        cell["fingerprint"].update({"image": {**stamp, "packages": packages}})
        write_json(path, cell)
