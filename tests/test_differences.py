"""The line of a cell: what matters comes first, what does not fit is counted, nothing steers a terminal."""

import io

import pytest
from rich.console import Console
from test_judge import SAME, judge

from harness.report.differences import draw_differences
from harness.report.summary import DifferenceSummary


def draw(*differences, width=60):
    summary = judge(*SAME)
    first, second = summary.cells
    cells = (first, second.model_copy(update={"differences": differences}))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    picture = draw_differences(summary.model_copy(update={"cells": cells}), console)
    if picture is None:
        return None
    console.print(picture)
    return console.file.getvalue().splitlines()


def differ(what, baseline="1", here="2", *, matters=True):
    return DifferenceSummary(what=what, baseline=baseline, here=here, matters=matters)


def test_cells_that_do_not_differ_are_not_drawn():
    assert draw() is None


def test_what_fits_is_told_and_the_rest_counted():
    minor = differ("z", matters=False)
    assert draw(differ("x"), differ("y", None, "3"), minor)[1:] == [
        "  b  x 1 → 2; y none → 3; and 1 minor",
    ]
    many = [differ(f"name {number}") for number in range(9)]
    assert draw(*many)[1:] == ["  b  name 0 1 → 2; name 1 1 → 2; name 2 1 → 2; and 6 more"]


def test_where_nothing_matters_that_is_said():
    assert draw(differ("z", matters=False))[1:] == ["  b  nothing that is known to matter; and 1 minor"]


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_cell_takes_one_line_whatever_its_values_hold(width):
    lines = draw(differ("x\x1b[2J", "1\n2", "v" * 500), differ("y" * 300), width=width)
    assert [line.startswith("  b  x") for line in lines] == [*(len(lines) - 1) * [False], True]
    assert "\x1b" not in lines[-1]
