"""The verb `harness evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_json
from harness.system.text import make_line
from harness.verbs import options

if TYPE_CHECKING:
    from rich.table import Table

    from harness.diff.runs import PastCell
    from harness.evaluate.by_attack import AttackRates

EXAMPLE = show_example("evaluate 20260102T030405Z-1a2b --environment local-pytorch")


def evaluate(
    run: Annotated[str, typer.Argument(metavar="RUN", help=options.RUN_HELP)],
    environment: options.Globs = None,
    as_json: options.AsJson = False,
    reports: options.Reports = None,
) -> None:
    """Print what the detector does with each attack, and with clean images, in a run that exists.

    Exit code: 0 done, 2 could not run.
    """
    from harness.diff.columns import read_columns
    from harness.diff.locate import find_run
    from harness.diff.runs import find_cells
    from harness.evaluate.by_attack import measure_attacks
    from harness.system.consoles import open_output
    from harness.system.project import find_root

    folder = find_run(run, reports or find_root() / "reports")
    chosen = select_cells(find_cells([folder]), environment)
    rates = {label: measure_attacks(read_columns(place)) for label, place in chosen.items()}
    if as_json:
        plain = {label: [asdict(one) for one in found] for label, found in rates.items()}
        print_json(plain)
        return
    console = open_output()
    for label, found in rates.items():
        console.print(f"\n{make_line(label)}", markup=False)
        console.print(draw_rates(found))
    console.print(
        "\nDetected: of attacked examples with Original other than Gold (true positives); of clean ones, and"
        " clean ones under a change, with Original = Gold (false positives). Recovery: Attribute = Gold."
        " In brackets: 95 % intervals (Wilson).",
        markup=False,
    )


def select_cells(cells: Sequence[PastCell], globs: Sequence[str] | None) -> Mapping[str, Path]:
    """Cells with records by label; InputError where there is none, or none for a name or glob."""
    from harness.core.errors import InputError
    from harness.diff.runs import find_named, list_labels, select_cells

    known = {
        one.label: one.folder for one in cells if one.folder and (one.folder / "records.jsonl").is_file()
    }
    chosen = select_cells(cells, globs or ())
    found = {one.label: known[one.label] for one in chosen if one.label in known}
    named = find_named(chosen, globs or ()) - found.keys()
    if named or not found:
        wanted = ", ".join(sorted(named)) or list_labels(chosen)
        raise InputError(f"{wanted}: no records; cells with records are {', '.join(known) or 'none'}")
    return found


def draw_rates(rates: Sequence[AttackRates]) -> Table:
    """One cell's table."""
    from rich import box
    from rich.table import Table

    from harness.system.consoles import make_text
    from harness.system.numbers import show_rate

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(("attack", "n", "of", "detected %", "recovery %")):
        table.add_column(head, justify="right" if number else "left")
    for one in rates:
        name = f"{one.attack} (clean)" if one.is_clean else one.attack
        numbers = (str(one.examples), str(one.detected.of), show_rate(one.detected), show_rate(one.recovered))
        table.add_row(make_text(name), *numbers)
    return table
