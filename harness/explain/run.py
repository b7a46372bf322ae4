"""A run that exists, read for explaining: which cells diverge on which examples, and what they said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness.core.errors import InputError
from harness.diff.divergences import find_divergences
from harness.diff.runs import PastCell, PastCells, find_cell, find_cells, read_cells
from harness.diff.tuples import Join, join_columns
from harness.explain.counterfactual import Side
from harness.explain.pair import Pair
from harness.plan.environments import Environment
from harness.records.cell import read_cell
from harness.records.record import read_whole_records
from harness.system.invocation import name_place, write_command

MOST_COMPARED = 400  # examples of which the answers are compared, where all tuples are the same
MOST_AGREEING = 12  # examples on which two cells agree, to check changes on


@dataclass(frozen=True)
class Wish:
    """What is to be explained: all divergences, or those of some examples (ids or globs), or of one pair.

    With `stages` pairs that agree on all of these are looked at, too.
    """

    examples: tuple[str, ...] = ()
    cells: tuple[str, str] | None = None
    stages: bool = False


@dataclass(frozen=True)
class PastRun:
    """A run's folder, its done cells by label, their join, and the names of its classes."""

    folder: Path
    sources: Mapping[str, PastCell]
    past: PastCells
    join: Join
    reference: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all classes; none where some are not known."""
        known = self.past.labels
        return (
            tuple(known[number] for number in range(len(known)))
            if set(known) == set(range(len(known)))
            else ()
        )


def read_past_run(folder: Path, least: int = 2) -> PastRun:
    """A run with what its cells said; InputError where fewer than so many of them are done."""
    sources = find_cells([folder])
    past = read_cells(sources)
    columns = {one.summary.environment: one.columns for one in past.results if one.columns is not None}
    if len(columns) < least:
        why = "two can diverge, so run it with more" if least > 1 else "run it again"
        raise InputError(f"{folder}: has {len(columns)} cell that is done; {why}")
    known = {name: past.known[name] for name in columns if name in past.known}
    join = join_columns(columns, known)
    found = find_divergences(join, past.reference)
    reference = join.environments[found.baseline]
    return PastRun(folder, {one.label: one for one in sources}, past, join, reference)


def list_pairs(run: PastRun, wish: Wish) -> list[tuple[str, str, list[str], list[str]]]:
    """Labels of two cells, and the examples on which they diverge, and agree.

    InputError for a wish that no divergence answers.
    """
    join, wanted = run.join, choose_examples(run, wish)
    pairs = []
    for first, second in choose_cells(run, wish):
        tuples = join.tuples[:, [join.environments.index(first), join.environments.index(second)]]
        differs = (tuples[:, 0] != tuples[:, 1]).any(axis=1)
        diverging = [str(one) for one in join.examples[differs & wanted]]
        agreeing = join.examples[~differs]
        step = max(1, -(-len(agreeing) // MOST_AGREEING))
        if wish.stages and not diverging:
            agreeing = join.examples[wanted]  # what differs most is looked at
            step = max(1, -(-len(agreeing) // MOST_COMPARED))
        if diverging or wish.stages:
            pairs.append((first, second, diverging, [str(one) for one in agreeing[::step]]))
    if not pairs:
        refuse_wish(run, wish)
    return pairs


def list_sound(run: PastRun, environments: Mapping[str, Environment]) -> list[Side]:
    """Cells that agree with the reference on every example, with their first records."""
    join = run.join
    truth = join.tuples[:, join.environments.index(run.reference)]
    examples = [str(one) for one in join.examples[:MOST_AGREEING]]
    found = []
    for place, name in enumerate(join.environments):
        if name != run.reference and (join.tuples[:, place] == truth).all():
            with suppress(InputError):  # an environment that is not here any more calibrates nothing
                found.append(read_side(run, name, examples, environments))
    return found


def choose_cells(run: PastRun, wish: Wish) -> list[tuple[str, str]]:
    """The baseline with every other cell, or the two that are named."""
    names = run.join.environments
    if wish.cells is None:
        return [(run.reference, name) for name in names if name != run.reference]
    labels = [find_cell(list(run.sources.values()), name).label for name in wish.cells]
    for label in labels:
        if label not in names:
            raise InputError(f"--cells: {label} has no records; there are {', '.join(names)}")
    if labels[0] == labels[1]:
        raise InputError(f"--cells: {labels[0]} is both; name two cells")
    first = run.reference if run.reference in labels else min(labels)
    return [(first, labels[1] if labels[0] == first else labels[0])]


def choose_examples(run: PastRun, wish: Wish) -> np.ndarray:
    """Which of the joined examples are wanted (n,); InputError for a name that none has."""
    wanted = np.zeros(len(run.join.examples), dtype=bool)
    for glob in wish.examples:
        found = np.array([name == glob or fnmatchcase(name, glob) for name in run.join.examples], dtype=bool)
        if not found.any():
            raise InputError(f"--example {glob}: {explain_absence(run, glob)}")
        wanted |= found
    return wanted if wish.examples else ~wanted


def explain_absence(run: PastRun, glob: str) -> str:
    """Why an example is not compared."""
    found = next((one for one in run.join.incomparable if one.example == glob), None)
    if found is not None:
        return f"cannot be compared: in {found.environment} it {found.reason}"
    return f"names none of the run's {len(run.join.examples)} examples"


def refuse_wish(run: PastRun, wish: Wish) -> None:
    """InputError for examples that do not diverge."""
    cells = " and ".join(wish.cells) if wish.cells else "all cells"
    if wish.examples:
        raise InputError(
            f"--example {', '.join(wish.examples)}: {cells} agree on it; there is nothing to explain"
        )
    raise InputError(
        f"{run.folder}: {cells} agree on all {len(run.join.examples)} examples; nothing diverges"
    )


def read_pair(
    run: PastRun,
    names: tuple[str, str],
    diverging: Sequence[str],
    agreeing: Sequence[str],
    environments: Mapping[str, Environment],
) -> Pair:
    """Two cells with their records of these examples."""
    first, second = (read_side(run, name, [*diverging, *agreeing], environments) for name in names)

    def show(example: str) -> str:
        cells = ("--cells", *names) if len(run.join.environments) > 2 else ()
        return write_command("explain", name_place(run.folder), "--example", example, *cells)

    return Pair(first, second, list(diverging), list(agreeing), show, labels=run.labels)


def read_side(
    run: PastRun, label: str, examples: Sequence[str], environments: Mapping[str, Environment]
) -> Side:
    """One cell; InputError where its environment is not here, or not what it was."""
    source = run.sources[label]
    assert source.folder is not None  # it has records
    cell = read_cell(source.folder)
    job = cell.get("job")
    if cell.get("origin") or not isinstance(job, dict) or not isinstance(job.get("settings"), dict):
        raise InputError(
            f"{label}: is of a log, or of another version; only a cell that ran can be run again"
        )
    environment = find_environment(label, source.environment, environments)
    check_environment(label, job, environment)
    told = next(one for one in run.past.results if one.summary.environment == label)
    records = {
        name: msgspec.to_builtins(record)
        for name, record in read_whole_records(source.folder, set(examples)).items()
    }
    return Side(label, environment, job, records, cell, told.execution)


def find_environment(label: str, name: str, environments: Mapping[str, Environment]) -> Environment:
    """The environment that a cell ran in."""
    if name not in environments:
        raise InputError(
            f"{label}: there is no environments/{name}.toml here; copy it from where the run was made"
        )
    return environments[name]


def check_environment(label: str, job: Mapping[str, Any], environment: Environment) -> None:
    """InputError where an environment's file says other than the cell's job."""
    said = {
        "backend": environment.backend,
        "decoder": environment.decoder,
        "batch_size": environment.batch_size,
        **{f"settings.{name}": value for name, value in environment.settings.model_dump().items()},
    }
    was = {**job, **{f"settings.{name}": value for name, value in job["settings"].items()}}
    for key, value in said.items():
        if key in was and was[key] != value:
            raise InputError(
                f"{label}: environments/{environment.name}.toml has {key} = {value!r}, the run had"
                f" {was[key]!r}; put it back, or run again"
            )
