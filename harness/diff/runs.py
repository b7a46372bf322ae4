"""Runs that were made before, here or elsewhere: which cells they have, and those that are to be compared."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.documents import refuse_links
from harness.core.errors import InputError
from harness.core.limits import MAX_CELLS
from harness.core.text import store_name
from harness.diff.cells import CellResult, check_cell, describe_job, name_job, read_past
from harness.diff.locate import LATEST, match_names
from harness.plan.identity import RUN, name_environment
from harness.records.cell import CellJob, read_cell
from harness.records.run import RunCell, RunFile, read_run
from harness.summary.reading import read_summary
from harness.system.documents import read_names


@dataclass(frozen=True)
class PastCell:
    """A cell that can be compared: its label among all cells, its id within its run, and where it is.

    `folder` is None where the cell left nothing; `listed` is what its run's file says of it.
    """

    label: str
    id: str
    run: Path
    folder: Path | None
    told: RunFile | None
    listed: RunCell | None

    @property
    def environment(self) -> str:
        """The environment's name."""
        return name_environment(self.id)


@dataclass(frozen=True)
class PastCells:
    """Cells of past runs, the ids that each of them must have, and the names of classes."""

    results: tuple[CellResult, ...]
    known: Mapping[str, Sequence[str]]
    labels: Mapping[int, str]
    reference: str | None


def find_cells(folders: Sequence[Path]) -> list[PastCell]:
    """All cells of some runs, or of single cells' folders; InputError where there is none, or one twice.

    Where several runs have one environment, the labels of its cells have their runs' names added.
    """
    found = [one for folder in folders for one in list_cells(folder)]
    places = Counter(one.folder.resolve() for one in found if one.folder)
    doubled = [place for place, times in places.items() if times > 1]
    if doubled:
        raise InputError(f"{doubled[0]}: is given twice; name every run once")
    return [replace(one, label=store_name(label_cell(one, found))) for one in found]


def list_cells(folder: Path) -> list[PastCell]:
    """Cells of one run, or the one that the folder itself is; InputError where there is none."""
    if (folder / "cell.json").is_file():
        path = folder.resolve()
        run = path.parents[1] if path.parent.name == "cells" else path.parent
        return [take_past_cell(run, name_cell(path), folder, read_run(run))]
    told = read_run(folder)
    names = [path.parent.name for path in sorted(folder.glob("cells/*/cell.json"))]
    if len(names) > MAX_CELLS:
        raise InputError(f"{folder / 'cells'}: has {len(names)} folders; a run has {MAX_CELLS} cells at most")
    for name in names:
        refuse_links(folder / "cells" / name, folder)
    listed = [one.name() for one in told.cells] if told else []
    ordered = list(dict.fromkeys([*listed, *names]))
    if not ordered:
        raise InputError(f"{folder}: holds no cells; name the folder of a run")
    return [
        take_past_cell(folder, name, folder / "cells" / name if name in names else None, told)
        for name in ordered
    ]


def name_cell(folder: Path) -> str:
    """Id of a cell, as its job tells; its folder's name where that does not."""
    job = check_cell(folder, read_cell(folder)).job
    return (job and name_job(job)) or folder.name


def take_past_cell(run: Path, name: str, folder: Path | None, told: RunFile | None) -> PastCell:
    """One cell, not labelled yet."""
    listed = next((one for one in told.cells if one.name() == name), None) if told else None
    return PastCell(store_name(name), store_name(name), run, folder, told, listed)


def label_cell(source: PastCell, others: Sequence[PastCell]) -> str:
    """Its id alone, or `ID@RUN` with as much of the run's path as tells it from others."""
    rivals = [one for one in others if one.environment == source.environment]
    places = {locate_cell(one, rivals) for one in rivals}
    if len(places) == 1:
        return source.id
    parts = locate_cell(source, rivals)
    for depth in range(1, len(parts) + 1):
        if sum(place[-depth:] == parts[-depth:] for place in places) == 1:
            return f"{source.id}@{'/'.join(parts[-depth:])}"
    return f"{source.id}@{Path(*parts)}"


