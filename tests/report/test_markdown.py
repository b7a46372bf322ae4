"""Markdown for CI summaries, read back by a real parser: every text shows as it is, and all fits."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from summaries import HOSTILE, cell, divergence, make_summary, plant, rate

from harness.report.markdown import LEGEND_DIVERGENCES, MOST_ROWS, render_markdown
from harness.report.markup import escape
from harness.summary.document import (
    EXIT_CODES,
    AgreementSummary,
    DifferenceSummary,
    IncomparableSummary,
    PairSummary,
)
from harness.system.text import make_line

TAGS = {
    "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td",
    "code", "details", "summary", "pre", "span",
}  # fmt: skip


class Reader(HTMLParser):
    """Tags with their attributes, and the text of every table cell, item, heading and fold."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.attributes = [], [""], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in ("code", "span"):
            self.texts.append("")

    def handle_data(self, data):
        self.texts[-1] += data


def read(text):
    parser = MarkdownIt("commonmark", {"html": True, "linkify": True})
    parser.enable(["table", "strikethrough", "linkify"])
    reader = Reader()
    reader.feed(parser.render(text))
    reader.close()
    reader.texts = [one.strip() for one in reader.texts]
    return reader


def draw(summary):
    return render_markdown(summary, Path("run"))


def test_the_verdict_is_a_word_in_the_heading():
    for outcome, code in EXIT_CODES.items():
        first = draw(make_summary(exit_code=code, outcome=outcome, verdict="it is so")).splitlines()[0]
        assert first.endswith(f"{outcome.upper()}: it is so")


def test_rates_counts_and_intervals_stand_in_the_row_of_their_environment():
    summary = make_summary(cells=(cell("a", detection=rate(97, 100)), cell("b")))
    (row,) = [line for line in draw(summary).splitlines() if line.startswith("| <code>a</code>")]
    assert "97.0 (92\N{EN DASH}99)" in row
    assert "the reference. Detected: of attacked examples" in draw(summary)


def test_a_divergence_shows_marks_margin_stage_names_and_cause():
    one = divergence(
        "x", b=(1, 2, 2), smallest_margin=0.01234, stages={"b": "pixels"}, causes={"b": "another decoder"}
    )
    text = draw(make_summary(divergences=(one,), labels={1: "Ann Lee", 2: "Bo Kim"}))
    (row,) = [line for line in text.splitlines() if line.startswith("| <code>x</code>")]
    for part in ("1-1-1", "1-2!-2!", "0.0123", "pixels", "1 Ann Lee, 2 Bo Kim", "another decoder", "| no |"):
        assert part in row


def test_what_agreeing_examples_are_like_stands_below_the_divergences():
    control = {"input": {"differ": 9, "of": 10}, "logits_original": {"differ": 10, "of": 10}}
    cells = (cell("a"), cell("b", controls=control))
    text = draw(make_summary(cells=cells, divergences=(divergence("x", b=(1, 2, 2)),)))
    assert "- <code>b</code>: of the examples that agree, input differ in 9 of 10" in text
    assert "First stage" not in text


def test_columns_without_content_are_left_out():
    text = draw(make_summary(divergences=(divergence("x", b=(1, 2, 2)),)))
    assert "| example | attack | baseline | <code>b</code> | expected |" in text


def test_smallest_margins_come_first_and_later_ones_are_folded():
    ones = [divergence(f"x{n}", b=(1, 2, 2), smallest_margin=float(100 - n)) for n in range(30)]
    text = draw(make_summary(divergences=ones))
    assert (
        text.index("x29<") < text.index("x10<") < text.index("<summary>10 more</summary>") < text.index("x9<")
    )


def test_pairs_that_agree_least_come_first():
    near = PairSummary(
        first="a", second="b", agreement=rate(99, 100), kappa=0.876, only_first=1, only_second=0, p_value=1.0
    )
    far = near.model_copy(
        update={"second": "c", "agreement": rate(7, 100), "kappa": None, "p_value": 0.00012}
    )
    text = draw(make_summary(agreement=AgreementSummary(pairs=(near, far), fleiss_kappa=0.5)))
    assert "| <code>a</code> | <code>b</code> | 99.0 (99 of 100) | 0.88 | 1 | 0 | 1 |" in text
    assert text.index("| 7.0 (7 of 100) | \N{EN DASH} | 1 | 0 | 0.00012 |") < text.index("99.0 (99 of 100)")
    assert "all environments: 0.50" in text


