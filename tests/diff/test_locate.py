"""Runs are found by path, id, the beginning of an id, or as the latest; never by guessing."""

import os

import pytest
from past_runs import make_records, write_run

from harness.cli import main
from harness.core.errors import InputError
from harness.diff.locate import find_report, find_run

FIRST, SECOND, THIRD = "20260102T030405Z-1a2b", "20260102T040506Z-0000", "20260203T000000Z-ffff"


@pytest.fixture(name="reports")
def make_reports(tmp_path):
    for name in (FIRST, SECOND, THIRD, "zebra", ".making-x"):
        (tmp_path / name / "cells").mkdir(parents=True)
    (tmp_path / "20260101-notes").mkdir()
    (tmp_path / "20260304T000000Z-aaaa").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("place", "name"),
    [(FIRST, FIRST), ("20260102T03", FIRST), ("202602", THIRD), ("z", "zebra"), ("latest", THIRD)],
)
def test_a_run_is_found_by_what_tells_it_from_others(reports, place, name):
    assert find_run(place, reports) == reports / name


def test_a_path_or_a_whole_id_comes_first(reports, monkeypatch):
    monkeypatch.chdir(reports)
    (reports / f"{FIRST}-more" / "cells").mkdir(parents=True)
    assert find_run(FIRST, reports).name == FIRST
    (reports / "latest" / "cells").mkdir(parents=True)
    assert find_run("latest", reports).name == "latest"


def test_of_runs_of_one_second_the_one_written_last_is_the_latest(reports):
    for number, suffix in enumerate(("cccc", "bbbb", "aaaa")):
        run = reports / f"20260203T000001Z-{suffix}"
        (run / "cells").mkdir(parents=True)
        os.utime(run, (number, number))
    assert find_run("latest", reports).name == "20260203T000001Z-aaaa"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("2026", f"2026: is the beginning of {FIRST}, {SECOND}, {THIRD}; say more"),
        ("20260102", f"is the beginning of {FIRST}, {SECOND}; say more"),
        ("20260101", "is no run"),
        ("20260304", "is no run"),
        ("", "is no run"),
        (".making", "is no run"),
        ("0260102T03", f"the last in .* are {FIRST}, {SECOND}, {THIRD}, zebra"),
    ],
)
def test_what_is_not_one_run_is_refused(reports, place, words):
    with pytest.raises(InputError, match=words):
        find_run(place, reports)


def test_many_runs_are_not_all_named(tmp_path):
    for number in range(8):
        (tmp_path / f"run-{number}" / "cells").mkdir(parents=True)
    with pytest.raises(InputError, match="beginning of run-3, run-4, run-5, run-6, run-7 and 3 earlier ones"):
        find_run("run", tmp_path)


def test_without_a_run_there_is_no_latest(tmp_path):
    with pytest.raises(InputError, match=r"latest: is no run .* are none"):
        find_run("latest", tmp_path / "nowhere")


def test_a_comparison_is_a_report_and_no_run(reports):
    (reports / "mine").mkdir()
    (reports / "mine" / "summary.json").write_text("{}")
    assert find_report("mi", reports).name == "mine"
    assert find_report("latest", reports).name == THIRD
    with pytest.raises(InputError, match="is no run"):
        find_run("mi", reports)


@pytest.mark.parametrize("words", [("diff", "latest"), ("evaluate", "2026"), ("diff", "202601", "2026-x")])
def test_every_verb_takes_them(tmp_path, monkeypatch, capsys, words):
    environments = tmp_path / "environments"
    environments.mkdir()
    (environments / "matrix.toml").write_text('reference = "a"\ndefault = "d"\n[groups]\nd = "all"\n')
    text = 'description = "a"\nbackend = "reference"\ngroups = ["d"]\npackages = []\n'
    (environments / "a.toml").write_text(text)
    write_run(tmp_path / "reports" / FIRST, {"a": make_records(1, 1), "b": make_records(1, 1)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["harness", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert (caught.value.code or 0) == (2 if "2026-x" in words else 0), out + err
    assert ("2026-x: is no run" in err) == ("2026-x" in words)
