"""The page's frame: what stands still in it, and a policy that lets nothing run but its own script."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.ami.cases import CASES, MEANINGS
from harness.explain.ladders import Ladder
from harness.report import words
from harness.report.causes import count_causes, list_named, title_waterfall
from harness.report.divergences import list_controls
from harness.report.html import overview, plots, why
from harness.report.html.rows import CHANGES, Names, Slice, write_json
from harness.report.numerics import count_classes, grow_tree, join_layers, list_told, tell_split
from harness.summary.document import PairSummary, Summary
from harness.system import numbers
from harness.system.text import HIDDEN, make_line, make_lines

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = ("state.js", "cards.js", "list.js", "ladder.js", "page.js")
STYLES = ("frame.css", "tables.css", "examples.css", "why.css")
MOST_STAGES = 6  # columns of a table
ICON_COLOURS = {"same": "0a7a5a", "diverged": "b3400f", "trouble": "8a6100"}


@dataclass(frozen=True)
class PagePlace:
    """Which of several pages this is, counted from 1, and where all of them lie as seen from it."""

    number: int
    pages: tuple[str, ...]


@dataclass(frozen=True)
class Commands:
    """How to run a divergence again: one of the starts, then a piece an environment and the example.

    `environments` has for each the number of its start, and its piece; None where it cannot be run again.
    `again` compares the runs again, where no one command runs all of them.
    """

    starts: tuple[str, ...]
    environments: tuple[tuple[int, str] | None, ...]
    again: str


def render_page(
    summary: Summary,
    names: Names,
    part: Slice,
    place: PagePlace,
    commands: Commands,
    ladders: Sequence[Ladder] = (),
) -> str:
    """One page of the report."""
    style, theme, script = join_assets(STYLES), join_assets(("theme.js",)), join_assets(SCRIPTS)
    verdict = overview.give_verdict(summary)
    return (
        open_templates()
        .get_template("page.html.j2")
        .render(
            **describe_frame(summary, names, place, ladders),
            summary=summary,
            verdict=verdict,
            icon_colour=ICON_COLOURS[verdict.kind],
            policy=write_policy((theme, script), (style,)),
            style=Markup(style),  # noqa: S704  own files, as is the next
            theme_script=Markup(theme),  # noqa: S704
            script=Markup(script),  # noqa: S704
            data=Markup(write_data(summary, names, part, place, commands, ladders)),  # noqa: S704  holds no `<`
        )
    )


@cache
def open_templates() -> Environment:
    """The templates, in which every value is escaped and an unknown one is an error."""
    templates = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["words"] = words
    templates.filters |= {
        "line": make_line,
        "lines": make_lines,
        "date": plots.show_date,
        "capital": words.capitalise,
        "signed": numbers.show_signed,
        "percent": numbers.show_percent,
        "interval": lambda rate: numbers.show_interval(rate.low, rate.high),
        "rate_words": numbers.describe_rate,
        "parameter": numbers.show_parameter,
        "whisker": plots.draw_whisker,
        "seconds": numbers.show_seconds,
        "megabytes": numbers.show_megabytes,
        "shade": plots.choose_shade,
        "kappa": numbers.show_kappa,
        "pair_words": describe_pair,
        "status": words.say_status,
        "ratio": numbers.show_ratio,
        "stage": name_stage,
        "split_words": tell_split,
        "joined_layers": join_layers,
        "waterfall_title": title_waterfall,
        "waterfall_bars": why.draw_waterfall,
    }
    return templates


@cache
def join_assets(names: tuple[str, ...]) -> str:
    """Some of the page's own files as one text."""
    return "".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


