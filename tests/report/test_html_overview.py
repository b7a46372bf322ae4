"""What the page counts before its list: departures, who departs together, margins, the baseline."""

from html_samples import NAMES, make_divergence, make_rich
from summaries import make_summary, rate

from harness.report.html import overview, plots


def test_departures_count_what_differs_and_where_first():
    found = {one.environment: one for one in overview.count_departures(make_rich())}
    assert set(found) == {"caffe", "torch", "onnx", "opencv", "ported"}
    ported = found["ported"]
    assert (ported.examples, ported.unexpected) == (11, 10)
    assert ported.changes == {"gold": 1, "original": 0, "attribute": 10, "case": 2, "detected": 1}
    assert ported.stages["steered pool3"] == 10
    assert ported.stages[None] == 1


def test_patterns_are_sets_of_environments_the_most_frequent_first():
    patterns, left = overview.find_patterns(make_rich())
    assert patterns[0] == overview.Pattern(("ported",), 9)
    assert sum(one.examples for one in patterns) == 12
    assert left == 0


def test_rare_patterns_are_counted_not_shown(monkeypatch):
    monkeypatch.setattr(overview, "MOST_PATTERNS", 1)
    patterns, left = overview.find_patterns(make_rich())
    assert (len(patterns), left) == (1, 3)


def test_the_baseline_is_shown_first():
    assert overview.find_baseline(make_summary()) is None
    assert overview.find_baseline(make_summary(baseline="b")).environment == "b"
    assert [one.environment for one in overview.order_cells(make_summary(baseline="b"))] == ["b", "a"]
    assert [one.environment for one in overview.order_cells(make_summary())] == ["a", "b"]


def test_margins_fall_into_their_decades():
    divergences = tuple(
        make_divergence(place, smallest_margin=margin)
        for place, margin in enumerate((1e-9, 1e-3, 0.0099, 250.0, None))
    )
    bars = overview.count_margins(make_summary(divergences=divergences))
    assert [(bar.low, bar.high, bar.diverging) for bar in bars if bar.diverging] == [
        (None, -6, 1), (-3, -2, 2), (2, None, 1),
    ]  # fmt: skip
    assert sum(bar.diverging for bar in bars) == 4


def test_the_plot_begins_and_ends_where_margins_are():
    bars = overview.count_margins(make_summary(divergences=(make_divergence(0, smallest_margin=0.5),)))
    assert [(bar.low, bar.high) for bar in bars] == [(-1, 0)]
    assert plots.draw_margins(bars)[0].words == "margin 0.1 to 1: 1 diverge, 0 agree"
    assert overview.count_margins(make_summary()) == []


def test_pairs_are_found_from_both_sides():
    summary = make_rich()
    pairs = overview.pair_cells(summary)
    assert pairs["plain", "ported"] is pairs["ported", "plain"]
    assert overview.list_paired(summary) == list(NAMES)


def test_shades_keep_all_apart_from_nearly_all():
    assert [plots.choose_shade(one) for one in (None, 1.0, 0.9999, 0.5, 0.0)] == [
        "none",
        "same",
        "0",
        "5",
        "9",
    ]


def test_nothing_to_count_has_no_whisker():
    assert plots.draw_whisker(rate(0, 0)) is None


def test_a_date_is_read_and_what_is_none_is_shown_as_it_is():
    assert plots.show_date("2026-01-02T03:04:05+00:00") == "2 Jan 2026, 03:04 UTC"
    assert plots.show_date("yesterday") == "yesterday"
