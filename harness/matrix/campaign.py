"""A campaign: cells that are run together, wherever their environments are, and what they come to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Protocol

from harness.examples.subject import Subject
from harness.launch.events import Event
from harness.launch.launcher import Opening, RunContext, Unavailable
from harness.launch.launchers import Placement, find_placements, open_sessions
from harness.launch.pools import ResourcePool
from harness.matrix.durations import read_durations, remember_durations
from harness.matrix.litter import sweep_cache
from harness.matrix.schedule import Outcome, run_cells
from harness.plan.environments import Environment
from harness.plan.plan import JUDGE, Cell, CellRequest, narrow_subject, plan_cells, settle_cell
from harness.plan.store import locate_result
from harness.system.cache import find_cache, snapshot_worker
from harness.system.machine import count_cores, describe_machine
from harness.system.usage import declare_use
from harness.worker.job import MODEL_FILES


class Screen(Protocol):
    """What a run shows while it goes on."""

    def say(self, text: str) -> None:
        """Show a line."""

    def show_cells(self, names: Sequence[str]) -> AbstractContextManager[Callable[[Event], None]]:
        """Show cells, one line each, as their events come in."""


@dataclass(frozen=True)
class Workspace:
    """A project with its cache and a screen; what `use` has been told of the cache is not cleared."""

    root: Path
    cache: Path
    screen: Screen
    use: Callable[[Iterable[str]], None]


@dataclass(frozen=True)
class Campaign:
    """Cells to be run on one subject; `fresh` ones are not taken from the store."""

    subject: Subject
    requests: tuple[CellRequest, ...]
    fresh: bool = False
    ca_bundle: Path | None = None


@dataclass(frozen=True)
class CampaignPlan:
    """A campaign that can start; `places` are by the cell's id."""

    cells: tuple[Cell, ...]
    places: Mapping[str, Placement | Unavailable]
    context: RunContext


@dataclass(frozen=True)
class CampaignResult:
    """How each cell ended, in the order in which they were asked for, and what else is to be said."""

    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]


@contextmanager
def open_workspace(root: Path, screen: Screen) -> Iterator[Workspace]:
    """The project's workspace; nothing that it uses is cleared until it is left.

    As long as no campaign has told what it uses, nothing at all is cleared: a subject may be made ready.
    """
    cache, used = find_cache(root), set[str]()
    with declare_use(cache, screen.say) as use:

        def use_more(paths: Iterable[str]) -> None:
            used.update(paths)
            use(used)

        sweep_cache(cache)
        yield Workspace(root, cache, screen, use_more)


def run_campaign(
    workspace: Workspace, campaign: Campaign, announce: Callable[[CampaignPlan], None] | None = None
) -> CampaignResult:
    """Run cells, or take them from the store; `announce` gets the plan before anything starts.

    Every way to run cells goes through here. One cell more, as somebody would run who explains a divergence:

        with open_workspace(root, screen) as workspace:
            request = CellRequest(environment, Override(rules=("ddof=1",)), variant="ddof", only=("face-1",))
            result = run_campaign(workspace, Campaign(prepared.subject, (request,)))
            (outcome,) = result.outcomes
            if outcome.status == "done":
                records = read_records(outcome.folder)

    No run's folder is written: an outcome's folder is in the store, where it stays while the workspace is
    open (a `fresh` run of the same cell may replace it). A cell that fails or is unavailable says why in its
    outcome; what a failed one left is the caller's to read, and to remove with `remove_failed`.
    InputError where nothing can start. When interrupted, finished cells stay in the store.
    """
    cache, say = workspace.cache, workspace.screen.say
    stop = threading.Event()
    snapshot, worker = snapshot_worker(cache, stop, say)
    context = RunContext(
        cache=cache,
        snapshot=snapshot,
        cores=ResourcePool(count_cores()),
        stop=stop,
        events=queue.Queue(),
        durations=read_durations(cache),
        fresh=campaign.fresh,
    )
    runs = [run for one in campaign.requests for run in list_runs(campaign.subject, one)]
    opening = Opening(workspace.root, cache, stop, say, runs, campaign.ca_bundle)
    with open_sessions(opening) as sessions:
        places = find_placements(campaign.requests, sessions)
        plan = CampaignPlan(settle_cells(campaign, places, worker), places, context)
        if announce is not None:
            announce(plan)
        tell_used(plan, workspace.use)
        with workspace.screen.show_cells([cell.id for cell in plan.cells]) as show:
            outcomes = run_cells(plan.cells, places, context, show)
    remember_judged(campaign, outcomes, cache)
    return CampaignResult(outcomes, tuple(opening.notes))


