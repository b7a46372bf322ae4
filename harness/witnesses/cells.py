"""The cells that extract witnesses: one for each environment, of which this interpreter can be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.examples.subject import Subject
from harness.launch.launchers import check_environments
from harness.matrix.campaign import Campaign
from harness.plan.environments import Environment, read_environments
from harness.plan.plan import CellRequest
from harness.plan.register import read_register, select_environments

EXTRACT = "extract"  # the task
ONE_THREAD = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def choose_environments(
    root: Path, model: str, globs: Sequence[str], backends: Sequence[str], decoder: str
) -> tuple[Environment, ...]:
    """Those that are named, and this interpreter for each backend; the reference where nothing is named."""
    named: tuple[Environment, ...] = ()
    if globs:
        known = read_environments(root / "environments")
        register = read_register(root / "environments", known)
        check_environments(known, root)
        named = tuple(select_environments(known, register, model, (), globs))
    wanted = backends or (() if named else ("reference",))
    return (*named, *(describe_here(backend, decoder) for backend in dict.fromkeys(wanted)))


def describe_here(backend: str, decoder: str) -> Environment:
    """This interpreter, with the packages it has, as an environment."""
    return Environment(
        name=f"here-{backend}",
        description=f"the {backend} backend in the interpreter that runs the harness",
        launcher="here",
        backend=backend,
        decoder=decoder,  # type: ignore[arg-type]
        groups=(),
        variables=ONE_THREAD,
    )


def ask_cells(
    environments: Sequence[Environment],
    subject: Subject,
    pairs: Mapping[str, Any],
    *,
    fresh: bool,
    ca_bundle: Path | None,
) -> Campaign:
    """One cell for each environment, told which images are whose mutations."""
    details = {"extraction": pairs}
    requests = tuple(CellRequest(one, task=EXTRACT, details=details) for one in environments)
    return Campaign(subject, requests, fresh=fresh, ca_bundle=ca_bundle)
