"""The picture in a terminal: everything that matters is in it, at any width."""

import io
from pathlib import Path

import pytest
from html_samples import make_rich
from judged import OTHER, SAME, entry, judge, record, result
from rich.console import Console

from harness.report.cells import COLUMNS
from harness.report.divergences import mark_tuple
from harness.report.terminal import MOST_ROWS, print_summary, render_svg, render_text

FOLDER = Path("/reports/run")


def draw(*results, width=120, **more):
    return render_text(judge(*results, **more), FOLDER, width)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_same_says_so_and_where_everything_lies(width):
    text = draw(*SAME, width=width)
    assert "SAME: all 2 examples hold one tuple each in 2 environments" in text
    assert text.endswith("run folder: /reports/run\nto look at: /reports/run/report.html\n")
    assert "diverging" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_divergence_shows_the_numbers_that_differ():
    text = draw(*OTHER)
    assert "1-1-2!" in text
    assert "diverging: 1" in text
    assert "DIVERGED" in text


def test_environments_that_agree_take_no_column():
    text = draw(*OTHER, result("agreeable", record("x"), record("y")))
    assert "never departing from the baseline: agreeable" in text


def test_expected_divergences_are_marked():
    assert "yes" in draw(*OTHER, expected=[entry()])


def test_columns_that_say_nothing_are_left_out():
    assert "  margin  expected\n" in draw(*with_margins(), expected=[entry()])
    assert "  margin\n" in draw(*with_margins())
    assert "margin" not in draw(*OTHER)
    assert "expected" not in draw(*OTHER)


def with_margins():
    records = [{**record("x", 1, 1, number), "margin_original": 0.5} for number in (1, 2)]
    return [result(name, one) for name, one in zip("ab", records)]


def test_the_baseline_is_named():
    assert "the baseline, a)" in draw(*OTHER)


def test_one_cell_is_no_cells():
    text = draw(SAME[0], must_compare=False)
    assert "1 cell," in text
    assert "reused" not in text


def test_long_lists_end_with_how_many_more_and_the_file_has_all():
    count = MOST_ROWS + 7
    ones = [record(f"example-{number}") for number in range(count)]
    others = [record(f"example-{number}", 1, 2, 1) for number in range(count)]
    summary = judge(result("a", *ones), result("b", *others))
    console = Console(file=io.StringIO(), width=120)
    print_summary(summary, FOLDER, console)
    assert console.file.getvalue().count("1-2!-1") == MOST_ROWS
    assert "and 7 more in report.txt" in console.file.getvalue()
    assert render_text(summary, FOLDER).count("1-2!-1") == count


def test_the_picture_is_svg():
    picture = render_svg(judge(*OTHER), FOLDER)
    assert picture.startswith("<svg")
    assert "DIVERGED" in picture


def test_unexpected_divergences_come_first():
    ones, others = [record("x1"), record("x2")], [record("x1", 1, 2, 2), record("x2", 1, 2, 2)]
    text = draw(result("a", *ones), result("b", *others), expected=[entry("x1")])
    assert text.index("\n x2 ") < text.index("\n x1 ")


def test_lost_records_are_listed():
    text = draw(SAME[0], result("b", record("x")))
    assert "y in b: has no record" in text
    assert "COULD NOT RUN" in text


def test_failed_and_unavailable_cells_have_dashes_reasons_and_log_ends():
    broken = result("c", status="failed", reason="it broke", log_end="line one\nline two")
    text = draw(*SAME, broken, result("d", status="unavailable", reason="no python3.99"))
    assert "c failed: it broke" in text
    assert "| line two" in text
    assert "d unavailable: no python3.99" in text
    assert text.count("  |") == 2  # no line of a log that there is none of
    (row,) = [line for line in text.splitlines() if line.startswith(" d ")]
    assert "0.0" not in row
    assert "\N{EN DASH}" in row


def test_wide_terminals_show_the_rarer_rates():
    assert read_head(draw(*SAME, width=200)).count("%") == 7
    assert "Not shown" not in draw(*SAME, width=200)
    medium, narrow = draw(*SAME, width=110), draw(*SAME, width=60)
    assert "FPR all %" not in read_head(medium)
    assert "X-Y-Z" in read_head(medium)
    assert "X-Y-Z" not in read_head(narrow)
    assert "(see report.md)" in " ".join(narrow.split())


def read_head(text):
    """The head of the cells' table."""
    return next(line for line in text.splitlines() if line.startswith(" environment"))