def locate_cell(source: PastCell, rivals: Sequence[PastCell]) -> tuple[str, ...]:
    """The path that tells a cell from its rivals: its run's, or its own where that has two of its id."""
    run = source.run.resolve()
    twins = [one for one in rivals if one.id == source.id and one.run.resolve() == run]
    return source.folder.resolve().parts if source.folder and twins[1:] else run.parts


def select_cells(sources: Sequence[PastCell], globs: Sequence[str]) -> list[PastCell]:
    """The cells that a glob names, all without globs; InputError for one in vain."""
    for glob in globs:
        if not any(is_named(source, glob) for source in sources):
            raise InputError(f"--environment {glob}: names none of {list_labels(sources)}")
    return [one for one in sources if not globs or any(is_named(one, glob) for glob in globs)]


def is_named(source: PastCell, glob: str) -> bool:
    """Whether a glob names a cell, by its environment, its id or its label."""
    return any(fnmatchcase(name, glob) for name in (source.environment, source.id, source.label))


def find_named(sources: Sequence[PastCell], globs: Sequence[str]) -> set[str]:
    """Labels of the cells that are named outright: who does so wants these to be compared."""
    return {one.label for one in sources if {one.environment, one.id, one.label} & set(globs)}


def list_labels(sources: Sequence[PastCell]) -> str:
    """Labels for a message."""
    return ", ".join(one.label for one in sources)


def find_cell(sources: Sequence[PastCell], name: str) -> PastCell:
    """The one cell of this label or id, or ID@ with its run's beginning; InputError unless there is one."""
    named = (
        [one for one in sources if one.label == name]
        or [one for one in sources if one.id == name]
        or [one for one in sources if is_of_run(one, name, sources)]
    )
    if not named:
        raise InputError(f"{name}: is none of the cells; there are {list_labels(sources)}")
    if len(named) > 1:
        raise InputError(f"{name}: is more than one cell; say {' or '.join(one.label for one in named)}")
    return named[0]


def is_of_run(source: PastCell, name: str, sources: Sequence[PastCell]) -> bool:
    """Whether a cell is `ID@RUN` with the beginning of a run's id, or with `latest` of those there are."""
    wanted, _, run = name.partition(RUN)
    names = [one.run.resolve().name for one in sources]
    beginning = max(names) if run == LATEST else run
    return wanted == source.id and source.run.resolve().name in match_names(names, beginning)


def read_cells(sources: Sequence[PastCell]) -> PastCells:
    """Everything that a comparison of these cells needs; InputError where files are missing or damaged."""
    told = [one.told for one in sources if one.told]
    return PastCells(
        results=tuple(map(read_past_cell, sources)),
        known={one.label: one.told.examples.ids for one in sources if one.told},
        labels=merge_labels(read_labels(run) for run in dict.fromkeys(one.run for one in sources)),
        reference=told[0].reference if told else None,
    )


def read_past_cell(source: PastCell) -> CellResult:
    """One cell; one that its run could not run is what the run's file says of it."""
    if source.folder is not None:
        return read_past(source.label, source.folder)
    listed = source.listed
    if listed is None or listed.status == "done":
        raise InputError(
            f"{source.run / 'cells' / source.id}: is missing, though run.json lists it as done;"
            " copy the run anew, or leave the cell out with --environment"
        )
    return CellResult(describe_job(source.label, listed.job or CellJob(), listed.status, listed.reason))


def read_labels(run: Path) -> Mapping[int, str]:
    """Names of a run's classes: all of them, or those in its summary, or none where it has neither."""
    path = run / "labels.txt"
    if os.path.lexists(path):
        return dict(enumerate(read_names(path, within=run)))
    try:
        return read_summary(run).labels
    except InputError:
        return {}


def merge_labels(lists: Iterator[Mapping[int, str]]) -> Mapping[int, str]:
    """Names that no list contradicts."""
    merged: dict[int, str] = {}
    doubtful: set[int] = set()
    for names in lists:
        doubtful.update(number for number, name in names.items() if merged.get(number, name) != name)
        merged.update(names)
    return {number: name for number, name in merged.items() if number not in doubtful}
