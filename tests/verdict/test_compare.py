"""Comparisons of past runs: which cells, against what, and what is wrong with them."""

import datetime as dt
import json
from pathlib import Path

import pytest
from past_runs import make_cell, make_records, write_cell, write_run, write_sums

from harness.core.errors import InputError
from harness.plan.register import Register
from harness.report.write import write_folder
from harness.verdict.compare import CellSelection, compare_runs

LATER = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)
SAME, OTHER = make_records(1, 1), make_records(1, 2)


def compare(*places, register=None, reports=Path("nowhere"), **selection):
    register = register or Register(reference="a", default="d", groups={})
    return compare_runs([str(place) for place in places], reports, register, CellSelection(**selection))


def expect(example, environment):
    entry = {"example": example, "environment": environment, "reason": "r", "owner": "o", "until": LATER}
    return Register(reference="a", default="d", groups={}, expected=(entry,))


@pytest.fixture(name="run")
def make_run(tmp_path):
    return write_run(tmp_path / "run", {"b": OTHER, "a": SAME, "c": OTHER})


def list_departing(summary):
    return {one.example: one.departing for one in summary.divergences}


def test_cells_are_held_against_the_runs_reference(run):
    summary = compare(run, register=Register(reference="z", default="d", groups={}))
    assert (summary.reference, summary.baseline, summary.exit_code) == ("a", "a", 1)
    assert list_departing(summary) == {"y": ("b", "c")}
    assert [cell.environment for cell in summary.cells] == ["b", "a", "c"]


def test_cells_are_held_against_another_that_is_named(run):
    summary = compare(run, against="b")
    assert (summary.reference, summary.baseline, summary.chosen) == ("a", "b", True)
    assert list_departing(summary) == {"y": ("a",)}


def test_without_the_reference_most_environments_are_right(tmp_path):
    run = write_run(tmp_path / "run", {"d": OTHER, "b": SAME, "c": SAME})
    assert list_departing(compare(run)) == {"y": ("d",)}


def test_globs_choose_cells(run):
    assert compare(run, globs=("b", "[c]")).exit_code == 0
    assert [cell.environment for cell in compare(run, globs=("*",)).cells] == ["b", "a", "c"]


def test_a_pair_is_the_second_against_the_first(run):
    summary = compare(run, pair=("c", "a"))
    assert [cell.environment for cell in summary.cells] == ["c", "a"]
    assert list_departing(summary) == {"y": ("a",)}


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"globs": ("z*",)}, r"--environment z\*: names none of b, a, c"),
        ({"against": "z"}, "z: is none of the cells; there are b, a, c"),
        ({"globs": ("b", "c"), "against": "a"}, "a: is none of the cells"),
        ({"pair": ("a", "a")}, "--pair: a is both"),
        ({"pair": ("a", "z")}, "z: is none of the cells"),
        ({"pair": ("a", "b"), "against": "c"}, "leave out --environment and --against"),
    ],
)
def test_a_selection_of_nothing_is_refused(run, selection, words):
    with pytest.raises(InputError, match=words):
        compare(run, **selection)


def test_cells_of_two_runs_have_their_runs_names(tmp_path, run):
    other = write_run(tmp_path / "other", {"a": SAME, "d": SAME})
    summary = compare(run, other)
    assert [cell.environment for cell in summary.cells] == ["b", "a@run", "c", "a@other", "d"]
    assert summary.reference == "a@run"
    assert list_departing(summary) == {"y": ("b", "c")}
    assert [cell.environment for cell in compare(run, other, globs=("a",)).cells] == ["a@run", "a@other"]
    with pytest.raises(InputError, match="a: is more than one cell; say a@run or a@other"):
        compare(run, other, against="a")
    assert compare(run, other, against="a@other").baseline == "a@other"


def test_a_cell_is_named_by_the_beginning_of_its_runs_id(tmp_path):
    runs = [write_run(tmp_path / f"2026010{day}T030405Z-1a2b", {"a": SAME}) for day in (2, 3)]
    assert compare(*runs, against="a@20260103").baseline == "a@20260103T030405Z-1a2b"
    assert compare(*runs, pair=("a@latest", "a@20260102T")).baseline == "a@20260103T030405Z-1a2b"
    for name, words in (("a@2026", "is more than one cell"), ("a@", "is none"), ("a@3", "is none")):
        with pytest.raises(InputError, match=f"{name}: {words}"):
            compare(*runs, against=name)


