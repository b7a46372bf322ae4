"""Cells of past runs compared: which of them, against what, and the summary that says the result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import harness
from harness.core.errors import InputError
from harness.core.text import store_name
from harness.diff.locate import find_run
from harness.diff.runs import (
    PastCell,
    PastCells,
    find_cell,
    find_cells,
    find_named,
    read_cells,
    select_cells,
)
from harness.plan.identity import name_environment, read_identity
from harness.plan.register import Register
from harness.summary.document import PairSummary, Summary
from harness.verdict.judge import RunDescription, make_summary


@dataclass(frozen=True)
class CellSelection:
    """What to compare of the cells that there are: all against the reference, unless something is said.

    `globs` choose environments; `against` is held against all others; `pair` are two cells, the second held
    against the first.
    """

    globs: tuple[str, ...] = ()
    against: str | None = None
    pair: tuple[str, str] | None = None


def compare_runs(
    places: Sequence[str], reports: Path, register: Register, selection: CellSelection
) -> Summary:
    """Summary of cells that were run before.

    InputError for a place that is no run, damaged files, or a selection of nothing.
    """
    started = time.monotonic()
    folders = [find_run(place, reports) for place in places]
    sources, against = choose_cells(find_cells(folders), selection)
    past = mark_named(read_cells(sources), find_named(sources, selection.globs))
    models = list(dict.fromkeys(one.summary.cell.partition("/")[0] for one in past.results))
    reference = find_reference(sources, past, register)
    header = RunDescription(
        run=" ".join(dict.fromkeys(store_name(folder.resolve().name) for folder in folders)),
        harness=harness.__version__,
        model=", ".join(models),
        reference=against or reference,
        known=past.known,
        seconds=0.0,
        labels=past.labels,
        runs=group_runs(sources),
        environments=register.environments,
        must_occur=against is None or name_environment(against) == name_environment(reference),
    )
    expected = [entry for entry in register.expected if all(map(entry.is_about, models))]
    if against:
        check_baseline(past, against)
    summary = make_summary(header, past.results, expected)
    unknown = {one.summary.environment for one in past.results if one.execution is None}
    notes = (*note_namesakes(summary, unknown), *summary.notes)
    seconds = round(time.monotonic() - started, 3)
    told = {"reference": reference, "chosen": against is not None, "notes": notes, "seconds": seconds}
    return summary.model_copy(update=told)


def note_namesakes(summary: Summary, unknown: Collection[str]) -> list[str]:
    """Sentences for the header: which environments say the same in several runs, and which do not.

    Of cells whose execution is `unknown`, it is said that they may be copies.
    """
    pairs = [one for one in summary.agreement.pairs if are_namesakes(one)]
    other = [one for one in pairs if one.agreement.hits < one.agreement.of]
    names = dict.fromkeys(name_environment(one.first) for one in pairs)
    same = [name for name in names if all(name_environment(one.first) != name for one in other)]
    doubtful = {name_environment(one.first) for one in pairs if {one.first, one.second} <= set(unknown)}
    sure = [name for name in same if name not in doubtful]
    unsure = [name for name in same if name in doubtful]
    notes = [f"the same in every run: {', '.join(sure)}"] if sure else []
    notes += [f"the same in every run, if these are no copies: {', '.join(unsure)}"] if unsure else []
    return [*notes, *map(note_pair, other)]


def are_namesakes(pair: PairSummary) -> bool:
    """Whether two cells of several runs have one environment, varied alike."""
    first, second = read_identity(pair.first), read_identity(pair.second)
    is_same = (first.environment, first.variant) == (second.environment, second.variant)
    return is_same and first.run != second.run


def note_pair(pair: PairSummary) -> str:
    """That two cells do not say the same, and how to see in what."""
    differing = pair.agreement.of - pair.agreement.hits
    counts = f"{pair.first} and {pair.second} differ on {differing} of {pair.agreement.of} examples"
    return f"{counts} (--pair {pair.first} {pair.second})"


def choose_cells(sources: Sequence[PastCell], selection: CellSelection) -> tuple[list[PastCell], str | None]:
    """The cells that a selection names, and the label of the one that all are held against."""
    if selection.pair is None:
        chosen = select_cells(sources, selection.globs)
        against = selection.against and find_cell(chosen, selection.against).label
        return chosen, against
    if selection.globs or selection.against:
        raise InputError("--pair names all that is compared; leave out --environment and --against")
    first, second = (find_cell(sources, name) for name in selection.pair)
    if first is second:
        raise InputError(f"--pair: {first.label} is both; name two cells")
    return [first, second], first.label


def group_runs(sources: Sequence[PastCell]) -> dict[str, list[str]]:
    """Labels of the cells of every run, by the run's name; none where there is but one run."""
    runs: dict[Path, list[str]] = {}
    for one in sources:
        runs.setdefault(one.run.resolve(), []).append(one.label)
    often = Counter(run.name for run in runs)
    names = {run: run.name if often[run.name] == 1 else str(run) for run in runs}
    return {store_name(names[run]): labels for run, labels in runs.items()} if len(runs) > 1 else {}


def mark_named(past: PastCells, labels: Collection[str]) -> PastCells:
    """The same, with these cells known to have been asked for by name."""
    results = [
        replace(one, summary=one.summary.model_copy(update={"named": one.summary.environment in labels}))
        for one in past.results
    ]
    return replace(past, results=tuple(results))


def check_baseline(past: PastCells, label: str) -> None:
    """InputError where the cell that all others are to be held against has no records."""
    cell = next(one for one in past.results if one.summary.environment == label)
    if cell.columns is None:
        raise InputError(f"{label}: is {cell.summary.status}, so nothing can be held against it")


def find_reference(sources: Sequence[PastCell], past: PastCells, register: Register) -> str:
    """Label of the runs' reference, the first where there are several; its name where it is not there."""
    name = past.reference or register.reference
    cells = zip(sources, past.results, strict=True)
    named = [source.label for source, one in cells if source.id == name and one.columns is not None]
    return named[0] if named else name
