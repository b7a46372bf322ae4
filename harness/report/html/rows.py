"""The examples of a summary as short rows of plain data, so that a page can hold tens of thousands.

A name is written once and then meant by its place in a list; the page's script reads the rows by position.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from harness.report.divergences import find_stage
from harness.report.html.pictures import Picture
from harness.report.words import STAGES
from harness.summary.document import Change, DivergenceSummary, Margins, Summary
from harness.system.numbers import show_margin, show_ratio
from harness.system.text import make_json, make_line

CHANGES: tuple[str, ...] = get_args(Change)
NOWHERE = -1  # stands for no stage and no group
NOT_MADE, NOT_THERE = 0, 1  # why an example has no picture
Row = list[Any]


@dataclass(frozen=True)
class Names:
    """Places of environments, attacks and first stages in the page's lists."""

    environments: Mapping[str, int]
    attacks: Mapping[str, int]
    stages: Mapping[str, int]


@dataclass
class Slice:
    """What one page holds of the examples, each row as JSON."""

    divergences: list[str] = field(default_factory=list)
    agreeing: list[str] = field(default_factory=list)
    incomparable: list[str] = field(default_factory=list)
    size: int = 0

    def __len__(self) -> int:
        """Rows."""
        return len(self.divergences) + len(self.agreeing) + len(self.incomparable)


def list_names(summary: Summary) -> Names:
    """Every environment, attack and first stage that the examples speak of."""
    environments = [cell.environment for cell in summary.cells]
    environments += [name for one in summary.divergences for name in one.tuples]
    environments += [one.baseline_environment for one in summary.divergences]
    attacks = sorted({one.attack for one in summary.divergences} | set(summary.agreeing.attacks))
    stages = (find_stage(one, name) for one in summary.divergences for name in one.departing)
    return Names(number(environments), number(attacks), number(sort_stages(filter(None, stages))))


def sort_stages(stages: Iterable[str]) -> list[str]:
    """Stages that differ somewhere: those of files first, in their order, then as they first appear."""
    found = dict.fromkeys(stages)
    return [*(stage for stage in STAGES if stage in found), *(one for one in found if one not in STAGES)]


def number(names: Iterable[str]) -> dict[str, int]:
    """Names in the order of their first appearance, with their places."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def row_divergence(one: DivergenceSummary, names: Names, pictures: Mapping[str, Picture | None]) -> Row:
    """One divergence.

    Id, attack, source, baseline, classes, margins, stages, smallest margin, expected, causes, picture,
    groups of causes, how many times the noise the first stage's error is.
    """
    places = names.environments
    return [
        one.example,
        names.attacks[one.attack],
        make_line(one.source or "") or 0,
        places[one.baseline_environment],
        [row_class(one, value, members, places) for value, members in group_classes(one)],
        row_margins(one.margins, places),
        row_places({name: names.stages.get(find_stage(one, name) or "") for name in one.departing}, places),
        shorten(one.smallest_margin),
        group_texts(one.expected, places),
        group_texts(one.causes, places),
        row_picture(one.example, pictures),
        row_places(one.groups, places),
        row_ratios(one, places),
    ]


def row_picture(example: str, pictures: Mapping[str, Picture | None]) -> Row | int:
    """Input, perturbation and its factor; NOT_MADE or NOT_THERE."""
    if example not in pictures:
        return NOT_MADE
    picture = pictures[example]
    return [picture.input, picture.perturbation, picture.factor] if picture else NOT_THERE


def group_classes(one: DivergenceSummary) -> list[tuple[tuple[int, int, int], list[str]]]:
    """Agreement classes: the baseline's, then the others, the largest first."""
    known = one.baseline, one.decides(one.baseline_environment)
    classes: dict[tuple[tuple[int, int, int], bool], list[str]] = {known: []}
    for name, value in one.tuples.items():
        classes.setdefault((value, one.decides(name)), []).append(name)
    baseline = [(one.baseline, classes.pop(known))]
    others = [(value, names) for (value, _), names in classes.items()]
    return baseline + sorted(others, key=lambda item: -len(item[1]))


def row_class(
    one: DivergenceSummary, value: tuple[int, int, int], members: Sequence[str], places: Mapping[str, int]
) -> Row:
    """Gold, Original, Attribute, a bit for each kind of change, the environments."""
    changed = {change for name in members for change in one.changes.get(name, ())}
    bits = sum(1 << place for place, change in enumerate(CHANGES) if change in changed)
    return [*value, bits, [places[name] for name in members]]


def row_margins(margins: Mapping[str, Margins], places: Mapping[str, int]) -> Row | int:
    """Both margins of every environment, one after the other; 0 where there are none."""
    if not margins:
        return 0
    row: Row = [None] * (2 * len(places))
    for name, (original, attribute) in margins.items():
        if name in places:
            row[2 * places[name] : 2 * places[name] + 2] = shorten(original), shorten(attribute)
    return row


def row_places(values: Mapping[str, int | None], places: Mapping[str, int]) -> Row | int:
    """A number for every environment, NOWHERE where it has none; 0 where none has any."""
    known = {places[name]: value for name, value in values.items() if value is not None and name in places}
    return [known.get(place, NOWHERE) for place in range(len(places))] if known else 0


def row_ratios(one: DivergenceSummary, places: Mapping[str, int]) -> Row | int:
    """In words how many times the noise an error is, of every environment; 0 where none is known."""
    known = {name: show_ratio(ratio) for name, ratio in one.ratios.items() if find_stage(one, name)}
    return [known.get(name, 0) for name in places] if known else 0


def group_texts(texts: Mapping[str, str | None], places: Mapping[str, int]) -> Row:
    """Each text once, with the environments that it is said of."""
    groups: dict[str, list[int]] = {}
    for name, text in texts.items():
        if text is not None and name in places:
            groups.setdefault(text, []).append(places[name])
    return [[make_line(text), members] for text, members in groups.items()]


def shorten(value: float | None) -> float | None:
    """A margin with the digits that every form shows; null where it is none."""
    return None if value is None or not math.isfinite(value) else float(show_margin(value))


def rows_agreeing(summary: Summary, names: Names) -> Iterable[Row]:
    """Id, attack, source, tuple and smallest margin of every agreeing example."""
    agreeing = summary.agreeing
    for place, example in enumerate(agreeing.examples):
        yield [
            example,
            names.attacks[agreeing.attacks[place]],
            make_line(agreeing.sources[place] or "") or 0,
            *agreeing.tuples[place],
            shorten(agreeing.smallest_margins[place]),
        ]


def rows_incomparable(summary: Summary) -> Iterable[Row]:
    """Environment, reason, and the examples that could not be compared there for it."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in summary.incomparable:
        groups.setdefault((one.environment, one.reason), []).append(one.example)
    return ([*map(make_line, group), list(map(make_line, examples))] for group, examples in groups.items())


def pack_pages(streams: Mapping[str, Iterable[Row]], most_bytes: int, most_rows: int) -> list[Slice]:
    """Rows on pages, in order; a page is full at so many bytes or rows. There is always one page."""
    pages = [Slice()]
    for name, rows in streams.items():
        for row in rows:
            text = write_json(row)
            size = len(text.encode("utf-8", "replace"))
            if len(pages[-1]) and (pages[-1].size + size > most_bytes or len(pages[-1]) >= most_rows):
                pages.append(Slice())
            getattr(pages[-1], name).append(text)
            pages[-1].size += size + 1
    return pages


def write_json(data: Any) -> str:
    """JSON that may stand in a script element: with no `<`, nothing in it ends or opens anything."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return make_json(text).replace("<", "\\u003c")
