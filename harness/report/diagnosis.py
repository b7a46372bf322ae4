"""What the doctor found, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.matrix.doctor import Finding
from harness.system.consoles import make_text
from harness.system.text import make_lines

MARKS = {True: ("yes", "green"), False: ("no", "yellow")}


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """One table a topic: whether it is there, what it is, and how to get what is missing."""
    width = max((len(one.name) for one in findings), default=0)
    for topic, group in groupby(findings, key=lambda one: one.topic):
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
        table.add_column(width=3)
        table.add_column(min_width=width, no_wrap=True)
        table.add_column()
        for one in group:
            advice = f"\nto get it: {one.advice}" if one.advice and not one.ok else ""
            table.add_row(Text(*MARKS[one.ok]), make_text(one.name), Text(make_lines(one.text + advice)))
        console.print(make_text(topic, "bold"))
        console.print(table)
    runs = [one.ok for one in findings if one.topic == "environment"]
    console.print(Text(f"{sum(runs)} of {len(runs)} environments can run here"))
