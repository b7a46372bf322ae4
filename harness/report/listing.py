"""The list of environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from rich import box
from rich.table import Table

from harness.plan.environments import Environment
from harness.plan.register import Register
from harness.system.consoles import make_text, open_output
from harness.system.streams import print_json


def list_environments(environments: Sequence[Environment], register: Register, *, as_json: bool) -> None:
    """Print all environments."""
    if as_json:
        print_json([describe_environment(one, register) for one in environments])
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("environment", "groups", "backend", "what it is for"):
        table.add_column(name, no_wrap=name == "environment")
    for one in environments:
        mark = " *" if one.name == register.reference else ""
        table.add_row(*map(make_text, (one.name + mark, ", ".join(one.groups), one.backend, one.description)))
    console = open_output()
    console.print(table)
    console.print("* the reference")
    for group, description in register.groups.items():
        console.print(make_text(f"group {group}: {description}"))
    for line in list_register(register):
        console.print(make_text(line))


def describe_environment(environment: Environment, register: Register) -> dict[str, Any]:
    """An environment as plain data, with the rules that speak of it."""
    rules = {"included": register.include, "excluded": register.exclude}
    return environment.model_dump() | {
        kind: [one.model_dump() for one in found if fnmatchcase(environment.name, one.environment)]
        for kind, found in rules.items()
    }


def list_register(register: Register) -> Iterator[str]:
    """What the register adds to groups, takes from them, and expects, each with its reason."""
    for rule in register.include:
        group = rule.group or register.default
        yield f"included {rule.environment} in group {group}, model {rule.model}: {rule.reason}"
    for rule in register.exclude:
        group = f"group {rule.group}" if rule.group else "every group"
        yield f"excluded {rule.environment} from {group}, model {rule.model}: {rule.reason}"
    for one in register.expected:
        pin = f", {one.count}" if one.count else ""
        yield (
            f"expected divergence of {one.example} in {one.environment}, model {one.model}{pin},"
            f" until {one.until} ({one.owner}): {one.reason}"
        )
