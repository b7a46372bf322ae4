"""The list of environments."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from harness.matrix.environments import Environment
from harness.matrix.register import Register
from harness.report.consoles import open_output


def list_environments(environments: Sequence[Environment], register: Register, *, as_json: bool) -> None:
    """Print all environments."""
    if as_json:
        print(json.dumps([one.model_dump() for one in environments], indent=1))  # noqa: T201 - the result
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("environment", "groups", "backend", "what it is for"):
        table.add_column(name, no_wrap=name == "environment")
    for one in environments:
        mark = " *" if one.name == register.reference else ""
        table.add_row(Text(one.name + mark), ", ".join(one.groups), one.backend, Text(one.description))
    console = open_output()
    console.print(table)
    console.print("* the reference")
    for group, description in register.groups.items():
        console.print(Text(f"group {group}: {description}"))
