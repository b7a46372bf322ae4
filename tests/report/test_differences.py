"""The lines of a cell: what matters comes first, what does not fit is counted, nothing is cut off."""

import io

import pytest
from judged import SAME, judge
from rich.console import Console

from harness.report.differences import draw_differences
from harness.summary.document import DifferenceSummary


def draw(*differences, width=60):
    summary = judge(*SAME)
    first, second = summary.cells
    cells = (first, second.model_copy(update={"differences": differences}))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    picture = draw_differences(summary.model_copy(update={"cells": cells}), console, "see report.html")
    if picture is None:
        return None
    console.print(picture)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


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


def test_a_value_too_long_for_the_line_goes_on_below_itself():
    processor = "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz"
    assert draw(differ("processor", "AMD EPYC 7B13", processor), differ("y"))[1:] == [
        "  b  processor AMD EPYC 7B13 → Intel(R) Xeon(R) Platinum",
        "     8481C CPU @ 2.70GHz; and 1 more",
    ]


def test_where_names_leave_no_room_differences_go_below_them():
    assert draw(differ("processor", "some old one", "another one"), differ("y"), width=40)[-3:] == [
        "  b",
        "    processor some old one → another",
        "    one; and 1 more",
    ]


@pytest.mark.parametrize(
    ("differences", "is_told"),
    [
        ([differ("x")], False),
        ([differ("x"), differ("y")], False),
        ([differ("x", here="v" * 121)], True),
        ([differ("x"), differ("z", matters=False)], True),
        ([differ("z", matters=False)], True),
        ([differ(f"name {number}") for number in range(9)], True),
    ],
)
def test_where_anything_is_left_out_the_title_says_where_all_is(differences, is_told):
    title = draw(*differences)[0]
    assert title == "what differs from a's environment" + is_told * " (see report.html for all)"


@pytest.mark.parametrize("width", [12, 20, 60, 200])
def test_whatever_values_hold_nothing_steers_a_terminal_or_is_cut(width):
    lines = draw(differ("x\x1b[2J", "1\n2", "v" * 500), differ("y" * 300), width=width)
    text = "".join(line.strip() for line in lines)
    assert max(map(len, lines)) <= width
    assert "\x1b" not in text
    assert f"x\\x1b[2J 1\\n2 → {'v' * 119}…".replace(" ", "") in text.replace(" ", "")
