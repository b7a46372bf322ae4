"""An explanation from what is asked for to what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.core.errors import InputError
from harness.diff.locate import find_run
from harness.diff.runs import find_cell
from harness.explain.cells import open_answers
from harness.explain.explain import Progress, explain_pairs, list_current
from harness.explain.foreign import FOREIGN, read_foreign
from harness.explain.groups import summarise_causes
from harness.explain.pair import Pair
from harness.explain.run import PastRun, Wish, list_pairs, list_sound, read_pair, read_past_run
from harness.explain.sound import describe_reference, list_calibrations
from harness.explain.stages import Parting, find_partings
from harness.explain.waterfall import MOST_SECONDS, draw_waterfalls
from harness.matrix.campaign import open_workspace
from harness.plan.environments import read_environments
from harness.report.explained import write_explained
from harness.report.explaining import ExplainScreen, open_screen
from harness.summary.causes import CausesSummary, Waterfall
from harness.summary.document import Summary
from harness.summary.reading import read_summary
from harness.system.consoles import open_errors


@dataclass(frozen=True)
class Order:
    """What is asked for on the command line; `reports` is where runs' folders are.

    `waterfall` is None where only those are wanted that are soon made.
    """

    run: str
    examples: tuple[str, ...]
    cells: tuple[str, str] | None
    ca_bundle: Path | None
    reports: Path
    waterfall: bool | None = None
    trace: Path | None = None
    cell: str | None = None
    stages: bool = False

    @property
    def most_seconds(self) -> float:
        """How long a pair's waterfalls may take; examples that are asked for by name have none."""
        if self.waterfall is None:
            return 0.0 if self.examples else MOST_SECONDS
        return math.inf if self.waterfall else 0.0


def explain_run(order: Order, root: Path, screen: ExplainScreen) -> tuple[dict[str, Any], Path]:
    """Explain a run's divergences; the summary's part on them, and the run's folder.

    InputError where a run, its model or its environments are not here; what was explained before is kept.
    """
    folder = find_run(order.run, order.reports)
    if order.cell is not None and order.trace is None:
        raise InputError("--cell: goes with --trace; name two cells with --cells")
    if order.stages and order.trace is not None:
        raise InputError("--stages: goes with two cells of a run, not with --trace")
    if order.trace is not None:
        return explain_trace(order, order.trace, folder, root, screen)
    run = read_past_run(folder)
    listed = list_pairs(run, Wish(order.examples, order.cells, order.stages))
    environments = {one.name: one for one in read_environments(root / "environments")}
    pairs = [
        read_pair(run, (first, second), diverging, agreeing, environments)
        for first, second, diverging, agreeing in listed
    ]
    agreed, pairs = [one for one in pairs if not one.diverging], [one for one in pairs if one.diverging]

    def tell(progress: Progress) -> None:
        screen.tell(progress.done, progress.total, progress.executions)

    with open_workspace(root, screen) as workspace:
        sides = [one for pair in (*pairs, *agreed) for one in (pair.a, pair.b)]
        answers = open_answers(workspace, run, sides, order.ca_bundle)
        answers.sound = list_sound(run, environments)
        found = explain_pairs(folder, pairs, answers, tell)
        partings = find_partings(folder, agreed, answers)
        known = list_waterfalls(folder, pairs, answers.worker)
        wanted = [pair for pair in pairs if all(one.cells != pair.names for one in known)]
        if wanted and order.most_seconds:
            screen.begin("explained; sharing out changes of rates")
        drawn, notes = draw_waterfalls(wanted, run.join, answers, order.most_seconds)
    for note in notes:
        screen.say(note)
    seen = {"noise": list_calibrations(answers), "reference": describe_reference(answers)}
    causes = summarise_causes(found, answers.executions, [*known, *drawn]) | seen
    write_reports(folder, run, causes)
    return causes | ({"stages": list(map(show_parting, partings))} if order.stages else {}), folder


def show_parting(parting: Parting) -> dict[str, Any]:
    """Where two cells of the same tuples part, as plain data."""
    stage = None if parting.stage is None else msgspec.to_builtins(parting.stage)
    return {
        "cells": parting.cells,
        "example": parting.example,
        "stage": stage,
        "sentence": parting.sentence,
    }


def explain_trace(
    order: Order, trace: Path, folder: Path, root: Path, screen: ExplainScreen
) -> tuple[dict[str, Any], Path]:
    """Explain where a trace from elsewhere diverges from a run's cell; from its reference without a name."""
    run = read_past_run(folder, least=1)
    label = find_cell(list(run.sources.values()), order.cell).label if order.cell else run.reference
    environments = {one.name: one for one in read_environments(root / "environments")}
    pair = read_foreign(run, label, trace, order.examples, environments)

    def tell(progress: Progress) -> None:
        screen.tell(progress.done, progress.total, progress.executions)

    with open_workspace(root, screen) as workspace:
        answers = open_answers(workspace, run, [pair.a, pair.b], order.ca_bundle)
        found = explain_pairs(folder, [pair], answers, tell, FOREIGN)
    return summarise_causes(found, answers.executions), folder


def list_waterfalls(folder: Path, pairs: Sequence[Pair], worker: str | None) -> list[Waterfall]:
    """The waterfalls of these pairs that a run's summary has already, by the code that would draw them."""
    causes = read_summary(folder).causes if (folder / "summary.json").exists() else None
    names = {pair.names for pair in pairs}
    found = causes.waterfalls if causes else ()
    return [one for one in found if one.cells in names and one.worker == worker]


def write_reports(folder: Path, run: PastRun, causes: Mapping[str, Any]) -> None:
    """Write the run's reports anew with all that its `causes.jsonl` says, these causes with the rest."""
    executions = {one.summary.environment: one.execution for one in run.past.results}
    known = list_current(folder, executions)
    told = summarise_causes(known, causes["executions"])
    untested = list(dict.fromkeys([*told["untested"], *causes["untested"]]))
    kept = {name: causes[name] for name in ("waterfalls", "noise", "reference") if name in causes}
    more = {**kept, "untested": untested}
    write_explained(folder, CausesSummary.model_validate(told | more), known)


def explain_summary(
    summary: Summary, folder: Path, root: Path, ca_bundle: Path | None
) -> tuple[Summary, InputError | None]:
    """The summary of a run that has just ended with its causes, where it has divergences.

    And why they could not be explained, where they could not: the run itself is done.
    """
    if not summary.divergences:
        return summary, None
    try:
        with open_screen(open_errors()) as screen:
            explain_run(Order(str(folder), (), None, ca_bundle, folder.parent), root, screen)
        return read_summary(folder), None
    except InputError as error:
        return summary, error