def test_environments_that_changed_from_run_to_run_are_named(tmp_path, run):
    other = write_run(tmp_path / "other", {"a": SAME, "b": SAME, "d": OTHER})
    assert compare(run, other).notes == (
        "the same in every run, if these are no copies: a",
        "b@run and b@other differ on 1 of 2 examples (--pair b@run b@other)",
    )


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    runs = [write_run(tmp_path / machine / "reports" / "run", {"a": SAME}) for machine in ("here", "there")]
    cells = [cell.environment for cell in compare(*runs).cells]
    assert cells == ["a@here/reports/run", "a@there/reports/run"]


def test_cells_of_one_id_in_one_folder_are_told_apart(tmp_path):
    stored = [write_cell(tmp_path / name, make_cell("d"), ones) for name, ones in (("1", SAME), ("2", OTHER))]
    summary = compare(*stored)
    assert [cell.environment for cell in summary.cells] == ["d@1", "d@2"]
    assert summary.exit_code == 1


def write_replicates(folder, **records):
    """A run whose cells are executions of environment a."""
    run, cells = folder, []
    for number, ones in enumerate(records.values(), start=1):
        name = "a" if number == 1 else f"a#{number}"
        cell = make_cell("a")
        cell["job"] = {**cell["job"], "cell": f"m/{name}", "replicate": number}
        write_cell(run / "cells" / name, cell, ones)
        cells.append({"id": name, "environment": "a", "status": "done", "job": cell["job"]})
    text = {"schema": 1, "run": run.name, "examples": {"ids": ["x", "y"]}, "reference": "a", "cells": cells}
    (run / "run.json").write_text(json.dumps(text))
    return run


def test_executions_of_one_environment_have_names_of_their_own(tmp_path, run):
    again = write_replicates(tmp_path / "again", first=SAME, second=OTHER)
    summary = compare(again)
    assert [cell.environment for cell in summary.cells] == ["a", "a#2"]
    assert (summary.reference, list_departing(summary)) == ("a", {"y": ("a#2",)})
    assert [cell.environment for cell in compare(again, run, globs=("a",)).cells] == [
        "a@again", "a#2@again", "a@run",
    ]  # fmt: skip
    assert compare(again, pair=("a#2", "a")).baseline == "a#2"
    assert [cell.environment for cell in compare(again / "cells/a#2", run / "cells/b").cells] == ["a#2", "b"]
    assert compare(again, register=expect("y", "a")).exit_code == 0


def test_a_run_given_twice_is_refused(run):
    with pytest.raises(InputError, match="is given twice"):
        compare(run, run)
    with pytest.raises(InputError, match="is given twice"):
        compare(run, run / "cells" / "a")


def test_single_cells_are_compared_under_their_environments(tmp_path, run):
    stored = write_cell(tmp_path / "0123abcd", make_cell("d"), SAME)
    summary = compare(run / "cells" / "a", stored)
    assert [cell.environment for cell in summary.cells] == ["a", "d"]
    assert summary.exit_code == 0


def test_the_register_speaks_of_cells_of_any_run(tmp_path, run):
    other = write_run(tmp_path / "other", {"b": OTHER, "a": SAME})
    summary = compare(run, other, globs=("a", "b"), register=expect("y", "b"))
    assert summary.exit_code == 0
    assert summary.divergences[0].expected == {"b@run": "r", "b@other": "r"}


@pytest.mark.parametrize(
    ("selection", "problems"),
    [
        ({"pair": ("b", "c")}, 0),
        ({"against": "b"}, 0),
        ({"globs": ("b", "c")}, 0),
        ({"globs": ("a", "c")}, 1),
    ],
)
def test_what_the_register_expects_has_to_depart_from_the_reference_alone(run, selection, problems):
    gone = expect("x" if problems else "y", "c")
    assert len(compare(run, register=gone, **selection).register_problems) == problems


def test_the_register_does_not_speak_of_another_model(run):
    register = expect("y", "b")
    others = tuple(entry.model_copy(update={"model": "n"}) for entry in register.expected)
    summary = compare(run, globs=("a", "b"), register=register.model_copy(update={"expected": others}))
    assert (summary.exit_code, summary.divergences[0].expected) == (1, {"b": None})


