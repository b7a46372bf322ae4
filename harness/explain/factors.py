"""In what environments differ that a worker is started with, and copies of one with the other's values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.explain.causes import Cause, Named
from harness.explain.counterfactual import Side
from harness.explain.minimise import Factors
from harness.plan.environments import Environment

WHOLE = ("backend", "launcher", "image", "python")  # of an environment, with which all else would change
PLACES = {
    "launcher": ("launcher", "image", "python", "packages", "memory_megabytes"),
    "image": ("image",),
    "python": ("python",),
}
"""What is taken over together where one of WHOLE is: an image is nothing without what starts it."""
MOST_INSIDE = 5  # versions that are named of what differs inside
LONGEST = 40  # characters of one


@dataclass(frozen=True)
class Bridge:
    """One factor of an environment: its name, its value on either side, and where it stands."""

    factor: str
    a: Any
    b: Any

    def name(self) -> Named:
        """As a cause."""
        return Named(Cause.NUMERICS.value, self.factor, self.a, self.b)


def list_bridges(a: Side, b: Side) -> Iterator[Bridge]:
    """In what the environments of two cells of one backend differ that a worker is started with."""
    ours, theirs = a.environment, b.environment
    if ours.settings.threads != theirs.settings.threads:
        yield Bridge("settings.threads", ours.settings.threads, theirs.settings.threads)
    for name in dict.fromkeys([*ours.variables, *theirs.variables]):
        if ours.variables.get(name) != theirs.variables.get(name):
            yield Bridge(f"variables.{name}", ours.variables.get(name), theirs.variables.get(name))
    place = find_place(ours, theirs)
    if place is not None:
        yield Bridge(place, *describe_places(place, a, b))
    if place != "launcher" and sorted(ours.packages) != sorted(theirs.packages):
        left, right = set(ours.packages), set(theirs.packages)
        yield Bridge("packages", sorted(left - right), sorted(right - left))


def find_place(a: Environment, b: Environment) -> str | None:
    """The one of launcher, image and Python that parts two environments; None where they have all alike."""
    return next((name for name in PLACES if getattr(a, name) != getattr(b, name)), None)


def describe_places(place: str, a: Side, b: Side) -> tuple[str, str]:
    """Where either cell runs, with the versions in which that differs inside."""
    return describe_place(place, a, b), describe_place(place, b, a)


def describe_place(place: str, side: Side, other: Side) -> str:
    """`caffe-atlas (blas libblas.so.3)`."""
    environment = side.environment
    name = environment.image or str(getattr(environment, place) or "this machine's")
    inside = list_inside(side.cell, other.cell)
    return f"{name} ({', '.join(inside)})" if inside else name


def list_inside(cell: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Versions that a cell has, and another one has otherwise: of its libraries, or else of its packages."""
    for table in ("versions", "packages"):
        ours, theirs = ((one.get("fingerprint") or {}).get(table) or {} for one in (cell, other))
        found = [f"{name} {shorten(text)}" for name, text in ours.items() if theirs.get(name) != text]
        if found:
            return found[:MOST_INSIDE]
    return []


def shorten(text: object) -> str:
    """A version in few characters: of paths the last parts alone."""
    paths = str(text).split("; ")
    return "; ".join(one.rsplit("/", 1)[-1] if one.startswith("/") else one for one in paths)[:LONGEST]


def copy_environment(a: Environment, b: Environment, factors: Factors) -> Environment:
    """The second environment with some factors of the first one."""
    variables = dict(b.variables)
    changed: dict[str, Any] = {"name": f"{b.name}~{'~'.join(sorted(factors))}"}
    for factor in factors:
        table, _, name = factor.partition(".")
        if table == "settings":
            changed["settings"] = b.settings.model_copy(update={name: getattr(a.settings, name)})
        elif table in PLACES:
            changed.update({key: getattr(a, key) for key in PLACES[table]})
        elif table == "packages":
            changed["packages"] = a.packages
        elif name in a.variables:
            variables[name] = a.variables[name]
        else:
            variables.pop(name, None)
    return b.model_copy(update={**changed, "variables": variables})
