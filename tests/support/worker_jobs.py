"""A worker's job with its network, witnesses and examples, run in this process."""

import json
from pathlib import Path

import nets
import numpy as np
import pytest

from harness.ami.witnesses import write_witnesses
from harness.core.examples import hash_file
from harness.core.network_files import read_weights
from harness.worker.work import main

NETWORK = nets.face_like_network()
WITNESSES = {
    "leye": {"conv1_1": [1, 2], "pool3": [3], "fc7": [4, 6]},
    "reye": {"conv1_1": [2], "conv2_2": [1, 4]},
    "nose": {"pool3": [3, 1], "fc6": [2]},
    "mouth": {"conv4_1": [7], "fc6": [2, 8]},
}
COUNT = 5


@pytest.fixture(name="job")
def make_job(tmp_path):
    nets.write_folder(tmp_path / "network", NETWORK)
    rng, lines = np.random.default_rng(0), []
    for number in range(COUNT):
        name = f"e{number}.npy"
        np.save(tmp_path / name, rng.random((3, 16, 16)).astype(np.float32) * 255)
        lines.append(
            {"id": f"e{number}", "source": f"e{number}", "attack": "bim", "gold": number, "file": name,
             "sha256": hash_file(tmp_path / name)}
        )  # fmt: skip
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    witnesses = {}
    for attribute, by_blob in WITNESSES.items():
        path = tmp_path / f"{attribute}_witness.txt"
        write_witnesses(path, by_blob)
        witnesses[attribute] = {"path": str(path), "sha256": hash_file(path)}
    (tmp_path / "out").mkdir()
    preprocess = {"height": 16, "width": 16, "channel_order": "bgr", "mean": [90, 100, 110]}
    return {
        "schema": 1,
        "task": "judge",
        "cell": "face-like/test",
        "environment": "test",
        "backend": "reference",
        "settings": {"threads": 1, "precision": "float32"},
        "batch_size": 2,
        "decoder": "pillow",
        "model": {
            "name": "face-like",
            "network": str(tmp_path / "network"),
            "caffemodel": None,
            "preprocess": preprocess,
            "witnesses": witnesses,
        },
        "examples": {
            "path": str(tmp_path / "examples.jsonl"),
            "sha256": hash_file(tmp_path / "examples.jsonl"),
            "npy": "raw-rgb",
        },
        "port": {"preset": "notebook", "rules": {"npy": "convert"}},
        "parameters": {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
        "output": str(tmp_path / "out"),
    }


def run(job, tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    code = main([path])
    output = Path(job["output"])
    records = output / "records.jsonl"
    lines = records.read_text().splitlines() if records.exists() else []
    return code, [json.loads(line) for line in lines], json.loads((output / "cell.json").read_text())


def list_again(job, tmp_path, changes):
    """Examples whose entries are changed, each with the hash of the file that it names."""
    listing = Path(job["examples"]["path"])
    lines = [json.loads(line) for line in listing.read_text().splitlines()]
    for number, change in changes.items():
        lines[number].update(change)
        lines[number]["sha256"] = hash_file(tmp_path / lines[number]["file"])
    listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job["examples"]["sha256"] = hash_file(listing)


def spoil_examples(job, tmp_path):
    """Five examples of which the first, third and fourth cannot be used: a whole batch, and half of one."""
    np.save(tmp_path / "e0.npy", np.zeros((3, 16, 15), np.float32))
    (tmp_path / "e2.jpg").write_bytes(b"")
    np.save(tmp_path / "e3.npy", np.full((3, 16, 16), np.nan, np.float32))
    list_again(job, tmp_path, {0: {}, 2: {"file": "e2.jpg"}, 3: {}})


def name_caffemodel(job, tmp_path):
    """Have the model's own file be there for a backend that reads it."""
    from harness.model.caffemodel import write_caffemodel

    folder, path = tmp_path / "network", tmp_path / "net.caffemodel"
    write_caffemodel(path, NETWORK, read_weights(folder, NETWORK))
    notes = json.loads((folder / "network.json").read_text())
    notes["sources"]["caffemodel"] = hash_file(path)
    (folder / "network.json").write_text(json.dumps(notes))
    job["model"]["caffemodel"] = str(path)
