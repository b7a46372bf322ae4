"""Running rates against both rules, and the rows of the published tables that break them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from logs import print_line, print_log

from harness.logs.notebook_log import read_log
from harness.logs.running_rate import check_rates

SHARED = Path(__file__).parents[3] / "shared"
TABLES = SHARED / "tables" / "seed_tables.json"
LOGS = SHARED / "ami" / "logs"
MIXED = [(1, 1, 1), (1, 2, 3), (1, 1, 2), (1, 2, 2), (1, 2, 1)]
FOOLED = [(1, 2, 3), (1, 2, 2), (1, 2, 1)]

needs_tables = pytest.mark.skipif(not TABLES.is_file(), reason="the published tables are not there")
needs_logs = pytest.mark.skipif(not LOGS.is_dir(), reason="the published logs are not there")


def check(tmp_path, text):
    path = tmp_path / "x.log"
    path.write_text(text)
    return check_rates(read_log(path).results)


@pytest.mark.parametrize("decimals", [2, 4])
@pytest.mark.parametrize(
    ("tuples", "rule", "holds", "kept"),
    [
        (MIXED, "all", ("all",), {"all": 5, "fooled": 0}),
        (MIXED, "fooled", ("fooled",), {"all": 0, "fooled": 5}),
        (FOOLED, "all", ("all", "fooled"), {"all": 3, "fooled": 3}),
    ],
)
def test_the_rule_that_was_used_is_found(tmp_path, tuples, rule, holds, kept, decimals):
    found = check(tmp_path, print_log(tuples, rule, decimals))
    assert (found.holds, found.kept, found.oddities) == (holds, kept, ())


def test_nothing_of_nothing_is_zero(tmp_path):
    assert check(tmp_path, print_line(1, 7, 7, 7, 0, 0, decimals=2)).holds == ("fooled",)


@pytest.mark.parametrize(
    ("hits", "of", "rate"),
    [
        (2, 3, "0.6668"),
        (2, 3, "0.66"),
        (1, 3, "0.6667"),
        (2, 2, "1.0000"),
        (3, 3, "1.0000"),
        (1, 2, "0.5000"),
    ],
)
def test_a_rate_that_follows_no_rule_is_named(tmp_path, hits, of, rate):
    lines = print_log(MIXED[1:4:2] + MIXED[4:]).splitlines()
    assert lines[2].endswith("0.6667 [  2/  3]")
    lines[2] = lines[2].replace("0.6667 [  2/  3]", f"{rate} [{hits}/{of}]")
    (oddity,) = check(tmp_path, "\n".join(lines)).oddities
    assert (oddity.line, oddity.printed) == (3, f"{rate} [{hits}/{of}]")
    assert oddity.expected == {"all": (2, 3), "fooled": (2, 3)}
    assert not oddity.carried


def test_a_mistake_is_carried_on_until_the_counts_are_right_again(tmp_path):
    lines = print_log(FOOLED * 3).splitlines()
    lines[3] = print_line(4, 1, 2, 3, 2, 4)
    lines[4] = print_line(5, 1, 2, 2, 2, 5)
    found = check(tmp_path, "\n".join(lines))
    assert [(one.number, one.carried) for one in found.oddities] == [(4, False), (5, True)]
    assert found.holds == ()


def test_a_mistake_after_another_is_not_carried_on(tmp_path):
    lines = print_log(FOOLED * 3).splitlines()
    lines[3] = print_line(4, 1, 2, 3, 2, 4)
    lines[4] = print_line(5, 1, 2, 2, 1, 5)
    assert [one.carried for one in check(tmp_path, "\n".join(lines)).oddities] == [False, False]


def published_rows(name, decimals=2):
    tables = json.loads(TABLES.read_text())
    rows = {**tables["table4_running_rate"], **tables["table5_environments"]}[name]
    for number, (tuple_, rate) in enumerate(rows, start=1):
        yield print_line(number, *map(int, tuple_.split("-")), *map(int, rate.split("/")), decimals)


@needs_tables
@pytest.mark.parametrize("decimals", [2, 4])
@pytest.mark.parametrize("name", ["beta_5", "beta_60", "linux-caffe", "mac-pytorch"])
def test_published_rows_follow_the_rule_of_the_fooled(tmp_path, name, decimals):
    assert "fooled" in check(tmp_path, "\n".join(published_rows(name, decimals))).holds


@needs_tables
def test_the_two_odd_published_rows_are_found(tmp_path):
    found = check(tmp_path, "\n".join(published_rows("windows-pytorch")))
    assert found.holds == ()
    assert found.kept == {"all": 0, "fooled": 4}
    assert [(one.line, one.printed, one.expected["fooled"], one.carried) for one in found.oddities] == [
        (5, "0.50 [1/2]", (2, 2), False),
        (6, "0.67 [2/3]", (3, 3), True),
    ]


@needs_tables
def test_one_digit_read_otherwise_reproduces_both_odd_rows(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("\n".join(published_rows("windows-pytorch")))
    results = list(read_log(path).results)
    results[4] = replace(results[4], attribute=1550)
    assert check_rates(results).holds == ("fooled",)


@needs_logs
@pytest.mark.parametrize("path", sorted(LOGS.glob("*.log")), ids=lambda path: path.stem)
def test_published_logs_follow_the_rule_of_all(path):
    log = read_log(path)
    found = check_rates(log.results)
    assert log.others == ()
    assert "all" in found.holds
    assert found.oddities == ()
