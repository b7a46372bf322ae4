"""`harness explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.system.ending import INTERRUPTED
from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

EXAMPLE = show_example("explain latest --example benign-0001 --cells local-pytorch local-pytorch-port")


def explain(
    run: Annotated[str, typer.Argument(metavar="RUN", help=options.RUN_HELP)],
    example: Annotated[
        list[str] | None,
        typer.Option("--example", metavar="ID", help="Explain this example alone, by its id or a glob."),
    ] = None,
    cells: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Explain in what these two cells diverge, and no others."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Explain a trace from another machine (`harness trace`) against a cell."
        ),
    ] = None,
    cell: Annotated[
        str | None,
        typer.Option(metavar="CELL", help="With --trace or --foreign: the cell; the reference without."),
    ] = None,
    foreign: Annotated[
        Path | None,
        typer.Option(
            metavar="DUMP", help="Explain what a program of your own dumped of an example against a cell."
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --foreign: which array of the dump is which value (TOML)."),
    ] = None,
    waterfall: Annotated[
        bool | None,
        typer.Option(help="Share a change of a rate among factors; by default where it is done in minutes."),
    ] = None,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="Also where two cells have all tuples alike: at which stage their passes part beyond noise.",
        ),
    ] = False,
    ca_bundle: options.CaBundle = None,
    as_json: options.AsJson = False,
    reports: options.Reports = None,
) -> None:
    """Say why examples of a run diverge: causes, each proven by undoing it.

    Every divergence from the reference is explained once and kept in the run's causes.jsonl. What differs
    between two cells by their files is undone until a smallest set of differences gives the other's tuple;
    then what is known to go wrong is tried. Cells are run again for it, in their own environments.
    """
    from harness.core.text import store_data
    from harness.report.explaining import open_screen, print_causes
    from harness.system.consoles import open_errors, open_output
    from harness.system.project import find_root
    from harness.verbs.explaining import Order, explain_run
    from harness.verbs.foreign import Words, answer_foreign

    root = find_root()
    if foreign is not None or names is not None:
        words = Words(foreign, tuple(example or ()), cell, names, run, reports or root / "reports")
        answer_foreign(words, root, ca_bundle, as_json=as_json, others=(cells, trace, waterfall))
        return
    order = Order(
        run,
        tuple(example or ()),
        cells,
        ca_bundle,
        reports or root / "reports",
        waterfall,
        trace,
        cell,
        stages,
    )
    try:
        with open_screen(open_errors()) as screen:
            causes, folder = explain_run(order, root, screen)
    except KeyboardInterrupt:
        print_line("harness: interrupted; what was explained is kept and used next time", error=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(store_data(causes))
        return
    partings = causes.pop("stages", [])
    if causes["explained"] or not stages:
        print_causes(causes, open_output())
    for parting in partings:
        print_line(parting["sentence"])
    print_line(f"explanations: {folder / 'causes.jsonl'}")
