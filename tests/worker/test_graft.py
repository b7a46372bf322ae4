"""The task `graft`: passes that go on with another environment's value name the blob where a tuple flips."""

import json
import shutil
from pathlib import Path

import nets
import numpy as np
import pytest
from worker_jobs import NETWORK, make_job, run

from harness.core.examples import hash_bytes, hash_file
from harness.core.network_files import list_files
from harness.core.traces import write_arrays
from harness.core.walk import walk
from harness.worker import fingerprint
from harness.worker.tasks.trace import name_archive

FIXTURES = (make_job,)
BLOBS = ["data", "conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7", "fc8"]
NAMES = [f"e{number}" for number in range(5)]
KEYS = ("example", "original", "attribute", "case", "score", "top5_original", "top5_attribute", "hashes")
LISTING = ["nose", "leye", "reye", "mouth"]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def trace(job, tmp_path, names=NAMES):
    """Folder of a trace of the job, moved out of the way of what comes next."""
    code, _, cell = run({**job, "task": "trace", "details": {"examples": list(names)}}, tmp_path)
    assert code == 0, cell["error"]
    shutil.rmtree(tmp_path / "trace", ignore_errors=True)
    shutil.copytree(tmp_path / "out", tmp_path / "trace")
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    return tmp_path / "trace"


def graft(job, tmp_path, grafts, folder=None):
    """Exit code, records and cell of a job that grafts."""
    details = {"trace": str(folder or tmp_path / "trace"), "grafts": grafts}
    return run({**job, "task": "graft", "details": details}, tmp_path)


def pick(record):
    """What has to be equal."""
    return {key: record[key] for key in KEYS}


def change_layer(job, tmp_path, name, seed=11):
    """The same job over a network with another `name` layer."""
    folder = tmp_path / f"changed-{name}"
    shutil.copytree(job["model"]["network"], folder)
    weights = nets.random_parameters(NETWORK, seed)
    notes = json.loads((folder / "network.json").read_text())
    for parameter in (f"{name}.weight", f"{name}.bias"):
        path = list_files(folder, NETWORK)[parameter]
        path.unlink()
        np.save(path, weights[parameter])
        notes["parameters"][parameter]["sha256"] = hash_bytes(weights[parameter].tobytes())
    (folder / "network.json").write_text(json.dumps(notes))
    return {**job, "model": {**job["model"], "network": str(folder)}}


@pytest.mark.parametrize("rules", [{}, {"order": "listing", "listing": LISTING}, {"fed_on": False}])
@pytest.mark.parametrize("backend", ["reference", "pytorch"])
def test_grafting_its_own_values_changes_nothing(job, tmp_path, backend, rules):
    pytest.importorskip({"pytorch": "torch", "reference": "numpy"}[backend])
    job["backend"] = backend
    job["port"]["rules"].update(rules)
    expected = run(job, tmp_path)[1]
    trace(job, tmp_path)
    grafts = [
        {"pass": kind, "blob": blob} for kind in ("plain", "steered", "both") for blob in ["input", *BLOBS]
    ]
    code, records, cell = graft(job, tmp_path, grafts)
    assert (code, len(records)) == (0, 5 * len(grafts)), cell["error"]
    for record in records:
        assert pick(record) == pick(expected[int(record["example"][1:])]), grafts[record["graft"]]


@pytest.mark.parametrize("layer", ["conv1_1", "conv4_1", "fc7"])
def test_a_changed_layer_lies_between_the_two_blobs_where_the_answer_flips(job, tmp_path, layer):
    other = change_layer(job, tmp_path, layer)
    here, there = run(job, tmp_path)[1], run(other, tmp_path)[1]
    assert any(one["original"] != two["original"] for one, two in zip(here, there))
    trace(job, tmp_path)
    for kind, key in (("plain", "original"), ("steered", "attribute")):
        _, records, _ = graft(other, tmp_path, [{"pass": kind, "blob": blob} for blob in BLOBS])
        for record in records:
            number, blob = int(record["example"][1:]), BLOBS[record["graft"]]
            behind = BLOBS.index(blob) >= BLOBS.index(layer)
            side = here if behind else there
            logits = "logits_original" if kind == "plain" else "logits_attribute"
            assert record["hashes"][logits] == side[number]["hashes"][logits], (kind, blob)
            assert record[key] == side[number][key]
            rest = "attribute" if kind == "plain" else "original"
            assert record[rest] == there[number][rest]  # the pass that is not grafted


