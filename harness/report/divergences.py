"""What is said of diverging examples, in words that every form shares."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence

from harness.report.families import find_measured
from harness.report.words import AS, CHANGES, NOT_MEASURED, STAGE_NAMES, STAGES
from harness.summary.causes import CausesSummary
from harness.summary.document import CellSummary, DivergenceSummary, Summary
from harness.system.numbers import show_ratio
from harness.system.text import make_line
from harness.verdict.judge import is_expected


def rank_divergences(
    divergences: Sequence[DivergenceSummary], most: int | None = None
) -> list[DivergenceSummary]:
    """All, or the first so many: unexpected ones, then by their smallest margin; those without one last."""
    return heapq.nsmallest(len(divergences) if most is None else most, divergences, key=rank_divergence)


def rank_divergence(one: DivergenceSummary) -> tuple[bool, float]:
    """What a divergence is sorted by."""
    return is_expected(one), math.inf if one.smallest_margin is None else one.smallest_margin


def list_departing(summary: Summary, shown: Sequence[DivergenceSummary]) -> list[str]:
    """Environments that depart from the baseline in one of these examples, in the cells' order."""
    departing = {name for one in shown for name in one.departing}
    return [cell.environment for cell in summary.cells if cell.environment in departing]


def list_steady(summary: Summary) -> list[str]:
    """Environments whose cell is done, is no copy, and never departs from the baseline, which is no such."""
    departing = {name for one in summary.divergences for name in one.departing}
    done = [cell.environment for cell in summary.cells if cell.status == "done" and cell.copy_of is None]
    return [name for name in done if name not in departing and name != summary.baseline]


def show_tuple(values: Sequence[int]) -> str:
    """`12-3-45`."""
    return "-".join(map(str, values))


def mark_tuple(values: Sequence[int], baseline: Sequence[int]) -> str:
    """`12-3-46!`: a tuple with `!` after every number that is not the baseline's."""
    pairs = zip(values, baseline, strict=True)
    return "-".join(str(value) if value == known else f"{value}!" for value, known in pairs)


def mark_answer(one: DivergenceSummary, name: str) -> str:
    """An environment's tuple as `mark_tuple` has it, and its decision where that differs by no AmI's rule."""
    marked = mark_tuple(one.tuples[name], one.baseline)
    decides = one.decides(name)
    if decides == one.decides(one.baseline_environment) or not one.detected:
        return marked
    word = CHANGES["detected"]
    return f"{marked} {word if decides else f'not {word}'}!"


def show_expected(one: DivergenceSummary) -> str:
    """Whether the register expects it: yes, no, or in some environments."""
    known = [reason is not None for reason in one.expected.values()]
    return "yes" if all(known) else "in part" if any(known) else "no"


def name_classes(one: DivergenceSummary, labels: Mapping[int, str]) -> list[str]:
    """`46 Ada Lovelace` for every class of the tuples that has a name, baseline's first."""
    tuples = (one.baseline, *one.tuples.values())
    classes = dict.fromkeys(number for values in tuples for number in values)
    return [f"{number} {labels[number]}" for number in classes if number in labels]


def show_stages(one: DivergenceSummary, causes: CausesSummary | None = None) -> str:
    """The first stage that differs beyond noise; by environment where they differ in it."""
    stages = {
        name: show_stage(one, name, causes)
        for name in one.departing
        if find_stage(one, name) or find_measured(one, name, causes)
    }
    if len(set(stages.values())) < 2:
        return next(iter(stages.values()), "")
    return ", ".join(f"{name}: {stage}" for name, stage in stages.items())


def show_stage(one: DivergenceSummary, name: str, causes: CausesSummary | None = None) -> str:
    """An environment's first stage in its word, with how far beyond noise it is, where that is known.

    `as NAME` where it was measured on that example alone, which has the same causes.
    """
    stage = find_stage(one, name)
    if stage is None:
        measured = find_measured(one, name, causes)
        return f"{AS} {make_line(measured)}" if measured else NOT_MEASURED
    times = f" ({show_ratio(one.ratios[name])})" if name in one.ratios else ""
    return f"{make_line(STAGE_NAMES.get(stage, stage))}{times}"


def find_stage(one: DivergenceSummary, name: str) -> str | None:
    """The first stage of an environment; None where it was not measured.

    Older summaries name logits by hashes of their last bits, which say nothing.
    """
    stage = one.stages.get(name)
    is_hash = stage is not None and stage.startswith("logits_") and name not in one.ratios
    return None if is_hash else stage


def show_controls(cell: CellSummary) -> str:
    """Whose hashes differ in examples on which a cell agrees with the baseline; nothing where none does.

    `of the examples that agree, pixels and input differ in 50 of 50`
    """
    counts: dict[tuple[int, int], list[str]] = {}
    for stage, one in cell.controls.items():
        if one.differ and not stage.startswith("logits_"):
            counts.setdefault((one.differ, one.of), []).append(STAGES[stage])
    parts = [f"{' and '.join(words)} differ in {differ} of {of}" for (differ, of), words in counts.items()]
    return f"of the examples that agree, {', '.join(parts)}" if parts else ""


def list_controls(summary: Summary) -> list[tuple[str, str]]:
    """Departing environments, each with what its agreeing examples are like."""
    told = [(cell.environment, show_controls(cell)) for cell in summary.cells]
    return [(name, text) for name, text in told if text]
