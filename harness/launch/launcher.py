"""What a launcher is: a module with the functions of `Launcher`; and what these are given."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from harness.examples.subject import Subject
from harness.launch.events import Event, State
from harness.launch.pools import ResourcePool
from harness.plan.environments import Environment
from harness.plan.plan import Cell
from harness.plan.store import make_workplace

UNKNOWN_SECONDS = math.inf  # what was never seen may be long, so it starts early

Session = TypeVar("Session")
Own = TypeVar("Own")


@dataclass(frozen=True)
class Unavailable:
    """This machine cannot run an environment, and why."""

    reason: str


@dataclass(frozen=True)
class Opening:
    """What a session is opened for; `runs` are environments, each with what it is run on.

    Without any, somebody only wants to know what there is. `notes` are to be said once all is over.
    """

    root: Path
    cache: Path
    stop: threading.Event
    say: Callable[[str], None]
    runs: Sequence[tuple[Environment, Subject]] = ()
    ca_bundle: Path | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RunContext:
    """What all cells of a run share, whatever launches them.

    `durations` are last time's seconds by environment; with `fresh`, nothing is taken from the store.
    """

    cache: Path
    snapshot: Path
    cores: ResourcePool
    stop: threading.Event
    events: queue.Queue[Event]
    durations: Mapping[str, float] = field(default_factory=dict)
    fresh: bool = False


@dataclass(frozen=True)
class CellRun:
    """A cell that is being run, and how whoever runs it says how far it is."""

    cell: Cell
    context: RunContext

    @property
    def environment(self) -> Environment:
        """The cell's environment."""
        return self.cell.environment

    @property
    def expected_seconds(self) -> float:
        """What a cell of the same environment took last time."""
        return self.context.durations.get(self.environment.name, UNKNOWN_SECONDS)

    def tell(self, state: State, note: str = "", *, lasting: bool = False) -> None:
        """Tell what the cell waits for, or what is made for it."""
        self.context.events.put(Event(self.cell.id, state, note=note, lasting=lasting))

    def tell_progress(self, done: int, total: int) -> None:
        """Tell how far the running cell is."""
        self.context.events.put(Event(self.cell.id, "running", done, total))

    def make_workplace(self) -> Path:
        """A folder for the cell to work in, with what an earlier attempt left."""
        return make_workplace(self.context.cache, self.cell.key, fresh=self.context.fresh)


@dataclass(frozen=True)
class Place(Generic[Own]):
    """Where an environment runs here; `own` is what its launcher knows it by.

    `described` is what of it a cell's results depend on, and `identity` the rest of that: empty where there
    is none, None where the place has to be prepared to have one. `to_make` says what is made before a cell
    runs (`build caffe-openblas`); `folders` of the cache are what it runs from, there or not.
    """

    own: Own
    described: Mapping[str, Any]
    identity: str | None = ""
    to_make: str = ""
    folders: tuple[Path, ...] = ()


class Launcher(Protocol[Session, Own]):
    """A way to run cells. A session is what cells of one run share.

    `NEEDS` names what a machine may lack as a whole, and is empty where it lacks nothing.
    """

    NEEDS: str

    def check_environments(self, environments: Sequence[Environment], root: Path) -> None:
        """InputError, with file and key, for one that names what does not exist in the project."""

    def open_session(self, opening: Opening) -> Session | Unavailable:
        """What cells of a run share; nothing is made yet."""

    def find_place(self, session: Session, environment: Environment) -> Place[Own] | Unavailable:
        """Where an environment runs here; nothing is made yet."""

    def prepare_place(self, session: Session, place: Place[Own], run: CellRun) -> Place[Own]:
        """The place with its identity; called only where it has none, before the store is looked into."""

    def run_cell(self, session: Session, place: Place[Own], run: CellRun) -> tuple[Path, str | None]:
        """Run a cell's worker to its end; the workplace with its files, and why it failed.

        InputError where it could not be started; Stopped when the run's `stop` is set meanwhile.
        """

    def close_session(self, session: Session) -> None:
        """Remove what the session made for itself, after all of its cells, however they ended."""
