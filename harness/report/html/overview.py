"""What the page says before its list of examples: verdict, facts, agreement, who departs where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.divergences import find_stage, list_departing
from harness.report.html.rows import CHANGES
from harness.report.words import capitalise
from harness.summary.document import CellSummary, DivergenceSummary, PairSummary, Summary
from harness.system.numbers import show_parameter

MOST_PATTERNS = 12
MOST_REST = 300
KINDS = {0: "same", 1: "diverged", 2: "trouble"}  # by exit code
EDGES = (-6, -5, -4, -3, -2, -1, 0, 1, 2)  # decades of a margin


@dataclass(frozen=True)
class Verdict:
    """Kind (`same`, `diverged`, `trouble`), its word and its sentence."""

    kind: str
    word: str
    sentence: str


@dataclass(frozen=True)
class DepartureCounts:
    """How often an environment departs from the baseline, and in what."""

    environment: str
    examples: int
    unexpected: int
    changes: Mapping[str, int]
    stages: Mapping[str | None, int]


@dataclass(frozen=True)
class Pattern:
    """Environments that depart together from the baseline, and in how many examples."""

    environments: tuple[str, ...]
    examples: int


@dataclass(frozen=True)
class Bar:
    """Examples whose smallest margin lies from `low` to `high` (powers of ten; None: beyond all)."""

    low: int | None
    high: int | None
    diverging: int
    agreeing: int


def give_verdict(summary: Summary) -> Verdict:
    """The banner: the outcome in its word, and the sentence that says why."""
    return Verdict(KINDS[summary.exit_code], capitalise(summary.outcome), capitalise(summary.verdict))


def find_baseline(summary: Summary) -> CellSummary | None:
    """The cell that others are held against."""
    return next((cell for cell in summary.cells if cell.environment == summary.baseline), None)


def order_cells(summary: Summary) -> list[CellSummary]:
    """The cells, the baseline's first."""
    baseline = find_baseline(summary)
    return sorted(summary.cells, key=lambda cell: cell is not baseline)


def count_departures(summary: Summary) -> list[DepartureCounts]:
    """The departing environments, in the cells' order."""
    return [
        count_departure(name, [one for one in summary.divergences if name in one.departing])
        for name in list_departing(summary, summary.divergences)
    ]


def count_departure(name: str, divergences: Sequence[DivergenceSummary]) -> DepartureCounts:
    """One environment's departures by what of the tuple differs, and by the first stage that does."""
    changes: Counter[str] = Counter(change for one in divergences for change in one.changes.get(name, ()))
    stages = Counter(find_stage(one, name) for one in divergences)
    return DepartureCounts(
        environment=name,
        examples=len(divergences),
        unexpected=sum(one.expected.get(name) is None for one in divergences),
        changes={change: changes[change] for change in CHANGES},
        stages=stages,
    )


def find_patterns(summary: Summary) -> tuple[list[Pattern], int]:
    """The most frequent sets of environments that depart together, and how many sets are left out."""
    order = {cell.environment: place for place, cell in enumerate(summary.cells)}
    counts = Counter(
        tuple(sorted(one.departing, key=lambda name: order.get(name, len(order))))
        for one in summary.divergences
    )
    patterns = [Pattern(names, examples) for names, examples in counts.most_common(MOST_PATTERNS)]
    return patterns, len(counts) - len(patterns)


def pair_cells(summary: Summary) -> dict[tuple[str, str], PairSummary]:
    """Pairs by both orders of their names."""
    pairs = {(one.first, one.second): one for one in summary.agreement.pairs}
    return pairs | {(one.second, one.first): one for one in summary.agreement.pairs}


def list_paired(summary: Summary) -> list[str]:
    """Environments that are held against another one, in the cells' order."""
    paired = {name for one in summary.agreement.pairs for name in (one.first, one.second)}
    known = [cell.environment for cell in summary.cells if cell.environment in paired]
    return known + sorted(paired - set(known))


def count_margins(summary: Summary) -> list[Bar]:
    """Examples by the power of ten of their smallest margin; empty where no margin is known."""
    diverging = place_margins([one.smallest_margin for one in summary.divergences])
    agreeing = place_margins(summary.agreeing.smallest_margins)
    if not diverging and not agreeing:
        return []
    edges = (None, *EDGES, None)
    places = [*diverging, *agreeing]
    return [
        Bar(edges[place], edges[place + 1], diverging[place], agreeing[place])
        for place in range(min(places), max(places) + 1)
    ]


def place_margins(margins: Sequence[float | None]) -> Counter[int]:
    """How many margins lie in each decade, the first and the last open-ended."""
    return Counter(sum(margin >= 10.0**edge for edge in EDGES) for margin in margins if margin is not None)


def find_parameters(summary: Summary) -> tuple[str, str]:
    """Port and parameters of the baseline's cell, as one would say them."""
    cell = find_baseline(summary) or (summary.cells[0] if summary.cells else None)
    if cell is None:
        return "", ""
    return cell.port, ", ".join(f"{name} {show_parameter(value)}" for name, value in cell.parameters.items())
