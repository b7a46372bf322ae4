"""Faults planted in a copy of the worker, for one environment alone: its files say nothing of them.

A fault is a name, the causes that explaining has to find, and a few edits of the worker's sources. Every
execution of the environment that has the fault runs the edited copy, those that explain it, too; `cell.json`
then says what a liar would say, the hash of the code included.
"""

import contextlib
import shutil
import threading
from dataclasses import dataclass
from unittest import mock

from harness.launch.worker import run_worker
from harness.worker.fingerprint import hash_sources, read_code


@dataclass(frozen=True)
class Edit:
    """A text in one of the worker's modules, and what stands there instead."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """What is wrong in an environment that says nothing of it, and the causes that are to be named.

    `value` is what the cause has to have on the faulty side, where it is one. `examples`, `witnesses` and
    `backend` say what the environments run on, and in; `declared` is what the faulty one's file says besides,
    `said` what of it may be named beside the causes: where it alone gives the tuple back, and not the logits.
    Where no change of the catalogue is the fault, it stays unknown, and `stage` is where it is to be located.
    """

    name: str
    causes: tuple[str, ...]
    edits: tuple[Edit, ...]
    value: object = None
    examples: str = "default"
    witnesses: str = "witnesses"
    backend: str = "reference"
    declared: str = ""
    said: tuple[str, ...] = ()
    stage: str = ""
    verdicts: tuple[str, ...] = ("proven",)


class StaleEditError(Exception):
    """The text that a fault replaces is not in the worker's sources, or is there more than once."""


LIE = Edit("worker/fingerprint.py", "return hash_sources(read_code(Path(__file__).resolve().parents[1]))", "")
"""What says which code ran; it has to say the clean code's hash."""


def apply_edit(root, edit):
    """Make one edit in a folder that holds the inside half."""
    path = root / "harness" / edit.module
    text = path.read_text(encoding="utf-8")
    if text.count(edit.old) != 1:
        raise StaleEditError(f"{edit.module} has {text.count(edit.old)} times: {edit.old}")
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def plant_copy(fault, snapshot, folder):
    """A copy of the worker with a fault, which calls itself the worker that it was copied from."""
    if folder.is_dir():
        return folder
    draft = folder.with_name(folder.name + "-draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(snapshot, draft, ignore=shutil.ignore_patterns("__pycache__"))
    digest = hash_sources(read_code(snapshot / "harness"))
    for edit in (*fault.edits, Edit(LIE.module, LIE.old, f"return {digest!r}")):
        apply_edit(draft, edit)
    return draft.rename(folder)


@contextlib.contextmanager
def plant(faults, folder):
    """Have environments run faulty copies of the worker; `faults` are by environment's name.

    A changed copy of an environment, as explaining makes them, has its fault, too.
    """
    turn = threading.Lock()

    def run_planted(python, snapshot, environment, *rest):
        fault = faults.get(environment.name.partition("~")[0])
        if fault is not None:
            with turn:
                snapshot = plant_copy(fault, snapshot, folder / f"{fault.name}-{snapshot.name[:12]}")
        return run_worker(python, snapshot, environment, *rest)

    with mock.patch("harness.launch.local.run_worker", run_planted):
        yield
