"""The page's frame: a policy for its own script and style alone, and text from files that stays text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from html_samples import NAMES, make_rich, plant
from summaries import HOSTILE, cell, divergence, make_summary, rate

from harness.report.html.write import write_html

MARK = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>\"'><b>"


class Reader(HTMLParser):
    """The elements of a page with their attributes, and the text of its scripts and styles."""

    def __init__(self):
        super().__init__()
        self.elements, self.raw = [], {"script": [], "style": []}

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] in self.raw and self.cdata_elem:
            self.raw[self.elements[-1][0]][-1] += data


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def write(summary, tmp_path):
    (path,) = write_html(tmp_path / "report.html", summary)
    return path


def hash_text(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_names_each_script_and_style_and_no_other_place(tmp_path):
    page = read(write(make_rich(), tmp_path))
    (policy,) = [one["content"] for tag, one in page.elements if one.get("http-equiv")]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    theme, data, script = page.raw["script"]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [hash_text(theme), hash_text(script)]
    assert rules["style-src"].split() == [hash_text(one) for one in page.raw["style"]]
    assert rules["img-src"] == "data:"
    assert "unsafe" not in policy
    assert json.loads(data)["environments"][: len(NAMES)] == list(NAMES)


def test_no_element_brings_a_style_a_handler_or_an_address_of_elsewhere(tmp_path):
    for _, attributes in read(write(make_rich(), tmp_path)).elements:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#")[0] == "#" or attributes["href"].startswith("data:image/svg+xml,")
        assert "src" not in attributes


def shape(path):
    """Elements and the names of their attributes."""
    return [(tag, sorted(attributes)) for tag, attributes in read(path).elements]


@pytest.mark.parametrize("mark", [MARK, " ".join(HOSTILE)])
def test_no_text_changes_the_page_that_it_stands_on(tmp_path, mark):
    plain, hostile = write(make_rich(), tmp_path / "plain"), tmp_path / "hostile"
    summary, planted = plant(make_rich(), mark)
    assert len(planted) > 60
    assert shape(write(summary, hostile)) == shape(plain)


def test_the_data_holds_no_sign_that_could_end_its_element(tmp_path):
    summary, _ = plant(make_rich(), MARK)
    text = write(summary, tmp_path).read_text(encoding="utf-8")
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    assert "<" not in data
    assert json.loads(data)["divergences"][0][0].endswith(MARK)


@pytest.mark.parametrize(
    ("more", "word", "kind"),
    [
        ({}, "Same", "same"),
        ({"cells": (cell("a"),)}, "Done", "same"),
        ({"divergences": (divergence("x", b=(1, 2, 2)),)}, "Diverged", "diverged"),
        ({"exit_code": 2}, "Could not run", "trouble"),
        ({"exit_code": 1, "register_problems": ("gone",)}, "Not as expected", "diverged"),
        (
            {"divergences": (divergence("x", b=(1, 2, 2), expected={"b": "known"}),), "exit_code": 0},
            "Expected",
            "same",
        ),
        (
            {
                "divergences": (
                    divergence("x", b=(1, 2, 2), expected={"b": "known"}),
                    divergence("y", b=(1, 2, 2)),
                )
            },
            "Diverged",
            "diverged",
        ),
    ],
)
def test_the_banner_has_a_word_and_a_kind_of_its_own(tmp_path, more, word, kind):
    text = write(make_summary(**more), tmp_path).read_text(encoding="utf-8")
    assert f'<h1 id="title">{word}</h1>' in text
    assert f'<section class="verdict {kind}"' in text


def test_what_agreeing_examples_are_like_stands_below_the_first_stages(tmp_path):
    text = write(make_rich(), tmp_path).read_text(encoding="utf-8")
    words = "of the examples that agree, pixels differ in 31 of 31"
    assert f'<li><span class="words">ported</span>: {words}</li>' in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert data["controls"] == {"ported": words}


def test_what_has_no_number_has_none(tmp_path):
    empty = rate(0, 0)
    text = write(make_summary(cells=(cell("a", detection=empty), cell("b"))), tmp_path).read_text()
    assert 'title="nothing to count">0 of 0</td>' in text
    assert "nan" not in text.lower().replace("finance", "")


def test_nearly_all_is_never_shown_as_all(tmp_path):
    nearly = rate(99_999, 100_000)
    text = write(make_summary(cells=(cell("a", detection=nearly), cell("b"))), tmp_path).read_text()
    assert '<span class="number">99.999</span>' in text


def test_a_run_of_nothing_is_a_page_too(tmp_path):
    summary = make_summary(cells=(), examples=0, compared=0, exit_code=2, verdict="")
    text = write(summary, tmp_path).read_text(encoding="utf-8")
    assert "Could not run" in text
    assert "nothing was compared" in text


def test_a_rate_without_its_interval_is_no_number(tmp_path):
    bare = rate(3, 5).model_copy(update={"low": None})
    first = make_summary().cells[0]
    rates = first.rates.model_copy(update={"detection": bare})
    summary = make_summary(cells=(first.model_copy(update={"rates": rates}),))
    (path,) = write_html(tmp_path / "report.html", summary, [])
    assert ">3 of 5</td>" in path.read_text(encoding="utf-8")