def list_runs(subject: Subject, request: CellRequest) -> Iterator[tuple[Environment, Subject]]:
    """What a cell runs on: once as its environment batches it, and once more for each patch that says how."""
    environment, narrowed = request.environment, narrow_subject(subject, request)
    patches = request.details.get("details", {}).get("patches", ())
    sizes = [environment.batch_size, *(one["batch_size"] for one in patches if "batch_size" in one)]
    for size in dict.fromkeys(sizes):
        yield environment.model_copy(update={"batch_size": size}), narrowed


def settle_cells(
    campaign: Campaign, places: Mapping[str, Placement | Unavailable], worker: str
) -> tuple[Cell, ...]:
    """The campaign's cells, under their final keys as far as their places have identities."""
    found = {name: one.place for name, one in places.items() if isinstance(one, Placement)}
    described = {name: place.described for name, place in found.items()}
    cells = plan_cells(campaign.requests, campaign.subject, worker, describe_machine(), described)
    return tuple(settle_cell(cell, found[cell.id].identity) if cell.id in found else cell for cell in cells)


def foresee(plan: CampaignPlan, cell: Cell) -> str:
    """What will be done for a cell."""
    placement = plan.places[cell.id]
    if isinstance(placement, Unavailable):
        return f"unavailable: {placement.reason}"
    if not plan.context.fresh and locate_result(plan.context.cache, cell.key).is_dir():
        return "in the store"
    return f"to {placement.place.to_make} and run" if placement.place.to_make else "to run"


def tell_used(plan: CampaignPlan, use: Callable[[Iterable[str]], None]) -> None:
    """Say what a campaign uses, where that is known: not before all places have identities, as keys do."""
    placements = [one for one in plan.places.values() if isinstance(one, Placement)]
    if all(one.place.identity is not None for one in placements):
        cache = plan.context.cache
        found = (path for path in list_used(plan, placements) if path.is_relative_to(cache))
        use(path.relative_to(cache).as_posix() for path in found)


def list_used(plan: CampaignPlan, placements: Iterable[Placement]) -> Iterator[Path]:
    """All that a campaign's cells may need, from when it is planned."""
    yield plan.context.snapshot
    for one in placements:
        yield from one.place.folders
    for cell in plan.cells:
        yield locate_result(plan.context.cache, cell.key)
        model = cell.job["model"]
        yield Path(model["network"])
        yield from (Path(model[name]).parent for name in MODEL_FILES if model.get(name))
        yield Path(cell.job["examples"]["path"])


def remember_judged(campaign: Campaign, outcomes: Sequence[Outcome], cache: Path) -> None:
    """Note how long whole cells took that have just been run and judged."""
    judged = {one.id for one in campaign.requests if one.task == JUDGE and one.only is None}
    remember_durations(
        cache,
        {
            one.cell.environment.name: one.folder
            for one in outcomes
            if one.folder and not one.reused and one.cell.id in judged
        },
    )


def remove_failed(outcomes: Iterable[Outcome]) -> None:
    """Remove what failed cells left, once it has been read."""
    for outcome in outcomes:
        if outcome.status == "failed" and outcome.folder is not None:
            rmtree(outcome.folder, ignore_errors=True)
