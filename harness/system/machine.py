"""This machine: what of it changes numbers, its cores, and the Python interpreters it has."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.worker.fingerprint import read_cpu

INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USER")
FIXED_VARIABLES = {
    "PYTHONDONTWRITEBYTECODE": "1",  # code that nobody wrote is code that nobody checks
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
}
ASK_VERSION = "import platform; print(platform.python_version())"


@dataclass(frozen=True)
class Interpreter:
    """A Python that virtual environments can be made from."""

    path: Path
    version: str


def describe_machine() -> dict[str, Any]:
    """System, C library and processor: results made elsewhere are not results of this machine."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "cpu": read_cpu(),
    }


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_interpreter(version: str | None) -> Interpreter | None:
    """The running interpreter, or the first `pythonX.Y` that starts; None where there is none.

    Looked for on PATH, then where pyenv and uv keep those that are not active.
    """
    running = platform.python_version()
    if version is None or running.startswith(f"{version}."):
        return Interpreter(Path(sys.executable).resolve(), running)
    for folder in [*os.get_exec_path(), *list_managed(version)]:
        found = shutil.which(f"python{version}", path=str(folder))
        answer = ask_version(found) if found else None
        if found and answer and answer.startswith(f"{version}."):
            return Interpreter(Path(found), answer)
    return None


def list_managed(version: str) -> list[Path]:
    """Folders with programs of a Python's releases that version managers hold, the newest release first."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python")
    found = [*pyenv.glob(f"{version}.*/bin"), *uv.glob(f"cpython-{version}.*/bin")]
    return sorted(found, key=lambda folder: read_numbers(folder.parent.name), reverse=True)


def read_numbers(name: str) -> list[int]:
    """The numbers in a name, to sort releases by."""
    return [int(number) for number in re.findall(r"\d{1,9}", name)]


def ask_version(program: str) -> str | None:
    """Version that an interpreter gives; None where it does not run (version managers leave such stubs)."""
    try:
        answer = subprocess.run(
            [program, "-I", "-c", ASK_VERSION], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def choose_variables(more: dict[str, str]) -> dict[str, str]:
    """Variables of a cell's process: a few that programs need, and its environment's.

    Everything else stays outside, so that a variable set in somebody's shell changes no number unseen.
    """
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, **FIXED_VARIABLES, **more}
