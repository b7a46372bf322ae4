"""Why examples diverge, in a terminal and as Markdown: the same groups, sentences and shares."""

import io
import shlex
import subprocess

import pytest
from rich.console import Console
from summaries import HOSTILE, make_summary

from harness.report.causes import MOST_GROUPS, count_causes, draw_causes, fold_command, write_causes
from harness.summary.causes import CauseGroup, CausesSummary, NamedCause, SharePart, Waterfall
from harness.summary.document import Summary
from harness.system.numbers import show_points

GROUP = CauseGroup(
    cells=("a", "b"),
    causes=(NamedCause(cause="beta", factor="parameters.beta", a=60.0, b=50.0),),
    verdict="proven",
    count=345,
    examples=("one", "two"),
    sentence="Beta is 50, not 60; with 60 the tuple is 1-1-1 again.",
    command="harness explain RUN --example one --cells a b",
)
WATERFALL = Waterfall(
    cells=("a", "b"),
    rate="detection",
    start=0.57,
    end=0.87,
    parts=(
        SharePart(cause="beta", factor="parameters.beta", share=0.4),
        SharePart(cause="alpha", factor="parameters.alpha", share=-0.1, low=-0.15, high=-0.05),
    ),
)
CAUSES = CausesSummary(
    explained=350, proven=348, consistent=0, unknown=2, executions=12,
    groups=(GROUP, GROUP.model_copy(update={"causes": (), "verdict": "unknown", "count": 2})),
    waterfalls=(WATERFALL,), untested=("packages",),
)  # fmt: skip


def show(summary):
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(draw_causes(summary))
    return console.file.getvalue()


def test_both_forms_say_the_same():
    summary = make_summary(causes=CAUSES)
    for text in (show(summary), write_causes(summary, 100_000)):
        words = ["350 departures explained: 348 proven, 2 unknown; 12 executions", "345", "beta", "unknown"]
        words += [GROUP.sentence, "57.0", "87.0", "+40.0", "\N{MINUS SIGN}10.0", "to \N{MINUS SIGN}5.0"]
        for word in [*words, "packages", "--cells a b"]:
            assert word in text.replace("&#45;", "-"), word


@pytest.mark.parametrize("width", [24, 40, 120, 400])
def test_a_command_of_several_lines_is_one_to_a_shell(width):
    words = ["harness", "explain", "a run/2", "--example", "it's $HOME", "--cells", "a" * 30, "b"]
    lines = fold_command(shlex.join(words), width)
    assert (len(lines) == 1) == (width in {120, 400})
    script = "printf '%s\\n' " + "\n        ".join(lines)
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == words


def test_a_quote_that_does_not_end_is_shown_as_it_is():
    assert fold_command("it's", 10) == ["it's"]


def test_no_line_of_a_picture_is_cut():
    group = GROUP.model_copy(update={"command": "harness explain " + "--example some-example-or-other " * 9})
    summary = make_summary(causes=CAUSES.model_copy(update={"groups": (group,)}))
    text = show(summary)
    assert max(map(len, text.splitlines())) <= 120
    lines = [line.strip().removesuffix(" \\") for line in text.splitlines() if "some-example" in line]
    assert " ".join(lines).split() == group.command.split()


def test_nothing_is_said_where_nobody_asked():
    assert draw_causes(make_summary()) is None
    assert write_causes(make_summary(), 1000) == ""


def test_groups_that_have_no_room_are_counted():
    many = CAUSES.model_copy(update={"groups": (GROUP,) * (MOST_GROUPS + 3)})
    assert "and 3 more groups" in show(make_summary(causes=many))
    text = write_causes(make_summary(causes=many), 1500)
    assert "more groups" in text
    assert len(text.encode()) <= 1500


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_steers_nothing(text):
    group = GROUP.model_copy(update={"sentence": text, "command": text, "cells": (text, text)})
    summary = make_summary(causes=CAUSES.model_copy(update={"groups": (group,)}))
    for shown in (show(summary), write_causes(summary, 100_000)):
        assert "\x1b[31m" not in shown
        assert "<script" not in shown or shown == show(summary)


def test_no_divergence_is_explained_by_none():
    nothing = CausesSummary(explained=0, proven=0, consistent=0, unknown=0, executions=0, groups=())
    assert count_causes(nothing) == "0 departures explained: none; 0 executions"
    assert draw_causes(make_summary(causes=nothing)) is not None


def test_a_summary_with_causes_is_read_back():
    summary = make_summary(causes=CAUSES)
    assert Summary.model_validate_json(summary.model_dump_json()) == summary


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (0.4, "+40.0"), (-0.1, "\N{MINUS SIGN}10.0"), (0.0004, "+0.04"), (1, "+100.0")],
)
def test_points_are_never_rounded_to_nothing(share, text):
    assert show_points(share) == text
