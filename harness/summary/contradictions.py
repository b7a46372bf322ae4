"""What a summary from elsewhere may say that no comparison would: parts of it that speak against each other.

Reports look things up across its parts, so that one that is no summary of anything ends here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from harness.core.limits import MAX_NAME
from harness.summary.document import AgreeingSummary, DivergenceSummary, PairSummary, Summary


def find_contradiction(summary: Summary) -> str | None:
    """The first one, with its place in the document; None where there is none."""
    return next(walk_contradictions(summary), None)


def walk_contradictions(summary: Summary) -> Iterator[str]:
    """One after the other."""
    for place, name in walk_names(summary):
        if len(name) > MAX_NAME:
            yield f"{place}: has more than {MAX_NAME} characters; no name is as long"
    for number, one in enumerate(summary.divergences):
        for fault in (*walk_divergence(one), *walk_groups(one, summary)):
            yield f"divergences.{number}: {fault}"
    yield from walk_leaders(summary)
    yield from walk_agreeing(summary.agreeing)
    yield from walk_pairs(summary.agreement.pairs)


def walk_names(summary: Summary) -> Iterator[tuple[str, str]]:
    """Every name that reports repeat, and where it stands."""
    for number, cell in enumerate(summary.cells):
        for key in ("environment", "cell", "backend", "port"):
            yield f"cells.{number}.{key}", getattr(cell, key)
    for number, one in enumerate(summary.divergences):
        for name in (one.example, one.attack, one.source or "", *one.tuples):
            yield f"divergences.{number}", name
    for number, lost in enumerate(summary.incomparable):
        for name in (lost.example, lost.environment):
            yield f"incomparable.{number}", name
    yield from ((f"labels.{number}", name) for number, name in summary.labels.items())
    agreeing = summary.agreeing
    for name in (*agreeing.examples, *agreeing.attacks, *filter(None, agreeing.sources)):
        yield "agreeing", name


def walk_divergence(one: DivergenceSummary) -> Iterator[str]:
    """What is wrong with a divergence: tuples, classes and departures have to be of the same environments."""
    strange = one.detected.keys() - one.tuples.keys()
    if strange:
        yield f"detected: {min(strange)!r} has no tuple"
        return
    answers = {name: (value, one.decides(name)) for name, value in one.tuples.items()}
    known = answers.get(one.baseline_environment)
    if one.tuples.get(one.baseline_environment) != one.baseline:
        yield f"baseline_environment {one.baseline_environment!r} has not the baseline's tuple"
    departing = {name for name, answer in answers.items() if answer != known}
    if departing != set(one.departing) or len(departing) != len(one.departing):
        yield "departing are not those that do not say what the baseline says"
    if sorted(name for names in one.classes for name in names) != sorted(one.tuples):
        yield "classes do not hold every environment once"
    if not all(len({answers.get(name) for name in names}) == 1 for names in one.classes):
        yield "a class holds environments that do not say the same"
    for key in ("expected", "changes", "margins", "stages", "ratios", "causes", "groups"):
        for name in getattr(one, key).keys() - one.tuples.keys():
            yield f"{key}: {name!r} has no tuple"


def walk_groups(one: DivergenceSummary, summary: Summary) -> Iterator[str]:
    """Groups of causes that there are not."""
    count = len(summary.causes.groups) if summary.causes else 0
    yield from (
        f"groups: there is no group {place}" for place in one.groups.values() if not 0 <= place < count
    )


def walk_leaders(summary: Summary) -> Iterator[str]:
    """Groups under one that is not there, is of others, or stands under another itself."""
    groups = summary.causes.groups if summary.causes else ()
    for place, one in enumerate(groups):
        if one.under is None:
            continue
        leader = groups[one.under] if 0 <= one.under < len(groups) and one.under != place else None
        if leader is None or leader.under is not None:
            yield f"causes.groups.{place}: under: no other group leads at {one.under}"
        elif (leader.cells, leader.verdict) != (one.cells, one.verdict):
            yield f"causes.groups.{place}: under: {one.under} is of other cells, or of another verdict"


def walk_agreeing(agreeing: AgreeingSummary) -> Iterator[str]:
    """Columns of other lengths than the examples."""
    for key in ("sources", "attacks", "tuples", "smallest_margins"):
        if len(getattr(agreeing, key)) != len(agreeing.examples):
            yield f"agreeing.{key}: is not of {len(agreeing.examples)} examples"


def walk_pairs(pairs: Sequence[PairSummary]) -> Iterator[str]:
    """Pairs that are not every two of some environments, in their order."""
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    if [(pair.first, pair.second) for pair in pairs] != list(combinations(names, 2)):
        yield f"agreement.pairs: are not every two of {len(names)} environments"