@pytest.mark.parametrize("folder", [FOLDER, None])
@pytest.mark.parametrize("width", [34, 40, 50, 65, 72, 80, 100, 120, 160, 240])
def test_at_any_width_nothing_is_cut_and_columns_that_are_left_out_are_named(width, folder):
    summary = make_rich()
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_summary(summary, folder, console)
    lines = console.file.getvalue().splitlines()
    text, joined = "\n".join(lines), "".join(console.file.getvalue().split())
    assert max(map(len, lines[:-4])) <= width  # the last ones can be copied as a whole
    for one in summary.divergences:
        assert one.example in text
        for name in one.departing:
            assert mark_tuple(one.tuples[name], one.baseline) in text
    columns = [(name, show) for name, _, show in COLUMNS]
    rest = joined.partition("Notshownatthiswidth:")[2].partition("(see")[0]
    names = rest.split(",") if rest else []
    for name, show in columns:
        assert ("".join(name.split()) in names) != (f" {name} " in f" {read_head(text)} "), name
        if "".join(name.split()) not in names:
            assert all(show(cell) in text for cell in summary.cells if cell.rates)
    assert "%" in read_head(text)
    assert all("".join(cell.environment.split()) in joined for cell in summary.cells)
    assert "…" not in text


def test_without_room_for_a_table_environments_that_say_the_same_share_a_line():
    console = Console(file=io.StringIO(), width=50, color_system=None)
    print_summary(make_rich(), FOLDER, console)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    place = lines.index(" example-3  benign  7-7-3  margin 0.004")
    assert lines[place + 1] == "   8!-7-3  torch, onnx, opencv, ported"
    assert " example-4  fgsm  7-7-3  margin 0.005  expected" in lines


def test_in_the_picture_the_verdict_is_not_cut():
    text = " ".join(f"word{number}" for number in range(40))
    summary = judge(*SAME).model_copy(update={"verdict": text})
    picture = render_svg(summary, FOLDER, 60)
    assert picture.count("word39") == picture.count("word0&") == 2


def test_the_verdict_is_the_first_line_and_comes_again_at_the_end():
    first, *_, last, _, _ = draw(*OTHER).splitlines()
    assert first == last
    assert first.startswith("DIVERGED: 1 of 2 examples diverge")


def test_smallest_margins_come_first_and_are_shown():
    summary = judge(
        result("a", *[record(f"x{n}") for n in range(3)]),
        result("b", *[record(f"x{n}", 1, 2, 2) for n in range(3)]),
    )
    margins = zip(summary.divergences, (0.5, 0.0123456, None))
    divergences = tuple(one.model_copy(update={"smallest_margin": value}) for one, value in margins)
    text = render_text(summary.model_copy(update={"divergences": divergences}), FOLDER)
    assert text.index("x1") < text.index("x0") < text.index("x2")
    assert "0.0123\n" in text


def test_escape_codes_in_names_steer_nothing():
    hostile = "\x1b]0;owned\x07x"
    broken = result("c\x1b[2J", status="failed", reason="\x1b[31m", log_end="\x1b[0m\r\nlast")
    text = draw(result("a", record(hostile)), result("b", record(hostile, 1, 2, 2)), broken)
    assert not {"\x1b", "\x07", "\r"} & set(text)
    assert "| last" in text


def test_brackets_in_names_are_no_markup():
    assert "[red]x" in draw(result("a", record("[red]x")), result("b", record("[red]x", 1, 2, 2)))


def test_examples_lost_for_one_reason_are_told_together_and_the_file_has_all():
    ones = [record(f"e{number}") for number in range(9)]
    summary = judge(result("a", *ones), result("b", *ones[:2]), result("c", *ones[:7]))
    console = Console(file=io.StringIO(), width=200, color_system=None)
    print_summary(summary, FOLDER, console)
    text = console.file.getvalue()
    assert "  e2, e3, e4 and 4 more in b: has no record\n" in text
    assert "  e7, e8 in c: has no record\n" in text
    assert render_text(summary, FOLDER).count(": has no record") == 9


def test_without_a_folder_the_way_to_all_divergences_is_told():
    ones = [record(f"e{number:03d}") for number in range(MOST_ROWS + 1)]
    others = [record(f"e{number:03d}", 1, 1, 2) for number in range(MOST_ROWS + 1)]
    console = Console(file=io.StringIO(), width=120, color_system=None)
    print_summary(judge(result("a", *ones), result("b", *others)), None, console)
    assert "and 1 more; --output DIR writes all" in console.file.getvalue()
    assert "run folder" not in console.file.getvalue()
    assert "report.html" not in console.file.getvalue()
