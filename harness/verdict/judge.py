"""The verdict on a run: its cells joined, their divergences held against the register, in one summary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.diff.cells import CellResult
from harness.diff.copies import find_copies
from harness.diff.divergences import CHANGES, Divergences, find_divergences, find_smallest
from harness.diff.fingerprints import compare_cells
from harness.diff.noise import Noise, find_noise
from harness.diff.tuples import Incomparable, Join, join_columns
from harness.plan.identity import name_environment
from harness.plan.register import Expected
from harness.records.record import Stage
from harness.summary.document import (
    EXIT_CODES,
    CellSummary,
    ControlSummary,
    DivergenceSummary,
    IncomparableSummary,
    Outcome,
    RatesSummary,
    Summary,
)
from harness.system.numbers import PLURALS, count, show_parameter
from harness.verdict.examples import Listing, describe_agreeing, describe_controls, name_labels
from harness.verdict.executions import count_copies, judge_noise, list_uncompared, note_copies, note_noise
from harness.verdict.expectation import Expectation, apply_register
from harness.verdict.near_zero import note_near_zero
from harness.verdict.registered import list_problems, list_remarks
from harness.verdict.statistics import drop_selected, measure_agreement, measure_cells

# Differences for the header.
NOTED = ("model", "detector", "network", "weights", "witnesses of", "preprocess", "examples", ".npy")


@dataclass(frozen=True)
class RunDescription:
    """What a run is called and was made of.

    `known` gives the ids that an environment must have records of, where that is known; `must_compare` says
    whether one cell alone is a failure, `must_occur` whether what the register expects has to occur; `asked`
    names cells of which one has to run; `refused` counts files that were given and are no examples; `labels`
    names classes; `runs` has the cells of every run of several, by its name; `environments` names all that
    there are.
    """

    run: str
    harness: str
    model: str
    reference: str
    known: Mapping[str, Sequence[str]]
    seconds: float
    must_compare: bool = True
    must_occur: bool = True
    notes: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    refused: int = 0
    labels: Mapping[int, str] = field(default_factory=dict)
    runs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    environments: tuple[str, ...] = ()


def make_summary(
    header: RunDescription, results: Sequence[CellResult], expected: Sequence[Expected]
) -> Summary:
    """Measure and join the done cells, judge their divergences by the register, and give the verdict."""
    done = {one.summary.environment: one.columns for one in results if one.columns is not None}
    executions = {one.summary.environment: one.execution for one in results}
    copies = find_copies(executions, done, header.reference)
    compared = {name: columns for name, columns in done.items() if name not in copies.originals}
    join = join_columns(compared, {name: header.known[name] for name in compared if name in header.known})
    found, smallest = find_divergences(join, header.reference), find_smallest(join)
    noise = find_noise(join, found.rows)
    whole = header.must_occur and header.reference in join.environments and len(join.environments) > 1
    expectation = apply_register(join, found, expected, whole=whole)
    rates = measure_cells(done)
    baseline = find_baseline(join, found.baseline, results)
    controls = describe_controls(join, found)
    cells = tuple(
        describe_cell(one, baseline, rates.get(one.summary.environment), copies.originals, controls)
        for one in results
    )
    problems = tuple(list_problems(join, header.reference, expectation, whole=whole))
    remarks = list_remarks(header.environments, cells, join, expectation, whole=whole)
    outcome, verdict = give_verdict(header, cells, join, expectation, problems, noise)
    summary = Summary(
        run=header.run,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        harness=header.harness,
        model=header.model,
        reference=header.reference,
        baseline=baseline.summary.environment if baseline else None,
        examples=len(join.examples) + len({one.example for one in join.incomparable}),
        cells=cells,
        compared=len(join.examples),
        divergences=(),
        agreeing=describe_agreeing(join, found, smallest),
        agreement=measure_agreement(join),
        labels=name_labels(join.tuples[found.rows], header.labels),
        incomparable=tuple(summarise_incomparable(one) for one in join.incomparable),
        register_problems=problems,
        notes=(
            *note_copies(copies),
            *note_noise(noise, join.environments, len(join.examples)),
            *note_differences(cells, baseline),
            *note_origins(cells, found),
            *note_unsaid(results),
            *note_near_zero(done),
            *remarks,
            *header.notes,
        ),
        seconds=round(header.seconds, 3),
        exit_code=EXIT_CODES[outcome],
        outcome=outcome,
        verdict=verdict,
    )
    return summary.model_copy(update={"divergences": Listing(join, found, smallest, expectation, noise)})


def find_baseline(join: Join, place: int, results: Sequence[CellResult]) -> CellResult | None:
    """The cell that others' tuples and surroundings are held against; None where none is done."""
    name = join.environments[place] if join.environments else None
    return next((one for one in results if one.summary.environment == name), None)


