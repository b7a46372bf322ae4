"""The task `audit`: an error is found at the stage where it is made, and at no other."""

import json

import numpy as np
import pytest
from worker_jobs import NETWORK, make_job, name_caffemodel, run

from harness.ami import steering
from harness.core.network_files import read_weights
from harness.core.traces import read_trace, write_arrays
from harness.worker import fingerprint
from harness.worker.patches import apply_patch
from harness.worker.tasks import judge, trace

FIXTURES = (make_job,)
LIMIT = 6  # deviations; every clean stage lies below 2
LISTING = ["nose", "leye", "reye", "mouth"]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def make_trace(job, tmp_path, examples=("e1", "e4")):
    """Folder of a trace of some examples."""
    out = tmp_path / "trace"
    out.mkdir(exist_ok=True)
    details = {"examples": list(examples)}
    code, _, cell = run({**job, "task": "trace", "details": details, "output": str(out)}, tmp_path)
    assert code == 0, cell["error"]
    return out


def audit(job, tmp_path, folder, patch=None):
    """Exit code, records and cell of an audit of a trace, in float64."""
    out = tmp_path / "audit"
    out.mkdir(exist_ok=True)
    details = {"trace": str(folder), **({"patch": patch} if patch else {})}
    rest = {"backend": "reference", "settings": {"threads": 1, "precision": "float64"}, "output": str(out)}
    return run({**job, **rest, "task": "audit", "details": details}, tmp_path)


def list_beyond(records):
    """Stages of any example that are beyond noise, or where something differs in words."""
    beyond = [one for one in records if one["what"] or (one["deviations"] or 0) > LIMIT]
    return list(dict.fromkeys(one["stage"] for one in beyond))


def rewrite(folder, example, change):
    """Change an example's arrays in a trace."""
    path = folder / trace.name_archive(example)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    change(arrays)
    write_arrays(path, arrays)


SIDES = {
    "float32": ("reference", {"precision": "float32"}, {}),
    "float64": ("reference", {"precision": "float64"}, {}),
    "pytorch": ("pytorch", {}, {}),
    "port": ("pytorch", {}, {"preset": "pytorch-port", "rules": {"npy": "convert"}}),
    "onnxruntime": ("onnxruntime", {}, {}),
    "openvino": ("openvino", {}, {}),
    "opencv": ("opencv", {"winograd": False}, {}),
    "winograd": ("opencv", {"winograd": True}, {}),
}
MODULES = {"pytorch": "torch", "opencv": "cv2", "onnxruntime": "onnxruntime", "openvino": "openvino"}


@pytest.mark.parametrize("side", SIDES)
def test_nothing_of_a_sound_backend_is_beyond_noise(job, tmp_path, side):
    backend, settings, port = SIDES[side]
    pytest.importorskip(MODULES.get(backend, "numpy"))
    if backend == "opencv":
        name_caffemodel(job, tmp_path)
    job["port"] = port or job["port"]
    folder = make_trace({**job, "backend": backend, "settings": {"threads": 1, **settings}}, tmp_path)
    declared = {"port": json.loads((folder / "trace.json").read_text())["port"]}
    code, records, cell = audit(
        {**job, "port": {"preset": "notebook", "rules": {}}}, tmp_path, folder, declared
    )
    assert code == 0, cell["error"]
    assert list_beyond(records) == []
    plain = [one for one in records if one["stage"].startswith("plain")]
    assert len(plain) == 2 * 7
    assert all(one["ratio"] < 1 for one in records if one["ratio"] is not None)
    assert (max(one["relative"] for one in plain) < 1e-12) == (side == "float64")


def halve(layer, kind):
    """Loads a network of which one layer's weights went through half precision, as nobody declares."""

    def load(job, network, walked, real=judge.load_network):
        weights = {name: np.array(one) for name, one in read_weights(job.network, network).items()}
        weights[f"{layer}.weight"] = weights[f"{layer}.weight"].astype(kind).astype(np.float32)
        executor = real(job, network, walked)
        executor._weights = weights
        return executor

    return load  # fmt: skip


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_2", "conv4_1", "fc6", "fc8"])
def test_a_layer_with_other_weights_is_blamed_and_no_other(job, tmp_path, monkeypatch, layer):
    with monkeypatch.context() as patched:
        patched.setattr("harness.worker.loading.load_network", halve(layer, np.float16))
        folder = make_trace(job, tmp_path)
    _, records, _ = audit(job, tmp_path, folder)
    stage = {"fc8": f"steered {layer}"}.get(layer, f"steered {layer} before")
    assert list_beyond(records) == [f"plain {layer}", stage]
    found = read_trace(folder)
    before = {"conv1_1": "data", "conv2_2": "conv1_1", "conv4_1": "pool3", "fc6": "conv4_1", "fc8": "fc7"}
    value, top = found.read_plain("e1", before[layer]), found.read_plain("e1", layer)
    exact = compute_by_hand(tmp_path, layer, value)
    one = next(one for one in records if (one["example"], one["stage"]) == ("e1", f"plain {layer}"))
    assert one["error"] == pytest.approx(float(abs(exact - top).max()), rel=1e-6)


