"""Published schemas of records and cells are those of the code, and say what real runs wrote."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from command_line import list_runs
from noisy_project import make_harness, write_project
from shapes import list_unknown

from harness.records.cell import CellFile, read_cell
from harness.records.record import Record
from harness.records.schema import DOCS, SHAPES, render_schema

FIXTURES = (make_harness,)
ROOT = Path(__file__).parents[2]
THEN = ROOT / "tests" / "diff" / "data" / "run-before-replicates"


def load(name):
    return json.loads((ROOT / DOCS / name).read_text(encoding="utf-8"))


def check(data, name):
    jsonschema.Draft202012Validator(load(name)).validate(data)


def read_lines(folder):
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", SHAPES)
def test_the_published_schema_is_current(name):
    assert (ROOT / DOCS / name).read_text(encoding="utf-8") == render_schema(SHAPES[name])
    jsonschema.Draft202012Validator.check_schema(load(name))


@pytest.mark.parametrize("folder", sorted(THEN.glob("cells/*")), ids=lambda path: path.name)
def test_files_of_an_earlier_version_are_described_whole(folder):
    hold_whole(folder)


def test_files_of_today_are_described_whole(harness, tmp_path):
    write_project(tmp_path, "a", "b")
    assert harness("matrix", "--model", "small")[0] == 0
    (run,) = list_runs(tmp_path)
    hold_whole(run / "cells" / "a")


def hold_whole(folder):
    """That a cell's files have nothing that their schemas do not describe."""
    cell, records = read_cell(folder), read_lines(folder)
    check(cell, "cell.schema.json")
    assert list_unknown(cell, CellFile) == []
    assert records
    for record in records:
        check(record, "record.schema.json")
        assert list_unknown(record, Record) == []


def test_a_key_that_no_shape_has_is_seen():
    assert list_unknown({"example": "x", "hashes": {"sound": "1"}}, Record) == ["$.hashes.sound"]
    odd = {"status": "done", "job": {"model": {"witnesses": {"nose": {"size": 1}}}}, "more": 1}
    assert list_unknown(odd, CellFile) == ["$.more", "$.job.model.witnesses.nose.size"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("record.schema.json", {"gold": 1}),
        ("record.schema.json", {"example": "x", "detected": 1}),
        ("record.schema.json", {"example": "x", "score": "high"}),
        ("record.schema.json", {"example": "x", "hashes": {"file": 1}}),
        ("cell.schema.json", {"schema": 1}),
        ("cell.schema.json", {"schema": 2, "status": "done"}),
        ("cell.schema.json", {"schema": 1, "status": "unavailable"}),
        ("cell.schema.json", {"schema": 1, "status": "done", "fingerprint": {"threads": "1"}}),
        ("cell.schema.json", {"schema": 1, "status": "done", "job": {"replicate": 0}}),
    ],
)
def test_anything_else_is_neither(name, data):
    with pytest.raises(jsonschema.ValidationError):
        check(data, name)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, SHAPES[name])