def describe_cell(
    result: CellResult,
    baseline: CellResult | None,
    rates: RatesSummary | None,
    originals: Mapping[str, str],
    controls: Mapping[str, Mapping[Stage, ControlSummary]],
) -> CellSummary:
    """A cell with its rates, whether it is a copy, and in what its surroundings are not the baseline's."""
    is_other = baseline is not None and result is not baseline and result.columns is not None
    differences = compare_cells(baseline.cell, result.cell) if baseline and is_other else ()
    told = drop_selected(rates) if rates and result.summary.selection else rates
    name = result.summary.environment
    more = {"copy_of": originals.get(name), "controls": controls.get(name, {})}
    return result.summary.model_copy(update={"rates": told, "differences": differences, **more})


def summarise_incomparable(one: Incomparable) -> IncomparableSummary:
    """The same, as part of the document."""
    return IncomparableSummary(example=one.example, environment=one.environment, reason=one.reason)


def is_expected(divergence: DivergenceSummary) -> bool:
    """Whether the register expects every departure of an example."""
    return all(reason is not None for reason in divergence.expected.values())


def give_verdict(
    header: RunDescription,
    cells: Sequence[CellSummary],
    join: Join,
    expectation: Expectation,
    problems: Sequence[str],
    noise: Noise,
) -> tuple[Outcome, str]:
    """The outcome and the sentence that says why; what could not run weighs most."""
    away = [cell.environment for cell in cells if cell.status == "unavailable" and not cell.named]
    unexpected = expectation.count_unexpected()
    troubles = list_troubles(header, cells, join)
    wrong = [f"{count(len(problems), 'problem')} with the register"] if problems else []
    told = [describe_agreement(join, len(expectation.departs), unexpected)]
    told += judge_noise(noise, len(join.examples))
    parts = [*troubles, *(told + wrong if troubles or unexpected else wrong + told)]
    parts.extend(count_copies(cells))
    parts.extend([f"unavailable: {', '.join(away)}"] if away else [])
    verdict = "; ".join(part for part in parts if part)
    if troubles:
        return "could not run", verdict
    return choose_outcome(join, expectation, bool(problems)), verdict


def choose_outcome(join: Join, expectation: Expectation, has_problems: bool) -> Outcome:
    """The outcome of a run that nothing keeps from being judged."""
    if expectation.count_unexpected():
        return "diverged"
    if has_problems:
        return "not as expected"
    if len(expectation.departs):
        return "expected"
    return "same" if len(join.environments) > 1 else "done"


def list_troubles(header: RunDescription, cells: Sequence[CellSummary], join: Join) -> list[str]:
    """Everything that keeps a run from being judged."""
    failed = [cell.environment for cell in cells if cell.status == "failed"]
    troubles = [f"{', '.join(failed)} failed"] if failed else []
    troubles.extend(list_missed(cells))
    status = {cell.environment: cell.status for cell in cells}
    if header.asked and all(status[name] == "unavailable" for name in header.asked):
        troubles.append("none of the containers that were asked for could run")
    if header.refused:
        troubles.append(f"{count(header.refused, 'file')} refused")
    lost = len({one.example for one in join.incomparable})
    if lost:
        troubles.append(f"{lost} of {count(lost + len(join.examples), 'example')} could not be compared")
    done, copies = len(join.environments), sum(cell.copy_of is not None for cell in cells)
    if done == 1 and copies:
        others = "the other cell is a copy" if copies == 1 else "all other cells are copies"
        troubles.append(f"{others} of {join.environments[0]}, so nothing was compared")
    elif done == 0 or (done == 1 and header.must_compare):
        troubles.append(f"{done or 'no'} cell has records, so nothing was compared")
    elif not len(join.examples) and not lost:
        troubles.append("there are no examples")
    return troubles if done < 2 else [*troubles, *list_uncompared(header.runs, cells)]


