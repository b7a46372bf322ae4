"""A run as it is asked for: read, held against the project, and made ready for its cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.arrays import NPY_CONVENTIONS
from harness.core.errors import InputError
from harness.examples.conventions import AUTO
from harness.examples.select import choose_examples
from harness.examples.subject import PreparedSubject, prepare_subject
from harness.launch.launchers import check_environments
from harness.matrix.campaign import Campaign, Workspace
from harness.model.folder import Model, read_model
from harness.plan.environments import Environment, read_environments
from harness.plan.plan import Override, check_override, list_ports, repeat_cells
from harness.plan.register import Register, note_rules, read_register, select_environments
from harness.system.cache import read_hashes


@dataclass(frozen=True)
class RunRequest:
    """What is asked for on the command line; paths replace those of `model.toml`.

    `only` names examples by id or glob, of which alone records are wanted. Every environment is run
    `repeat` times; `fresh` takes nothing from the store.
    """

    model: str
    groups: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    override: Override = field(default_factory=Override)
    examples: tuple[str, ...] = ()
    npy: str | None = None
    only: tuple[str, ...] = ()
    prototxt: Path | None = None
    caffemodel: Path | None = None
    labels: Path | None = None
    witnesses: Path | None = None
    stages: tuple[str, ...] = ()
    level: int | None = None
    reports: Path | None = None
    ca_bundle: Path | None = None
    must_compare: bool = True
    repeat: int = 1
    fresh: bool = False


@dataclass(frozen=True)
class RunSelection:
    """What a request names in a project: its model, and environments of which some are chosen."""

    model: Model
    register: Register
    environments: tuple[Environment, ...]
    chosen: tuple[Environment, ...]


def select_run(request: RunRequest, root: Path) -> RunSelection:
    """Read what a request names; InputError for whatever of it is wrong, before anything large is read."""
    if request.npy not in (None, AUTO, *NPY_CONVENTIONS):
        raise InputError(f"--npy {request.npy}: unknown; there are {', '.join(NPY_CONVENTIONS)} and {AUTO}")
    environments = read_environments(root / "environments")
    register = read_register(root / "environments", environments)
    check_environments(environments, root)
    model = read_model(
        request.model,
        prototxt=request.prototxt,
        caffemodel=request.caffemodel,
        labels=request.labels,
        witnesses=request.witnesses,
        level=request.level,
        stages=request.stages,
    )
    chosen = select_environments(environments, register, model.name, request.groups, request.globs)
    check_override(chosen, request.override)
    return RunSelection(model, register, environments, chosen)


def prepare_run(request: RunRequest, selection: RunSelection, workspace: Workspace) -> PreparedSubject:
    """The subject of a request: the model converted, the examples checked and chosen."""
    model, say = selection.model, workspace.screen.say
    hashes, ports = read_hashes(workspace.cache), list_ports(selection.chosen, request.override)
    prepared = prepare_subject(model, request.examples, request.npy, workspace.cache, hashes, say, ports)
    hashes.save()
    rules = note_rules(selection.environments, selection.register, model.name, request.groups, request.globs)
    return choose_examples(replace(prepared, notes=(*rules, *prepared.notes)), request.only)


def make_campaign(request: RunRequest, selection: RunSelection, prepared: PreparedSubject) -> Campaign:
    """The cells of a request."""
    return Campaign(
        subject=prepared.subject,
        requests=repeat_cells(selection.chosen, request.override, request.repeat),
        fresh=request.fresh,
        ca_bundle=request.ca_bundle,
    )
