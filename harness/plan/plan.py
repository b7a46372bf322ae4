"""The plan: which cells a run has, what each is made of, and the key under which its records are kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.ami.port import port_to_json, read_port
from harness.ami.steering import Parameters, check_parameters
from harness.core.errors import InputError
from harness.examples.subject import Subject
from harness.plan.environments import Environment
from harness.plan.identity import Identity, write_identity
from harness.plan.rules import read_rules, settle_rules, write_choice

SCHEMA = 1
VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
JUDGE = "judge"  # the task of an ordinary run: answers


@dataclass(frozen=True)
class Override:
    """What the command line puts in place of every environment's own choice; None leaves it.

    `rules` are `NAME=VALUE` each.
    """

    port: str | None = None
    alpha: float | None = None
    beta: float | None = None
    epsilon: float | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellRequest:
    """A cell that is wanted: an environment, what replaces its choices, and what is to be done in it.

    `only` are ids of examples of which alone records are wanted; None takes the subject's. A port of another
    preset needs a subject that was prepared with its witnesses. `variant` and `replicate` tell cells of one
    environment apart; equal ones of other variants share a result in the store, replicates are executions of
    their own. `task` is a kind of job, and `details` are keys that its job has besides: plain data, and part
    of the cell's key.
    """

    environment: Environment
    override: Override = Override()
    variant: str = ""
    replicate: int = 1
    only: tuple[str, ...] | None = None
    task: str = JUDGE
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What names the cell within its run."""
        return write_identity(Identity(self.environment.name, self.variant, self.replicate))


@dataclass(frozen=True)
class Cell:
    """One environment with one subject, once; `job` is what the worker gets, but for its output folder.

    `id` names it within its run (see `identity`).
    """

    id: str
    environment: Environment
    key: str
    job: Mapping[str, Any]


def repeat_cells(
    environments: Sequence[Environment], override: Override, repeat: int = 1
) -> tuple[CellRequest, ...]:
    """As many cells as are to be repeated for each environment."""
    return tuple(
        CellRequest(one, override, replicate=number)
        for one in environments
        for number in range(1, repeat + 1)
    )


def narrow_subject(subject: Subject, request: CellRequest) -> Subject:
    """The subject with those examples alone that a cell is wanted of; InputError for one that it lacks."""
    if request.only is None:
        return subject
    for name in request.only:
        if name not in subject.example_ids:
            raise InputError(f"cell {request.id}: example {name} is none of the {len(subject.example_ids)}")
    only = tuple(one for one in subject.example_ids if one in request.only)
    return replace(subject, example_ids=only, only=only)


def check_ids(requests: Sequence[CellRequest]) -> None:
    """Refuse cells that nothing tells apart, and variants that cannot be part of a file's name."""
    for one in requests:
        if one.variant and not VARIANT.fullmatch(one.variant):
            raise InputError(f"cell {one.id}: variant {one.variant!r} is not of letters, digits, '.' and '-'")
    for name, times in Counter(one.id for one in requests).items():
        if times > 1:
            raise InputError(f"cell {name} is asked for {times} times; give each a variant or a replicate")


def plan_cells(
    requests: Sequence[CellRequest],
    subject: Subject,
    worker: str,
    machine: Mapping[str, Any],
    described: Mapping[str, Mapping[str, Any]],
) -> tuple[Cell, ...]:
    """The cells that are wanted, no two of one id.

    `described` says by cell what is known of the place that it will run in. InputError for a port or
    parameters that do not exist.
    """
    check_ids(requests)
    cells = []
    for one in requests:
        narrowed = narrow_subject(subject, one)
        job = plan_job(one, narrowed, worker)
        parts = list_parts(one, narrowed, job, worker)
        parts.update({"machine": machine, "python": None, "image": None, **described.get(one.id, {})})
        cells.append(Cell(one.id, one.environment, hash_parts(parts), job))
    return tuple(cells)


def settle_cell(cell: Cell, identity: str | None) -> Cell:
    """The cell under the key that it has once its place has an identity; some have none."""
    if not identity:
        return cell
    return replace(cell, key=hash_parts({"cell": cell.key, "image": identity}))


def check_override(environments: Sequence[Environment], override: Override) -> None:
    """Refuse a port or parameters that do not exist, before anything large is read."""
    for environment in environments:
        settle_port(environment, override)
        choose_parameters(environment, override)


def list_ports(environments: Sequence[Environment], override: Override) -> list[str]:
    """Presets of the ports that environments run."""
    return list(dict.fromkeys(settle_port(one, override)["preset"] for one in environments))


