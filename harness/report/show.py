"""A summary printed, and the exit code that it stands for."""

from __future__ import annotations

from pathlib import Path

import typer

from harness.report.consoles import open_output
from harness.report.summary import Summary
from harness.report.terminal import print_summary


def show_summary(summary: Summary, folder: Path | None, *, as_json: bool) -> None:
    """Print a summary, and leave with its exit code."""
    if as_json:
        print(summary.model_dump_json(indent=1))  # noqa: T201 - the result
    else:
        print_summary(summary, folder, open_output())
    raise typer.Exit(summary.exit_code)
