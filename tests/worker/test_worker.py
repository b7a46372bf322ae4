"""The worker: a job in, records out; bad input gives one line and exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from worker_jobs import COUNT, NETWORK, list_again, make_job, run, spoil_examples

from harness.ami.preprocess import prepare_array
from harness.ami.witnesses import write_witnesses
from harness.core.examples import hash_file
from harness.core.network_files import list_files
from harness.worker.fingerprint import hash_code
from harness.worker.job import read_job
from harness.worker.prepare import hash_array
from harness.worker.tasks import judge

FIXTURES = (make_job,)


def test_a_job_gives_a_record_per_example(job, tmp_path, capsys):
    code, records, cell = run(job, tmp_path)
    assert (code, cell["status"], cell["error"]) == (0, "done", None)
    assert [record["example"] for record in records] == [f"e{number}" for number in range(COUNT)]
    for record in records:
        assert record["detected"] == (record["original"] != record["attribute"])
        assert record["detected"] == (record["score"] > 0)
        assert len(record["top5_original"]) == 5
        assert record["margin_original"] >= 0
        assert set(record["hashes"]) == {"file", "pixels", "input", "logits_original", "logits_attribute"}
    progress = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["done"] for event in progress] == [0, 2, 4, 5]
    assert cell["fingerprint"]["numpy"] == np.__version__
    assert cell["peak_memory_bytes"] > 1e6


def list_witnesses(job, **found):
    """Replace a job's four witness files."""
    for attribute, entry in job["model"]["witnesses"].items():
        write_witnesses(Path(entry["path"]), found.get(attribute, {}))
        entry["sha256"] = hash_file(Path(entry["path"]))


def test_a_record_names_the_blob_whose_deviation_is_least(job, tmp_path):
    _, records, cell = run(job, tmp_path)
    assert {record["sigma_ratio"][0] for record in records} <= {"conv1_1", "conv2_2", "pool3", "fc6", "fc7"}
    assert all(1e-4 < record["sigma_ratio"][1] < 1 for record in records)
    assert cell["port"]["arithmetic"] == "numpy"
    thrice = {name: {"conv2_2": [5], "conv4_1": [0, 1]} for name in ("leye", "reye", "nose")}
    list_witnesses(job, **thrice, mouth={"fc6": [1]})
    for record in run(job, tmp_path)[1]:
        assert record["sigma_ratio"][0] == "conv2_2"
        assert 0 <= record["sigma_ratio"][1] < 1e-6


def test_deviations_that_are_zero_for_certain_or_no_number_are_left_out(job, tmp_path):
    list_witnesses(job, leye={"conv2_2": [5]}, nose={"conv2_2": [5], "fc6": [1]})
    assert {record["sigma_ratio"] for record in run(job, tmp_path)[1]} == {None}
    job["port"]["rules"] = {"npy": "convert", "ddof": 1, "duplicates": "distinct"}
    assert {record["sigma_ratio"] for record in run(job, tmp_path)[1]} == {None}


def test_the_same_job_twice_gives_the_same_records(job, tmp_path):
    without_seconds = [
        [
            {key: value for key, value in record.items() if key != "seconds"}
            for record in run(job, tmp_path)[1]
        ]
        for _ in range(2)
    ]
    assert without_seconds[0] == without_seconds[1]


def test_another_batch_size_gives_the_same_tuples(job, tmp_path):
    tuples = [
        [(r["original"], r["attribute"]) for r in run({**job, "batch_size": size}, tmp_path)[1]]
        for size in (1, 3, 64)
    ]
    assert tuples[0] == tuples[1] == tuples[2]


def test_a_nan_port_writes_null_and_a_constant_attribute(job, tmp_path):
    job["port"]["rules"] = {"npy": "convert", "ddof": 1, "duplicates": "distinct"}
    write_witnesses(Path(job["model"]["witnesses"]["mouth"]["path"]), {"fc7": []})
    write_witnesses(Path(job["model"]["witnesses"]["nose"]["path"]), {"fc6": [2]})
    for entry in job["model"]["witnesses"].values():
        entry["sha256"] = hash_file(Path(entry["path"]))
    code, records, _ = run(job, tmp_path)
    assert code == 0
    assert {record["attribute"] for record in records} == {0}
    assert all(record["margin_attribute"] is None for record in records)
    assert "NaN" not in (tmp_path / "out" / "records.jsonl").read_text()


def change(job, *path_and_value):
    *path, last, value = path_and_value
    place = job
    for key in path:
        place = place[key]
    place[last] = value


