"""The tasks `orders` and `blobs` on real backends: what is read, what is refused, and what it predicts."""

import importlib.util
import shutil

import nets
import numpy as np
import pytest
from worker_jobs import NETWORK, make_job, name_caffemodel, run

from harness.worker import fingerprint
from harness.worker.masks import make_parameter

FIXTURES = (make_job,)
MODULES = {"reference": "numpy", "pytorch": "torch", "onnxruntime": "onnxruntime", "opencv": "cv2"}
BLOBS = ["conv1_1", "conv2_2", "conv4_1", "fc6", "fc7", "fc8"]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


@pytest.fixture(name="masked")
def make_masked(job, tmp_path):
    """The job `orders`, over a network with the weights of masks."""
    folder = tmp_path / "network"
    shutil.rmtree(folder)
    weights = {
        name: np.array(make_parameter(name, shape)) for name, shape in NETWORK.parameter_shapes().items()
    }
    nets.write_folder(folder, NETWORK, weights=weights)
    return {**job, "task": "orders"}


def choose(job, tmp_path, backend, **settings):
    if importlib.util.find_spec(MODULES[backend]) is None:
        pytest.skip(f"{MODULES[backend]} is not installed")
    if backend == "opencv":
        name_caffemodel(job, tmp_path)
    return {**job, "backend": backend, "settings": {"threads": 1, **settings}}


def clear(folder):
    """Have a folder hold nothing that a job goes on with."""
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("backend", MODULES)
def test_direct_layers_are_plain_sums(masked, tmp_path, backend):
    settings = {"winograd": False} if backend == "opencv" else {}
    code, records, cell = run(choose(masked, tmp_path, backend, **settings), tmp_path)
    assert code == 0, cell["error"]
    assert [one["example"] for one in records] == BLOBS
    assert [one["why"] for one in records] == [None] * len(BLOBS)
    assert [one["products"] for one in records] == [27, 54, 72, 512, 12, 12]
    assert all(one["signature"] and one["bits"] for one in records)


def test_winograd_is_no_plain_sum(masked, tmp_path):
    code, records, cell = run(choose(masked, tmp_path, "opencv", winograd=True), tmp_path)
    assert code == 0, cell["error"]
    whys = {one["example"]: one["why"] for one in records}
    assert "outside their windows" in whys["conv2_2"]
    assert whys["fc6"] is None


def test_equal_layers_are_equal_from_run_to_run(masked, tmp_path):
    _, first, _ = run(masked, tmp_path)
    clear(tmp_path / "out")
    _, second, _ = run(masked, tmp_path)
    assert first == second


def test_a_killed_job_goes_on(masked, tmp_path):
    _, whole, _ = run(masked, tmp_path)
    for name in ("records.jsonl", "batches.jsonl"):
        path = tmp_path / "out" / name
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    code, again, cell = run(masked, tmp_path)
    assert (code, cell["timings"]["resumed"]) == (0, 2)
    assert again == whole


def test_other_weights_are_refused(job, tmp_path):
    code, _, cell = run({**job, "task": "orders"}, tmp_path)
    assert code == 2
    assert "conv1_1.weight is not the one that orders are read with" in cell["error"]


def test_every_blob_is_hashed(job, tmp_path):
    code, records, cell = run({**job, "task": "blobs"}, tmp_path)
    assert code == 0, cell["error"]
    assert [one["example"] for one in records] == [f"e{number}" for number in range(5)]
    names = ["data", "conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7", "fc8"]
    assert all(list(one["blobs"]) == names and one["same"] for one in records)
    assert len({one["blobs"]["data"] for one in records}) == 5


def test_single_blobs_are_made_of_a_traces_values(job, tmp_path):
    """Behind a layer that changed, a blob is what it was when it is made of the same values."""
    details = {"examples": [f"e{number}" for number in range(5)]}
    assert run({**job, "task": "trace", "details": details}, tmp_path)[0] == 0
    shutil.copytree(tmp_path / "out", tmp_path / "trace")
    clear(tmp_path / "out")
    asked = {**job, "task": "blobs", "details": {"trace": str(tmp_path / "trace")}}
    _, ours, _ = run(asked, tmp_path)
    for one in ours:
        assert one["layers"] == {name: value for name, value in one["blobs"].items() if name != "data"}
    weights = nets.random_parameters(NETWORK)
    weights["conv2_2.weight"][3] *= np.float32(1 + 2**-20)
    shutil.rmtree(tmp_path / "network")
    nets.write_folder(tmp_path / "network", NETWORK, weights=weights)
    clear(tmp_path / "out")
    _, theirs, _ = run(asked, tmp_path)
    for one, other in zip(ours, theirs):
        assert [name for name in one["layers"] if one["layers"][name] != other["layers"][name]] == ["conv2_2"]


def test_a_changed_bit_changes_a_blob_and_those_behind(job, tmp_path):
    _, ours, _ = run({**job, "task": "blobs"}, tmp_path)
    weights = nets.random_parameters(NETWORK)
    weights["conv4_1.weight"][3] *= np.float32(1 + 2**-20)
    shutil.rmtree(tmp_path / "network")
    nets.write_folder(tmp_path / "network", NETWORK, weights=weights)
    clear(tmp_path / "out")
    _, theirs, _ = run({**job, "task": "blobs"}, tmp_path)
    for one, other in zip(ours, theirs):
        differing = [name for name in one["blobs"] if one["blobs"][name] != other["blobs"][name]]
        assert differing[0] == "conv4_1"
        assert "pool3" not in differing
