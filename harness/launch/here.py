"""The launcher of this interpreter: cells with the packages that the harness itself runs with."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.launch.launcher import CellRun, Opening, Place
from harness.launch.local import run_process
from harness.plan.environments import Environment
from harness.worker.fingerprint import list_packages

NEEDS = ""


def check_environments(environments: Sequence[Environment], root: Path) -> None:
    """Nothing: such an environment names nothing of the project."""


def open_session(opening: Opening) -> None:
    """Its cells share nothing."""


def find_place(session: None, environment: Environment) -> Place[Path]:
    """This interpreter; results depend on whatever is installed in it."""
    described = {"python": platform.python_version(), "installed": list_packages()}
    return Place(Path(sys.executable), described)


def prepare_place(session: None, place: Place[Path], run: CellRun) -> Place[Path]:
    """The place as it is."""
    return place


def run_cell(session: None, place: Place[Path], run: CellRun) -> tuple[Path, str | None]:
    """Wait for cores, run the worker."""
    return run_process(place.own, run)


def close_session(session: None) -> None:
    """Nothing was made."""
