"""The list of environments."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from harness.matrix.environments import Environment
from harness.matrix.register import Register
from harness.report.consoles import make_text, open_output
from harness.system.streams import print_json


def list_environments(environments: Sequence[Environment], register: Register, *, as_json: bool) -> None:
    """Print all environments."""
    if as_json:
        print_json([one.model_dump() for one in environments])
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
