"""A report as a list of tests, which JUnit's viewers show.

What diverged is a failure, or skipped where the register expects it; what could not be run or compared is an
error; a cell that this machine cannot run at all is skipped, for it says nothing, unless it was asked for by
name, and so is a copy of another cell. A cell that never departs from the baseline passes one test.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from harness.report.divergences import (
    mark_answer,
    name_classes,
    rank_divergences,
    show_controls,
    show_stage,
    show_tuple,
)
from harness.report.families import find_measured, name_causes
from harness.report.words import (
    ATTRIBUTE_MARGIN,
    CHANGES,
    FIRST_STAGE,
    ORIGINAL_MARGIN,
    SMALLEST_MARGIN,
    WHAT_DIFFERS,
)
from harness.summary.document import DivergenceSummary, Summary
from harness.system.numbers import show_margin

Outcome = Literal["passed", "failure", "error", "skipped"]
RUN = "(run)"  # the suite of what is no cell's; no environment can be called so
MOST_CASES = 10_000  # departures, and likewise examples that were not compared: viewers take no more


@dataclass(frozen=True)
class Case:
    """One test of a suite; `kind` is the type of what is not passed, `text` says more than `message`."""

    suite: str
    name: str
    outcome: Outcome = "passed"
    kind: str = ""
    message: str = ""
    text: str = ""


def list_cases(summary: Summary) -> list[Case]:
    """All tests; where nothing else says why there is no verdict, one more does."""
    cases = [*list_cells(summary), *list_departures(summary), *list_incomparable(summary)]
    cases.extend(Case(RUN, one, "failure", "register", one) for one in summary.register_problems)
    if summary.exit_code != 2:
        cases.append(Case(RUN, "could be judged"))
    elif not any(one.outcome == "error" for one in cases):
        cases.append(Case(RUN, "could be judged", "error", "not judged", summary.verdict))
    return cases


def list_cells(summary: Summary) -> Iterator[Case]:
    """Cells without records, and those that never depart."""
    departing = {name for one in summary.divergences for name in one.departing}
    alone = sum(cell.status == "done" and cell.copy_of is None for cell in summary.cells) < 2
    for cell in summary.cells:
        name, examples = cell.environment, f"all of {summary.compared} examples"
        reason = cell.reason or "no reason is known"
        if cell.status == "failed":
            yield Case(name, "cell", "error", "failed", f"failed: {reason}", cell.log_end)
        elif cell.status == "unavailable":
            outcome: Outcome = "error" if cell.named else "skipped"
            yield Case(name, "cell", outcome, "unavailable", f"unavailable: {reason}", cell.log_end)
        elif cell.copy_of is not None:
            message = f"copy of {cell.copy_of}: one execution, which was not compared with itself"
            yield Case(name, "cell", "skipped", "copy", message)
        elif alone:
            yield Case(name, examples, "skipped", "alone", "there is no other cell to compare it with")
        elif summary.compared and name not in departing:
            yield Case(name, examples)


def list_departures(summary: Summary) -> Iterator[Case]:
    """Every departure from the baseline, smallest margins first; one test for those that are too many."""
    left: Counter[tuple[str, bool]] = Counter()
    count = 0
    for one in rank_divergences(summary.divergences):
        for name in one.departing:
            count += 1
            if count <= MOST_CASES:
                yield describe_departure(one, name, summary)
            else:
                left[name, one.expected.get(name) is not None] += 1
    for (name, expected), number in left.items():
        message = f"{number} more departures{' that are expected' if expected else ''}: see summary.json"
        outcome: Outcome = "skipped" if expected else "failure"
        yield Case(name, message, outcome, "expected" if expected else "diverged", message)


def describe_departure(one: DivergenceSummary, name: str, summary: Summary) -> Case:
    """The test that an environment fails on an example."""
    reason = one.expected.get(name)
    tuples = f"{mark_answer(one, name)} instead of {show_tuple(one.baseline)}"
    message = tuples if reason is None else f"expected: {reason} ({tuples})"
    text = "\n".join(explain_departure(one, name, summary))
    if reason is None:
        return Case(name, one.example, "failure", "diverged", message, text)
    return Case(name, one.example, "skipped", "expected", message, text)


def explain_departure(one: DivergenceSummary, name: str, summary: Summary) -> Iterator[str]:
    """Lines on all that is known of a departure."""
    tuples = f"{mark_answer(one, name)} instead of {show_tuple(one.baseline)}"
    yield f"Gold-Original-Attribute: {tuples} of {one.baseline_environment}"
    yield f"attack: {one.attack}"
    if name in one.changes:
        yield f"{WHAT_DIFFERS}: {', '.join(CHANGES[change] for change in one.changes[name])}"
    if name in one.stages or find_measured(one, name, summary.causes):
        cell = next((cell for cell in summary.cells if cell.environment == name), None)
        controls = show_controls(cell) if cell else ""
        yield f"{FIRST_STAGE}: {show_stage(one, name, summary.causes)}{f' ({controls})' * bool(controls)}"
    if name in one.margins:
        original, attribute = (show_margin(margin, "unknown") for margin in one.margins[name])
        yield f"{ORIGINAL_MARGIN} {original}, {ATTRIBUTE_MARGIN} {attribute}"
    if one.smallest_margin is not None:
        yield f"{SMALLEST_MARGIN} of all environments: {show_margin(one.smallest_margin)}"
    if name in one.causes:
        yield f"{name_verdict(one, name, summary)}: {one.causes[name]}"
    for names in one.classes:
        yield f"{show_tuple(one.tuples[names[0]])}: {', '.join(names)}"
    yield from name_classes(one, summary.labels)


def name_verdict(one: DivergenceSummary, name: str, summary: Summary) -> str:
    """`cause, proven: pool3-channels`, or `cause` where no verdict is known."""
    place = one.groups.get(name)
    if place is None or summary.causes is None:
        return "cause"
    group = summary.causes.groups[place]
    return f"cause, {group.verdict}, {name_causes(group)}" if group.causes else f"cause, {group.verdict}"


def list_incomparable(summary: Summary) -> Iterator[Case]:
    """An error for every example that an environment could not be compared on, with all reasons."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in summary.incomparable:
        reasons[one.environment, one.example].append(one.reason)
    left: Counter[str] = Counter()
    for number, ((name, example), texts) in enumerate(reasons.items()):
        if number < MOST_CASES:
            yield Case(name, example, "error", "incomparable", f"not compared: {'; '.join(texts)}")
        else:
            left[name] += 1
    for name, number in left.items():
        message = f"{number} more that were not compared: see summary.json"
        yield Case(name, message, "error", "incomparable", message)
