"""Comparisons of witness sets as terminal text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.system.consoles import make_text
from harness.system.numbers import NONE
from harness.system.text import make_line
from harness.witnesses.compare import BlobCount, Change, Comparison, find_farthest
from harness.witnesses.margins import Margin

MOST_CHANGES = 50
VERDICTS = {0: ("SAME", "bold green"), 1: ("DIFFERENT", "bold red"), 2: ("COULD NOT RUN", "bold yellow")}
LEGEND = (
    "Distances from the pair's median are shares of the mean difference over the blob's channels, positive"
    " where a witness is: above the median under substitution, not above it under preservation. Shift: the"
    " largest change of any channel's distance."
)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Counts by blob where something changed and in all, every change, notes, the verdict."""
    console.print(
        Text(f"A {make_line(str(comparison.first))}\nB {make_line(str(comparison.second))}"), soft_wrap=True
    )
    console.print(draw_counts(comparison))
    if comparison.changes:
        console.print(draw_changes(comparison.changes[:MOST_CHANGES]))
        left = len(comparison.changes) - MOST_CHANGES
        if left > 0:
            console.print(f"… and {left} more (--json has all)")
    if any(count.shift is not None for count in comparison.counts):
        console.print(Text(LEGEND, "dim"))
    for note in comparison.notes:
        console.print(make_text(f"note: {note}"), soft_wrap=True)
    word, style = VERDICTS[comparison.exit_code]
    console.print(
        Text.assemble((word, style), make_line(f": {describe_verdict(comparison)}")), soft_wrap=True
    )


def open_table() -> Table:
    """A table in this project's style."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def draw_counts(comparison: Comparison) -> Table:
    """A row for every blob with changes, and one for each attribute."""
    table = open_table()
    table.add_column("attribute")
    table.add_column("blob")
    for name in ("A", "B", "kept", "lost", "added", "shift"):
        table.add_column(name, justify="right")
    for attribute in dict.fromkeys(count.attribute for count in comparison.counts):
        counts = [count for count in comparison.counts if count.attribute == attribute]
        for count in counts:
            if count.first != count.kept or count.second != count.kept:
                table.add_row(make_text(attribute), make_text(count.blob), *show_counts([count]))
        table.add_row(make_text(attribute), "all", *show_counts(counts), style="bold", end_section=True)
    return table


def show_counts(counts: Sequence[BlobCount]) -> list[str]:
    """Sums of some blobs' entries, and their largest shift."""
    first, second, kept = (
        sum(getattr(count, name) for count in counts) for name in ("first", "second", "kept")
    )
    shifts = [count.shift for count in counts if count.shift is not None]
    shift = show_share(max(shifts)) if shifts else NONE
    return [str(number) for number in (first, second, kept, first - kept, second - kept)] + [shift]


def draw_changes(changes: Sequence[Change]) -> Table:
    """A row for every entry that changed, with its distance in both sets."""
    table = open_table()
    for name in ("attribute", "blob", "channel", "change"):
        table.add_column(name, no_wrap=True)
    measured = any(change.before for change in changes)
    if measured:
        table.add_column("distance in A", justify="right", no_wrap=True)
        table.add_column("in B", justify="right", no_wrap=True)
        table.add_column("decided by", overflow="fold")
    for change in changes:
        kind = Text(change.kind, "red" if change.kind == "lost" else "green")
        row = (make_text(change.attribute), make_text(change.blob), str(change.channel), kind)
        table.add_row(*row, *(show_margins(change) if measured else ()))
    return table


def show_margins(change: Change) -> tuple[str, str, Text]:
    """A change's distances in both sets, and the mutation and pair that they are in."""
    decisive = change.after if change.kind == "lost" else change.before
    decided = f"{decisive.mutation}, {change.pair}" if decisive else NONE
    return show_margin(change.before), show_margin(change.after), make_text(decided)


def show_margin(margin: Margin | None) -> str:
    """A signed distance in per cent."""
    return NONE if margin is None else f"{'+' if margin.distance >= 0 else ''}{show_share(margin.distance)}"


def show_share(share: float) -> str:
    """A share in per cent with three digits, however small."""
    return f"{share * 100:.3g} %"


def describe_verdict(comparison: Comparison) -> str:
    """One sentence: how many entries are the same, lost and added, and how far from the median they lie."""
    kept = sum(count.kept for count in comparison.counts)
    if comparison.unpaired:
        return f"{'; '.join(comparison.unpaired)}; extract what is missing, or choose with --attribute"
    if not comparison.changes:
        return f"all {kept} entries are in both"
    lost = sum(change.kind == "lost" for change in comparison.changes)
    text = f"{kept} entries kept, {lost} lost, {len(comparison.changes) - lost} added"
    farthest = find_farthest(comparison.changes)
    if farthest is None:
        return text
    return f"{text}; none of those lies farther than {show_share(farthest)} from its median"


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain data."""
    return {
        "schema": 1,
        **asdict(comparison),
        "exit_code": comparison.exit_code,
        "farthest": find_farthest(comparison.changes),
    }
