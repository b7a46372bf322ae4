"""Whether a cell's environment is what it was in the run: what is explained has to be what was run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.core.errors import InputError
from harness.explain.counterfactual import Side
from harness.explain.patches import read_rules
from harness.plan.plan import Override, choose_parameters, declare_environment, settle_port

Change = tuple[str, Any, Any]


def check_sides(sides: Iterable[Side], override: Override) -> None:
    """InputError for the first cell whose environment's file says other than what the cell ran with."""
    for side in {one.label: one for one in sides if one.trace is None}.values():
        for change in (*compare_steering(side, override), *compare_declared(side)):
            path = f"environments/{side.environment.name}.toml"
            raise InputError(f"{side.label}: {path} {tell_change(*change)}; put it back, or run again")


def tell_change(name: str, now: Any, was: Any) -> str:
    """What a file says of something, and what it said."""
    gives = f"gives {name} = {now!r}" if now is not None else f"no longer gives {name}"
    return f"{gives}, the run had {repr(was) if was is not None else 'none'}"


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


def compare_declared(side: Side) -> Iterator[Change]:
    """Packages, variables and whatever else of a file a worker is started with, where they are others now.

    Of a cell that an earlier version ran, what it found around it is held against the file.
    """
    now, was = declare_environment(side.environment), side.job.get("declared")
    if not isinstance(was, Mapping):
        yield from compare_fingerprint(side)
        return
    for name in ("launcher", "image", "python"):
        if now[name] != was.get(name):
            yield name, now[name], was.get(name)
    yield from compare_tables("variable", now["variables"], was.get("variables") or {})
    yield from compare_tables("package", read_pins(now["packages"]), read_pins(was.get("packages") or ()))


def compare_tables(word: str, now: Mapping[str, Any], was: Mapping[str, Any]) -> Iterator[Change]:
    """Named values that are others now, that are new, or gone."""
    for name in {**now, **was}:
        if now.get(name) != was.get(name):
            yield f"{word} {name}", now.get(name), was.get(name)


def read_pins(packages: Iterable[str]) -> dict[str, str]:
    """Versions by package, of `NAME==VERSION`."""
    return {name: version for name, _, version in (one.partition("==") for one in packages)}


def compare_fingerprint(side: Side) -> Iterator[Change]:
    """Variables and packages of a cell that are others now; what it does not say is not held against it."""
    found = side.cell.get("fingerprint")
    fingerprint = found if isinstance(found, dict) else {}
    packages = {spell(name): version for name, version in (fingerprint.get("packages") or {}).items()}
    pins = {spell(name): version for name, version in read_pins(side.environment.packages).items()}
    known = (
        ("variable", side.environment.variables, fingerprint.get("variables") or {}),
        ("package", pins, packages),
    )
    for word, now, was in known:
        yield from compare_tables(word, keep(now, was), keep(was, now))


def keep(table: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of some names that a table has."""
    return {name: table[name] for name in names if name in table}


def spell(package: str) -> str:
    """A package's name as every index takes it."""
    return package.partition("[")[0].lower().replace("_", "-").replace(".", "-")