def test_a_reference_that_failed_leaves_its_place_to_another_runs(tmp_path, run):
    other = write_run(tmp_path / "other", {"a": SAME})
    (run / "cells/a/cell.json").write_text(json.dumps(make_cell("a", status="failed", error="it broke")))
    (run / "cells/a/log.txt").write_text("")
    assert compare(run, other).reference == "a@other"


def test_what_a_run_listed_has_to_be_there(tmp_path):
    run = write_run(tmp_path / "run", {"a": SAME, "b": SAME}, ids=("x", "y", "z"))
    summary = compare(run)
    assert summary.exit_code == 2
    assert [(one.example, one.environment, one.reason) for one in summary.incomparable] == [
        ("z", "a", "has no record"),
        ("z", "b", "has no record"),
    ]


def test_another_set_of_examples_is_told(tmp_path):
    runs = [
        write_run(tmp_path / "run", {"a": SAME}),
        write_run(tmp_path / "other", {"b": make_records(1)}, ids=["x"]),
    ]
    summary = compare(*runs)
    assert [(one.example, one.reason) for one in summary.incomparable] == [
        ("y", "is not among its 1 examples")
    ]
    assert (summary.examples, summary.compared, summary.exit_code) == (2, 1, 2)


def test_failed_and_unavailable_cells_are_shown_as_such(tmp_path):
    cells = [
        {"environment": "a", "status": "done"},
        {"environment": "box", "status": "unavailable", "reason": "no engine"},
    ]
    run = write_run(tmp_path / "run", {"a": SAME, "b": SAME}, cells=cells)
    summary = compare(run)
    assert summary.exit_code == 0
    assert {cell.environment: cell.status for cell in summary.cells} == {
        "a": "done", "box": "unavailable", "b": "done",
    }  # fmt: skip
    broken = make_cell("c", status="failed", error="it broke")
    (write_cell(run / "cells" / "c", broken, []) / "log.txt").write_text("the end\n")
    summary = compare(run)
    assert summary.exit_code == 2
    failed = summary.cells[-1]
    assert (failed.status, failed.reason, failed.log_end, failed.rates) == (
        "failed",
        "it broke",
        "the end",
        None,
    )
    with pytest.raises(InputError, match="c: is failed, so nothing can be held against it"):
        compare(run, against="c")


@pytest.mark.parametrize(
    ("globs", "code"),
    [((), 0), (("*",), 0), (("a", "b", "b*"), 0), (("a", "b", "box"), 2), (("box",), 2), (("bo*",), 2)],
)
def test_what_is_named_outright_has_to_be_compared(tmp_path, globs, code):
    cells = [{"environment": "box", "status": "unavailable", "reason": "no engine"}]
    summary = compare(write_run(tmp_path / "run", {"a": SAME, "b": SAME}, cells=cells), globs=globs)
    assert summary.exit_code == code
    if "box" in globs:
        assert "box asked for by name, but unavailable: no engine" in summary.verdict


def test_other_models_and_weights_are_compared_and_named(tmp_path, run):
    cell = make_cell("d")
    others = {"parameters": {"conv1.weight": "9" * 64, "conv1.bias": "b" * 64}, "layers": "0" * 64}
    cell["hashes"] = {**cell["hashes"], **others}
    cell["job"] = {**cell["job"], "cell": "n/d", "model": {**cell["job"]["model"], "name": "n"}}
    summary = compare(run / "cells" / "a", write_cell(tmp_path / "d", cell, SAME))
    assert summary.exit_code == 0
    assert summary.model == "m, n"
    assert summary.notes == (
        "d has model n, a m",
        "d has network layers 000000000000, a dddddddddddd",
        "d has weights conv1.weight 999999999999999999999999, a conv1.weight aaaaaaaaaaaaaaaaaaaaaaaa",
    )