@pytest.mark.parametrize(
    ("path_and_value", "words"),
    [
        (("schema", 2), "schema 2"),
        (("backend", "tensorflow"), "backend 'tensorflow'"),
        (("task", "guess"), "task 'guess': unknown; there are judge, extract"),
        (("task", ["judge"]), "'task' must be a text"),
        (("settings", {"treads": 1}), "unknown key 'treads'"),
        (("settings", "threads", 0), "threads = 0"),
        (("settings", "precision", "float16"), "float16"),
        (("batch_size", 0), "batch_size = 0"),
        (("port", "preset", "matlab"), "'matlab'"),
        (("port", "rules", {"duplicates": "never"}), "duplicates = 'never'"),
        (("parameters", "beta", 0.0), "beta = 0.0"),
        (("parameters", {"gamma": 1}), "gamma"),
        (("model", "state", 3), "'state' must be a table"),
        (("model", "state", {"level": "x"}), "'level' must be a whole number"),
        (("model", "state", {"stages": [1]}), "'stages' must be a list of names"),
        (("examples", "npy", None), "e0.npy.*--npy"),
        (("examples", "npy", "raw"), "npy convention 'raw'"),
        (("examples", "sha256", "0"), "examples.jsonl.*changed"),
        (("model", "witnesses", "nose", "sha256", "0"), "nose_witness.txt.*changed"),
        (("model", "witnesses", {}), "model: witnesses: has no 'leye'"),
        (("model", "witnesses", "nose", 7), "model: witnesses: 'nose' must be a table, not 7"),
        (("model", []), "job: 'model' must be a table"),
        (("parameters", "alpha", "100"), "parameters: 'alpha' must be a number, not '100'"),
        (("parameters", "alpha", None), "parameters: 'alpha' must be a number, not None"),
        (("settings", "threads", None), "settings: 'threads' must be a whole number, not None"),
        (("model", "preprocess", "scale", None), "preprocess: 'scale' must be a number, not None"),
        (("port", "preset", []), "port: 'preset' must be a text"),
        (("port", "rules", {"listing": 5}), "listing = 5"),
        (("examples", "only", 7), "examples: 'only' must be a list of names"),
        (("model", "preprocess", "mean", ["90", 1, 2]), "preprocess: 'mean' must be a list of numbers"),
        (("settings", "threads", "1"), "settings: 'threads' must be a whole number"),
        (("model", "network", "/nowhere"), "/nowhere/network.json"),
    ],
)
def test_bad_jobs_fail_with_one_message(job, tmp_path, capsys, path_and_value, words):
    change(job, *path_and_value)
    code, _, cell = run(job, tmp_path)
    assert (code, cell["status"]) == (2, "failed")
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    import re

    assert re.search(words, error), error
    assert re.search(words, cell["error"])


def test_files_that_cannot_be_used_are_refused_and_the_rest_goes_on(job, tmp_path):
    _, undisturbed, _ = run(job, tmp_path)
    spoil_examples(job, tmp_path)
    code, records, cell = run(job, tmp_path)
    assert (code, cell["status"]) == (0, "done")
    assert [record.get("refused") for record in records] == [
        "array is (3, 16, 15), the network takes (3, 16, 16)",
        None,
        "is empty",
        "array holds values that are no finite numbers (as float32)",
        None,
    ]
    assert records[0] == {
        **{key: undisturbed[0][key] for key in ("example", "source", "attack", "gold")},
        "refused": records[0]["refused"],
    }
    tuples = [
        [(one["original"], one["attribute"]) for one in them] for them in (records[1::3], undisturbed[1::3])
    ]
    assert tuples[0] == tuples[1]


def test_a_killed_job_with_refused_examples_goes_on_where_it_was(job, tmp_path):
    spoil_examples(job, tmp_path)
    _, undisturbed, _ = run(job, tmp_path)
    path, vouchers = (Path(job["output"]) / name for name in ("records.jsonl", "batches.jsonl"))
    lines, vouched = path.read_bytes().splitlines(keepends=True), vouchers.read_bytes()
    for whole in (0, 2, 4):
        path.write_bytes(b"".join(lines[:whole]) + lines[whole][:-1])
        vouchers.write_bytes(vouched)
        code, records, cell = run(job, tmp_path)
        assert (code, cell["timings"]["resumed"]) == (0, whole)
        assert [{**one, "seconds": 0} for one in records] == [{**one, "seconds": 0} for one in undisturbed]


def test_all_files_refused_is_a_cell_without_tuples(job, tmp_path):
    job["model"]["preprocess"]["height"] = 32
    code, records, cell = run(job, tmp_path)
    assert (code, cell["status"]) == (0, "done")
    assert {record["refused"] for record in records} == {
        "array is (3, 16, 16), the network takes (3, 32, 16)"
    }


