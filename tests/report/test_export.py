"""The table of all records: whole, typed, read back by other programs, and made in little memory."""

import csv
import json
import sys
import tracemalloc

import pytest
from pyarrow import parquet
from recorded_run import HEAD, RECORD, make_run

from harness.core.errors import InputError
from harness.report import export
from harness.report.export import COLUMNS, write_records


def export_run(run, path):
    seen = []
    count = write_records(path, run, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    return count


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_parquet_holds_every_value_with_its_type(tmp_path):
    bare = {"example": "x", "refused": "is no image"}
    run = make_run(tmp_path, {"a": [json.dumps(RECORD)], "b": [json.dumps(bare)], "c": None})
    assert export_run(run, tmp_path / "records.parquet") == 2
    table = parquet.read_table(tmp_path / "records.parquet")
    assert table.column_names == list(COLUMNS)
    names = {"text": "string", "integer": "int64", "number": "double", "truth": "bool"}
    assert [str(field.type) for field in table.schema] == [names[kind] for kind in COLUMNS.values()]
    first, second = table.to_pylist()
    plain = {name: RECORD[name] for name in COLUMNS if name in RECORD}
    hashes = {f"hash_{name}": value for name, value in RECORD["hashes"].items()}
    head = {
        "run": "run",
        "environment": "a",
        "cell": "m/a",
        "execution": None,
        "backend": "reference",
        "port": first["port"],
        **HEAD,
    }
    sigma = {"sigma_blob": "conv3_3", "sigma_ratio": 2e-7}
    assert first == {**head, **plain, **hashes, **sigma, "refused": None, "verdict": None, "causes": None}
    assert {name for name, value in second.items() if value is not None} == {
        "run", "environment", "cell", "backend", "port", "alpha", "beta", "epsilon", "example", "refused",
    }  # fmt: skip


def test_executions_of_one_environment_are_told_apart(tmp_path):
    run = make_run(tmp_path, {"a": [json.dumps(RECORD)], "a#2": [json.dumps(RECORD)]})
    for number, name in enumerate(("a", "a#2"), start=1):
        path = run / "cells" / name / "cell.json"
        cell = json.loads(path.read_text())
        job = {**cell["job"], "environment": "a", "replicate": number}
        path.write_text(json.dumps({**cell, "job": job, "execution": f"{number}" * 32}))
    assert export_run(run, tmp_path / "records.csv") == 2
    rows = read_csv(tmp_path / "records.csv")
    assert [(row["environment"], row["cell"], row["execution"]) for row in rows] == [
        ("a", "m/a", "1" * 32), ("a", "m/a#2", "2" * 32),
    ]  # fmt: skip


def test_csv_holds_the_same(tmp_path):
    run = make_run(tmp_path, {"a": [json.dumps(RECORD)] * 2, "b": [json.dumps({"example": "x"})]})
    assert export_run(run, tmp_path / "records.csv") == 3
    rows = read_csv(tmp_path / "records.csv")
    assert list(rows[0]) == list(COLUMNS)
    assert [row["environment"] for row in rows] == ["a", "a", "b"]
    assert (rows[0]["gold"], rows[0]["detected"], rows[0]["alpha"]) == ("0", "true", "100.0")
    assert float(rows[0]["margin_original"]) == RECORD["margin_original"]
    assert float(rows[0]["margin_attribute"]) == RECORD["margin_attribute"]
    assert rows[0]["score"] == "-0.1"
    assert [row["sigma_blob"] for row in rows] == ["conv3_3", "conv3_3", ""]
    assert (rows[2]["gold"], rows[2]["detected"], rows[2]["score"]) == ("", "", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "'x", "  =1", "\uff1d1"])
def test_formulas_are_text_in_csv_and_themselves_in_parquet(tmp_path, text):
    run = make_run(tmp_path, {"a": [json.dumps({**RECORD, "example": text})]})
    export_run(run, tmp_path / "r.csv")
    export_run(run, tmp_path / "r.parquet")
    assert read_csv(tmp_path / "r.csv")[0]["example"] == f"'{text}"
    assert parquet.read_table(tmp_path / "r.parquet")["example"].to_pylist() == [text]


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_names_are_written_as_they_are_stored(tmp_path, text):
    run = make_run(tmp_path, {"a": [json.dumps({**RECORD, "example": text, "source": "Zoe\u0301"})]})
    export_run(run, tmp_path / "r.csv")
    export_run(run, tmp_path / "r.parquet")
    stored = {"\t": "\\t", "\r": "\\r", "\n": "\\n"}[text[0]] + "=1"
    row = read_csv(tmp_path / "r.csv")[0]
    assert (row["example"], row["source"]) == (stored, "Zo\u00e9")
    assert parquet.read_table(tmp_path / "r.parquet")["example"].to_pylist() == [stored]


@pytest.mark.parametrize("text", ['a,b"c', "名前 🙂", "x'y", ""])
def test_other_text_is_read_back_as_it_is(tmp_path, text):
    run = make_run(tmp_path, {"a": [json.dumps({**RECORD, "example": text})]})
    export_run(run, tmp_path / "r.csv")
    assert read_csv(tmp_path / "r.csv")[0]["example"] == text


@pytest.mark.parametrize(
    "line",
    ["torn", "[]", "{}", '{"example": 1}', '{"example": "x", "gold": "1"}', '{"example": "x", "gold": 1e30}'],
)
@pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
def test_a_damaged_record_is_named_and_nothing_is_left(tmp_path, line, name):
    run = make_run(tmp_path, {"a": [json.dumps(RECORD), line]})
    with pytest.raises(InputError, match=r"cells/a/records.jsonl:2: is no record"):
        export_run(run, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_was_there_stays_where_writing_fails(tmp_path):
    (tmp_path / "r.csv").write_text("precious")
    run = make_run(tmp_path, {"a": ["torn"]})
    with pytest.raises(InputError):
        export_run(run, tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "message"),
    [("r.xlsx", "neither .csv nor .parquet"), ("r", "neither"), ("no/such/folder/r.csv", "No such file")],
)
def test_places_that_cannot_be_written_are_bad_input(tmp_path, name, message):
    run = make_run(tmp_path, {"a": [json.dumps(RECORD)]})
    with pytest.raises(InputError, match=message):
        export_run(run, tmp_path / name)


def test_a_run_without_records_is_bad_input(tmp_path):
    run = make_run(tmp_path, {"a": None})
    with pytest.raises(InputError, match="nothing to write"):
        export_run(run, tmp_path / "r.csv")
    assert not (tmp_path / "r.csv").exists()


def test_without_pyarrow_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    run = make_run(tmp_path, {"a": [json.dumps(RECORD)]})
    with pytest.raises(
        InputError,
        match=r"needs pyarrow, not installed here; install with: .*pip install 'pyarrow>=18'; or write .csv",
    ):
        export_run(run, tmp_path / "r.parquet")


@pytest.mark.parametrize("name", ["r.csv", "r.parquet"])
def test_rows_are_written_by_chunks(tmp_path, monkeypatch, name):
    run = make_run(tmp_path, {"a": [json.dumps(RECORD)] * 20_000})
    monkeypatch.setattr(export, "CHUNK_BYTES", 1 << 16)
    tracemalloc.start()
    assert export_run(run, tmp_path / name) == 20_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (run / "cells/a/records.jsonl").stat().st_size > 7_000_000
    assert most < 3_000_000