def list_missed(cells: Sequence[CellSummary]) -> list[str]:
    """Cells that were asked for by their very names and cannot run here, those of one reason together."""
    missed: dict[str, list[str]] = {}
    for cell in cells:
        if cell.named and cell.status == "unavailable":
            missed.setdefault(cell.reason or "no reason is known", []).append(cell.environment)
    return [f"{join_names(names)} asked for by name, but unavailable: {why}" for why, names in missed.items()]


def describe_agreement(join: Join, diverging: int, unexpected: int) -> str:
    """How many examples come out the same; empty where nothing was compared."""
    examples, environments = len(join.examples), len(join.environments)
    if environments < 2 or not examples:
        return f"{count(examples, 'example')} in one environment" if examples else ""
    places = name_places(join)
    if not diverging:
        return f"all {count(examples, 'example')} hold one tuple each in {places}"
    known = diverging - unexpected
    which = "all" if not unexpected else known
    more = f", {which} of them as expected" if known else ""
    verb = "diverges" if diverging == 1 else "diverge"
    return f"{diverging} of {count(examples, 'example')} {verb} among {places}{more}"


def name_places(join: Join) -> str:
    """`3 environments`, or `6 cells of 3 environments` where some have several."""
    cells, names = len(join.environments), set(map(name_environment, join.environments))
    environments = count(len(names), "environment")
    return environments if cells == len(names) else f"{cells} cells of {environments}"


def note_differences(cells: Sequence[CellSummary], baseline: CellResult | None) -> list[str]:
    """Sentences for the header: which cells have another port, parameters or model than the baseline."""
    if baseline is None:
        return []
    first = baseline.summary
    names: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        for verb, here, there in list_notable(cell, first):
            names.setdefault((verb, here, there), []).append(cell.environment)
    return [
        f"{join_names(found)} {PLURALS[verb] if found[1:] else verb} {here}, {first.environment} {there}"
        for (verb, here, there), found in names.items()
    ]


def list_notable(cell: CellSummary, first: CellSummary) -> Iterator[tuple[str, str, str]]:
    """Verb, what is so here, and what is so in the baseline's cell."""
    if cell.port != first.port:
        yield "runs", f"port {cell.port}", first.port
    if cell.parameters != first.parameters:
        yield "has", name_parameters(cell), name_parameters(first)
    for one in cell.differences:
        if one.what.startswith(NOTED):
            yield "has", f"{one.what} {one.here}", str(one.baseline)


def note_origins(cells: Sequence[CellSummary], found: Divergences) -> list[str]:
    """Sentences for the header: records that were imported, and names that cannot mean the same images."""
    notes = [f"{cell.environment} {cell.origin}" for cell in cells if cell.origin]
    others = int(np.count_nonzero(found.changes[:, :, CHANGES.index("gold")].any(axis=1)))
    if others:
        notes.append(
            f"Gold differs in {count(others, 'example')}: other labels, or other images of that name"
        )
    return notes


def note_unsaid(results: Sequence[CellResult]) -> list[str]:
    """Sentences for the header: cells that do not say of what files their records were made."""
    silent = [
        one.summary.environment
        for one in results
        if one.columns is not None and not one.summary.origin and not one.columns.hashes[:, 0].all()
    ]
    words = "do not say which file every record was made from; its id is believed"
    return [f"records of {join_names(silent)} {words}"] if silent else []


def join_names(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])


def name_parameters(cell: CellSummary) -> str:
    """`alpha 100, beta 60, epsilon 1.15`."""
    shown = [f"{name} {show_parameter(value)}" for name, value in cell.parameters.items()]
    return ", ".join(shown) or "no known parameters"
