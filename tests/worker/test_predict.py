"""The task `predict`: what a partial trace should hold, by every patch, from what it holds before."""

import hashlib
import json

import numpy as np
import pytest
from worker_jobs import make_job, run

from harness.core.traces import list_arrays, read_trace, write_arrays
from harness.worker import fingerprint
from harness.worker.tasks import trace

FIXTURES = (make_job,)
LIMIT = 6.0
EXAMPLE = "e1"
FEW = ("input", "plain/conv2_2", "plain/fc7", "steered/pool3/after", "steered/fc8")


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def make_partial(job, tmp_path, keep=None, patch=None, change=None):
    """Folder of a trace of which some arrays are left, of a job with other parameters or rules."""
    out = tmp_path / "trace"
    out.mkdir(exist_ok=True)
    patch = patch or {}
    told = {
        **job,
        "port": {"preset": "notebook", "rules": {**job["port"]["rules"], **patch.get("port", {})}},
        "parameters": {**job["parameters"], **patch.get("parameters", {})},
    }
    details = {"examples": [EXAMPLE]}
    code, _, cell = run({**told, "task": "trace", "details": details, "output": str(out)}, tmp_path)
    assert code == 0, cell["error"]
    path = out / trace.name_archive(EXAMPLE)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if not name.startswith("logits")}
    arrays = {name: one for name, one in arrays.items() if keep is None or name in keep}
    if change is not None:
        change(arrays)
    write_arrays(path, arrays)
    index = json.loads((out / "trace.json").read_text())
    index["partial"] = True
    index["examples"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (out / "trace.json").write_text(json.dumps(index))
    return out


def predict(job, tmp_path, folder, patches, **more):
    """Exit code, records and cell of predictions in float64."""
    out = tmp_path / "predicted"
    out.mkdir(exist_ok=True)
    rest = {"backend": "reference", "settings": {"threads": 1, "precision": "float64"}, "output": str(out)}
    details = {"trace": str(folder), "patches": patches, "limit": LIMIT, **more}
    return run({**job, **rest, "task": "predict", "details": details}, tmp_path)


def list_beyond(record):
    return [one["stage"] for one in record["stages"] if one["what"] or (one["deviations"] or 0) > LIMIT]


@pytest.mark.parametrize(
    "keep", [None, FEW, ("steered/fc8",), ("steered/conv4_1/sums", "steered/conv4_1/factors")]
)
@pytest.mark.parametrize("rules", [{}, {"blob_value": "before-relu"}])
def test_nothing_is_off_in_what_is_left_of_a_sound_trace(job, tmp_path, keep, rules):
    patch = {"port": rules}
    folder = make_partial(job, tmp_path, keep, patch)
    code, records, cell = predict(job, tmp_path, folder, [patch])
    assert code == 0, cell["error"]
    assert list_beyond(records[0]) == []
    held = list_arrays(folder / trace.name_archive(EXAMPLE), folder)
    known = {one["array"] for one in records[0]["stages"]}
    assert known >= {name for name in held if not name.endswith("/before")} - {"plain/data", "steered/data"}


def test_a_value_is_from_the_nearest_before_it_that_is_there(job, tmp_path):
    folder = make_partial(job, tmp_path, FEW)
    code, records, cell = predict(job, tmp_path, folder, [{}])
    assert code == 0, cell["error"]
    found = {one["array"]: (one["source"], one["layers"]) for one in records[0]["stages"]}
    assert found["input"] == ("", [])
    assert found["plain/conv2_2"] == ("input", ["conv1_1", "conv2_2"])
    assert found["plain/fc7"] == ("plain/conv2_2", ["conv4_1", "fc6", "fc7"])
    assert found["steered/fc8"] == ("steered/pool3/after", ["conv4_1", "fc6", "fc7", "fc8"])


def test_what_is_off_is_found_where_it_is_made_and_nowhere_else(job, tmp_path):
    def spoil(arrays):
        arrays["plain/conv2_2"] = arrays["plain/conv2_2"] * np.float32(1.001)

    folder = make_partial(job, tmp_path, ("plain/conv1_1", "plain/conv2_2", "plain/conv4_1"), change=spoil)
    _, records, _ = predict(job, tmp_path, folder, [{}])
    assert list_beyond(records[0]) == ["plain conv2_2", "plain conv4_1"]  # whose source it is


def test_a_patch_accounts_for_what_it_gives_and_is_left_where_it_does_not(job, tmp_path):
    folder = make_partial(job, tmp_path, FEW, {"parameters": {"beta": 7.0}})
    patches = [{}, {"parameters": {"beta": 7.0}}, {"parameters": {"alpha": 7.0}}, {"port": {"up": 1}}]
    code, records, cell = predict(job, tmp_path, folder, patches, at="steered/pool3/after")
    assert code == 0, cell["error"]
    assert [len(one.get("stages", ())) for one in records] == [1, 6, 1, 0]  # five arrays, and the tuple
    assert list_beyond(records[1]) == []
    assert list_beyond(records[2]) == ["steered pool3 after"]
    assert "up" in records[3]["refused"]


def test_changes_of_one_layer_each_over_another_s(job, tmp_path):
    folder = make_partial(job, tmp_path, ("input", "plain/fc7"))
    over = {"reverse": "kernel", "layers": ["conv1_1"]}
    patches = [
        {"weights": {"cast": "float16", "layers": ["fc7"], "over": over}},
        {"weights": {"take": "conv1_1", "layers": ["conv2_2"]}},
        {"weights": {"transpose": "kernel", "layers": ["conv1_1"]}},
    ]
    code, records, cell = predict(job, tmp_path, folder, patches)
    assert code == 0, cell["error"]
    assert list_beyond(records[0]) == ["plain fc7"]
    assert "take = 'conv1_1': has no conv1_1.weight of the shape of conv2_2.weight" in records[1]["refused"]
    assert list_beyond(records[2]) == ["plain fc7"]


def test_half_precision_of_what_was_kept_is_no_error(job, tmp_path):
    def round_off(arrays):
        arrays["plain/conv2_2"] = arrays["plain/conv2_2"].astype(np.float16).astype(np.float32)

    folder = make_partial(job, tmp_path, ("plain/conv2_2", "plain/conv4_1"), change=round_off)
    assert list_beyond(predict(job, tmp_path, folder, [{}])[1][0]) == ["plain conv2_2", "plain conv4_1"]
    index = json.loads((folder / "trace.json").read_text())
    (folder / "trace.json").write_text(json.dumps({**index, "stored": {"plain/conv2_2": "float16"}}))
    assert list_beyond(predict(job, tmp_path, folder, [{}])[1][0]) == []


def test_a_trace_of_another_model_is_one_line(job, tmp_path):
    folder = make_partial(job, tmp_path, FEW)
    assert read_trace(folder).is_partial
    index = json.loads((folder / "trace.json").read_text())
    (folder / "trace.json").write_text(json.dumps({**index, "model": "another"}))
    code, _, cell = predict(job, tmp_path, folder, [{}])
    assert (code, "is of model 'another'" in cell["error"]) == (2, True)
    (folder / "trace.json").write_text(json.dumps(index))
    code, _, cell = predict(job, tmp_path, folder, [{}], rounding=["up"])
    assert (code, "rounding 'up'; there are winograd, last_bits" in cell["error"]) == (2, True)