def test_what_was_steered_up_to_a_blob_is_the_other_sides(job, tmp_path):
    """A rule of pool3 differs: with the value after it, what is left is the same."""
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", "pool3_channels": "all"}}}
    here, there = run(job, tmp_path)[1], run(other, tmp_path)[1]
    trace(job, tmp_path)
    _, records, _ = graft(other, tmp_path, [{"pass": "steered", "blob": blob} for blob in BLOBS])
    for record in records:
        side = here if record["graft"] >= BLOBS.index("pool3") else there
        assert pick(record) == pick(side[int(record["example"][1:])])


def test_a_trace_in_float64_is_grafted_into_float32(job, tmp_path):
    expected = run(job, tmp_path)[1]
    trace({**job, "settings": {"threads": 1, "precision": "float64"}}, tmp_path)
    code, records, _ = graft(job, tmp_path, [{"pass": "both", "blob": "pool3"}])
    assert code == 0
    for record, one in zip(records, expected):
        assert record["score"] == pytest.approx(one["score"], abs=1e-3)
        assert record["hashes"] != one["hashes"]


def test_only_some_examples_are_answered_for(job, tmp_path):
    trace(job, tmp_path, ["e1", "e2"])
    _, records, _ = graft(job, tmp_path, [{"pass": "plain", "blob": "fc6"}])
    assert [one["example"] for one in records] == ["e1", "e2"]
    job["examples"]["only"] = ["e2"]
    assert [one["example"] for one in graft(job, tmp_path, [{"pass": "plain", "blob": "fc6"}])[1]] == ["e2"]


def test_nothing_is_walked_up_to_a_blob(job, tmp_path, monkeypatch):
    trace(job, tmp_path)
    starts = []

    def walk_from(executor, value, *rest, start=None, **more):
        starts.append(start)
        return walk(executor, value, *rest, start=start, **more)

    monkeypatch.setattr("harness.worker.tasks.graft.walk", walk_from)
    graft(job, tmp_path, [{"pass": "both", "blob": blob} for blob in ("pool3", "fc7")])
    assert set(starts) == {"pool3", "fc7"}


def test_a_killed_task_goes_on_where_it_was(job, tmp_path):
    trace(job, tmp_path)
    grafts = [{"pass": "both", "blob": blob} for blob in ("input", "pool3", "fc7")]
    graft(job, tmp_path, grafts)
    paths = [tmp_path / "out" / name for name in ("records.jsonl", "batches.jsonl")]
    whole = [path.read_bytes() for path in paths]
    lines, resumed = whole[0].splitlines(keepends=True), set()
    for count in range(len(lines)):
        paths[0].write_bytes(b"".join(lines[:count]) + lines[count][:-1])
        paths[1].write_bytes(whole[1])
        resumed.add(graft(job, tmp_path, grafts)[2]["timings"]["resumed"])
        assert [path.read_bytes() for path in paths] == whole
    assert resumed == {0, 2, 4, 6, 8, 10, 12, 13, 14}


def rewrite(folder, example, change):
    """Change an archive's arrays."""
    path = folder / name_archive(example)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    change(arrays)
    write_arrays(path, arrays)


def edit_index(folder, change):
    """Change `trace.json`."""
    data = json.loads((folder / "trace.json").read_text())
    change(data)
    (folder / "trace.json").write_text(json.dumps(data))


def link_archive(folder):
    """Have a link in place of an archive."""
    path = folder / name_archive("e3")
    path.rename(folder / "elsewhere.npz")
    path.symlink_to(folder / "elsewhere.npz")


