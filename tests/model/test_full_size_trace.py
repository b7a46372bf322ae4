"""A trace of VGG-Face's true shape: how much is written, and how much memory that takes."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import write_witnesses
from harness.core.examples import hash_file
from harness.core.network_files import list_files, network_to_json
from harness.core.traces import read_trace
from harness.explain.noise import LIMIT
from harness.model.random_weights import random_weights, vgg_face_network

pytestmark = pytest.mark.slow

NETWORK = vgg_face_network()
MOST_WRITTEN = 500e6
MOST_MEMORY = 2e9  # beyond the network, which float64 makes twice as large
STEERED = ("conv1_1", "conv2_2", "pool2", "conv3_1", "conv3_2", "conv3_3", "pool3", "conv4_1", "conv4_2",
           "conv4_3", "pool4", "conv5_1", "conv5_2", "conv5_3", "pool5", "fc6", "fc7")  # fmt: skip


@pytest.fixture(scope="module", name="job")
def make_job(tmp_path_factory):
    """A job over random weights, one example, and witnesses in the 17 blobs of the published ones."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "network" / "parameters").mkdir(parents=True)
    described = {}
    files = list_files(folder / "network", NETWORK)
    for name, values in random_weights(NETWORK, seed=1).items():
        np.save(files[name], values)
        digest = hashlib.sha256(np.ascontiguousarray(values)).hexdigest()
        described[name] = {"shape": list(values.shape), "sha256": digest}
    notes = {"schema": 2, **network_to_json(NETWORK), "sources": {}, "parameters": described}
    (folder / "network" / "network.json").write_text(json.dumps(notes))
    np.save(folder / "a.npy", np.random.default_rng(0).integers(0, 256, (3, 224, 224)).astype(np.float32))
    entry = {"id": "a", "source": "a", "attack": "benign", "gold": 7, "file": "a.npy"}
    (folder / "list.jsonl").write_text(json.dumps({**entry, "sha256": hash_file(folder / "a.npy")}))
    witnesses = {}
    for number, attribute in enumerate(ATTRIBUTES):
        path = folder / f"{attribute}.txt"
        write_witnesses(path, {blob: [number, number + 7] for blob in STEERED})
        witnesses[attribute] = {"path": str(path), "sha256": hash_file(path)}
    return {
        "schema": 1,
        "task": "trace",
        "backend": "reference",
        "settings": {"threads": 2},
        "batch_size": 1,
        "decoder": "pillow",
        "model": {
            "name": "full",
            "network": str(folder / "network"),
            "preprocess": {"height": 224, "width": 224, "mean": [93.594, 104.7624, 129.1863]},
            "witnesses": witnesses,
        },
        "examples": {
            "path": str(folder / "list.jsonl"), "sha256": hash_file(folder / "list.jsonl"), "npy": "raw-rgb",
        },
        "port": {"preset": "notebook", "rules": {}},
        "parameters": {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
        "details": {"examples": ["a"]},
    }  # fmt: skip


def run_worker(job, folder):
    """A job's records and cell, by a worker of its own, whose memory is measured."""
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({**job, "output": str(folder)}))
    command = [sys.executable, "-m", "harness.worker", str(folder / "job.json")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = (folder / "records.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], json.loads((folder / "cell.json").read_text())


@pytest.mark.parametrize(
    ("backend", "precision"), [("reference", "float32"), ("pytorch", "float32"), ("reference", "float64")]
)
def test_an_example_of_full_size_is_traced_within_its_limits(job, tmp_path, backend, precision):
    settings = {"threads": 2, "precision": precision}
    (record,), cell = run_worker({**job, "backend": backend, "settings": settings}, tmp_path / "out")
    network = sum(4 * int(np.prod(shape)) for shape in NETWORK.parameter_shapes().values())
    network *= 3 if precision == "float64" else 1  # the files in memory, and what they are turned into
    beyond = cell["peak_memory_bytes"] - network
    print(f"\n{backend} {precision}: {record['bytes'] / 1e6:.0f} MB written, {beyond / 1e6:.0f} MB of memory")
    assert record["bytes"] < MOST_WRITTEN
    assert beyond < MOST_MEMORY
    assert record["same"] == {"plain": True, "steered": True}
    trace = read_trace(tmp_path / "out")
    for blob in ("conv1_1", "pool5", "fc8"):
        assert trace.read_plain("a", blob).any()
        assert (trace.read_plain("a", blob) != trace.read_steered("a", blob)).any()
    untraced, _ = run_worker(
        {**job, "backend": backend, "settings": settings, "task": "judge"}, tmp_path / "judged"
    )
    assert untraced[0]["hashes"] == record["hashes"]


def test_an_audit_of_full_size_takes_no_second_network(job, tmp_path):
    run_worker({**job, "backend": "pytorch"}, tmp_path / "traced")
    task = {"task": "audit", "settings": {"threads": 2, "precision": "float64"}}
    details = {"trace": str(tmp_path / "traced")}
    stages, cell = run_worker({**job, **task, "details": details}, tmp_path / "audited")
    network = sum(4 * int(np.prod(shape)) for shape in NETWORK.parameter_shapes().values())
    beyond = cell["peak_memory_bytes"] - network
    print(f"\naudit: {beyond / 1e6:.0f} MB of memory, {cell['timings']['worker_seconds']} s")
    assert beyond < MOST_MEMORY / 2
    assert [one["stage"] for one in stages if one["what"] or (one["deviations"] or 0) > LIMIT] == []
