"""Whole cells: everything that a run's files say, cell by cell, with records by example."""

from pathlib import Path

import pytest
from past_runs import make_cell, make_records, write_cell, write_run

from harness.core.errors import InputError
from harness.diff.whole import read_whole_cells

THEN = Path(__file__).parent / "data" / "run-before-replicates"


def test_a_run_is_read_whole():
    cells = {one.label: one for one in read_whole_cells([THEN])}
    assert len(cells) == 4
    port = cells["local-pytorch-port"]
    assert (port.environment, port.job.backend, port.job.port.preset) == (
        "local-pytorch-port", "pytorch", "pytorch-port",
    )  # fmt: skip
    assert port.job.replicate == 1
    assert port.fingerprint.threads == 1
    assert "torch" in port.fingerprint.versions
    record = port.records["benign-0001"]
    assert record.margin_original > record.margin_attribute > 0
    assert len(record.hashes.logits_attribute) == 64
    assert record.sigma_ratio is None  # no record had it then
    assert [len(record.top5_original), record.top5_original[0][0]] == [5, record.original]


def test_some_examples_alone_are_kept():
    (cell, *_) = read_whole_cells([THEN], ["fgsm-0001", "nobody"])
    assert list(cell.records) == ["fgsm-0001"]


def test_cells_that_are_not_done_have_nothing_to_read(tmp_path):
    run = write_run(tmp_path / "run", {"a": make_records(1)}, ids="x")
    write_cell(run / "cells" / "b", make_cell("b", status="failed", error="it broke"), [])
    assert [one.label for one in read_whole_cells([run])] == ["a"]


def test_an_imported_log_says_little(tmp_path):
    cell = {"schema": 1, "status": "done", "job": {"environment": "windows"}, "imported": {"attack": "fgsm"}}
    write_cell(tmp_path / "log", cell, make_records(2))
    (found,) = read_whole_cells([tmp_path / "log"])
    assert (found.environment, found.fingerprint.os, found.job.model) == ("windows", None, None)


def test_a_record_with_a_field_of_another_kind_is_named(tmp_path):
    write_cell(tmp_path / "c", make_cell("c"), [{**make_records(2)[0], "top5_original": [["x", 1.0]]}])
    with pytest.raises(InputError, match=r"records\.jsonl:1: is no record .*\$\.top5_original"):
        read_whole_cells([tmp_path / "c"])