def compute_by_hand(tmp_path, layer, value):
    """A layer's value in float64, one output at a time."""
    weights = read_weights(tmp_path / "network", NETWORK)
    weight, bias = (weights[f"{layer}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    value = value.astype(np.float64)
    if weight.ndim == 2:
        top = weight @ value.reshape(-1) + bias
    else:
        padded = np.pad(value, ((0, 0), (1, 1), (1, 1)))
        _, height, width = value.shape
        top = np.array([
            [[(padded[:, y:y + 3, x:x + 3] * one).sum() for x in range(width)] for y in range(height)]
            for one in weight
        ]) + bias[:, None, None]  # fmt: skip
    return top if layer == "fc8" else np.maximum(top, 0)


def test_a_changed_value_is_wrong_and_what_follows_of_it_is_too(job, tmp_path):
    folder = make_trace(job, tmp_path)

    def change(arrays):
        arrays["plain/conv4_1"] = arrays["plain/conv4_1"] * np.float32(1.001)

    rewrite(folder, "e4", change)
    _, records, _ = audit(job, tmp_path, folder)
    assert {one["example"] for one in records if (one["deviations"] or 0) > LIMIT} == {"e4"}
    assert list_beyond(records) == ["plain conv4_1", "plain fc6"]


FAULTS = {
    "alpha": ({"parameters": {"alpha": 60.0}}, ["factors"]),
    "beta": ({"parameters": {"beta": 30.0}}, ["factors"]),
    "epsilon": ({"parameters": {"epsilon": 2.15}}, ["factors"]),
    "ddof": ({"port": {"ddof": 1}}, ["deviation"]),
    "pool3": ({"port": {"pool3_channels": "all"}}, ["after"]),
    "kernel": ({"port": {"pool3_kernel": "bilinear"}}, ["after"]),
    "fed": ({"port": {"fed_on": False}}, ["after"]),
    "npy": ({"port": {"npy": "as-is"}}, ["input"]),
    "order": ({"port": {"order": "listing", "listing": LISTING}}, ["order"]),
    "sequence": ({"port": {"duplicates": "product-per-attribute"}}, ["factors"]),
    "once": (
        {"port": {"duplicates": "distinct"}},
        ["witnesses", "strengthened", "mean", "deviation", "factors"],
    ),
    "fc": ({"port": {"fc": "skipped"}}, ["witnesses", "order"]),
    "relu": ({"port": {"blob_value": "before-relu"}}, ["blobs"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_another_rule_is_found_where_it_is_followed(job, tmp_path, fault):
    patch, parts = FAULTS[fault]
    folder = make_trace(apply_patch(job, patch), tmp_path)
    _, records, _ = audit(job, tmp_path, folder)
    found = list_beyond(records)
    assert {one.split()[-1] for one in found} == set(parts)
    if fault in ("pool3", "kernel"):
        assert found == ["steered pool3 after"]
    _, records, _ = audit(job, tmp_path, folder, patch)
    assert list_beyond(records) == []


def test_who_is_weakened_is_said(job, tmp_path, monkeypatch):
    real = steering.find_weakened

    def weaken_all(arrays, measured, one):
        return real(arrays, measured, one) | (measured.sums > 0) & (measured.sums < measured.mean)

    with monkeypatch.context() as patched:
        patched.setattr(steering, "find_weakened", weaken_all)
        folder = make_trace(job, tmp_path, ["e1"])
    _, records, _ = audit(job, tmp_path, folder)
    found = list_beyond(records)
    assert found
    assert {one.split()[-1] for one in found} <= {"weakened", "factors"}
    (first, *_) = [one for one in records if one["what"]]
    assert first["what"].startswith("weakens")


def test_winograd_s_rounding_is_beyond_what_direct_convolution_has(job, tmp_path):
    pytest.importorskip("cv2")
    name_caffemodel(job, tmp_path)
    folder = make_trace({**job, "backend": "opencv", "settings": {"threads": 1, "winograd": True}}, tmp_path)
    index = json.loads((folder / "trace.json").read_text())
    index["settings"]["winograd"] = False
    (folder / "trace.json").write_text(json.dumps(index))
    _, records, _ = audit(job, tmp_path, folder)
    assert list_beyond(records)
    assert {one.split()[1][:4] for one in list_beyond(records)} == {"conv"}


def test_last_bits_that_decide_whether_a_deviation_is_0_are_marked(job, tmp_path):
    folder = make_trace(job, tmp_path, ["e1"])
    _, records, _ = audit(job, tmp_path, folder)
    assert "zero" not in {one.get("note") for one in records}

    def change(arrays):
        arrays["steered/conv4_1/deviation"] = arrays["steered/conv4_1/mean"] * np.float32(1e-7)

    rewrite(folder, "e1", change)
    _, records, _ = audit(job, tmp_path, folder)
    marked = [one for one in records if one.get("note") == "zero"]
    assert [one["stage"] for one in marked] == ["steered conv4_1 deviation"]
    assert marked[0]["deviations"] < LIMIT


def test_a_pass_that_comes_back_is_judged_by_what_it_had_then(job, tmp_path):
    job["port"]["rules"].update(order="listing", listing=LISTING)
    folder = make_trace(job, tmp_path)
    _, records, _ = audit(job, tmp_path, folder)
    assert list_beyond(records) == []
    assert len({one["stage"] for one in records if one["stage"].startswith("steered")}) > 40


def test_values_that_are_no_numbers_are_said_and_the_rest_is_judged(job, tmp_path):
    folder = make_trace(job, tmp_path)

    def change(arrays):
        arrays["plain/fc7"] = np.where(np.arange(12) == 3, np.nan, arrays["plain/fc7"]).astype(np.float32)

    rewrite(folder, "e1", change)
    code, records, _ = audit(job, tmp_path, folder)
    assert code == 0
    assert list_beyond(records) == ["plain fc7", "plain fc8"]
    assert "no finite numbers" in next(one["what"] for one in records if one["stage"] == "plain fc7")


def spoil(folder, kind):
    """Spoil a trace."""
    index = json.loads((folder / "trace.json").read_text())
    if kind == "model":
        index["model"] = "another"
    if kind == "example":
        index["examples"] = [{**one, "example": f"{one['example']} there"} for one in index["examples"]]
    if kind == "file":
        index["examples"][0]["hashes"]["file"] = "0" * 64
    if kind == "visits":
        index["visits"] = [{"blob": 7}]
    (folder / "trace.json").write_text(json.dumps(index))
    if kind == "blob":
        rewrite(folder, "e1", lambda arrays: arrays.pop("plain/pool3"))
    if kind == "shape":
        rewrite(folder, "e1", lambda arrays: arrays.update({"plain/pool3": np.zeros((2, 2), np.float32)}))


SPOILT = {
    "model": "is of model 'another'",
    "example": "none of the job's examples",
    "file": "was another file there",
    "visits": "must be a text",
    "blob": "has no array 'plain/pool3'",
    "shape": "not floats",
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_trace_that_does_not_fit_is_one_line(job, tmp_path, capsys, kind):
    folder = make_trace(job, tmp_path)
    spoil(folder, kind)
    capsys.readouterr()
    code, _, cell = audit(job, tmp_path, folder)
    assert code == 2
    assert SPOILT[kind] in cell["error"]
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_killed_audit_goes_on_where_it_was(job, tmp_path):
    folder = make_trace(job, tmp_path)
    _, records, _ = audit(job, tmp_path, folder)
    path = tmp_path / "audit" / "records.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[:-200])
    code, again, cell = audit(job, tmp_path, folder)
    assert (code, again, cell["timings"]["resumed"]) == (0, records, 1)
    assert path.read_bytes() == data


def test_a_fault_is_so_many_times_the_noise_as_numbers_can_tell(job, tmp_path):
    """Of a stage whose value is 0 by the rules, noise is what the numbers that it is made of resolve."""
    folder = make_trace(job, tmp_path)
    _, records, _ = audit(job, tmp_path, folder, {"port": {"pool3_channels": "all"}})
    worst = max(records, key=lambda one: one["deviations"] or 0)
    assert LIMIT < worst["deviations"] < 1e10
    assert all(one["noise"] > 1e-30 for one in records if one["noise"] and one["deviations"] > LIMIT)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_truth_that_is_no_better_than_what_it_judges_says_so(job, tmp_path, precision):
    job["settings"] = {"threads": 1, "precision": precision}
    _, records, _ = audit(job, tmp_path, make_trace(job, tmp_path))
    plain = [one for one in records if one["stage"].startswith("plain conv")]
    assert max(one["own"] for one in plain) > 0
    unknown = {one["stage"] for one in plain if one.get("note") == "uncalibrated"}
    assert bool(unknown) == (precision == "float64")
    assert (max(one["own"] for one in plain) < 1e-6) == (precision == "float32")
