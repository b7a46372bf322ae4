"""What is said of executions: copies, which say nothing of their own, and environments run several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.diff.copies import Copies
from harness.diff.noise import Noise
from harness.summary.document import CellSummary


def note_copies(copies: Copies) -> list[str]:
    """Sentences for the header: which cells are copies, and which were but have been changed since."""
    told = ", ".join(f"{copy} (copy of {original})" for copy, original in copies.originals.items())
    notes = [f"not compared, since one execution agrees with itself: {told}"] if told else []
    return notes + [
        f"{one} and {other} are of one execution, but hold other records: one of them was changed"
        for one, other in copies.changed.items()
    ]


def count_copies(cells: Sequence[CellSummary]) -> list[str]:
    """A part of the verdict: how many cells say nothing of their own."""
    copies = sum(cell.copy_of is not None for cell in cells)
    return [f"{copies} {'cell is a copy' if copies == 1 else 'cells are copies'} and not compared"] * bool(
        copies
    )


def note_noise(noise: Noise, labels: Sequence[str], examples: int) -> list[str]:
    """Sentences for the header: which environments agree with themselves, and which do not."""
    notes = []
    for name, members, count in zip(noise.names, noise.members, count_noise(noise), strict=True):
        verb, where = ("disagrees", f"{count} of") if count else ("agrees", "all")
        executions = ", ".join(labels[place] for place in members)
        notes.append(f"{name} {verb} with itself in {where} {examples} examples ({executions})")
    return notes if examples else []


def judge_noise(noise: Noise, examples: int) -> list[str]:
    """Parts of the verdict: environments that are not deterministic."""
    counts = zip(noise.names, count_noise(noise), strict=True)
    return [f"{name} disagrees with itself in {count} of {examples}" for name, count in counts if count]


def count_noise(noise: Noise) -> list[int]:
    """In how many examples each environment disagrees with itself."""
    return [int(count) for count in np.count_nonzero(noise.disagrees, axis=0)]


def list_uncompared(runs: Mapping[str, Sequence[str]], cells: Sequence[CellSummary]) -> list[str]:
    """Troubles: runs of which nothing was compared, since all they have are copies."""
    done = {cell.environment: cell.copy_of for cell in cells if cell.status == "done"}
    troubles = []
    for run, labels in runs.items():
        there = [label for label in labels if label in done]
        if there and all(done[label] for label in there):
            troubles.append(f"{run} holds nothing but copies of other cells, so nothing of it was compared")
    return troubles


def explain_noise(
    noise: Noise, disagrees: Sequence[bool], departing: Sequence[int], baseline: int
) -> dict[int, str]:
    """Why cells depart on one example, by their places: their own environment or the baseline's is noisy."""
    causes: dict[int, str] = {}
    for name, members, noisy in zip(noise.names, noise.members, disagrees, strict=True):
        if not noisy:
            continue
        if baseline in members:
            causes = dict.fromkeys(departing, f"the baseline disagrees with itself ({name})") | causes
        causes |= {place: f"{name} disagrees with itself" for place in departing if place in members}
    return causes
