"""Extractions of witnesses as terminal text and as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.report.cells import STYLES
from harness.system.consoles import make_text
from harness.system.numbers import NONE
from harness.system.text import make_lines
from harness.witnesses.extract import Extracted, Extraction
from harness.witnesses.show import open_table


def print_extraction(extraction: Extraction, console: Console) -> None:
    """How many witnesses every environment found, what failed, and where everything lies."""
    table = open_table()
    table.add_column("environment", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for attribute in extraction.pairs:
        table.add_column(attribute, justify="right")
    table.add_column("against the first")
    for one in extraction.results:
        status = "reused" if one.reused else one.status
        counts = [str(one.counts.get(attribute, NONE)) for attribute in extraction.pairs]
        table.add_row(make_text(one.environment), Text(status, STYLES[status]), *counts, show_changes(one))
    pairs = ", ".join(f"{attribute} {count}" for attribute, count in extraction.pairs.items())
    console.print(
        Text(f"witnesses by attribute, from pairs of mutated images: {pairs}", "bold"), soft_wrap=True
    )
    console.print(table)
    for one in extraction.results:
        if one.reason:
            console.print(make_text(f"{one.environment} {one.status}: {one.reason}"), soft_wrap=True)
            if one.log_end:
                console.print(Text(make_lines(one.log_end), "dim"), soft_wrap=True)
    for note in extraction.notes:
        console.print(make_text(f"note: {note}"), soft_wrap=True)
    console.print(
        make_text(f"witness sets: {extraction.output}/ENVIRONMENT; look at {extraction.sheet}"),
        soft_wrap=True,
    )


def show_changes(one: Extracted) -> str:
    """What an environment's set lost and added against the first one's."""
    if one.changes is None:
        return NONE
    lost, added = one.changes
    return f"{lost} lost, {added} added" if lost or added else "the same"


def extraction_to_json(extraction: Extraction) -> dict[str, Any]:
    """An extraction as plain data."""
    results = [
        {**asdict(one), "folder": str(one.folder) if one.folder else None} for one in extraction.results
    ]
    return {
        "schema": 1,
        "output": str(extraction.output),
        "sheet": str(extraction.sheet),
        "pairs": dict(extraction.pairs),
        "results": results,
        "notes": list(extraction.notes),
    }
