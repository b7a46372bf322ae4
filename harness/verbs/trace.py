"""`harness trace`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_line
from harness.verbs import options

EXAMPLE = show_example("trace latest --example benign-0001 --cell local-pytorch")


def trace(
    run: Annotated[str, typer.Argument(metavar="RUN", help=options.RUN_HELP)],
    example: Annotated[list[str], typer.Option("--example", metavar="ID", help="An example, by its id.")],
    cell: Annotated[
        str | None, typer.Option(metavar="CELL", help="The cell to trace in; the first one that is done.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; a new folder in the run's.")
    ] = None,
    reports: options.Reports = None,
) -> None:
    """Write down every value of both passes over some examples, for another machine to be held against.

    A folder with trace.json and an archive (.npz) an example. `harness explain RUN --trace FOLDER` on another
    machine takes it as one side.
    """
    from harness.system.project import find_root
    from harness.verbs.looking import Look, write_trace

    root = find_root()
    look = Look(run, cell, reports or root / "reports", len(example), shake=False, trace=True)
    place = write_trace(look, tuple(example), output, root)
    print_line(f"trace: {place}")