def plan_job(request: CellRequest, subject: Subject, worker: str) -> dict[str, Any]:
    """The worker's job, without its output folder."""
    environment, override = request.environment, request.override
    port = settle_port(environment, override)
    return {
        "schema": SCHEMA,
        "task": request.task,
        "cell": f"{subject.model}/{request.id}",
        "environment": environment.name,
        "replicate": request.replicate,
        "backend": environment.backend,
        "settings": environment.settings.model_dump(),
        "batch_size": environment.batch_size,
        "decoder": environment.decoder,
        "hashes": {"worker": worker, "network": subject.network_key},
        "model": {
            "name": subject.model,
            "network": str(subject.network),
            "caffemodel": None if subject.caffemodel is None else str(subject.caffemodel),
            "prototxt": None if subject.prototxt is None else str(subject.prototxt),
            "state": subject.state.describe(),
            "preprocess": dict(subject.preprocess),
            "witnesses": {
                attribute: {"path": str(path), "sha256": digest}
                for attribute, (path, digest) in subject.witnesses.get(port["preset"], {}).items()
            },
        },
        "examples": {
            "path": str(subject.examples),
            "sha256": subject.examples_sha256,
            "npy": subject.npy,
            "only": None if subject.only is None else list(subject.only),
        },
        "port": port,
        "parameters": choose_parameters(environment, override),
        "declared": declare_environment(environment),
        **request.details,
    }


def declare_environment(environment: Environment) -> dict[str, Any]:
    """What an environment's file says that a worker is started with, and that no worker can tell later."""
    return {
        "launcher": environment.launcher,
        "image": environment.image,
        "python": environment.python,
        "packages": sorted(environment.packages),
        "variables": dict(environment.variables),
    }


def settle_port(environment: Environment, override: Override) -> dict[str, Any]:
    """The environment's preset and rules, or the command line's preset alone; its rules go before either."""
    preset, rules = (environment.port, environment.rules) if override.port is None else (override.port, {})
    asked = {**rules, **read_rules(override.rules)}
    try:
        return {"preset": preset, "rules": settle_rules(preset, asked, environment.backend)}
    except InputError as error:
        raise InputError(f"environment {environment.name}: {error}") from error


def name_port(port: Mapping[str, Any]) -> str:
    """`notebook`, or `notebook (ddof 1, order listing)`, for a job's port."""
    rules = ", ".join(
        f"{rule} {describe_choice(choice)}" for rule, choice in (port.get("rules") or {}).items()
    )
    preset = str(port.get("preset", "unknown"))
    return f"{preset} ({rules})" if rules else preset


def describe_choice(choice: Any) -> str:
    """What a rule is set to; of witness files, the attributes alone."""
    if not isinstance(choice, list):
        return write_choice(choice)
    return " ".join(str(one).removesuffix("_witness.txt") for one in choice)


def choose_parameters(environment: Environment, override: Override) -> dict[str, float]:
    """The environment's alpha, beta and epsilon, each replaced where the command line gives one."""
    chosen = environment.parameters.model_dump()
    for name in chosen:
        value = getattr(override, name)
        chosen[name] = chosen[name] if value is None else float(value)
    check_parameters(Parameters(**chosen))
    return chosen


def list_parts(request: CellRequest, subject: Subject, job: Mapping[str, Any], worker: str) -> dict[str, Any]:
    """Everything that a cell's records depend on, and which of equal executions it is.

    Nothing that says only where a file lies. Environments of other names are run apart even where their
    content is the same: somebody wants to know whether they agree.
    """
    environment, port = request.environment, read_port(job["port"]["preset"], job["port"]["rules"])
    return {
        "schema": SCHEMA,
        "task": request.task,
        "details": dict(request.details),
        "environment": environment.name,
        "replicate": job["replicate"],
        "network": subject.network_key,
        "state": subject.state.describe(),
        "preprocess": dict(subject.preprocess),
        "witnesses": {name: entry["sha256"] for name, entry in job["model"]["witnesses"].items()},
        "examples": {"sha256": subject.examples_sha256, "npy": subject.npy, "only": subject.only},
        "port": port_to_json(port),
        "parameters": job["parameters"],
        "backend": environment.backend,
        "settings": environment.settings.model_dump(),
        "batch_size": environment.batch_size,
        "decoder": environment.decoder,
        "packages": sorted(environment.packages),
        "variables": environment.variables,
        "launcher": environment.launcher,
        "worker": worker,
    }


def hash_parts(parts: Mapping[str, Any]) -> str:
    """SHA-256 of plain data, whatever the order of its keys."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
