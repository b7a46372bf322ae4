"""The agreement matrix in a terminal: groups that agree share a row."""

from pathlib import Path

import pytest
from judged import SAME, judge, record, result

from harness.report.agreement import group_environments
from harness.report.terminal import render_text

FOLDER = Path("/reports/run")


def cell(name, *attributes):
    return result(name, *[record(f"x{number}", 1, 1, value) for number, value in enumerate(attributes)])


def draw(*cells, width=120):
    return render_text(judge(*cells), FOLDER, width)


def rows(text):
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("agreement"))
    return [" ".join(line.split()) for line in lines[start:]]


CELLS = (cell("a", 1, 1, 2, 2), cell("b", 1, 1, 2, 2), cell("c", 1, 2, 2, 2), cell("d", 1, 1, 1, 1))


def test_equal_environments_share_a_row():
    text = rows(draw(*CELLS))
    assert text[4:7] == ["1 a and 1 more · 75.0 50.0", "2 c 0.50 · 25.0", "3 d 0.00 0.00 ·"]
    assert "the same everywhere: a, b" in text


def test_an_environment_that_departs_leaves_the_group():
    one = cell("b", 1, 1, 2, 3)
    assert "the same everywhere" not in draw(CELLS[0], one)
    assert rows(draw(CELLS[0], one))[4:6] == ["1 a · 75.0", "2 b 1.00 ·"]


def test_where_all_agree_there_is_no_matrix():
    assert "agreement" not in draw(*SAME)
    assert "agreement" not in draw(SAME[0])


def test_all_cells_have_one_kappa():
    assert "Fleiss' kappa on detected, all environments: 0.24" in draw(*CELLS)
    assert "all environments: \N{EN DASH}" in draw(cell("a", 2), cell("b", 3))


@pytest.mark.parametrize("width", [50, 60])
def test_what_is_too_wide_is_listed_pair_by_pair(width):
    many = [
        cell(f"environment-{number:02}", *[1 + (number > place) for place in range(9)]) for number in range(8)
    ]
    text = rows(draw(*many, width=width))
    assert text[0].startswith("agreement, 10 of 28 pairs")
    least = next(line for line in text if line.startswith("22.2 0.00"))
    assert least == "22.2 0.00 environment-00, environment-07"


def test_too_many_rows_are_listed_too():
    many = [cell(str(number), *[1 + (number > place) for place in range(20)]) for number in range(14)]
    assert rows(draw(*many, width=200))[0].startswith("agreement, 10 of 91 pairs")


def test_no_pairs_have_no_groups():
    assert group_environments({}) == []


def test_names_are_no_markup_and_one_line():
    text = draw(cell("[red]\n", 1), cell("b", 2))
    assert r"1 [red]\n " in text
