"""Virtual environments: made once for each Python and package list, under a lock, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
import time
from pathlib import Path

from harness.ami.documents import open_file
from harness.ami.errors import InputError, name_file
from harness.ami.limits import MAX_END_BYTES
from harness.matrix.environments import Environment
from harness.matrix.machine import Interpreter
from harness.matrix.processes import start_process, stop_process
from harness.system.drafts import write_json
from harness.system.locks import Say, hold_lock
from harness.system.stopping import POLL_SECONDS, Stopped

LOG_LINES = 12
INSTALL_SECONDS = 3600


def key_venv(environment: Environment, interpreter: Interpreter) -> str:
    """Name of the virtual environment; environments with the same packages share one."""
    parts = [interpreter.version, str(interpreter.path), *sorted(environment.packages)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def locate_python(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_ready(folder: Path) -> bool:
    """Whether a virtual environment was finished and its interpreter still exists."""
    return (folder / "ready.json").is_file() and locate_python(folder).exists()


def find_python(environment: Environment, interpreter: Interpreter, cache: Path) -> Path | None:
    """The environment's interpreter where it is ready."""
    folder = cache / "venvs" / key_venv(environment, interpreter)
    return locate_python(folder) if is_ready(folder) else None


def make_python(
    environment: Environment, interpreter: Interpreter, cache: Path, stop: threading.Event, say: Say
) -> Path:
    """The environment's interpreter, with its packages installed where they are not yet.

    InputError, with the last lines of the log, where they cannot be; Stopped when `stop` is set meanwhile.
    """
    key = key_venv(environment, interpreter)
    folder = cache / "venvs" / key
    with hold_lock(cache, f"venv-{key}", stop, say):
        if not is_ready(folder):
            build_venv(environment, interpreter, folder, stop)
    return locate_python(folder)


def build_venv(
    environment: Environment, interpreter: Interpreter, folder: Path, stop: threading.Event
) -> None:
    """Make a virtual environment and install the pinned packages; the marker file comes last."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    log.write_text(f"{environment.name}: Python {interpreter.version}\n", encoding="utf-8")
    (folder / "ready.json").unlink(missing_ok=True)
    place = f"environment {environment.name}"
    bare = [] if environment.packages else ["--without-pip"]
    run_step(
        [str(interpreter.path), "-m", "venv", "--clear", *bare, str(folder)],
        log,
        stop,
        f"{place}: no virtual environment could be made with {interpreter.path}",
    )
    if environment.packages:
        pip = [str(locate_python(folder)), "-m", "pip", "install", "--only-binary=:all:"]
        run_step(
            [*pip, "--disable-pip-version-check", "--no-input", *environment.packages],
            log,
            stop,
            f"{place}: its packages ({', '.join(environment.packages)}) cannot be installed",
        )
    write_json(folder / "ready.json", {"python": interpreter.version, "packages": environment.packages})


def run_step(command: list[str], log: Path, stop: threading.Event, failure: str) -> None:
    """Run one command into the log; InputError with the log's end where it fails."""
    with log.open("ab") as file:
        with name_file(log):
            file.write(f"\n$ {json.dumps(command)}\n".encode())
            file.flush()
        process = start_process(command, dict(os.environ), log.parent, file)
        try:
            code = wait_for(process, stop)
        finally:
            stop_process(process)
    if code:
        raise InputError(
            f"{failure} (exit {code}); correct the environment or the network and run again; {log} ends:\n"
            + read_end(log)
        )


def wait_for(process: subprocess.Popen[bytes], stop: threading.Event) -> int:
    """Exit code of a process; Stopped when `stop` is set meanwhile."""
    deadline = time.monotonic() + INSTALL_SECONDS
    while process.poll() is None:
        if stop.is_set():
            raise Stopped
        if time.monotonic() > deadline:
            return 124
        time.sleep(POLL_SECONDS)
    return process.returncode


def read_end(log: Path, lines: int = LOG_LINES) -> str:
    """Last lines of a log file; empty where there is none. InputError where it is a link, or no file."""
    if not os.path.lexists(log):
        return ""
    with open_file(log, within=log.parent) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_END_BYTES))
        text = file.read(MAX_END_BYTES).decode("utf-8", "replace")
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
