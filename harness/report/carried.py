"""Causes that runs have already, taken along where their cells are compared anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.core.errors import InputError
from harness.diff.cells import recognise_execution
from harness.diff.runs import PastCell, find_cells
from harness.explain.causes import Explanation
from harness.explain.explain import list_current
from harness.explain.groups import summarise_causes
from harness.report.explained import add_causes
from harness.summary.causes import CausesSummary, Waterfall
from harness.summary.document import DivergenceSummary, Summary
from harness.summary.reading import read_summary


@dataclass(frozen=True)
class Carried:
    """What one run has of a comparison's causes: explanations, waterfalls, and what it took to find them."""

    explanations: list[Explanation]
    waterfalls: list[Waterfall]
    executions: int


def carry_causes(summary: Summary, runs: Sequence[Path]) -> Summary:
    """A comparison with what its runs' `causes.jsonl` say of the same executions and the same tuples.

    The comparison as it is where they say nothing; with a note for a file that cannot be read.
    """
    found: list[Carried] = []
    for run, cells in list_runs(summary, runs):
        try:
            found.append(carry_run(summary, run, cells))
        except InputError as error:
            note = f"causes that are there already are not shown: {error}"
            summary = summary.model_copy(update={"notes": (*summary.notes, note)})
    explanations = [one for run in found for one in run.explanations]
    if not explanations:
        return summary
    waterfalls = [one for run in found for one in run.waterfalls]
    told = summarise_causes(explanations, sum(run.executions for run in found), waterfalls)
    return add_causes(summary, CausesSummary.model_validate(told), explanations)


def list_runs(summary: Summary, runs: Sequence[Path]) -> Iterator[tuple[Path, dict[str, PastCell]]]:
    """Every run's folder, with those of its cells that are compared, by their ids within it."""
    labels = {cell.environment for cell in summary.cells if cell.status == "done"}
    by_run: dict[Path, dict[str, PastCell]] = {}
    for one in find_cells(runs):
        if one.label in labels:
            by_run.setdefault(one.run, {})[one.id] = one
    yield from by_run.items()


def carry_run(summary: Summary, run: Path, cells: Mapping[str, PastCell]) -> Carried:
    """What one run knows of divergences from the comparison's baseline."""
    known = {cell.environment: cell.execution for cell in summary.cells}
    executions = {
        name: known[one.label] or (recognise_execution(one.folder) if one.folder else None)
        for name, one in cells.items()
    }
    labels = {name: one.label for name, one in cells.items()}
    divergences = {one.example: one for one in summary.divergences}
    explanations = [
        relabelled
        for one in list_current(run, executions)
        for relabelled in [relabel(one, labels)]
        if summary.baseline in relabelled.cells and is_same(relabelled, divergences.get(one.example))
    ]
    if not explanations:
        return Carried([], [], 0)
    pairs = {one.cells for one in explanations}
    waterfalls, count = recall_waterfalls(run, labels, executions)
    return Carried(explanations, [one for one in waterfalls if one.cells in pairs], count)


def relabel(one: Explanation, labels: Mapping[str, str]) -> Explanation:
    """An explanation of cells as the comparison calls them."""
    first, second = one.cells
    return msgspec.structs.replace(one, cells=(labels[first], labels[second]))


def is_same(one: Explanation, divergence: DivergenceSummary | None) -> bool:
    """Whether both cells still have the tuples that were explained."""
    if divergence is None:
        return False
    return tuple(divergence.tuples.get(name) for name in one.cells) == one.tuples


def recall_waterfalls(
    run: Path, labels: Mapping[str, str], executions: Mapping[str, str | None]
) -> tuple[list[Waterfall], int]:
    """A run's waterfalls of cells that are what they were, and what its causes took; none without any."""
    try:
        before = read_summary(run)
    except InputError:  # its causes are in a file of their own
        return [], 0
    if before.causes is None:
        return [], 0
    same = {
        cell.environment
        for cell in before.cells
        if cell.execution is not None and cell.execution == executions.get(cell.environment)
    }
    waterfalls = [
        one.model_copy(update={"cells": tuple(labels[name] for name in one.cells)})
        for one in before.causes.waterfalls
        if set(one.cells) <= same
    ]
    return waterfalls, before.causes.executions
