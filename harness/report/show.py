"""A summary printed, and the exit code that it stands for."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from harness.report.consoles import open_output
from harness.report.document import list_pieces
from harness.report.summary import Summary
from harness.report.terminal import print_summary


def show_summary(summary: Summary, folder: Path | None, *, as_json: bool) -> None:
    """Print a summary, and leave with its exit code."""
    if as_json:
        sys.stdout.writelines(list_pieces(summary))
    else:
        print_summary(summary, folder, open_output())
    raise typer.Exit(summary.exit_code)
