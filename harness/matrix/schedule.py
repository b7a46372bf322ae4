"""Running all cells of a plan: reused from the store or launched, each in a thread of its own."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.core.errors import InputError, explain_refusal
from harness.launch.events import Event
from harness.launch.launcher import CellRun, RunContext, Unavailable
from harness.launch.launchers import Placement
from harness.launch.worker import note_failure
from harness.matrix.planned import find_departure
from harness.plan.plan import Cell, settle_cell
from harness.plan.store import (
    RESUMABLE,
    find_damage,
    keep_result,
    locate_result,
    lock_cell,
    stamp_execution,
)
from harness.system.drafts import remove_path
from harness.system.locks import hold_lock
from harness.system.manifest import distrust
from harness.system.stopping import POLL_SECONDS, check_asked


@dataclass(frozen=True)
class Outcome:
    """How a cell ended; `folder` holds its files, where it has any."""

    cell: Cell
    status: Literal["done", "failed", "unavailable"]
    reused: bool = False
    reason: str | None = None
    folder: Path | None = None


def run_cells(
    cells: Sequence[Cell],
    places: Mapping[str, Placement | Unavailable],
    context: RunContext,
    show: Callable[[Event], None],
) -> tuple[Outcome, ...]:
    """Outcomes of all cells, in their order; `places` are by the cell's id.

    `show` is called from this thread with every event. When this thread is interrupted, running cells are
    ended and the finished ones stay in the store.
    """
    runs = [CellRun(cell, context) for cell in cells]
    with ThreadPoolExecutor(max_workers=max(1, len(cells))) as pool:
        try:
            futures = {
                run.cell.id: pool.submit(complete_cell, run, places[run.cell.id])
                for run in sorted(runs, key=lambda run: run.expected_seconds, reverse=True)
            }
            while not all(future.done() for future in futures.values()):
                check_asked()
                drain(context.events, show, POLL_SECONDS)
        except BaseException:
            context.stop.set()  # leaving the pool waits for all that were started
            raise
        drain(context.events, show, 0)
    return tuple(futures[cell.id].result() for cell in cells)


def drain(events: queue.Queue[Event], show: Callable[[Event], None], seconds: float) -> None:
    """Show the events that there are, waiting for the first."""
    try:
        show(events.get(timeout=seconds) if seconds else events.get_nowait())
        while True:
            show(events.get_nowait())
    except queue.Empty:
        return


def complete_cell(run: CellRun, placement: Placement | Unavailable) -> Outcome:
    """One cell, start to end; a cell that breaks is an outcome and stops no other."""
    if isinstance(placement, Unavailable):
        run.tell("unavailable", placement.reason)
        return Outcome(run.cell, "unavailable", reason=placement.reason)
    try:
        if placement.place.identity is None:
            placement = placement.prepare(run)
            run = CellRun(settle_cell(run.cell, placement.place.identity), run.context)
        outcome = reach_outcome(run, placement)
    except InputError as error:
        outcome = Outcome(run.cell, "failed", reason=str(error))
    except OSError as error:
        outcome = Outcome(run.cell, "failed", reason=explain_refusal(error))
    run.tell("reused" if outcome.reused else outcome.status, outcome.reason or "")
    return outcome


def reach_outcome(run: CellRun, placement: Placement) -> Outcome:
    """A cell's outcome from the store or its launcher, while nobody else runs a cell of its key."""
    context = run.context

    def say(text: str) -> None:
        run.tell("waiting", text, lasting=True)

    with hold_lock(context.cache, lock_cell(run.cell.key), context.stop, say):
        return (not context.fresh and reuse_cell(run)) or launch_cell(run, placement)


def reuse_cell(run: CellRun) -> Outcome | None:
    """The stored result with the cell's key, where there is one and it is whole."""
    folder = locate_result(run.context.cache, run.cell.key)
    if not os.path.lexists(folder):
        return None
    damage = find_damage(folder) or find_departure(run.cell.job, folder)
    if damage:
        run.tell("waiting", f"{damage}; it is run again", lasting=True)
        remove_path(folder)
        return None
    return Outcome(run.cell, "done", reused=True, folder=folder)


def launch_cell(run: CellRun, placement: Placement) -> Outcome:
    """Run the cell where its place is, and keep what it made."""
    cell, context = run.cell, run.context
    workplace, reason = placement.run(run)
    reason = reason or refuse_other(cell, workplace)
    stamp_execution(workplace)
    if reason:
        distrust_made(cell, placement)
        return Outcome(cell, "failed", reason=reason, folder=workplace)
    return Outcome(
        cell, "done", folder=keep_result(context.cache, cell.key, workplace, replace=context.fresh)
    )


def refuse_other(cell: Cell, workplace: Path) -> str | None:
    """Why a done cell is not the planned one, or None; such a one is not gone on with either."""
    departure = find_departure(cell.job, workplace)
    if departure is None:
        return None
    for name in RESUMABLE:
        (workplace / name).unlink(missing_ok=True)
    reason = f"{departure}; something was changed meanwhile: start again"
    note_failure(workplace, reason, cell.job)
    return reason


def distrust_made(cell: Cell, placement: Placement) -> None:
    """Have all that a failed cell ran in read again next time: a disk may give other bytes than it got."""
    if "model" in cell.job:
        distrust(Path(cell.job["model"]["network"]))
    for folder in placement.place.folders:
        distrust(folder)