def test_labels_are_taken_where_the_runs_agree(tmp_path, run):
    other = write_run(tmp_path / "other", {"d": SAME})
    (run / "labels.txt").write_text("Ann\nBob\nCy\n")
    assert compare(run).labels == {1: "Bob", 2: "Cy"}
    (other / "labels.txt").write_text("Ann\nBob\nCyd\n")
    assert compare(run, other).labels == {1: "Bob"}
    (run / "labels.txt").unlink()
    write_folder(tmp_path / "made", compare(run, other))
    (run / "summary.json").write_text((tmp_path / "made" / "summary.json").read_text())
    assert compare(run).labels == {1: "Bob", 2: "Cyd"}


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("cell.json", "{", "cell.json: is no cell of this version"),
        ("cell.json", '{"schema": 2, "status": "done"}', "is no cell of this version"),
        ("cell.json", '{"schema": 1, "status": "fine"}', "is no cell of this version"),
        ("cell.json", '{"schema": 1, "status": "done", "job": 5}', "Expected `object | null`"),
        ("cell.json", '{"schema": 1, "status": "done", "timings": {"run_seconds": "1"}}', "run_seconds"),
        (
            "cell.json",
            '{"schema": 1, "status": "done", "job": {"parameters": {"alpha": NaN}}}',
            "NaN is no number of JSON",
        ),
        ("cell.json", '{"schema": 1, "status": "done", "job": {"port": {"rules": [1]}}}', "job.port.rules"),
        ("cell.json", "[" * 100_000, "cell.json: is no cell of this version"),
        ("records.jsonl", '{"example": ', "records.jsonl:1: is no record"),
        ("records.jsonl", "[" * 100_000, "records.jsonl:1: is no record"),
        ("records.jsonl", '{"example": "\\ud800"}', "records.jsonl:1: is no record"),
        ("../../run.json", "[" * 100_000, "run.json: is no run of this version"),
        ("../../run.json", '{"schema": 2}', "run.json: is no run of this version"),
        ("../../run.json", "\udcff", "run.json: is no run of this version"),
        ("../../run.json", '{"schema": 1, "examples": {"ids": "xy"}}', "is no run of this version"),
    ],
    ids=lambda value: value[:40],
)
def test_damaged_files_are_named(run, file, text, words):
    (run / "cells" / "b" / file).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError) as caught:
        compare(run)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_changed_after_it_was_vouched_for_is_damaged(run):
    folder = run / "cells" / "b"
    write_sums(folder)
    assert compare(run).exit_code == 1
    (folder / "records.jsonl").write_text((folder / "records.jsonl").read_text().replace("2", "1"))
    with pytest.raises(InputError, match=r"records\.jsonl was changed after it was written"):
        compare(run)
    assert compare(run, globs=("a", "c")).exit_code == 1


def test_records_that_no_batch_vouches_for_are_damaged(run):
    import hashlib

    folder = run / "cells" / "b"
    data = (folder / "records.jsonl").read_bytes()
    batch = {"records": 2, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "job": "j"}
    (folder / "batches.jsonl").write_text(json.dumps(batch) + "\n")
    assert compare(run).exit_code == 1
    with (folder / "records.jsonl").open("ab") as file:
        file.write(data.splitlines(keepends=True)[0])
    with pytest.raises(InputError, match="bytes are what was written"):
        compare(run)
    (folder / "batches.jsonl").write_text("nothing\n")
    with pytest.raises(InputError, match="vouches for no records"):
        compare(run)


def test_a_folder_that_is_no_run_or_holds_nothing_is_named(tmp_path, run):
    with pytest.raises(
        InputError, match=r"empty: is no run \(a folder with cells/\); the last in .* are run"
    ):
        compare("empty", reports=tmp_path)
    (tmp_path / "bare" / "cells").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no cells"):
        compare(tmp_path / "bare")
    (run / "cells" / "b" / "cell.json").unlink()
    with pytest.raises(InputError, match=r"b: is missing, though run\.json lists it as done"):
        compare(run)


def test_a_run_is_found_by_its_id(tmp_path, run):
    assert compare(run.name, reports=tmp_path).run == "run"


def test_reports_are_written_into_a_new_folder_only(tmp_path, run):
    write_folder(tmp_path / "new" / "folder", compare(run))
    assert json.loads((tmp_path / "new" / "folder" / "summary.json").read_text())["exit_code"] == 1
    with pytest.raises(InputError, match="is not empty"):
        write_folder(tmp_path / "new" / "folder", compare(run))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_folder(tmp_path / "file" / "folder", compare(run))
