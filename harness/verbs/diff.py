"""`harness diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.system.invocation import show_example
from harness.verbs import options

EXAMPLE = show_example(
    "diff reports/20260102T030405Z-1a2b another-machine/reports/RUN"
    " --environment 'local-*' --against local-pytorch@RUN"
)


def diff(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help=options.RUN_HELP)],
    environment: options.Globs = None,
    against: Annotated[
        str | None, typer.Option(metavar="ENVIRONMENT", help="Cell to hold the others against.")
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare two cells alone, the second against the first."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write every form of the report into a new folder.")
    ] = None,
    as_json: options.SummaryAsJson = False,
    reports: options.Reports = None,
) -> None:
    """Compare the cells of runs that exist, from here or from other machines.

    Examples are joined by id, strictly, and all held against the reference unless --against or --pair says
    otherwise; where the reference is not among the cells, against the one that the others agree with most. A
    cell of one of several runs is called ENVIRONMENT@RUN, a repeated one ENVIRONMENT#2@RUN. Copies of one
    execution are marked and not compared. Exit code as for matrix.
    """
    from harness.diff.locate import find_run
    from harness.plan.environments import read_environments
    from harness.plan.register import read_register
    from harness.report.carried import carry_causes
    from harness.report.show import show_summary
    from harness.report.write import write_folder
    from harness.system.project import find_root
    from harness.verdict.compare import CellSelection, compare_runs

    root = find_root()
    environments = read_environments(root / "environments")
    register = read_register(root / "environments", environments)
    selection = CellSelection(tuple(environment or ()), against, pair)
    place = reports or root / "reports"
    folders = [find_run(run, place) for run in runs]  # once: there may be another latest one by and by
    summary = compare_runs([str(folder) for folder in folders], place, register, selection)
    summary = carry_causes(summary, folders)
    if output is not None:
        write_folder(output, summary, folders)
    show_summary(summary, output, as_json=as_json)
