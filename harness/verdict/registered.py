"""What a report says of the register's entries: what is wrong with them, and what they leave open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from harness.diff.tuples import Join
from harness.plan.register import Expected
from harness.summary.document import CellSummary
from harness.verdict.expectation import Expectation
from harness.verdict.pins import Pin, is_broken, is_comparable, write_pin


def list_problems(join: Join, baseline: str, expectation: Expectation, *, whole: bool) -> Iterator[str]:
    """Entries that are past their date or, in a `whole` run, expect what is not so."""
    today = dt.datetime.now(dt.UTC).date()
    for place, entry in enumerate(expectation.entries):
        if entry.until < today:
            yield f"{name_entry(entry)} is past its date {entry.until}; look at it again"
        elif whole and place in expectation.occurring:
            yield from list_broken(entry, expectation.pins[place])
        elif whole and any(map(entry.matches_example, join.examples)):
            yield from explain_absence(entry, baseline, join)


def list_broken(entry: Expected, pins: Mapping[str, Pin]) -> Iterator[str]:
    """What departs in place of what an entry was pinned to, and what to do."""
    for name, pin in pins.items():
        if is_broken(entry, pin):
            yield f"{name_entry(entry)}: {describe_broken(entry, name, pin)}"


def describe_broken(entry: Expected, name: str, pin: Pin) -> str:
    """How many depart in an environment, how many were to, and what to do."""
    if not pin.departing:
        return f"none departs in {name} any more, where {entry.count} did; name the environments that depart"
    other = f"not {entry.count}" if entry.count != pin.count else "but with other tuples than were pinned"
    found = f"{pin.count} examples depart in {name}, {other}"
    return f"{found}; look at them, then pin them with {write_pin(pin)}"


def explain_absence(entry: Expected, baseline: str, join: Join) -> Iterator[str]:
    """Why nothing of what an entry expects occurs, where it was looked for."""
    named = [name for name in join.environments if entry.matches_environment(name)]
    if named == [baseline]:
        yield f"{name_entry(entry)} names the baseline, from which others depart; name those that do"
    elif named:
        yield f"{name_entry(entry)} does not occur any more; remove it from the register"


def name_entry(entry: Expected) -> str:
    """An entry as people find it in the register."""
    return f"expected divergence of {entry.example} in {entry.environment} ({entry.owner})"


def list_remarks(
    known: Sequence[str], cells: Sequence[CellSummary], join: Join, expectation: Expectation, *, whole: bool
) -> Iterator[str]:
    """Entries that nothing was held against here and why, and those that pin nothing.

    `known` names the environments that there are, whether they are in this run or not.
    """
    today = dt.datetime.now(dt.UTC).date()
    examples = join.examples.tolist() if whole else []
    for place, entry in enumerate(expectation.entries):
        idle = explain_idle(entry, known, cells, examples)
        if entry.until < today:
            continue
        if idle:
            yield f"{name_entry(entry)} {idle}"
        elif not whole and entry.count is not None and place in expectation.occurring:
            yield (
                f"{name_entry(entry)} is not held to its count of {entry.count}: that takes all examples,"
                " held against the register's reference"
            )
        else:
            yield from remark_pins(entry, expectation.pins.get(place, {}))


def explain_idle(
    entry: Expected, known: Sequence[str], cells: Sequence[CellSummary], examples: Sequence[str]
) -> str | None:
    """Why an entry expects nothing here; None where it may, or where what it names was not chosen."""
    named = [cell for cell in cells if entry.matches_environment(cell.environment)]
    if not named and known and not any(fnmatchcase(name, entry.environment) for name in known):
        return f"names no environment{suggest(entry.environment, known)}"
    if named and all(cell.status != "done" for cell in named):
        return f"was not looked for: {', '.join(f'{one.environment} {one.status}' for one in named)}"
    if named and examples and not any(map(entry.matches_example, examples)):
        return f"names none of the {len(examples)} examples that were compared"
    return None


def suggest(name: str, known: Sequence[str]) -> str:
    """Names that are close to one."""
    close = get_close_matches(name, known)
    return f"; close to it are {', '.join(close)}" if close else "; correct the name, or remove it"


def remark_pins(entry: Expected, pins: Mapping[str, Pin]) -> Iterator[str]:
    """Where an entry lets any tuples pass: it pins none, or did so among other examples."""
    for name, pin in pins.items():
        if entry.count is None and pin.departing:
            yield (
                f"{name_entry(entry)} pins nothing, so any other tuple in {name} would be expected as well;"
                f" to pin what is here, write {write_pin(pin)}"
            )
        elif entry.count is not None and not is_comparable(entry, pin):
            yield (
                f"{name_entry(entry)} is not held to its count of {entry.count}: it speaks of"
                f" {pin.examples} examples here"
            )
