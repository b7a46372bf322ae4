"""Every number that the terminal shows is in every other form, at the same environment, example or pair.

What is looked for: each number in the terminal's table of cells, in its divergences, in the agreement of
environments, in the lists of what was not compared or could not run, and in its sentences. The JSON holds
numbers unrounded, so there each is held against all the ways in which it may be shown.
"""

import html
import json
import random
import re
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from judged import record, result

from harness.diff.cells import CellResult
from harness.diff.columns import take_columns
from harness.report.html.write import write_html
from harness.report.terminal import render_text
from harness.report.write import FORMS
from harness.summary.document import CellSummary
from harness.verdict.judge import RunDescription, make_summary

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
ENVIRONMENTS = ("a-reference", "b-same", "c-near", "d-port")
FOLDER = Path("run")
WIDE = 400
# Sentences with numbers that are no results.
CONSTANT = ("* the reference.", "run folder:", "to look at:")
AGREEMENT = "agreement"


def make_records(name, shift, count=347):
    """Records that depart from those of shift 0 the more, the larger the shift; sizes that occur once."""
    chance, steps = random.Random(5), random.Random(name)
    records = []
    for number in range(count):
        gold, original = number % 97, number % 89 if number % 3 else number % 97
        margin = chance.random() * 3 + 0.01
        attribute = original if chance.random() < 0.4 else 500 + number % 53
        if steps.random() < shift:
            attribute, margin = 700 + number % 31, margin / 100
        one = record(f"ex-{number}", gold, original, attribute)
        more = {"margin_original": margin + 1, "margin_attribute": margin, "source": f"s{number % 60}"}
        records.append({**one, **more, "attack": "benign" if gold == original else "fgsm"})
    return records


def make_cell(name, shift):
    number = ENVIRONMENTS.index(name)
    cell = CellSummary(
        environment=name, cell=f"m/{name}", status="done", backend="reference", port="notebook",
        parameters={"alpha": 100.0}, run_seconds=12.34 + number,
        peak_memory_bytes=123_456_789 + number * 1_000_000,
    )  # fmt: skip
    return CellResult(cell, take_columns(make_records(name, shift)))


@pytest.fixture(name="summary", scope="module")
def make_realistic():
    cells = [make_cell(name, shift) for name, shift in zip(ENVIRONMENTS, (0, 0, 0.01, 0.2))]
    broken = result("e-broken", status="failed", reason="it broke after 4711 records")
    known = tuple(f"ex-{number}" for number in range(349))
    lists = dict.fromkeys(ENVIRONMENTS, known)
    header = RunDescription(
        "run", "0", "m", "a-reference", lists, 98.76, labels=dict.fromkeys(range(99), "n")
    )
    return make_summary(header, [*cells, broken], ())


def find_numbers(text):
    """Numbers in a text, but those in names of environments, examples, sources and intervals."""
    for name in (*ENVIRONMENTS, "e-broken"):
        text = text.replace(name, " ")
    text = re.sub(r"\bex-\d+|\bs\d+\b|\bm/\S+|\b95 %", " ", text)
    return set(NUMBER.findall(text))


def find_scope(line):
    """The example or the environment that a line of the terminal begins with, None for any other line."""
    words = line.split()
    start = words[0] if words else ""
    return start if start.startswith("ex-") or start in (*ENVIRONMENTS, "e-broken") else None


def read_terminal(summary):
    """Numbers of every line, by what it begins with; those of the agreement together."""
    found = {None: set(), AGREEMENT: set()}
    lines = render_text(summary, FOLDER, WIDE).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("agreement:"))
    end = next(number for number in range(start + 1, len(lines)) if lines[number][:1].strip())
    for line in lines[start + 4 : end]:
        row = re.sub(r"^ *\d+ |and \d+ more", "", line)  # how rows are numbered, and what was put into one
        found[AGREEMENT] |= find_numbers(row)
    for line in lines[:start] + lines[end:]:
        if not line.strip().startswith(CONSTANT):
            found.setdefault(find_scope(line), set()).update(find_numbers(line))
    return found


def read_markdown(summary):
    """Likewise: rows of tables by their first cell, the agreement by its heading."""
    text = html.unescape(re.sub(r"</?\w+>", " ", FORMS["report.md"](summary, FOLDER)))
    _, _, agreement = text.partition("### Agreement")
    found = {None: find_numbers(text), AGREEMENT: find_numbers(agreement.partition("###")[0])}
    for line in text.splitlines():
        name = line.lstrip("|- ").split()
        if name:
            found.setdefault(name[0], set()).update(find_numbers(line))
    return found


def read_junit(summary):
    """Likewise: properties by their suite, tests by their names, and what an error says by its suite."""
    root = ET.fromstring(FORMS["junit.xml"](summary, FOLDER))
    agreement = [
        one.get("value") for one in root.iter("property") if re.search("kappa|same", one.get("name"))
    ]
    texts = {None: " ".join(gather_text(root)), AGREEMENT: " ".join(agreement)}
    for suite in root:
        told = [*gather_text(suite.find("properties")), *gather_text(suite.find("testcase[@name='cell']"))]
        texts[suite.get("name")] = " ".join(told)
        for case in suite.iter("testcase"):
            texts[case.get("name")] = " ".join([texts.get(case.get("name"), ""), *gather_text(case)])
    return {name: find_numbers(text) for name, text in texts.items()}


