"""The worker's other kind of job: witnesses from images that are named in pairs."""

import json
import re
from pathlib import Path

import nets
import numpy as np
import pytest

from harness.ami.extraction import extract_witnesses
from harness.backends import Settings, reference
from harness.core.examples import hash_file
from harness.core.network_files import network_from_json
from harness.worker.work import main

NETWORK = nets.face_like_network()
PAIRS = {
    "leye": {"substitution": ["s0", "s1", "s2"], "preservation": ["p0", "p1", "p2"]},
    "mouth": {"substitution": ["s2"], "preservation": ["p2"]},
}
NAMES = ("base", "s0", "s1", "s2", "p0", "p1", "p2")


@pytest.fixture(name="job")
def make_job(tmp_path):
    nets.write_folder(tmp_path / "network", NETWORK)
    rng = np.random.default_rng(3)
    base, lines = rng.random((3, 16, 16)) * 255, []
    for name in NAMES:
        path = tmp_path / f"{name}.npy"
        np.save(path, (base + (name != "base") * rng.normal(0, 20, base.shape)).astype(np.float32))
        lines.append(
            {"id": name, "source": name, "attack": "benign", "gold": 0, "file": path.name,
             "sha256": hash_file(path)}
        )  # fmt: skip
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "out").mkdir()
    preprocess = {"height": 16, "width": 16, "channel_order": "bgr", "mean": [90, 100, 110]}
    listing = tmp_path / "examples.jsonl"
    return {
        "schema": 1,
        "task": "extract",
        "cell": "face-like/test",
        "environment": "test",
        "backend": "reference",
        "settings": {"threads": 1, "precision": "float64"},
        "batch_size": 2,
        "decoder": "pillow",
        "model": {
            "name": "face-like",
            "network": str(tmp_path / "network"),
            "caffemodel": None,
            "preprocess": preprocess,
            "witnesses": {},
        },
        "examples": {"path": str(listing), "sha256": hash_file(listing), "npy": "raw-rgb"},
        "port": {"preset": "notebook", "rules": {"npy": "convert"}},
        "parameters": {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
        "extraction": {"base": "base", "pairs": PAIRS},
        "output": str(tmp_path / "out"),
    }


def run(job, tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job))
    code = main([path])
    output = Path(job["output"])
    records = (output / "records.jsonl").read_text() if (output / "records.jsonl").exists() else ""
    cell = json.loads((output / "cell.json").read_text())
    return code, [json.loads(line) for line in records.splitlines()], cell


def read_input(tmp_path, name):
    mean = np.array([90, 100, 110], np.float32)[:, None, None]
    return np.load(tmp_path / f"{name}.npy")[::-1] - mean


def test_records_hold_what_a_direct_extraction_finds(job, tmp_path):
    code, records, cell = run(job, tmp_path)
    assert (code, cell["status"]) == (0, "done")
    executor = reference.load(NETWORK, nets.random_parameters(NETWORK), Settings(precision="float64"))
    for attribute, pairs in PAIRS.items():
        batches = [
            np.stack([read_input(tmp_path, name) for name in names]) for names in (["base"], *pairs.values())
        ]
        expected = extract_witnesses(executor, *batches)
        found = {one["blob"]: one for one in records if one["attribute"] == attribute}
        assert list(found) == ["conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7"]
        assert {blob: one["witnesses"] for blob, one in found.items() if one["witnesses"]} == expected
        assert expected or len(pairs["substitution"]) > 1
        shape = (len(pairs["substitution"]), NETWORK.blobs[1].shape[0])
        assert np.shape(found["conv1_1"]["preservation"]) == shape
    assert network_from_json(cell["network"]) == NETWORK
    assert set(cell["hashes"]["inputs"]) == set(NAMES)


def test_progress_counts_the_images(job, tmp_path, capsys):
    run(job, tmp_path)
    done = [json.loads(line)["done"] for line in capsys.readouterr().out.splitlines()]
    assert done == [3, 4, 6, 7, 7, 7]


def test_records_of_an_earlier_attempt_are_not_kept(job, tmp_path):
    _, first, _ = run(job, tmp_path)
    _, again, _ = run(job, tmp_path)
    assert again == first


@pytest.mark.parametrize(
    ("extraction", "words"),
    [
        ({"base": "base"}, "has no 'pairs'; it has to have base, pairs"),
        ({"base": "base", "pairs": {}}, "has no attribute"),
        ({"base": "nobody", "pairs": PAIRS}, "'nobody' is not among the examples"),
        (
            {"base": "base", "pairs": {"nose": {"substitution": ["s0"], "preservation": []}}},
            "nose has 1 and 0 images, no pairs",
        ),
        ({"base": "base", "pairs": {"nose": ["s0"]}}, "nose: is no table of substitution"),
        ({"base": ["base"], "pairs": PAIRS}, "'base' must be a text"),
        (None, "job: extraction: is no table of base, pairs"),
    ],
)
def test_bad_extractions_fail_with_one_message(job, tmp_path, extraction, words):
    code, records, cell = run({**job, "extraction": extraction}, tmp_path)
    assert (code, records, cell["status"]) == (2, [], "failed")
    assert re.search(words, cell["error"]), cell["error"]


def test_overflowing_activations_are_refused(job, tmp_path):
    path = tmp_path / "s1.npy"
    np.save(path, np.full((3, 16, 16), 1e308))
    listing = tmp_path / "examples.jsonl"
    lines = [json.loads(line) for line in listing.read_text().splitlines()]
    lines[2]["sha256"] = hash_file(path)
    listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job["examples"]["sha256"] = hash_file(listing)
    with np.errstate(all="ignore"):
        code, _, cell = run(job, tmp_path)
    assert code == 2
    assert "finite" in cell["error"]
