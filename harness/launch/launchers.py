"""All launchers by the name that an environment gives, and where each environment of a run goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.launch import here, local
from harness.launch.docker import launcher as docker
from harness.launch.gpus import has_gpu
from harness.launch.launcher import CellRun, Launcher, Opening, Place, Unavailable
from harness.plan.environments import Environment
from harness.plan.plan import CellRequest

LAUNCHERS: dict[str, Launcher[Any, Any]] = {"local": local, "docker": docker, "here": here}

Sessions = Mapping[str, Any]
"""A launcher's session, or Unavailable, by the launcher's name."""


def check_environments(environments: Sequence[Environment], root: Path) -> None:
    """InputError, with file and key, for an environment that names what does not exist in the project."""
    for name, launcher in LAUNCHERS.items():
        mine = [one for one in environments if one.launcher == name]
        if mine:
            launcher.check_environments(mine, root)


@contextmanager
def open_sessions(opening: Opening) -> Iterator[Sessions]:
    """The sessions of all launchers that a run's environments ask for, closed however the run ends."""
    with ExitStack() as stack:
        sessions: dict[str, Any] = {}
        for name in dict.fromkeys(environment.launcher for environment, _ in opening.runs):
            launcher = LAUNCHERS[name]
            mine = [run for run in opening.runs if run[0].launcher == name]
            sessions[name] = launcher.open_session(replace(opening, runs=mine))
            if not isinstance(sessions[name], Unavailable):
                stack.callback(launcher.close_session, sessions[name])
        yield sessions


@dataclass(frozen=True)
class Placement:
    """Where a cell runs: a place, and the launcher and session that it is of."""

    launcher: Launcher[Any, Any]
    session: Any
    place: Place[Any]

    def prepare(self, run: CellRun) -> Placement:
        """The same with a place that has an identity."""
        return replace(self, place=self.launcher.prepare_place(self.session, self.place, run))

    def run(self, run: CellRun) -> tuple[Path, str | None]:
        """Run a cell; its workplace, and why it failed."""
        return self.launcher.run_cell(self.session, self.place, run)


def find_placement(environment: Environment, sessions: Sessions) -> Placement | Unavailable:
    """Where an environment's cells run here, or why they cannot; nothing is made or started."""
    if environment.settings.device == "cuda" and not has_gpu():
        return Unavailable("needs an NVIDIA GPU with its driver; there is none here")
    launcher, session = LAUNCHERS[environment.launcher], sessions[environment.launcher]
    if isinstance(session, Unavailable):
        return session
    place = launcher.find_place(session, environment)
    return place if isinstance(place, Unavailable) else Placement(launcher, session, place)


def find_placements(
    requests: Sequence[CellRequest], sessions: Sessions
) -> dict[str, Placement | Unavailable]:
    """The same for every cell that is wanted, by its id; equal environments are looked for once."""
    found: dict[str, Placement | Unavailable] = {}
    texts = {one.id: one.environment.model_dump_json() for one in requests}
    for one in requests:
        if texts[one.id] not in found:
            found[texts[one.id]] = find_placement(one.environment, sessions)
    return {name: found[text] for name, text in texts.items()}
