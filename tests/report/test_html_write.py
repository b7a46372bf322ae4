"""The report's files: one page, or several with links between them, and the command that runs it again."""

import json
import re
import shlex
from pathlib import Path

import pytest
from html_samples import make_divergence, make_rich
from summaries import cell, make_summary

from harness.core.errors import InputError
from harness.report.html.command import join_words, quote_environment, start_command, write_diff
from harness.report.html.example_lists import find_owners
from harness.report.html.rows import list_names
from harness.report.html.write import Budget, export_html, make_commands, write_html
from harness.report.write import write_reports
from harness.system.invocation import name_program

PROGRAM = shlex.join(name_program())


def read_data(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_a_small_report_is_one_file(tmp_path):
    assert write_html(tmp_path / "report.html", make_rich()) == [tmp_path / "report.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_large_one_has_pages_beside_it_that_know_each_other(tmp_path):
    paths = write_html(tmp_path / "r.html", make_rich(), budget=Budget(page_rows=20))
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "r.html", "r-files/page-2.html", "r-files/page-3.html",
    ]  # fmt: skip
    first, second, third = map(read_data, paths)
    assert first["pages"] == ["r.html", "r-files/page-2.html", "r-files/page-3.html"]
    assert second["pages"] == ["../r.html", "page-2.html", "page-3.html"]
    assert [
        len(one["divergences"]) + len(one["agreeing"]) + len(one["incomparable"])
        for one in (first, second, third)
    ] == [20, 20, 4]


def test_pages_are_full_at_their_bytes(tmp_path):
    many = make_summary(divergences=tuple(make_divergence(place) for place in range(300)))
    paths = write_html(tmp_path / "r.html", many, budget=Budget(page_bytes=20_000))
    rows = [read_data(path)["divergences"] for path in paths]
    assert sum(map(len, rows)) == 300
    assert all(len(json.dumps(one, separators=(",", ":"))) < 21_000 for one in rows)


def test_a_shorter_report_leaves_no_page_of_a_longer_one(tmp_path):
    path = tmp_path / "r.html"
    write_html(path, make_rich(), budget=Budget(page_rows=9))
    (tmp_path / "r-files" / "notes.txt").write_text("mine")
    write_html(path, make_rich(), budget=Budget(page_rows=30))
    assert sorted(one.name for one in (tmp_path / "r-files").iterdir()) == ["notes.txt", "page-2.html"]


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_html(tmp_path / "file" / "r.html", make_summary(), [])


def test_what_is_no_file_is_not_replaced(tmp_path):
    for path in (tmp_path, tmp_path / "link"):
        if path.name == "link":
            path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(InputError, match="is no ordinary file"):
            export_html(path, make_summary(), [])
    assert (tmp_path / "link").is_symlink()


def test_the_command_is_the_one_that_was_given():
    request = {
        "model": "m", "examples": ["jpeg"], "npy": "raw-rgb",
        "override": {"alpha": 100.5, "beta": None, "epsilon": None, "port": "pytorch-port"},
    }  # fmt: skip
    assert start_command(request, "other") == (
        f"{PROGRAM} matrix --model m --examples jpeg --npy raw-rgb --port pytorch-port --alpha 100.5"
    )


def test_executions_are_asked_for_as_they_were():
    request = {"model": "m", "repeat": 3, "fresh": True}
    assert start_command(request, "m") == f"{PROGRAM} matrix --model m --repeat 3 --fresh"
    assert start_command({"model": "m", "repeat": 1, "fresh": False}, "m").endswith("--model m")
    assert start_command({"model": "m", "repeat": "3; x", "fresh": 1}, "m").endswith("--model m")


def test_the_nets_state_is_in_the_command():
    request = {"model": "m", "stages": ["deploy", "a b"], "level": 2}
    assert start_command(request, "m") == f"{PROGRAM} matrix --model m --stage deploy --stage 'a b' --level 2"
    assert start_command({"model": "m", "stages": "x", "level": "2"}, "m").endswith("--model m")


def test_own_files_are_named_and_quoted():
    command = start_command({"model": "m", "caffemodel": "/my files/a.caffemodel"}, "m")
    assert command == f"{PROGRAM} run --model m --caffemodel '/my files/a.caffemodel'"


def test_without_a_request_there_is_nothing_but_to_compare_again():
    assert start_command({}, "m") == ""
    assert write_diff([Path("one"), Path("two")]) == f"{PROGRAM} diff one two"
    assert write_diff([]) == ""


def put_run(folder, *names, **request):
    """A run's folder with nothing but what was asked for; without any such, not even that."""
    folder.mkdir(parents=True)
    cells = [{"job": {"environment": name}} for name in names]
    asked = {"request": request} if request else {}
    (folder / "run.json").write_text(json.dumps({**asked, "cells": [*cells, {"job": []}, 5]}))
    return folder


def test_executions_of_one_environment_are_owned_by_their_run(tmp_path):
    run = put_run(tmp_path / "one", "a", model="m")
    cells = [{"job": {"environment": "a", "replicate": number}} for number in (1, 2)]
    (run / "run.json").write_text(json.dumps({"cells": cells}))
    assert find_owners(["a", "a#2", "a#2@one", "a#3"], [run]) == {
        "a": run, "a#2": run, "a#2@one": run, "a#3": None,
    }  # fmt: skip


def commands(names, runs, **more):
    summary = make_summary(cells=tuple(cell(name) for name in names), run="one two", **more)
    return make_commands(summary, list_names(summary), runs, runs)


def test_every_environment_is_run_again_as_its_own_run_was(tmp_path):
    runs = [
        put_run(tmp_path / "one", "a", "b", model="m"),
        put_run(tmp_path / "two", "a", "c", model="m", npy="raw-rgb"),
        put_run(tmp_path / "three", "d"),
        put_run(tmp_path / "four", "e", model="m"),
    ]
    made = commands(["a@one", "b", "a@two", "c", "d", "e", "f"], runs)
    assert made.starts == (
        f"{PROGRAM} matrix --model m",
        f"{PROGRAM} matrix --model m --npy raw-rgb",
    )
    a, b, c, e = (f"--environment {name}" for name in "abce")
    assert made.environments == ((0, a), (0, b), (1, a), (1, c), None, (0, e), None)
    assert made.again == f"{PROGRAM} diff {' '.join(map(str, runs))}"


def test_what_came_from_a_log_cannot_be_run_again(tmp_path):
    runs = [put_run(tmp_path / "one", "a", "b", model="m")]
    summary = make_summary(cells=(cell("a"), cell("b", origin="a log")))
    assert make_commands(summary, list_names(summary), runs, runs).environments == (
        (0, "--environment a"),
        None,
    )


@pytest.mark.parametrize("label", ["a@ne", "a@two", "a", "z@one", "a@/one"])
def test_a_cell_whose_run_is_not_clear_has_none(tmp_path, label):
    runs = [put_run(tmp_path / "one", "a", model="m"), put_run(tmp_path / "x" / "three", "a", model="m")]
    assert find_owners([label], runs) == {label: None}
    assert find_owners(["a@one", "a@x/three"], runs) == dict(zip(["a@one", "a@x/three"], runs, strict=True))
    assert find_owners([f"a@{tmp_path / 'one'}"], runs) == {f"a@{tmp_path / 'one'}": runs[0]}


@pytest.mark.parametrize(
    ("name", "option"),
    [("a@run", "--environment a"), ("a b", "--environment 'a b'"), ("a#2@run", "--environment a")],
)
def test_environments_are_named_as_the_matrix_knows_them(name, option):
    assert quote_environment(name) == option


@pytest.mark.parametrize("name", ["a\nrm -rf x", "a\x1b[2J", "a\x00"])
def test_no_command_is_made_of_what_a_terminal_would_obey(name):
    assert quote_environment(name) == ""
    assert join_words(["python", name]) == ""


def test_shells_see_hostile_names_as_words():
    assert quote_environment("$(reboot)") == "--environment '$(reboot)'"


def test_a_run_is_compared_again_where_it_will_be_and_not_where_it_is_made(tmp_path):
    summary, place = make_rich(divergences=(make_divergence(0),)), tmp_path / "elsewhere/RUN"
    (tmp_path / ".making").mkdir()
    write_reports(tmp_path / ".making", summary, place)
    page = (tmp_path / ".making/report.html").read_text(encoding="utf-8")
    assert f"{PROGRAM} diff {place}" in page
    assert ".making" not in page
