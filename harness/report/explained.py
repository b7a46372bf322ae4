"""A run's folder after its divergences were explained: summary and reports, written anew with the causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.explain.causes import Explanation
from harness.report.write import write_reports
from harness.summary.causes import CauseGroup, CausesSummary
from harness.summary.document import DivergenceSummary, Summary
from harness.summary.reading import read_summary

Key = tuple[Any, ...]


def write_explained(
    folder: Path, causes: CausesSummary, explanations: Iterable[Explanation]
) -> Summary | None:
    """Write a run's reports anew, with causes; its summary, None for a folder that has none.

    InputError where it cannot be read or written: the explanations are in their own file by then.
    """
    if not (folder / "summary.json").exists():
        return None
    summary = add_causes(read_summary(folder), causes, explanations)
    try:
        write_reports(folder, summary)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); what was explained is kept; make room"
        ) from error
    return summary


def add_causes(summary: Summary, causes: CausesSummary, explanations: Iterable[Explanation]) -> Summary:
    """A summary with the causes of its divergences; what was said of them before is replaced.

    What it took to find them is added to what it took before.
    """
    told: dict[str, list[Explanation]] = {}
    for one in explanations:
        told.setdefault(one.example, []).append(one)
    places = {key_group(group): place for place, group in enumerate(causes.groups)}
    divergences = tuple(
        explain_one(forget_causes(one), told.get(one.example, ()), places) for one in summary.divergences
    )
    counted = causes.model_copy(update=keep_earlier(summary.causes, causes))
    return summary.model_copy(update={"causes": counted, "divergences": divergences})


def keep_earlier(before: CausesSummary | None, causes: CausesSummary) -> dict[str, Any]:
    """What was found before and is not found again each time: executions, waterfalls, what is not tested."""
    if before is None:
        return {}
    drawn = {one.cells for one in causes.waterfalls}
    kept = [one for one in before.waterfalls if one.cells not in drawn]
    return {
        "executions": before.executions + causes.executions,
        "waterfalls": (*kept, *causes.waterfalls),
        "untested": tuple(dict.fromkeys((*before.untested, *causes.untested))),
        "noise": causes.noise or before.noise,
        "reference": causes.reference or before.reference,
    }


def forget_causes(one: DivergenceSummary) -> DivergenceSummary:
    """A divergence without what explanations said of it before; groups are counted anew each time."""
    return one.model_copy(
        update={
            "causes": {name: said for name, said in one.causes.items() if name not in one.groups},
            "groups": {},
            "stages": {name: stage for name, stage in one.stages.items() if name not in one.ratios},
            "ratios": {},
        }
    )


def explain_one(
    one: DivergenceSummary, explanations: Iterable[Explanation], places: Mapping[Key, int]
) -> DivergenceSummary:
    """A divergence with what its explanations say of the environments that depart from the baseline."""
    found = {name: said for said in explanations for name in [find_departing(one, said)] if name is not None}
    if not found:
        return one
    stages = {name: said.stage for name, said in found.items() if said.stage is not None}
    groups = {name: places.get(key_explanation(said)) for name, said in found.items()}
    return one.model_copy(
        update={
            "causes": one.causes | {name: said.sentence for name, said in found.items()},
            "groups": {name: place for name, place in groups.items() if place is not None},
            "stages": one.stages | {name: stage.stage for name, stage in stages.items()},
            "ratios": {name: stage.ratio for name, stage in stages.items() if stage.ratio is not None},
        }
    )


def find_departing(one: DivergenceSummary, said: Explanation) -> str | None:
    """Which departing environment an explanation is of; None where it is of two that are not the baseline."""
    first, second = said.cells
    others = {first: second, second: first}
    name = others.get(one.baseline_environment)
    return name if name in one.departing else None


def key_explanation(one: Explanation) -> Key:
    """What explanations of a group have in common."""
    return key_parts(one.cells, one.verdict, one.causes)


def key_group(group: CauseGroup) -> Key:
    """The same of the group."""
    return key_parts(group.cells, group.verdict, group.causes)


def key_parts(cells: tuple[str, str], verdict: str, causes: Iterable[Any]) -> Key:
    """Cells, verdict, and each cause with both values, whatever these are."""
    return cells, verdict, tuple((one.cause, one.factor, str(one.a), str(one.b)) for one in causes)
