"""Runs that came from elsewhere: every file of theirs is a file, of its shape, and within its limits."""

import json
import os
from pathlib import Path

import pytest
from past_runs import make_cell, make_records, write_cell, write_run, write_sums

from harness.core.errors import InputError
from harness.core.limits import MAX_CELLS, MAX_LABELS, MAX_LINE_BYTES, MAX_NAME
from harness.diff.columns import read_columns
from harness.diff.runs import find_cells, read_cells
from harness.plan.register import Register
from harness.report.export import list_tables, read_rows
from harness.report.html.example_lists import find_example_lists, find_owners, read_run_request
from harness.summary.reading import read_summary
from harness.verdict.compare import CellSelection, compare_runs

SAME = make_records(1, 1)
CELL = "cells/b"
FILES = {
    "run.json": "",
    "labels.txt": "Ann\nBea\n",
    f"{CELL}/cell.json": "",
    f"{CELL}/records.jsonl": "",
    f"{CELL}/checksums.json": "",
}
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.fixture(name="run")
def make_run(tmp_path):
    run = write_run(tmp_path / "run", {"a": SAME, "b": SAME})
    write_sums(run / CELL)
    (run / "labels.txt").write_text("Ann\nBea\n")
    return run


@pytest.fixture(name="failed")
def make_failed(tmp_path):
    """A run of which one cell has failed, and left a log."""
    run = write_run(tmp_path / "run", {"a": SAME, "c": SAME})
    write_cell(run / CELL, make_cell("b", status="failed", error="broke"), [])
    (run / CELL / "log.txt").write_text("the end\n")
    return run


def compare(run):
    register = Register(reference="a", default="d", groups={})
    return compare_runs([str(run)], Path("nowhere"), register, CellSelection())


def export(run):
    return [row for rows in read_rows(list_tables(run, {}), lambda _done, _total: None) for row in rows]


def make_link(path, elsewhere):
    """Put a file elsewhere and a link in its place."""
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def make_pipe(path, _elsewhere):
    """Put a named pipe in a file's place; nobody ever writes into it."""
    path.unlink()
    os.mkfifo(path)


def make_device(path, _elsewhere):
    """Put a link to a device that has no end in a file's place."""
    path.unlink()
    path.symlink_to("/dev/zero")


def make_folder(path, _elsewhere):
    """Put a folder in a file's place."""
    path.unlink()
    path.mkdir()


KINDS = {"link": make_link, "pipe": make_pipe, "device": make_device, "folder": make_folder}


@needs_pipes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_no_file_of_a_run_is_anything_else(run, tmp_path, name, kind):
    KINDS[kind](run / name, tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name.replace('/', '.')}: .*is a (link|pipe|folder)") as caught:
        compare(run)
    assert "\n" not in str(caught.value)


@needs_pipes
@pytest.mark.parametrize("kind", KINDS)
def test_a_log_of_a_failed_cell_is_no_file_of_the_reader(failed, tmp_path, kind):
    assert [one.log_end for one in compare(failed).cells if one.status == "failed"] == ["the end"]
    KINDS[kind](failed / CELL / "log.txt", tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"log\.txt: is a (link|pipe|folder)"):
        compare(failed)


@needs_pipes
@pytest.mark.parametrize("kind", KINDS)
def test_vouchers_of_batches_are_a_file(run, tmp_path, kind):
    (run / CELL / "checksums.json").unlink()
    (run / CELL / "batches.jsonl").write_text("{}\n")
    KINDS[kind](run / CELL / "batches.jsonl", tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"batches\.jsonl: is a (link|pipe|folder)"):
        compare(run)


@pytest.mark.parametrize("name", ["cells", "cells/b"])
def test_no_folder_of_a_run_is_a_link(run, tmp_path, name):
    make_link(run / name, tmp_path / "elsewhere")
    for read in (compare, export):
        with pytest.raises(InputError, match=f"run.{name.replace('/', '.')}: is a link"):
            read(run)


def test_a_run_may_lie_behind_a_link(run, tmp_path):
    (tmp_path / "named").symlink_to(run)
    (tmp_path / "cell").symlink_to(run / CELL)
    assert compare(tmp_path / "named").exit_code == 0
    assert read_cells(find_cells([tmp_path / "cell"])).results[0].columns is not None


@needs_pipes
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["cell.json", "records.jsonl", "checksums.json"])
def test_records_are_exported_from_files_alone(run, tmp_path, name, kind):
    assert len(export(run)) == 4
    KINDS[kind](run / CELL / name, tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name}: .*is a (link|pipe|folder)"):
        export(run)


@needs_pipes
@pytest.mark.parametrize("kind", KINDS)
def test_records_and_summaries_are_read_from_files_alone(run, tmp_path, kind):
    (run / "summary.json").write_text("{}")
    KINDS[kind](run / "summary.json", tmp_path / "summary")
    KINDS[kind](run / CELL / "records.jsonl", tmp_path / "records")
    for read in (lambda: read_columns(run / CELL), lambda: read_summary(run)):
        with pytest.raises(InputError, match=r"is a (link|pipe|folder)"):
            read()


