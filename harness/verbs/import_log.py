"""The verb `harness import-log`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line

EXAMPLE = show_example("import-log patch.log --environment windows --attack patch --output windows")
MOST_LINES = 20


def import_log(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What one of AmI's notebooks has printed.")],
    environment: Annotated[str, typer.Option(help="What to call where the log was made.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the cell.")],
    attack: Annotated[
        str | None,
        typer.Option(help="Attack that made the images, or benign. Rates that depend on it need it."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="LIST",
            help="Names of the images, one a line, as printed; without it, lines are numbered.",
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Class names. With them, images named PERSON_index_x0_y0_x1_y1 are checked against Gold,"
            " and those that were not printed are found.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    port: Annotated[str | None, typer.Option(help="Port preset: notebook or pytorch-port.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Weakening that was used.")] = None,
    beta: Annotated[float | None, typer.Option(help="Strengthening that was used.")] = None,
    epsilon: Annotated[float | None, typer.Option(help="Strengthening's floor that was used.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Make a cell of a log that exists, so that `harness diff` compares it.

    Nothing is added to what the log says. The running rates in it are checked against both rules by which
    the notebooks count: of all examples, or of those with Original other than Gold.
    """
    from harness.core.text import store_name
    from harness.logs.import_log import Claim
    from harness.logs.import_log import import_log as import_file

    given = {"alpha": alpha, "beta": beta, "epsilon": epsilon}
    parameters = {name: value for name, value in given.items() if value is not None}
    named, by, of = (one and store_name(one) for one in (environment, attack, model))
    claim = Claim(named or "", by, images, labels, of, port, parameters)
    cell = import_file(file, output, claim)
    if as_json:
        print_json(cell["imported"])
        return
    for line in describe_import(file, output, cell):
        print_line(line)


def describe_import(file: Path, output: Path, cell: dict[str, Any]) -> Iterator[str]:
    """What was imported, as lines."""
    found = cell["imported"]
    yield f"{output}: {found['results']} results of {file}, environment {cell['job']['environment']}"
    if found["attack"] == "unknown":
        yield "attack: not said (--attack), so nothing counts as detected or as a false positive"
    else:
        yield f"attack: {found['attack']}"
    if found["ids"] == "lines":
        yield "examples: numbered, so they join only with logs of the same images in the same order"
    else:
        yield f"examples: named by {found['images']['name']}, of which {found['left_out']} were not printed"
    if found["selection"]:
        yield (
            f"results: all have {found['selection']}; others may not have been printed,"
            " so that rates that would count them are left out"
        )
    yield from describe_check(file, found)
    yield from describe_others(file, found["other_lines"])


def describe_check(file: Path, found: dict[str, Any]) -> Iterator[str]:
    """Which rule the printed running rates follow, and the lines that follow none."""
    from harness.logs.running_rate import RULES

    check = found["running_rate"]
    for rule, meaning in RULES.items():
        held = "holds in all" if rule in check["holds"] else f"holds in {check['kept'][rule]} of"
        yield f"running rate: {held} {found['results']} results by the rule '{rule}' ({meaning})"
    odd = check["oddities"]
    for one in odd[:MOST_LINES]:
        counts = " or ".join(f"[{hits}/{of}] by '{rule}'" for rule, (hits, of) in one["expected"].items())
        carried = "; carried on from the line before" if one["carried"] else ""
        yield f"{file}:{one['line']}: printed {one['printed']}, expected {counts}{carried}"
    if odd[MOST_LINES:]:
        yield f"and {len(odd) - MOST_LINES} more lines by no rule, in cell.json"


def describe_others(file: Path, others: list[dict[str, Any]]) -> Iterator[str]:
    """The lines that are no results."""
    from harness.system.text import make_line

    yield f"lines that are no results: {len(others)}"
    for one in others[:MOST_LINES]:
        yield f"{file}:{one['line']}: {make_line(one['text'], 80)}"
    if others[MOST_LINES:]:
        yield f"and {len(others) - MOST_LINES} more, in cell.json"
