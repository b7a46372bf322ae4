"""What is near to flip: margins and deviations over noise, last bits tried, pool3's sums."""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from looked_cells import Cells
from worker_jobs import make_job

from harness.core.traces import read_trace
from harness.explain.errands import run_errands, trace
from harness.explain.margins import (
    LOGITS,
    SUMS,
    Nearness,
    measure_crossing,
    measure_nearness,
    rank_examples,
    shake,
    weigh_trace,
)
from harness.model.convert import convert_model
from harness.worker import fingerprint

FIXTURES = (make_job,)
ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "tiny-vgg-face"
CASE = ROOT.parent / "shared" / "cases" / "witnesses-one-channel"
EVERY = 10  # of the bundled examples


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def make_record(name="e", original=1.0, attribute=1.0, sigma=0.1, best=10.0):
    """A record with its margins."""
    return {
        "example": name,
        "attack": "bim",
        "gold": 1,
        "original": 2,
        "attribute": 3,
        "margin_original": original,
        "margin_attribute": attribute,
        "top5_original": [[2, best], [1, best - original]],
        "top5_attribute": [[3, best], [1, best - attribute]],
        "sigma_ratio": ["pool3", sigma],
    }


def test_the_smaller_margin_is_held_against_noise():
    assert measure_nearness(make_record(original=5, attribute=2)).reach == pytest.approx(2 / (LOGITS * 10))
    assert measure_nearness(make_record(original=1, attribute=2)).reach == pytest.approx(1 / (LOGITS * 10))
    assert "Original" in measure_nearness(make_record(original=1, attribute=2)).why


def test_a_deviation_of_0_makes_far_larger_margins_near():
    far, near = make_record(sigma=1e-3), make_record(sigma=1e-7)
    assert measure_nearness(far).reach > 1000
    assert measure_nearness(near).reach < 1
    assert measure_nearness(near).why.startswith("a deviation of 1e-07 of the mean in pool3")


def test_the_nearest_come_first_and_what_says_nothing_is_left_out():
    log = {"example": "log", "gold": 1, "original": 1, "attribute": 1}
    records = [make_record("far", 3, 3), make_record("near", 1e-6, 3), log]
    assert [one.example for one in rank_examples([*records, {"example": "no", "refused": "x"}])] == [
        "near",
        "far",
    ]
    broken = {**make_record(), "margin_original": None, "margin_attribute": None}
    assert rank_examples([broken]) == []


def test_a_channel_whose_sum_nears_the_mean_is_found_in_a_trace(job, tmp_path, monkeypatch):
    cells = Cells(tmp_path, monkeypatch)
    pair, answers = cells.pair(cells.add("a", job), cells.add("b", job))
    (folder,) = run_errands(answers, [trace(pair.a, ["e1"])])
    found = read_trace(folder)
    (visit,) = [one for one in found.index["visits"] if one["blob"] == "pool3"]
    reach, channel = measure_crossing("e1", found, visit["entries"])
    path = folder / found.examples["e1"]["archive"]
    with np.load(path) as archive:
        sums, mean = archive["steered/pool3/sums"], float(archive["steered/pool3/mean"][0])
    others = {one: abs(float(sums[one]) - mean) for one in range(len(sums)) if one not in visit["entries"]}
    assert channel == min(others, key=others.get)
    assert reach == pytest.approx(others[channel] / (SUMS * mean), rel=1e-6)
    one = Nearness("e1", None, (1, 2, 3), 1e12, "margin")
    assert weigh_trace(one, found).why.startswith(f"channel {channel} of pool3")
    found.index["port"]["pool3_channels"] = "all"  # nothing is decided there then
    assert weigh_trace(one, found) == one


def test_real_flips_between_environments_rank_before_the_others(job, tmp_path, monkeypatch):
    """Witness sets of one channel, where frameworks part by last bits alone."""
    if not CASE.is_dir():
        pytest.skip(f"{CASE} is not here")
    pytest.importorskip("torch")
    others = [name for name in ("onnxruntime",) if find_spec(name)]
    cells = Cells(tmp_path, monkeypatch)
    real = make_real_job(job, tmp_path)
    single = {"threads": 1, "precision": "float32"}
    sides = [
        cells.add("pytorch", {**real, "backend": "pytorch", "settings": single}),
        cells.add("float64", {**real, "settings": {**single, "precision": "float64"}}),
        cells.add("float32", {**real, "settings": single}),
        *(cells.add(name, {**real, "backend": name, "settings": single}) for name in others),
    ]
    pair, answers = cells.pair(sides[0], sides[1])
    flips = {name for name in sides[0].records if len({one.read_tuple(name) for one in sides}) > 1}
    ranked = rank_examples(sides[0].records.values())
    shaken = shake(pair.a, ranked, answers)
    named = {one.example for one in shaken if one.flips}
    precision, recall = len(named & flips) / len(named), len(named & flips) / len(flips)
    assert precision > 0.7 > len(flips) / len(ranked)
    assert recall > 0.4
    assert {one.example for one in shaken[: len(named)]} == named  # these come first
    assert count_before(shaken, flips) > 0.7
    assert count_before(ranked, flips) > 0.55  # by margins alone


def count_before(ranked, flips):
    """How often an example that flips stands before one that does not."""
    places = {one.example: place for place, one in enumerate(ranked)}
    others = [place for name, place in places.items() if name not in flips]
    wins = [places[name] < place for name in flips for place in others]
    return sum(wins) / len(wins)


def make_real_job(job, tmp_path):
    """The bundled model with these witnesses, over some of its examples."""
    folder = convert_model(MODEL / "deploy.prototxt", MODEL / "tiny_vgg_face.caffemodel", tmp_path / "models")
    lines = (MODEL / "examples" / "examples.jsonl").read_text().splitlines()[::EVERY]
    listed = [json.loads(line) for line in lines]
    for one in listed:
        one["file"] = str(MODEL / "examples" / one["file"])
    path = tmp_path / "real.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in listed))
    witnesses = {name: CASE / f"{name}_witness.txt" for name in ("leye", "reye", "nose", "mouth")}
    return {
        **job,
        "batch_size": 8,
        "model": {
            **job["model"],
            "name": "tiny-vgg-face",
            "network": str(folder),
            "preprocess": {
                "height": 64,
                "width": 64,
                "mean": [93.594, 104.7624, 129.1863],
            },
            "witnesses": {name: {"path": str(one), "sha256": digest(one)} for name, one in witnesses.items()},
        },
        "examples": {"path": str(path), "sha256": digest(path)},
        "port": {"preset": "notebook", "rules": {}},
    }


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
