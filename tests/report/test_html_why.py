"""Causes on the page, as data: the order of groups, bars of waterfalls, shades of ladders, and their room."""

import json
import math
import re

import pytest
from caused import GROUPS, LADDER, make_caused, put_ladders
from summaries import make_summary

from harness.core.errors import InputError
from harness.explain.ladders import LADDERS, Ladder, Rung, read_ladders, write_ladder
from harness.report.html.why import (
    draw_strip,
    draw_waterfall,
    find_start,
    find_turns,
    gather_ladders,
    raise_apart,
    raise_rung,
    row_causes,
    row_ladder,
    row_rung,
    shade_rung,
    view_families,
)
from harness.report.html.write import Budget, write_html
from harness.summary.causes import GroupStage, SharePart, Waterfall
from harness.system.numbers import show_ratio

ROOM = 10**6


def read_data(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)[1])


def test_families_are_in_the_order_of_their_verdicts_then_of_their_counts():
    found = view_families(make_caused(), [])
    assert [(one.lead.place, one.count) for one in found] == [(1, 10), (3, 1), (0, 1)]
    assert [[(it.place, it.name) for it in one.variants] for one in found] == [[(2, "alpha")], [], []]
    assert [one.sets for one in found] == ["8 by this alone; 2 with alpha", "", ""]
    assert view_families(make_summary(), []) == []


def test_a_family_is_asked_for_by_cause_verdict_and_the_cell_that_departs():
    first = view_families(make_caused(), [])[0]
    asked = {"verdict": "proven", "environment": "ported"}
    assert first.query == {"cause": "pool3-channels & more", **asked}
    assert first.lead.query == {"cause": "pool3-channels", **asked}
    assert first.variants[0].query == {"cause": "pool3-channels, alpha", **asked}
    other = view_families(make_caused(baseline="ported"), [])[0]
    assert other.query["environment"] == "plain"


def test_every_group_has_its_family_and_the_example_that_was_measured():
    assert row_causes(make_caused()) == [
        ["unknown", "unknown", "unknown", ""],
        ["pool3-channels", "proven", "pool3-channels & more", "example-0"],
        ["pool3-channels, alpha", "proven", "pool3-channels & more", ""],
        ["decoder", "consistent", "decoder", ""],
    ]


def test_a_pair_without_the_baseline_leads_to_its_first_example():
    (first,) = [one for one in view_families(make_caused(baseline="torch"), []) if one.lead.place == 1]
    assert first.query == {"example": "example-0"}


@pytest.mark.parametrize(
    ("ratio", "shade"),
    [(None, "none"), (math.nan, "none"), (0.0, "same"), (1.0, "same"), (1.5, "0"), (1e3, "4"), (1e9, "9"),
     (math.inf, "9")],
)  # fmt: skip
def test_a_stage_has_the_shade_of_its_error_beside_noise(ratio, shade):
    assert shade_rung(Rung("x", ratio=ratio)) == shade


def test_the_further_beyond_noise_the_higher_the_bar():
    heights = [raise_rung(Rung("x", ratio=ratio)) for ratio in (None, 0.5, 2.0, 1e2, 1e5, 1e6, 1e20)]
    assert heights == sorted(heights)
    assert heights[0] == heights[1] < heights[2] < heights[3] < heights[4] < heights[5] == heights[6] == 36


def test_what_is_not_known_of_a_stage_is_nothing():
    assert row_rung(Rung("x")) == ["x", "", "", "", "", "", "", "", "", ""]
    rung = Rung("x", "plain", 1.23456, "a\u202e", 0.0, 1e-7, 12345.0, (1, 2, 3), apart=0.25)
    words = [
        "x",
        "plain",
        "1.23",
        "a\\u202e",
        "",
        "25 %",
        "0",
        "1e-07",
        "12300 \N{MULTIPLICATION SIGN} noise",
        "1-2-3",
    ]
    assert row_rung(rung) == words


def test_a_difference_is_that_of_the_values_and_not_the_error():
    assert row_rung(Rung("x", a=195.0, b=161.0, error=0.0))[2:6] == ["195", "161", "34", ""]
    assert row_rung(Rung("x", a=195.0))[4] == ""
    assert row_rung(Rung("x", a=195.0, b=161.0, difference=40.0, apart=3e-7))[4:6] == ["40", "3e-07"]


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.0, "0"), (1.234, "1.23"), (3e5, "300000"), (9e6, "9000000"), (5.18e37, "5.2e+37")]
)
def test_a_ratio_is_no_longer_than_can_be_read(ratio, words):
    assert show_ratio(ratio) == f"{words} \N{MULTIPLICATION SIGN} noise"


def test_a_ladder_opens_at_the_first_stage_beyond_noise():
    assert find_start(LADDER.stages) == 12
    assert find_start([Rung("x", ratio=0.5), Rung("order", a="1", b="2"), Rung("y", ratio=7.0)]) == 1
    assert find_start([Rung("x"), Rung("y", ratio=1.0)]) == 0


def test_a_stage_that_rounds_nothing_has_no_noise():
    assert row_rung(Rung("x", error=0.0, noise=7e-38))[6:8] == ["0", "none"]
    assert row_rung(Rung("x", error=0.0, noise=7e-9))[6:8] == ["0", "7e-09"]


def test_bars_of_a_kind_are_one_path():
    rungs = [Rung("a", ratio=0.1, apart=1.0), Rung("b", ratio=0.2), Rung("c", ratio=1e9)]
    strip = draw_strip(0, Ladder("x", ("a", "b"), rungs))
    assert dict(strip.paths) == {
        "apart": "M0 40v-36.0h1v36.0",
        "shade-same": "M0.05 40v-4.0h0.9v4.0M1.05 40v-4.0h0.9v4.0",
        "shade-9": "M2.05 40v-36.0h0.9v36.0",
    }


