"""Explanations grouped by what they name, for whoever reads a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.explain.causes import VERDICTS, Explanation, Stage
from harness.summary.causes import Waterfall

MOST_EXAMPLES = 5


def group_explanations(explanations: Iterable[Explanation]) -> list[dict[str, Any]]:
    """One group for all divergences of a pair of cells with one set of causes and one verdict.

    Proven ones come first, then larger ones. A set that has all of a larger group's causes stands under it.
    """
    groups: dict[tuple[Any, ...], list[Explanation]] = {}
    for one in explanations:
        named = tuple((cause.cause, cause.factor, str(cause.a), str(cause.b)) for cause in one.causes)
        groups.setdefault((one.cells, named, one.verdict), []).append(one)
    ordered = sorted(groups.values(), key=order_group)
    unders: list[int | None] = []
    for place, ones in enumerate(ordered):
        unders.append(find_leader(ones[0], [(ordered[at][0], unders[at]) for at in range(place)]))
    return [describe_group(ones, under) for ones, under in zip(ordered, unders, strict=True)]


def order_group(ones: Sequence[Explanation]) -> tuple[int, int, int]:
    """Verdict, then how many, then how few causes."""
    return VERDICTS.index(ones[0].verdict), -len(ones), len(ones[0].causes)


def find_leader(one: Explanation, larger: Sequence[tuple[Explanation, int | None]]) -> int | None:
    """The place of the largest group that stands under none, and all of whose causes this one has, too."""
    factors = name_factors(one)
    for place, (other, under) in enumerate(larger):
        if (other.cells, other.verdict) != (one.cells, one.verdict) or under is not None:
            continue
        if other.causes and name_factors(other) <= factors:
            return place
    return None


def name_factors(one: Explanation) -> set[tuple[str, str]]:
    """What differs, whatever the values are."""
    return {(cause.cause, cause.factor) for cause in one.causes}


def describe_group(ones: Sequence[Explanation], under: int | None = None) -> dict[str, Any]:
    """A group as the summary has it; sentence and command are its first example's."""
    first = ones[0]
    measured = ((one.example, one.stage) for one in ones if one.stage is not None)
    return {
        "cells": list(first.cells),
        "causes": [
            {"cause": one.cause, "factor": one.factor, "a": one.a, "b": one.b} for one in first.causes
        ],
        "verdict": first.verdict,
        "count": len(ones),
        "examples": [one.example for one in ones[:MOST_EXAMPLES]],
        "sentence": first.sentence,
        "command": first.command,
        "under": under,
        "stage": next((describe_stage(*one) for one in measured), None),
    }


def describe_stage(example: str, stage: Stage) -> dict[str, Any]:
    """The first stage of the group's example on which it was measured."""
    return {"example": example, "stage": stage.stage, "ratio": stage.ratio}


def summarise_causes(
    explanations: Sequence[Explanation], executions: int, waterfalls: Sequence[Waterfall] = ()
) -> dict[str, Any]:
    """What a summary says of why examples diverge."""
    counts: dict[str, int] = {
        verdict: sum(one.verdict == verdict for one in explanations) for verdict in VERDICTS
    }
    return {
        "explained": len(explanations),
        **counts,
        "executions": executions,
        "groups": group_explanations(explanations),
        "waterfalls": [one.model_dump(mode="json") for one in waterfalls],
        "untested": list(dict.fromkeys(name for one in explanations for name in one.untested)),
    }
