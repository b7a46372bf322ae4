"""A summary printed, and the exit code that it stands for."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from harness.core.errors import InputError
from harness.report.document import list_pieces
from harness.report.terminal import print_summary
from harness.summary.document import Summary
from harness.system.consoles import open_output


def show_summary(
    summary: Summary, folder: Path | None, *, as_json: bool, fault: InputError | None = None
) -> None:
    """Print a summary, and leave with its exit code, or with what went wrong after it was made."""
    if as_json:
        sys.stdout.writelines(list_pieces(summary))
    else:
        print_summary(summary, folder, open_output())
    if fault is not None:
        raise fault
    raise typer.Exit(summary.exit_code)