def write_policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """A content security policy: these scripts and styles, pictures written into the page, nothing else."""
    script = " ".join(map(hash_source, scripts))
    style = " ".join(map(hash_source, styles))
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def hash_source(text: str) -> str:
    """A text as a content security policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def describe_frame(
    summary: Summary, names: Names, place: PagePlace, ladders: Sequence[Ladder]
) -> dict[str, Any]:
    """What the templates draw beside the summary itself; other pages than the first need little of it."""
    frame: dict[str, Any] = {
        "number": place.number,
        "pages": place.pages,
        "page_words": describe_pages(place),
        "sections": list_sections(summary, place),
    }
    if place.number > 1:
        return frame
    patterns, patterns_left = overview.find_patterns(summary)
    departures = overview.count_departures(summary)
    return frame | {
        "facts": list_facts(summary),
        "families": why.view_families(summary, ladders),
        "named": list_named(summary.causes) if summary.causes else [],
        "most_causes": why.MOST_OPEN,
        "bits_words": count_classes(summary.numerics) if summary.numerics else "",
        "bits_tree": grow_tree(summary.numerics) if summary.numerics else None,
        "bits_told": list_told(summary.numerics) if summary.numerics else [],
        "causes_words": count_causes(summary.causes) if summary.causes else "",
        "baseline": overview.find_baseline(summary),
        "cells": overview.order_cells(summary),
        "cases": CASES,
        "meanings": MEANINGS,
        "rate_columns": [one for one in words.RATES if is_measured(summary, one.key)],
        "most_rest": overview.MOST_REST,
        "paired": overview.list_paired(summary),
        "pairs": overview.pair_cells(summary),
        "departures": {one.environment: one for one in departures},
        "changes": [name for name in CHANGES if any(one.changes[name] for one in departures)],
        "stage_names": name_stages(departures, names),
        "controls": list_controls(summary),
        "patterns": patterns,
        "patterns_left": patterns_left,
        "margin_columns": plots.draw_margins(overview.count_margins(summary)),
    }


def name_stages(departures: Sequence[overview.DepartureCounts], names: Names) -> list[tuple[str | None, str]]:
    """The most frequent first stages with their words, in their order; none where none was measured."""
    counts: Counter[str | None] = Counter()
    for one in departures:
        counts.update(one.stages)
    often = sorted(names.stages, key=lambda stage: -counts[stage])[:MOST_STAGES]
    found = [(stage, name_stage(stage)) for stage in names.stages if stage in often]
    return [*found, *([(None, words.NOT_MEASURED)] if counts[None] else [])] if found else []


def name_stage(stage: str) -> str:
    """A stage in its word."""
    return words.STAGE_NAMES.get(stage, make_line(stage))


def is_measured(summary: Summary, rate: str) -> bool:
    """Whether any cell has a rate at all."""
    return any(cell.rates and getattr(cell.rates, rate) for cell in summary.cells)


def list_sections(summary: Summary, place: PagePlace) -> list[tuple[str, str]]:
    """Anchors and names of the sections that there are."""
    first = place.number == 1
    sections = [
        ("why", "Why", first and summary.causes is not None),
        ("bits", "Last bits", first and summary.numerics is not None),
        ("environments", "Environments", first),
        ("not-run", "Not run", first and any(cell.status != "done" for cell in summary.cells)),
        ("agreement", "Agreement", first and bool(summary.agreement.pairs)),
        ("divergences", "Divergent", True),
        ("agreeing", "Agreeing", not first or bool(summary.agreeing.examples)),
        ("incomparable", "Not compared", not first or bool(summary.incomparable)),
    ]
    return [(anchor, name) for anchor, name, there in sections if there]


def list_facts(summary: Summary) -> list[tuple[str, str]]:
    """What the run was, in short."""
    port, parameters = overview.find_parameters(summary)
    ended = [cell.status for cell in summary.cells]
    cells = ", ".join(f"{ended.count(one)} {one}" for one in dict.fromkeys(ended))
    reused = sum(cell.reused for cell in summary.cells)
    copies = sum(cell.copy_of is not None for cell in summary.cells)
    asides = ", ".join([f"{reused} reused"] * bool(reused) + [f"{copies} copied"] * bool(copies))
    facts = [
        ("Model", summary.model),
        ("Examples", str(summary.examples)),
        ("Compared", str(summary.compared)),
        ("Divergent", str(len(summary.divergences))),
        ("Cells", f"{cells}{f' ({asides})' if asides else ''}"),
        ("Reference", summary.reference),
        ("Port", port),
        ("Parameters", parameters),
        ("Made", plots.show_date(summary.created)),
        ("Seconds", numbers.show_seconds(summary.seconds) if summary.seconds else ""),
        ("Harness", summary.harness),
    ]
    return [(name, value) for name, value in facts if value]


def describe_pages(place: PagePlace) -> str:
    """Which page this is."""
    return f"this is page {place.number} of {len(place.pages)}."


def describe_pair(pair: PairSummary) -> str:
    """Two environments beside each other, in full."""
    agreement = f"{pair.first} and {pair.second}: same tuple in {numbers.describe_rate(pair.agreement)}"
    kappa = f"Cohen\u2019s {words.KAPPA} {numbers.show_kappa(pair.kappa)}"
    alone = f"detected only by the first {pair.only_first}, only by the second {pair.only_second}"
    test = "" if pair.p_value is None else f" (McNemar\u2019s exact p = {numbers.show_p_value(pair.p_value)})"
    return make_line(f"{agreement}. {kappa}; {alone}{test}.")


def write_data(
    summary: Summary,
    names: Names,
    part: Slice,
    place: PagePlace,
    commands: Commands,
    ladders: Sequence[Ladder],
) -> str:
    """Everything that the page's script reads, as JSON that may stand in a script element."""
    head = {
        "environments": list(map(make_line, names.environments)),
        "attacks": list(map(make_line, names.attacks)),
        "hidden": HIDDEN,
        "cases": list(CASES),
        "meanings": MEANINGS,
        "changes": list(CHANGES),
        "changeNames": list(words.CHANGES.values()),
        "stages": list(map(make_line, names.stages)),
        "stageNames": list(map(name_stage, names.stages)),
        "notMeasured": words.NOT_MEASURED,
        "causes": why.row_causes(summary),
        "as": words.AS,
        "ladders": [why.row_ladder(one) for one in ladders] if place.number == 1 else [],
        "controls": dict(list_controls(summary)),
        "labels": {number: make_line(label) for number, label in summary.labels.items()},
        "pages": place.pages,
        "number": place.number,
        "starts": commands.starts,
        "options": commands.environments,
        "again": commands.again,
    }
    rows = {
        name: "[" + ",".join(getattr(part, name)) + "]"
        for name in ("divergences", "agreeing", "incomparable")
    }
    body = ",".join(f'"{name}":{text}' for name, text in rows.items())
    return f"{write_json(head)[:-1]},{body}}}"
