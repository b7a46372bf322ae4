"""`harness fragile`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

if TYPE_CHECKING:
    from harness.explain.margins import Nearness

EXAMPLE = show_example("fragile latest --cell local-pytorch --shake")


def fragile(
    run: Annotated[str, typer.Argument(metavar="RUN", help=options.RUN_HELP)],
    cell: Annotated[
        str | None, typer.Option(metavar="CELL", help="The cell to look at; the first one that is done.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="How many examples to list.")] = 20,
    shake: Annotated[
        bool, typer.Option("--shake", help="Walk them again with other last bits, and list first what flips.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Trace those that are listed, and look at pool3's sums, too.")
    ] = False,
    as_json: options.AsJson = False,
    reports: options.Reports = None,
) -> None:
    """List the examples whose tuples are likely to flip elsewhere, from one cell alone.

    How far margins, and deviations of witnesses' sums from 0, would have to move, over the noise there: below
    1 an example is likely to be another in an environment that computes other last bits.
    """
    from harness.core.text import store_data
    from harness.system.project import find_root
    from harness.verbs.looking import Look, list_fragile

    root = find_root()
    look = Look(run, cell, reports or root / "reports", most, shake, trace)
    label, found, total = list_fragile(look, root)
    if as_json:
        print_json(store_data({"cell": label, "examples": total, "fragile": [asdict(one) for one in found]}))
        return
    near = sum(one.reach < 1 for one in found)
    print_line(f"{label}: {near} of the {len(found)} examples nearest to flip, of {total}, are within noise")
    for one in found:
        print_line(f"  {show_reach(one):>9}  {'-'.join(map(str, one.tuple)):<12} {one.example}: {one.why}")


def show_reach(one: Nearness) -> str:
    """A distance over noise."""
    return "flips" if one.flips else f"{one.reach:.3g}"
