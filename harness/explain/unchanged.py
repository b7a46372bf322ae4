"""Whether a cell's environment is what it was in the run: what is explained has to be what was run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.core.errors import InputError
from harness.explain.counterfactual import Side
from harness.explain.pair import Pair
from harness.explain.patches import read_rules
from harness.plan.plan import Override, choose_parameters, settle_port

Change = tuple[str, Any, Any]


def check_sides(pairs: Sequence[Pair], override: Override) -> None:
    """InputError for the first cell whose environment's file says other than what the cell ran with."""
    for side in {one.label: one for pair in pairs for one in (pair.a, pair.b)}.values():
        for name, now, was in (*compare_steering(side, override), *compare_fingerprint(side)):
            raise InputError(
                f"{side.label}: environments/{side.environment.name}.toml gives {name} = {now!r}, the run had"
                f" {was!r}; put it back, or run again"
            )


def compare_steering(side: Side, override: Override) -> Iterator[Change]:
    """Rules and parameters that are others now."""
    port = settle_port(side.environment, override)
    now, was = read_rules({"port": port}), read_rules(side.job)
    for rule, value in now.items():
        if value != was[rule]:
            yield rule, value, was[rule]
    for name, number in choose_parameters(side.environment, override).items():
        if number != side.job["parameters"][name]:
            yield name, number, side.job["parameters"][name]


def compare_fingerprint(side: Side) -> Iterator[Change]:
    """Variables that are others now; what a cell does not say is not held against it."""
    found = side.cell.get("fingerprint")
    fingerprint = found if isinstance(found, dict) else {}
    variables = fingerprint.get("variables") or {}
    for name, value in side.environment.variables.items():
        if name in variables and variables[name] != value:
            yield f"variable {name}", value, variables[name]