@needs_pipes
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_looks_for_pictures_in_files_alone(run, tmp_path, kind):
    assert find_owners(["b"], [run]) == {"b": None}
    (run / "run.json").write_text(
        json.dumps({"request": {"model": "m"}, "cells": [{"job": {"environment": "b"}}]})
    )
    assert (find_owners(["b"], [run]), read_run_request(run)) == ({"b": run}, {"model": "m"})
    KINDS[kind](run / "run.json", tmp_path / "elsewhere")
    assert read_run_request(run) == {}
    assert find_owners(["b"], [run]) == {"b": run}  # by its cells' own files
    for one in run.glob("cells/*/cell.json"):
        KINDS[kind](one, tmp_path / one.parent.name)
    assert (find_owners(["b"], [run]), find_example_lists([run])) == ({"b": None}, [])


@pytest.mark.parametrize("name", FILES)
def test_a_document_that_is_too_deep_is_named(run, name):
    (run / name).write_text("[" * 100_000)
    with pytest.raises(InputError, match=name.replace("/", ".")):
        compare(run)


def change_job(**change):
    cell = make_cell("b")
    return {**cell, "job": {**cell["job"], **change}}


def change_record(**change):
    return json.dumps({**SAME[0], **change})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("records.jsonl", change_record(example="x" * (MAX_NAME + 1)), "'example' must be a text of at most"),
        ("records.jsonl", change_record(attack="x" * (MAX_NAME + 1)), "'attack' must be a text of at most"),
        ("records.jsonl", change_record(source="x" * (MAX_NAME + 1)), "'source' must be a text of at most"),
        ("records.jsonl", change_record(more="x" * MAX_LINE_BYTES), "line of over 1 MiB"),
        ("records.jsonl", change_record(example=5).replace("5", "9" * 5_000), "more than 64 bits"),
        ("cell.json", make_cell("x" * (MAX_NAME + 1)), r"\$\.job\.cell"),
        ("cell.json", make_cell("b", origin="x" * (MAX_NAME + 1)), r"\$\.origin"),
        ("cell.json", make_cell("b", peak_memory_bytes=1 << 63), "peak_memory_bytes"),
        (
            "cell.json",
            make_cell("b", fingerprint={"versions": {"a": "x" * 100_001}}),
            "fingerprint: holds a text",
        ),
        (
            "cell.json",
            make_cell("b", fingerprint={"packages": {str(number): "1" for number in range(100_000)}}),
            "fingerprint: has more than 100000 entries",
        ),
        ("cell.json", make_cell("b", more={"x" * 5_000: 1}), "key has more than 4096 characters"),
        (
            "cell.json",
            change_job(port={"preset": "x", "rules": {"a": "x" * MAX_NAME}}),
            "job.port: has rules",
        ),
        ("cell.json", change_job(parameters={str(number): 1.0 for number in range(101)}), "job.parameters"),
        (
            "../../run.json",
            {
                "schema": 1,
                "examples": {"ids": []},
                "cells": [{"environment": "a", "status": "unavailable"}] * (MAX_CELLS + 1),
            },
            r"length <= 1000 - at .\$.cells",
        ),
        ("../../labels.txt", "x\n" * (MAX_LABELS + 1), "labels.txt: has 200001 lines"),
        ("../../run.json", {"schema": 1, "examples": {"ids": ["x" * (MAX_NAME + 1)]}}, "examples.ids"),
        ("../../labels.txt", "Ann\n" + "x" * (MAX_NAME + 1), "labels.txt:2: has more than 1024 characters"),
    ],
)
def test_names_are_no_longer_than_reports_can_hold(run, name, text, words):
    (run / CELL / "checksums.json").unlink()
    (run / CELL / name).write_text(text if isinstance(text, str) else json.dumps(text))
    with pytest.raises(InputError, match=words) as caught:
        compare(run)
    assert len(str(caught.value)) < 500


def test_a_long_reason_of_one_record_is_cut(run):
    (run / CELL / "checksums.json").unlink()
    (run / CELL / "records.jsonl").write_text(
        json.dumps({"example": "x", "refused": "y" * 100_000}) + "\n" + json.dumps(SAME[1])
    )
    (one,) = compare(run).incomparable
    assert one.example == "x"
    assert len(one.reason) < 3_000


def test_a_run_has_no_more_cells_than_can_be_compared(run):
    for number in range(MAX_CELLS):
        folder = run / "cells" / f"c{number}"
        folder.mkdir()
        (folder / "cell.json").touch()
    with pytest.raises(InputError, match="cells: has 1002 folders; a run has 1000 cells at most"):
        compare(run)
