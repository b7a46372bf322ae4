"""A launcher in one file: cells in a thread of this process, one after the other."""

import contextlib
import io
import json
import threading
from dataclasses import dataclass, field

from harness.launch.launcher import Place
from harness.launch.worker import judge_ending, note_failure
from harness.worker.work import main

NEEDS = ""


@dataclass
class Session:
    """What it did; one cell runs at a time, since all of them write to one standard output."""

    ran: list = field(default_factory=list)
    is_closed: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)


SESSIONS = []


def check_environments(environments, root):
    """Nothing to be wrong."""


def open_session(opening):
    SESSIONS.append(Session())
    return SESSIONS[-1]


def find_place(session, environment):
    return Place(threading.current_thread, {"python": "this very process"})


def prepare_place(session, place, run):
    return place


def run_cell(session, place, run):
    workplace = run.make_workplace()
    job = {**run.cell.job, "output": str(workplace)}
    (workplace / "job.json").write_text(json.dumps(job))
    said = io.StringIO()
    with session.turn, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main([workplace / "job.json"])
    session.ran.append(run.cell.id)
    (workplace / "log.txt").write_text(said.getvalue())
    reason = judge_ending(code, workplace)
    note_failure(workplace, reason, job)
    return workplace, reason


def close_session(session):
    session.is_closed = True
