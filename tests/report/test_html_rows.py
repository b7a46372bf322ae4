"""Rows for the page's script: everything a divergence holds, by position, on as many pages as it takes."""

import json
import math

from html_samples import BASELINE, NAMES, make_divergence, make_rich
from summaries import make_summary

from harness.report.html.pictures import Picture
from harness.report.html.rows import (
    CHANGES,
    NOT_MADE,
    NOT_THERE,
    list_names,
    pack_pages,
    row_divergence,
    rows_agreeing,
    rows_incomparable,
    shorten,
    write_json,
)


def make_row(divergence, pictures=None):
    names = list_names(make_summary(divergences=(divergence,)))
    return row_divergence(divergence, names, pictures or {}), names


def test_a_row_holds_what_the_divergence_says():
    divergence = make_divergence(
        3, "case", ("caffe", "ported"), stages={"caffe": "steered pool3", "ported": None},
        ratios={"caffe": 3e5}, groups={"ported": 4},
        expected={"caffe": "known", "ported": None}, causes={"caffe": "why", "ported": "why"},
    )  # fmt: skip
    row, names = make_row(divergence)
    places = names.environments
    assert row[:4] == ["example-3", 0, "clean-3", places["plain"]]
    baseline, other = row[4]
    assert baseline == [*BASELINE, 0, [places[name] for name in NAMES if name not in ("caffe", "ported")]]
    assert other[:3] == [7, 7, 7]
    assert [name for place, name in enumerate(CHANGES) if other[3] & 1 << place] == [
        "attribute", "case", "detected",
    ]  # fmt: skip
    assert other[4] == [places["caffe"], places["ported"]]
    assert row[5][2 * places["caffe"] : 2 * places["caffe"] + 2] == [2.5, 0.004]
    assert (row[6][places["caffe"]], row[6][places["ported"]], list(names.stages)) == (
        0,
        -1,
        ["steered pool3"],
    )
    assert (row[11][places["caffe"]], row[11][places["ported"]]) == (-1, 4)
    assert (row[12][places["caffe"]], row[12][places["ported"]]) == (
        "300000 \N{MULTIPLICATION SIGN} noise",
        0,
    )
    assert row[7:11] == [
        0.004, [["known", [places["caffe"]]]], [["why", [places["caffe"], places["ported"]]]], NOT_MADE,
    ]  # fmt: skip


def test_the_baseline_comes_first_though_its_class_is_small():
    row, names = make_row(make_divergence(0, "attribute", NAMES[1:]))
    assert [one[4] for one in row[4]] == [[names.environments["plain"]], [1, 2, 3, 4, 5]] or len(
        row[4][0][4]
    ) == 1


def test_a_divergence_without_margins_hashes_or_source_has_short_places():
    row, _ = make_row(make_divergence(0, margins={}, stages={}, source=None, smallest_margin=None))
    assert (row[2], row[5], row[6], row[7], row[11:]) == (0, 0, 0, None, [0, 0])


def test_hashes_of_logits_in_older_summaries_are_no_stage():
    row, names = make_row(make_divergence(0, stages={"ported": "logits_attribute"}))
    assert (row[6], dict(names.stages)) == (0, {})
    row, names = make_row(make_divergence(0, stages={"ported": "logits_attribute"}, ratios={"ported": 7.0}))
    assert list(names.stages) == ["logits_attribute"]


def test_a_picture_is_there_or_why_not():
    divergence = make_divergence(0)
    assert make_row(divergence, {"example-0": Picture("data:a", "data:b", 4)})[0][10] == [
        "data:a",
        "data:b",
        4,
    ]
    assert make_row(divergence, {"example-0": None})[0][10] == NOT_THERE
    assert make_row(divergence, {"another": None})[0][10] == NOT_MADE


def test_agreeing_examples_are_one_short_row_each():
    summary = make_rich()
    rows = list(rows_agreeing(summary, list_names(summary)))
    assert len(rows) == 31
    assert rows[2] == ["agreeing-2", 0, 0, 4, 4, 4, 2.5]


def test_lost_examples_are_grouped_by_place_and_reason():
    assert list(rows_incomparable(make_rich())) == [["caffe", "has no record", ["lost-1", "lost-2"]]]


def test_margins_keep_the_digits_that_are_shown_and_what_is_none_is_null():
    assert shorten(0.123456) == 0.123
    assert shorten(1.23456e-7) == 1.23e-07
    assert [shorten(value) for value in (None, math.nan, math.inf)] == [None, None, None]


def test_no_row_is_lost_and_no_page_is_fuller_than_it_may_be():
    rows = [[f"example-{place}", "x" * place] for place in range(100)]
    pages = pack_pages({"divergences": rows[:70], "agreeing": rows[70:]}, most_bytes=1000, most_rows=20)
    found = [json.loads(one) for page in pages for one in (*page.divergences, *page.agreeing)]
    assert found == rows
    assert all(page.size <= 1000 and len(page) <= 20 for page in pages)
    assert len(pages) > 5


def test_a_row_that_is_larger_than_a_page_has_one_for_itself():
    pages = pack_pages({"divergences": [["x" * 50], ["y"]]}, most_bytes=10, most_rows=9)
    assert [len(page) for page in pages] == [1, 1]


def test_nothing_still_makes_a_page():
    assert [len(page) for page in pack_pages({"divergences": []}, 10, 10)] == [0]


def test_json_has_no_sign_that_html_reads():
    text = write_json({"a": "</script><!--"})
    assert "<" not in text
    assert json.loads(text) == {"a": "</script><!--"}