def gather_text(element):
    """All values and texts in an element."""
    if element is None:
        return
    for one in element.iter():
        yield from one.attrib.values()
        yield one.text or ""


def read_json(summary):
    """Likewise: all ways to show the numbers of the objects with an environment's or an example's name."""
    document = json.loads("".join(FORMS["summary.json"](summary, FOLDER)))
    found = {None: set(walk_json(document)), AGREEMENT: set(walk_json(document["agreement"]))}
    for name, parts in (("environment", document["cells"]), ("example", document["divergences"])):
        for part in parts:
            found.setdefault(part[name], set()).update(walk_json(part))
    return found


def walk_json(part):
    """Every number in plain data, in all the ways in which it may be shown; lists by their length, too."""
    if isinstance(part, dict | list):
        yield str(len(part))
        for one in part.values() if isinstance(part, dict) else part:
            yield from walk_json(one)
    elif isinstance(part, str):
        yield from find_numbers(part)
    elif isinstance(part, int | float) and not isinstance(part, bool):
        yield from (f"{part:.1f}", f"{part:.2f}", f"{part:.3g}", f"{part * 100:.1f}", f"{part * 100:.0f}")
        yield from (str(part), f"{part / 1e6:.0f}")


def read_html(summary):
    """Likewise: the table's part on an environment, an example's row in the data, the agreement's part."""
    with tempfile.TemporaryDirectory() as folder:
        (path,) = write_html(Path(folder) / "report.html", summary)
        page = path.read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.loads(text)
    agreement = re.search(r'<section id="agreement".*?</section>', page, re.DOTALL)[0]
    found = {None: read_page(page) | set(walk_json(data)), AGREEMENT: read_page(agreement)}
    parts = re.findall(
        r'<tbody>\s*<tr class="cell.*?</tbody>|<article class="stuck">.*?</article>', page, re.DOTALL
    )
    for part in parts:
        name = re.search(r'class="words"[^>]*>([^<]*)<', part)[1]
        found.setdefault(name, set()).update(read_page(part))
    for row in data["divergences"]:
        found[row[0]] = set(walk_json(row))
    for example, *row in data["incomparable"]:
        found.setdefault(example, set()).update(walk_json(row))
    return found


def read_page(page):
    """Numbers of a page's text."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return find_numbers(re.sub(r"(?<=\d)[,\u202f\u00a0](?=\d{3})", "", html.unescape(text)))


READERS = {
    "report.md": read_markdown,
    "junit.xml": read_junit,
    "summary.json": read_json,
    "report.html": read_html,
}


@pytest.fixture(name="forms", scope="module")
def read_forms(summary):
    return {form: read(summary) for form, read in READERS.items()}


def find_missing(terminal, form):
    """Numbers of the terminal that another form lacks at the same place."""
    missing = set()
    for scope, numbers in terminal.items():
        there = form.get(scope, set())
        missing |= {(scope, number) for number in numbers - there}
    return missing


def test_the_summary_is_worth_the_test(summary):
    assert len(summary.divergences) > 60
    assert {one.smallest_margin is None for one in summary.divergences} == {False}
    assert summary.agreement.fleiss_kappa is not None
    numbers = read_terminal(summary)
    assert len(set().union(*numbers.values())) > 200
    assert {*ENVIRONMENTS, "e-broken"} <= set(numbers)


@pytest.mark.parametrize("form", READERS)
def test_every_number_in_the_terminal_is_in_the_others(summary, forms, form):
    assert find_missing(read_terminal(summary), forms[form]) == set()


def change_cell(summary, **more):
    first, *rest = summary.cells
    return summary.model_copy(update={"cells": (first.model_copy(update=more), *rest)})


def change_rate(summary):
    rates = summary.cells[0].rates
    low = rates.alarms.model_copy(update={"low": -7.77})
    return change_cell(summary, rates=rates.model_copy(update={"alarms": low}))


def change_case(summary):
    rates = summary.cells[0].rates
    return change_cell(summary, rates=rates.model_copy(update={"cases": {**rates.cases, "X-Y-Z": 999}}))


def change_divergence(summary, **more):
    first, *rest = summary.divergences
    return summary.model_copy(update={"divergences": (first.model_copy(update=more), *rest)})


def change_tuple(summary):
    one = summary.divergences[0]
    name = one.departing[0]
    tuples = {**one.tuples, name: (*one.tuples[name][:2], 998)}
    return change_divergence(summary, tuples=tuples)


def change_pair(summary):
    kappa = summary.agreement.model_copy(update={"fleiss_kappa": 0.1777})
    return summary.model_copy(update={"agreement": kappa})


CHANGES = {
    "interval": change_rate,
    "case": change_case,
    "seconds": lambda summary: change_cell(summary, run_seconds=77.7),
    "memory": lambda summary: change_cell(summary, peak_memory_bytes=777_000_000),
    "tuple": change_tuple,
    "margin": lambda summary: change_divergence(summary, smallest_margin=0.0777),
    "kappa": change_pair,
    "examples": lambda summary: summary.model_copy(update={"examples": 7777}),
    "divergences": lambda summary: summary.model_copy(update={"divergences": summary.divergences[:1] * 7777}),
    "verdict": lambda summary: summary.model_copy(update={"verdict": "7777 of 347 examples diverge"}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", READERS)
def test_a_number_that_is_not_in_another_form_is_noticed(summary, forms, form, change):
    assert find_missing(read_terminal(CHANGES[change](summary)), forms[form])
