"""The report as JUnit XML: a suite a cell, and one for the run; valid by the schemas that are around."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.report.cells import COLUMNS
from harness.report.outcomes import RUN, Case, list_cases
from harness.report.words import FLEISS, KAPPA, SAME_TUPLE, say_status
from harness.summary.document import CellSummary, Summary
from harness.system.numbers import show_kappa, show_parameter, show_percent, show_seconds
from harness.system.text import make_line, make_lines

MOST_CHARACTERS = 500
MOST_TEXT = 10_000
MOST_PAIRS = 1000
NO_HOST = "localhost"  # what the format asks for where no name is to be told


def render_junit(summary: Summary, _folder: Path) -> str:
    """The whole document."""
    suites: dict[str, list[Case]] = {RUN: [], **{cell.environment: [] for cell in summary.cells}}
    for case in list_cases(summary):
        suites.setdefault(case.suite, []).append(case)
    cells = {cell.environment: cell for cell in summary.cells}
    root = ET.Element("testsuites")
    for number, (name, cases) in enumerate(suites.items()):
        root.append(build_suite(number, name, cases, summary, cells.get(name)))
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def build_suite(
    number: int, name: str, cases: Sequence[Case], summary: Summary, cell: CellSummary | None
) -> ET.Element:
    """One suite with its properties and tests."""
    counts = Counter(case.outcome for case in cases)
    seconds = summary.seconds if cell is None else cell.run_seconds
    suite = ET.Element(
        "testsuite",
        id=str(number),
        name=name_line(name),
        package=name_line(summary.model),
        hostname=NO_HOST,
        timestamp=show_time(summary.created),
        time=f"{seconds or 0:.3f}",
        tests=str(len(cases)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in list_properties(summary, cell):
        ET.SubElement(properties, "property", name=key, value=make_line(value, MOST_CHARACTERS))
    names: Counter[str] = Counter()
    for case in cases:
        name = name_line(case.name)
        names[name] += 1
        # Viewers drop all but the first of one name, and names may be the same once they are cut.
        add_case(suite, case, name if names[name] == 1 else f"{name} ({names[name]})")
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    return suite


def add_case(suite: ET.Element, case: Case, name: str) -> None:
    """One test; its text begins with the message, which some viewers do not show."""
    element = ET.SubElement(suite, "testcase", name=name, classname=name_line(case.suite), time="0")
    if case.outcome == "passed":
        return
    message = make_line(case.message, MOST_CHARACTERS)
    told = ET.SubElement(element, case.outcome, type=case.kind, message=message)
    told.text = f"{message}\n{make_lines(case.text, MOST_TEXT)}"


def name_line(text: str) -> str:
    """A name, which is never empty; its spaces are single, as readers make them."""
    return " ".join(make_line(text, MOST_CHARACTERS).split()) or "unnamed"


def show_time(created: str) -> str:
    """UTC without saying so, as the format wants it; the epoch where a summary does not tell."""
    try:
        time = dt.datetime.fromisoformat(created).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        time = dt.datetime.fromtimestamp(0, dt.UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}"


def list_properties(summary: Summary, cell: CellSummary | None) -> Iterator[tuple[str, str]]:
    """Names and values: of the run, or of a cell with all the numbers that its row in the table has."""
    if cell is None:
        yield from list_totals(summary)
        return
    yield "status", say_status(cell)
    yield "backend", cell.backend
    yield "port", cell.port
    for name, value in cell.parameters.items():
        yield f"parameter {name_line(name)}", show_parameter(value)
    if cell.rates:
        for name, _, show in COLUMNS:
            yield name, show(cell)


def list_totals(summary: Summary) -> Iterator[tuple[str, str]]:
    """What is counted over the whole run."""
    yield "run", summary.run
    yield "harness", summary.harness
    yield "model", summary.model
    yield "reference", summary.reference
    yield "outcome", summary.outcome
    yield "verdict", summary.verdict
    yield "exit code", str(summary.exit_code)
    yield "examples", str(summary.examples)
    yield "compared", str(summary.compared)
    yield "divergences", str(len(summary.divergences))
    yield "not compared", str(len({one.example for one in summary.incomparable}))
    yield "cells", str(len(summary.cells))
    yield "cells copied", str(sum(cell.copy_of is not None for cell in summary.cells))
    yield "cells reused", str(sum(cell.reused for cell in summary.cells))
    yield "seconds", show_seconds(summary.seconds)
    if summary.agreement.pairs:
        yield FLEISS, show_kappa(summary.agreement.fleiss_kappa)
    for pair in summary.agreement.pairs[:MOST_PAIRS]:
        names = name_line(f"{pair.first} and {pair.second}")
        yield f"{SAME_TUPLE}, {names}", show_percent(pair.agreement.rate)
        yield f"{KAPPA}, {names}", show_kappa(pair.kappa)
