"""Explanations grouped by what they name, for whoever reads a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.explain.causes import VERDICTS, Explanation
from harness.summary.causes import Waterfall

MOST_EXAMPLES = 5


def group_explanations(explanations: Iterable[Explanation]) -> list[dict[str, Any]]:
    """One group for all divergences of a pair of cells with one set of causes and one verdict.

    Proven ones come first, then larger ones.
    """
    groups: dict[tuple[Any, ...], list[Explanation]] = {}
    for one in explanations:
        named = tuple((cause.cause, cause.factor, str(cause.a), str(cause.b)) for cause in one.causes)
        groups.setdefault((one.cells, named, one.verdict), []).append(one)
    ordered = sorted(groups.values(), key=lambda ones: (VERDICTS.index(ones[0].verdict), -len(ones)))
    return [describe_group(ones) for ones in ordered]


def describe_group(ones: Sequence[Explanation]) -> dict[str, Any]:
    """A group as the summary has it; sentence and command are its first example's."""
    first = ones[0]
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
    }


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