def test_a_ladder_says_where_the_cells_part_and_where_grafts_turn_the_tuple():
    ours, theirs = (1, 1, 1), (1, 1, 2)
    rungs = [
        Rung("file", ratio=0.0), Rung("order", a="one, two", b="two, one"),
        Rung("steered one after", a=1.0, ratio=0.1, tuple=theirs, apart=1e-7),
        Rung("steered two", ratio=0.1, tuple=ours), Rung("steered two after", a=1.0, ratio=0.1, tuple=theirs),
        Rung("steered three after", a=1.0, ratio=0.1, tuple=ours, apart=1.5),
    ]  # fmt: skip
    strip = draw_strip(0, Ladder("x", ("a", "b"), rungs))
    assert (strip.start, strip.begins, strip.turns, strip.ends) == (1, "order", (5,), "steered three after")
    assert strip.bars[1][:2] == ("9", 36.0)
    assert [apart for _, _, apart in strip.bars] == [0, 0, 0, 0, 0, 36]
    assert (draw_strip(0, Ladder("x", ("a", "b"), rungs[:1])).begins, find_turns(rungs[:3])) == ("", ())


@pytest.mark.parametrize(("apart", "height"), [(None, 0), (1e-9, 0), (1e-3, 144 / 7), (1.0, 36), (5.0, 36)])
def test_the_further_apart_the_higher_the_pale_bar(apart, height):
    assert raise_apart(apart) == pytest.approx(height)


def test_parts_of_a_waterfall_never_leave_its_plot():
    parts = (SharePart(cause="x", factor="x", share=0.9), SharePart(cause="y", factor="y", share=-0.6),
             SharePart(cause="z", factor="z", share=0.0))  # fmt: skip
    bars = draw_waterfall(Waterfall(cells=("a", "b"), rate="alarms", start=0.5, end=0.8, parts=parts))
    assert [one.kind for one in bars] == ["total", "adds", "takes", "stays", "total"]
    assert [(round(one.left), round(one.width)) for one in bars] == [
        (0, 50), (50, 50), (80, 20), (80, 0), (0, 80),
    ]  # fmt: skip


def test_ladders_are_read_back_as_they_were_written(tmp_path):
    run = put_ladders(tmp_path / "run", LADDER, Ladder("y", ("a", "b"), [Rung("x")]))
    assert read_ladders(run)[0] == LADDER
    assert read_ladders(tmp_path) == []


def test_a_half_line_is_not_read_and_a_strange_one_is_named(tmp_path):
    run = put_ladders(tmp_path / "run")
    path = run / LADDERS
    path.write_text(path.read_text() + write_ladder(LADDER)[:-20])
    assert read_ladders(run) == [LADDER]
    path.write_text(write_ladder(LADDER) + '{"schema": 2}\n')
    with pytest.raises(InputError, match=r"ladders\.jsonl:2"):
        read_ladders(run)
    assert gather_ladders(make_caused(), [run], ROOM) == []


def test_a_ladder_of_another_pair_or_example_is_not_drawn(tmp_path):
    strange = [Ladder("example-0", ("a", "b"), LADDER.stages), Ladder("z", LADDER.cells, LADDER.stages)]
    run = put_ladders(tmp_path / "run", *strange, LADDER, LADDER, Ladder("example-8", LADDER.cells, []))
    assert gather_ladders(make_caused(), [run], ROOM) == [LADDER]
    assert gather_ladders(make_summary(), [run], ROOM) == []


def test_ladders_that_have_no_room_are_left_out(tmp_path):
    other = Ladder("example-8", LADDER.cells, LADDER.stages)
    run = put_ladders(tmp_path / "run", LADDER, other)
    assert gather_ladders(make_caused(), [run], ROOM) == [LADDER, other]
    size = len(json.dumps(row_ladder(LADDER), separators=(",", ":"), ensure_ascii=False).encode())
    assert gather_ladders(make_caused(), [run], size + 10) == [LADDER]
    (path,) = write_html(tmp_path / "report.html", make_caused(), [run], Budget(ladder_bytes=size - 1))
    assert read_data(path)["ladders"] == []
    assert 'class="ladder"' not in path.read_text(encoding="utf-8")


def test_a_groups_stage_has_its_word(tmp_path):
    summary = make_caused()
    stage = GroupStage(example="example-0", stage="logits_attribute", ratio=7.0)
    groups = tuple(one.model_copy(update={"stage": stage}) for one in summary.causes.groups)
    causes = summary.causes.model_copy(update={"groups": groups})
    (path,) = write_html(tmp_path / "report.html", summary.model_copy(update={"causes": causes}))
    text = path.read_text(encoding="utf-8")
    assert '<span class="words">attribute logits</span> (7 \N{MULTIPLICATION SIGN} noise)' in text


def test_only_the_first_page_has_causes_and_ladders(tmp_path):
    run = put_ladders(tmp_path / "run")
    paths = write_html(tmp_path / "report.html", make_caused(), [run], Budget(page_rows=20))
    assert [len(read_data(path)["ladders"]) for path in paths] == [1] + [0] * (len(paths) - 1)
    assert ['id="why"' in path.read_text(encoding="utf-8") for path in paths] == [True] + [False] * (
        len(paths) - 1
    )
    assert read_data(paths[-1])["causes"][1][:2] == ["pool3-channels", "proven"]
    assert len(GROUPS) == len(read_data(paths[0])["causes"])