def test_differences_that_matter_are_listed_and_the_rest_counted():
    ones = (
        DifferenceSummary(what="versions.torch", baseline="2.6", here="1.13", matters=True),
        DifferenceSummary(what="variables.X", baseline=None, here="1", matters=True),
        DifferenceSummary(what="timings", baseline="1", here="2", matters=False),
    )
    text = draw(make_summary(cells=(cell("a"), cell("b", differences=ones))))
    assert "| <code>b</code> | versions.torch | 2.6 | 1.13 |" in text
    assert "| <code>b</code> | variables.X | \N{EN DASH} | 1 |" in text
    assert "timings" not in text
    assert "1 more differences that matter less" in text


def test_failed_and_unavailable_cells_are_told_apart_and_logs_folded():
    away = cell("gone", status="unavailable", reason="no engine")
    broken = cell("broken", status="failed", reason="it broke", log_end="one\n\ntwo <b>\n")
    text = draw(make_summary(cells=(cell("a"), away, broken), exit_code=2))
    assert "<code>gone</code> unavailable: no engine" in text
    assert "<details><summary><code>broken</code> failed: it broke</summary>" in text
    assert "<pre>\none\n\ntwo &lt;b&gt;\n</pre>" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| <code>gone</code>")]
    assert "0" not in row


def test_examples_that_were_not_compared_are_listed():
    one = IncomparableSummary(example="x", environment="b", reason="has no record")
    assert "| <code>x</code> | <code>b</code> | has no record |" in draw(make_summary(incomparable=(one,)))


PLACES = 11  # of a text that stands alone, in a cell of a table, an item or a fold


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_it_is_and_makes_nothing(text):
    page = read(draw(plant(text)))
    assert set(page.tags) <= TAGS
    assert set(page.attributes) <= {("style", "text-align:right"), ("style", "text-align:left")}
    assert page.texts.count(make_line(text.strip())) == PLACES
    plain = read(draw(plant("plain")))
    assert plain.texts.count("plain") == PLACES
    assert [one for one in page.tags if one != "span"] == plain.tags


def test_the_parser_would_see_text_that_is_not_escaped():
    seen = [set(read(f"para {text}\n").tags) - {"p"} for text in HOSTILE]
    assert {"script", "a", "strong", "img"} <= set().union(*seen)


@pytest.mark.parametrize(
    "text", ["2026-11-22T19:52:57+00:00", "local-pytorch", "57.0 (50-64)", "a = b, c: d", "logits_original"]
)
def test_ordinary_text_stays_readable(text):
    assert escape(text) == text


@pytest.mark.parametrize("text", ["x", "|@`" * 100, "\U0001f642" * 300])
def test_huge_runs_stay_under_the_limit_and_say_what_is_missing(text):
    names = [f"{text}{number}" for number in range(60)]
    cells = [
        cell(name, status="failed", reason=text * 50, log_end=f"{text}\n" * 500,
             differences=[DifferenceSummary(what=text, baseline=text, here=text, matters=True)] * 50)
        for name in names
    ]  # fmt: skip
    tuples = dict.fromkeys(names, (1, 2, 2))
    ones = [divergence(f"{text} {number}", **tuples, smallest_margin=float(number)) for number in range(800)]
    lost = [IncomparableSummary(example=name, environment=name, reason=text) for name in names * 10]
    summary = make_summary(
        cells=[cell("a"), *cells], divergences=ones, incomparable=lost, notes=names, register_problems=names,
        verdict=text * 5000, exit_code=2,
    )  # fmt: skip
    page = draw(summary)
    assert len(page.encode()) < 1_000_000
    assert "report.html" in page
    assert set(read(page).tags) <= TAGS
    for heading in (
        "### Environments",
        "### Divergences: 800",
        "### Could not run",
        "### Not compared: 600",
    ):
        assert heading in page


def test_whatever_the_room_it_is_not_exceeded_and_tables_stay_whole():
    ones = [divergence(f"x{number}", b=(1, 2, 2)) for number in range(300)]
    broken = cell("broken", status="failed", reason="it broke", log_end="line\n" * 300)
    summary = make_summary(cells=(cell("a"), cell("b"), broken), divergences=ones, exit_code=2)
    whole = draw(summary)
    for most in range(0, len(whole.encode()), 701):
        text = render_markdown(summary, Path("run"), most)
        assert len(text.encode()) <= most
        assert not text or text.splitlines()[-1].startswith("Cut, for there is no room for more: see")
        assert text.count("<details>") == text.count("</details>")
        assert set(read(text).tags) <= TAGS
    assert text.count("1-2!-2!") > 200
    assert render_markdown(summary, Path("run"), len(whole.encode())) == whole


def test_a_long_list_says_how_many_more_there_are():
    ones = [divergence(f"x{number}", b=(1, 2, 2)) for number in range(MOST_ROWS + 7)]
    page = draw(make_summary(divergences=ones))
    assert "7 more divergences: see <code>report.txt</code>" in page
    assert page.count("1-2!-2!") == MOST_ROWS
    assert LEGEND_DIVERGENCES in page
