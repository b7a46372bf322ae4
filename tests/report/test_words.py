"""One summary in all forms: every number and every word of a column is the same in all of them."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from summaries import cell, divergence, make_summary, rate

from harness.report import export, words
from harness.report.html.write import write_html
from harness.report.terminal import render_text
from harness.report.write import FORMS
from harness.summary.document import EXIT_CODES, AgreementSummary, PairSummary, RatesSummary

FOLDER = Path("run")
RATES = RatesSummary(
    examples=5000,
    cases={"X-X-X": 4001, "X-X-Y": 17, "X-Y-X": 3, "X-Y-Y": 2, "X-Y-Z": 977},
    detection=rate(4999, 5000),
    alarms=rate(1, 5000),
    alarms_all=rate(2, 5000),
    accuracy=rate(9999, 10_000),
    attribute_accuracy=rate(5000, 5000),
    evasion=rate(0, 5000),
    recovery=rate(1999, 2000),
)
PAIR = PairSummary(
    first="a", second="b", agreement=rate(4999, 5000), kappa=0.9985, only_first=1, only_second=0, p_value=1.0
)
# What other forms called the same things once.
OLD = ("False alarms", "Steered accuracy", "plain logits", "steered logits", "Plain margin", "Steered margin",
       "\u03ba", "first stage that differs", "first difference", "differs first in")  # fmt: skip


@pytest.fixture(name="summary", scope="module")
def make_hard():
    one = divergence(
        "x", b=(1, 1, 2), smallest_margin=1.23456e-5, margins={"a": (1.0, 1.23456e-5), "b": (1234.5, 0.5)},
        stages={"b": "steered pool3"}, ratios={"b": 3e5}, changes={"b": ("attribute", "case", "detected")},
    )  # fmt: skip
    more = {"rates": RATES, "run_seconds": 12.34, "peak_memory_bytes": 123_456_789}
    return make_summary(
        examples=5000, compared=5000, divergences=(one,), baseline="a",
        cells=(cell("a", **more), cell("b", parameters={"alpha": 100.00000001}, **more)),
        agreement=AgreementSummary(pairs=(PAIR,), fleiss_kappa=0.9996),
    )  # fmt: skip


class Tables(HTMLParser):
    """The text of every cell of every row, and of the whole page; pictures and scripts apart."""

    def __init__(self):
        super().__init__()
        self.rows, self.texts, self.hidden = [], [], 0

    def handle_starttag(self, tag, _attrs):
        self.hidden += tag in ("script", "style", "svg")
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style", "svg")

    def handle_data(self, data):
        if not self.hidden:
            self.texts.append(data)
            if self.rows and self.rows[-1]:
                self.rows[-1][-1] += data


def read_tables(text):
    tables = Tables()
    tables.feed(text)
    return [[" ".join(one.split()) for one in row] for row in tables.rows], " ".join(tables.texts)


def read_terminal(summary):
    """Columns of environment b, and the whole text."""
    text = render_text(summary, FOLDER, 400)
    lines = text.splitlines()
    head = re.split(
        r"\s{2,}|(?<=n) (?=X)", next(line for line in lines if line.startswith(" environment")).strip()
    )
    row = re.split(r"\s+(?!\()", next(line for line in lines if line.startswith(" b ")).strip())
    head = [part for text in head for part in re.split(r" (?=X-)|(?<=Z) |(?<=%) |(?<= s) ", text) if part]
    return dict(zip(head, row, strict=True)), text


def read_markdown(summary):
    text = (
        MarkdownIt("commonmark", {"html": True}).enable("table").render(FORMS["report.md"](summary, FOLDER))
    )
    rows, shown = read_tables(text)
    return dict(zip(rows[0], next(row for row in rows if row[0] == "b"), strict=True)), shown


def read_junit(summary):
    root = ET.fromstring(FORMS["junit.xml"](summary, FOLDER))
    suite = root.find("testsuite[@name='b']")
    found = {one.get("name"): one.get("value") for one in suite.iter("property")}
    texts = [text for one in root.iter() for text in (*one.attrib.values(), one.text or "")]
    return {"environment": "b", **found}, " ".join(texts)


def read_html(summary, folder):
    (path,) = write_html(folder / "report.html", summary)
    rows, shown = read_tables(path.read_text(encoding="utf-8"))
    (names,), (groups,) = ([row for row in rows if row[:1] == [start]] for start in ("Environment", "X-X-X"))
    cases, rates = groups[:5], [f"{one} %" for one in groups[5:]]
    found = next(row for row in rows if row and row[0].startswith("b "))
    head = [*names[:3], *cases, *rates, *names[-3:]]
    told = dict(zip(head, [re.sub(r"^([\d.]+) (\S+)$", r"\1 (\2)", one) for one in found], strict=True))
    return {lower_first(name): text for name, text in told.items()}, shown


def lower_first(word):
    return word if word[:2].isupper() or word.startswith("X") else word[:1].lower() + word[1:]


@pytest.fixture(name="forms", scope="module")
def read_forms(summary, tmp_path_factory):
    return {
        "terminal": read_terminal(summary),
        "markdown": read_markdown(summary),
        "junit": read_junit(summary),
        "html": read_html(summary, tmp_path_factory.mktemp("page")),
    }


def test_every_column_has_one_word_and_one_number(forms):
    terminal, _ = forms["terminal"]
    assert {f"{one.word} %" for one in words.RATES} <= set(terminal)
    for form, (columns, _) in forms.items():
        for name, text in terminal.items():
            if name == "environment":
                continue
            assert name in columns, (form, name)
            shown = columns[name] if "(" in text else columns[name].partition(" ")[0]
            assert shown == text, (form, name)


def test_the_numbers_are_the_hard_ones(forms):
    shown = forms["terminal"][0]
    assert shown["detected %"].startswith("99.98 (99.9")
    assert shown["FPR %"].startswith("0.02 (")
    assert shown["evasion %"].startswith("0.0 (0")
    assert shown["attribute accuracy %"] == "100.0"


@pytest.mark.parametrize("form", ["terminal", "markdown", "junit", "html"])
def test_agreement_and_kappa_are_the_same_in_all(forms, form):
    text = " ".join(forms[form][1].split())
    for word in (words.SAME_TUPLE, words.KAPPA, words.FLEISS):
        assert word in text
    assert "99.98" in text
    assert "0.999" in text
    assert "0.9996" in text
    assert not re.search(r"(?<![\d.])(1\.00|0\.99)(?![\d.])", text)


@pytest.mark.parametrize("form", ["terminal", "markdown", "junit", "html"])
def test_nothing_has_a_second_word(forms, form):
    text = forms[form][1]
    assert [word for word in OLD if word.casefold() in text.casefold()] == []


def test_margins_stages_and_changes_are_called_alike(forms, summary, tmp_path):
    assert "1.23e-05" in forms["terminal"][1]
    assert "1.23e-05" in forms["markdown"][1]
    for part in (
        "smallest margin of all environments: 1.23e-05",
        "original margin 1230, attribute margin 0.5",
        "first stage: steered pool3 (300000 \N{MULTIPLICATION SIGN} noise)",
        "what differs: Attribute, case, detected",
    ):
        assert part in forms["junit"][1]
    (path,) = write_html(tmp_path / "report.html", summary)
    text = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["divergences"][0][7] == 1.23e-05
    assert data["stageNames"] == ["steered pool3"]
    assert data["changeNames"] == list(words.CHANGES.values())
    for word in (words.ORIGINAL_MARGIN, words.ATTRIBUTE_MARGIN, words.FIRST_STAGE, words.WHAT_DIFFERS):
        assert words.capitalise(word) in text


def test_columns_of_tables_have_the_same_words_the_other_way_round():
    for word in (words.ORIGINAL_MARGIN, words.ATTRIBUTE_MARGIN):
        assert "_".join(reversed(word.split())) in export.COLUMNS
    for stage, word in words.STAGES.items():
        assert f"hash_{stage}" in export.COLUMNS
        assert set(word.split()) == set(stage.split("_"))
    assert {change for change in words.CHANGES if change not in export.COLUMNS} == set()


@pytest.mark.parametrize("outcome", EXIT_CODES)
def test_the_outcome_has_one_word(outcome, tmp_path):
    summary = make_summary(outcome=outcome, exit_code=EXIT_CODES[outcome], verdict="it is so")
    assert render_text(summary, FOLDER).startswith(f"{outcome.upper()}: it is so\n")
    assert f" {outcome.upper()}: it is so\n" in FORMS["report.md"](summary, FOLDER)
    assert f'<property name="outcome" value="{outcome}"' in FORMS["junit.xml"](summary, FOLDER)
    assert json.loads("".join(FORMS["summary.json"](summary, FOLDER)))["outcome"] == outcome
    (path,) = write_html(tmp_path / "report.html", summary)
    assert f'<h1 id="title">{words.capitalise(outcome)}</h1>' in path.read_text(encoding="utf-8")