def test_an_examples_own_convention_goes_before_the_jobs_and_is_recorded(job, tmp_path):
    list_again(job, tmp_path, {1: {"npy": "bgr-minus-mean"}, 2: {"npy": "raw-bgr"}})
    _, records, _ = run(job, tmp_path)
    assert [record["npy"] for record in records] == [
        "raw-rgb", "bgr-minus-mean", "raw-bgr", "raw-rgb", "raw-rgb",
    ]  # fmt: skip
    values = np.load(tmp_path / "e1.npy")
    prepared = prepare_array(values, "bgr-minus-mean", read_job(job).preprocess, read_job(job).port)
    assert records[1]["hashes"]["input"] == hash_array(prepared)


def test_a_changed_parameter_is_noticed(job, tmp_path):
    path = list_files(Path(job["model"]["network"]), NETWORK)["fc6.bias"]
    np.save(path, np.load(path) + 1)
    code, _, cell = run(job, tmp_path)
    assert code == 2
    assert "fc6.bias.npy: its hash is not" in cell["error"]


def test_a_job_of_other_code_or_another_network_is_refused_before_anything_is_written(job, tmp_path, capsys):
    for name in ("worker", "network"):
        code, records, cell = run({**job, "hashes": {name: "0" * 64}}, tmp_path)
        assert (code, records, cell["status"]) == (2, [], "failed")
        assert f"its {name} has the hash" in cell["error"]
        assert "not the planned 000000000000; it was changed since: start again" in capsys.readouterr().err


def test_a_cell_says_what_it_was_made_of(job, tmp_path):
    planned = {"worker": hash_code(), "network": hash_file(Path(job["model"]["network"]) / "network.json")}
    code, _, cell = run({**job, "hashes": planned}, tmp_path)
    assert code == 0
    assert {name: cell["hashes"][name] for name in planned} == planned


def test_cells_of_networks_that_compute_something_else_differ_in_their_layers(job, tmp_path):
    """Whatever their parameters: of two pools of one shape, or of a net's two stages."""
    first = run(job, tmp_path)[2]["hashes"]["layers"]
    path = Path(job["model"]["network"]) / "network.json"
    text = path.read_text()
    path.write_text(text.replace('"name": "face-like"', '"name": "other"'))
    assert run(job, tmp_path)[2]["hashes"]["layers"] == first
    assert text.count('"max"') == 1
    path.write_text(text.replace('"max"', '"average"'))
    assert run(job, tmp_path)[2]["hashes"]["layers"] != first


def test_the_worker_is_a_program_and_needs_one_job(tmp_path):
    for name, text in (("number.json", f'{{"output": {1 << 70}}}'), ("list.json", "[]")):
        (tmp_path / name).write_text(text)
    for arguments, words in (
        ([], "usage"),
        ([str(tmp_path / "none.json")], "cannot be read"),
        ([str(tmp_path / "number.json")], "more than 64 bits"),
        ([str(tmp_path / "list.json")], "is no job: is no table of output"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "harness.worker", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_steering_before_relu_is_another_result(job, tmp_path):
    plain = judge.run_job(read_job(job))
    after = (tmp_path / "out" / "records.jsonl").read_text()
    job["port"]["rules"] = {"npy": "convert", "blob_value": "before-relu"}
    judge.run_job(read_job(job))
    assert plain["status"] == "done"
    assert (tmp_path / "out" / "records.jsonl").read_text() != after


def test_a_killed_job_goes_on_where_it_was(job, tmp_path):
    _, undisturbed, _ = run(job, tmp_path)
    output = Path(job["output"])
    first = (output / "records.jsonl").read_bytes().splitlines(keepends=True)
    (output / "records.jsonl").write_bytes(b"".join(first[:3])[:-10])
    code, records, cell = run(job, tmp_path)
    assert (code, cell["timings"]["resumed"]) == (0, 2)
    assert [record["seconds"] for record in records][:2] == [record["seconds"] for record in undisturbed][:2]
    for one in (*records, *undisturbed):
        del one["seconds"]
    assert records == undisturbed


def test_a_full_disk_is_one_line(job, tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device", "records.jsonl")

    monkeypatch.setattr("harness.worker.tasks.judge.append_batch", refuse)
    code, records, cell = run(job, tmp_path)
    assert (code, records, cell["status"]) == (2, [], "failed")
    assert "records.jsonl: No space left on device; see to that disk" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [RuntimeError("no kernel\nfor it"), MemoryError(), KeyError("x"), RecursionError()]
)
def test_whatever_breaks_is_a_failed_cell_and_no_verdict(job, tmp_path, capsys, monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr("harness.worker.tasks.judge.run_batches", refuse)
    code, records, cell = run(job, tmp_path)
    assert (code, records, cell["status"]) == (2, [], "failed")
    assert cell["error"] == f"the worker broke: {type(error).__name__}: {error}"
    assert "Traceback" in capsys.readouterr().err