def set_nan(arrays):
    """A value that is no number."""
    arrays["plain/fc6"][3] = np.nan


FOREIGN = {
    "model": (
        lambda folder: edit_index(folder, lambda data: data.update(model="vgg")),
        "is of model 'vgg', not of",
    ),
    "blobs": (
        lambda folder: edit_index(folder, lambda data: data["blobs"][3].update(name="pool9")),
        "is of a walk over other blobs",
    ),
    "shape": (
        lambda folder: edit_index(folder, lambda data: data["blobs"][3].update(shape=[8, 4, 4])),
        "is of a walk over other blobs (pool3",
    ),
    "file": (
        lambda folder: edit_index(folder, lambda data: data["examples"][3]["hashes"].update(file="0")),
        "example 'e3' was another file there",
    ),
    "example": (
        lambda folder: edit_index(folder, lambda data: data["examples"].pop(3)),
        "has no trace of example 'e3'",
    ),
    "missing": (
        lambda folder: rewrite(folder, "e3", lambda arrays: arrays.pop("plain/fc6")),
        "has no array 'plain/fc6'",
    ),
    "nan": (
        lambda folder: rewrite(folder, "e3", set_nan),
        "plain/fc6: holds values that are no finite numbers",
    ),
    "array": (
        lambda folder: rewrite(folder, "e3", lambda arrays: arrays.update({"plain/fc6": np.zeros(3, "f4")})),
        "is float32 (3,), not floats (12,)",
    ),
    "archive": (lambda folder: (folder / name_archive("e3")).unlink(), "cannot be read"),
    "link": (link_archive, "is a link"),
    "index": (lambda folder: (folder / "trace.json").unlink(), "trace.json: cannot be read"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_trace_that_does_not_fit_is_one_line_and_what_is_finished_stays(job, tmp_path, capsys, kind):
    folder = trace(job, tmp_path)
    change, words = FOREIGN[kind]
    change(folder)
    job["examples"]["only"] = NAMES
    capsys.readouterr()
    code, records, cell = graft(job, tmp_path, [{"pass": "plain", "blob": "fc6"}])
    assert (code, cell["status"]) == (2, "failed")
    assert words in cell["error"]
    assert len(capsys.readouterr().err.splitlines()) == 1
    early = kind in ("model", "blobs", "shape", "file", "example", "index")
    assert [one["example"] for one in records] == ([] if early else ["e0", "e1"])


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (None, "job: details: is no table"),
        ({"grafts": []}, "'grafts' has no graft"),
        ({"grafts": [{"pass": "up", "blob": "fc6"}]}, "graft 0: pass = 'up'"),
        ({"grafts": [{"pass": "plain"}]}, "graft 0: has no 'blob'"),
        ({"grafts": [{"pass": "plain", "blob": "fc9"}]}, "no blob is named 'fc9'"),
        ({"grafts": [{"pass": "plain", "blob": "prob"}]}, "comes after the logits"),
    ],
)
def test_bad_details_are_one_line(job, tmp_path, capsys, details, words):
    folder = trace(job, tmp_path, ["e1"])
    capsys.readouterr()
    whole = details and {"trace": str(folder), **details}
    code, records, cell = run({**job, "task": "graft", "details": whole}, tmp_path)
    assert (code, records) == (2, [])
    assert words in cell["error"]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_refused_example_is_said_and_the_others_are_answered(job, tmp_path):
    trace(job, tmp_path)
    np.save(tmp_path / "e0.npy", np.zeros((3, 16, 15), np.float32))
    listing = Path(job["examples"]["path"])
    lines = [json.loads(line) for line in listing.read_text().splitlines()]
    lines[0]["sha256"] = hash_file(tmp_path / "e0.npy")
    listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job["examples"].update(sha256=hash_file(listing), only=["e1"])
    code, records, _ = graft(job, tmp_path, [{"pass": "both", "blob": "conv4_1"}])
    assert (code, [one["example"] for one in records]) == (0, ["e1"])
