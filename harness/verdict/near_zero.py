"""Where the last bits of sums decide what steering does: deviations that are 0, or nearly so."""

from __future__ import annotations

from collections.abc import Mapping

from harness.ami.statistics import NEAR_ZERO
from harness.diff.columns import Columns

MOST = 3
DOCS = "docs/ports.md"


def note_near_zero(cells: Mapping[str, Columns]) -> list[str]:
    """Sentences for the header: blobs whose witnesses' sums hardly deviate, and in how many examples."""
    counts: dict[str, dict[str, int]] = {}
    for label, columns in cells.items():
        for blob, number in columns.near_zero.items():
            counts.setdefault(blob, {})[label] = number
    told = [f"{blob} ({tell_counts(found)})" for blob, found in list(counts.items())[:MOST]]
    if len(counts) > MOST:
        told.append(f"and {len(counts) - MOST} more blobs")
    why = "there the last bits of the witnesses' sums decide what steering does"
    where = f"sigma is below {NEAR_ZERO:g} of the mean in {', '.join(told)}"
    return [f"{where}: {why} (rule arithmetic in {DOCS})"] if told else []


def tell_counts(found: Mapping[str, int]) -> str:
    """`62 examples in each of 6 environments`, or the first environments with their counts."""
    numbers = set(found.values())
    if len(numbers) == 1 and len(found) > 1:
        return f"{count_examples(numbers.pop())} in each of {len(found)} cells"
    told = [f"{count_examples(number)} in {label}" for label, number in list(found.items())[:MOST]]
    left = len(found) - MOST
    more = [f"and in {left} more cell{'' if left == 1 else 's'}"] if left > 0 else []
    return ", ".join([*told, *more])


def count_examples(number: int) -> str:
    """`1 example`, `2 examples`."""
    return f"{number} example{'' if number == 1 else 's'}"
