"""`harness numerics`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.system.ending import INTERRUPTED
from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

EXAMPLE = show_example("numerics latest")
MOST = 40


def numerics(
    run: Annotated[str, typer.Argument(metavar="RUN", help=options.RUN_HELP)],
    most: Annotated[int, typer.Option(min=1, help="By how many examples bits are compared.")] = MOST,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Read whole orders, and add up here in them: equal bits prove them."),
    ] = False,
    ca_bundle: options.CaBundle = None,
    as_json: options.AsJson = False,
    reports: options.Reports = None,
) -> None:
    """Say in which order each environment adds up each layer, and where their last bits part.

    Orders are read from outside, by masking what goes into a layer, and kept as cells are. Environments are
    put into classes of equal bits, blob by blob, beside what of their fingerprints goes with each split, and
    what orders predict is held against the bits. All of it goes into the run's reports.
    """
    from harness.core.text import store_data
    from harness.report.explaining import open_screen
    from harness.report.numerics import draw_part
    from harness.system.consoles import open_errors, open_output
    from harness.system.project import find_root
    from harness.verbs.reading import Order, read_run

    root = find_root()
    try:
        with open_screen(open_errors()) as screen:
            order = Order(run, most, ca_bundle, reports or root / "reports", replay)
            part, folder = read_run(order, root, screen)
    except KeyboardInterrupt:
        print_line("harness: interrupted; cells that are done are kept and used next time", error=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(store_data(part.model_dump(mode="json")))
        return
    open_output().print(draw_part(part, orders=True))
    print_line(f"reports: {folder}")
