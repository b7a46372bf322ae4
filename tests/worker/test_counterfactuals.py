"""The task `counterfactuals`: each patch gives the records of a job that has it declared."""

import copy
import hashlib
import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import nets
import numpy as np
import pytest
from PIL import Image
from worker_jobs import COUNT, NETWORK, make_job, run

from harness.ami.port import CHOICES
from harness.ami.witnesses import write_witnesses
from harness.backends import Settings, find_backend
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.network import Convolution, InnerProduct, Pooling, build_network
from harness.core.network_files import list_files, read_weights
from harness.worker import fingerprint
from harness.worker.changes import change_parameters
from harness.worker.passes import ELSEWHERE, POOL3_RULES
from harness.worker.patches import apply_patch
from harness.worker.pooling import CroppingExecutor, round_down

FIXTURES = (make_job,)
LISTING = ["nose", "leye", "reye", "mouth"]
NOT_ALONE = {"order": {"listing": LISTING}, "pool3_when": {"pool3_channels": "all"}}


def list_rules():
    """Every choice of every rule of a port that is not the first one's, as patches."""
    found = [(rule, choice) for rule, choices in CHOICES.items() for choice in choices[1:]]
    found.remove(("arithmetic", "torch"))
    return [{"port": {rule: choice, **NOT_ALONE.get(rule, {})}} for rule, choice in found]


PATCHES = [
    {},
    *list_rules(),
    *[{"decoder": "opencv"}] * (find_spec("cv2") is not None),
    {"parameters": {"alpha": 60.0, "beta": 50.0}},
    {"parameters": {"epsilon": 0.9}},
    {"preprocess": {"mean": [0, 0, 0]}},
    {"preprocess": {"scale": 0.5}, "port": {"fc": "skipped"}},
    {"npy": "bgr-minus-mean"},
    {"batch_size": 1},
    {"batch_size": 3, "port": {"npy": "as-is"}},
    {"precision": "float64"},
    {"port": {"pool3_channels": "none"}, "parameters": {"alpha": 10.0}},
]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare hundreds of jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def strip(records):
    """Records without what differs from run to run, and without the patch."""
    return [{key: one[key] for key in one if key not in ("seconds", "patch")} for one in records]


def try_patches(job, tmp_path, patches):
    """Records of each patch, and the cell."""
    code, records, cell = run({**job, "task": "counterfactuals", "details": {"patches": patches}}, tmp_path)
    assert code == 0, cell["error"]
    by_patch = [[one for one in records if one["patch"] == index] for index in range(len(patches))]
    assert sum(map(len, by_patch)) == len(records)
    return by_patch, cell


def judge(job, tmp_path, patch):
    """Records of the job that has a patch declared."""
    code, records, cell = run(apply_patch(job, patch), tmp_path)
    assert code == 0, cell["error"]
    return strip(records)


def test_no_patch_gives_the_records_that_the_job_gives(job, tmp_path):
    job["examples"]["only"] = ["e1", "e4"]
    code, expected, _ = run(job, tmp_path)
    (records,), cell = try_patches(job, tmp_path, [{}])
    assert code == 0
    assert strip(records) == strip(expected)
    assert [one["patch"] for one in records] == [0, 0]
    assert cell["timings"]["examples"] == 2


def list_again(job, tmp_path, changes):
    """Examples whose files are other ones, each with the hash of its file."""
    listing = Path(job["examples"]["path"])
    lines = [json.loads(line) for line in listing.read_text().splitlines()]
    for number, name in changes.items():
        lines[number].update(file=name, sha256=hash_file(tmp_path / name))
    listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job["examples"]["sha256"] = hash_file(listing)


def draw_images(job, tmp_path):
    """Have two of the examples be JPEG files, one of another height and one of another width."""
    rng, shapes = np.random.default_rng(3), {0: (24, 20), 3: (16, 20)}
    for number, shape in shapes.items():
        image = Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
        image.save(tmp_path / f"e{number}.jpg", quality=80)
    list_again(job, tmp_path, {number: f"e{number}.jpg" for number in shapes})


def test_every_patch_gives_the_records_of_a_job_that_has_it_declared(job, tmp_path):
    """All together, in the reverse order too: whatever they share, each is what it is alone."""
    draw_images(job, tmp_path)
    expected = [judge(job, tmp_path, patch) for patch in PATCHES]
    for patches, wanted in ((PATCHES, expected), (PATCHES[::-1], expected[::-1])):
        found, _ = try_patches(job, tmp_path, patches)
        for patch, records, alone in zip(patches, found, wanted):
            assert strip(records) == alone, patch
    assert len({json.dumps(one) for one in expected}) > 30


def test_patches_on_top_of_each_other_share_no_more_than_they_have_in_common(job, tmp_path):
    """Of every two of some patches that part at different blobs, with one that is refused between them."""
    parts = [
        {"port": {"pool3_kernel": "bilinear"}},
        {"port": {"fc": "skipped"}},
        {"port": {"pool3_channels": "all"}},
        {"port": {"order": "listing", "listing": LISTING}},
        {"parameters": {"beta": 20.0}},
    ]
    patches = [{}, {"port": {"arithmetic": "torch"}}]
    for one in parts:
        for other in parts:
            merged = copy.deepcopy(one)
            for key, table in other.items():
                merged.setdefault(key, {}).update(table)
            patches.append(merged)
    found, _ = try_patches(job, tmp_path, patches)
    for patch, records in zip(patches, found):
        if "torch" not in patch.get("port", {}).values():
            assert strip(records) == judge(job, tmp_path, patch), patch


def test_every_rule_is_known_to_be_of_the_input_of_the_plan_or_of_the_steering():
    steering = {"duplicates", "arithmetic", "ddof", "zero_sigma", "fed_on"}
    assert {*ELSEWHERE, *POOL3_RULES, *steering} == {*CHOICES, "listing"}
    assert not steering & {*ELSEWHERE, *POOL3_RULES}


def count_forwards(monkeypatch):
    """Spans that the reference is asked for from now on, and inputs that are prepared."""
    from harness.backends.reference import ReferenceExecutor
    from harness.worker.tasks import counterfactuals

    spans, prepared, forward, admit = [], [], ReferenceExecutor.forward, counterfactuals.admit_example

    def note_forward(self, value, start, stop):
        spans.append((start, stop))
        return forward(self, value, start, stop)

    def note_example(job, example):
        prepared.append(example.id)
        return admit(job, example)

    monkeypatch.setattr(ReferenceExecutor, "forward", note_forward)
    monkeypatch.setattr(counterfactuals, "admit_example", note_example)
    return spans, prepared


def test_what_patches_have_in_common_is_done_once(job, tmp_path, monkeypatch):
    spans, prepared = count_forwards(monkeypatch)
    job["batch_size"] = COUNT
    patches = [{}, {"parameters": {"beta": 9.0}}, {"port": {"pool3_kernel": "bilinear"}}]
    try_patches(job, tmp_path, [*patches, {"port": {"fc": "skipped"}}])
    assert len(prepared) == COUNT
    assert spans.count(("data", "fc8")) == 1  # the plain pass
    assert spans.count(("data", "conv1_1")) == 2  # beta changes what is done there, the others do not
    assert spans.count(("conv1_1", "conv2_2")) == 2
    assert spans.count(("pool3", "conv4_1")) == 3
    assert spans.count(("fc7", "fc8")) == 3


def test_one_executor_is_loaded_for_all_patches_that_have_the_same(job, tmp_path, monkeypatch):
    from harness.backends import reference

    loads, load = [], reference.load
    monkeypatch.setattr(reference, "load", lambda *given: loads.append(given[2].precision) or load(*given))
    double = {"precision": "float64"}
    try_patches(job, tmp_path, [{}, double, {"port": {"ddof": 1}}, {"npy": "raw-bgr", **double}])
    assert loads == ["float32", "float64"]


def test_a_patch_that_the_job_cannot_take_is_a_line_with_the_reason(job, tmp_path):
    patches = [
        {},
        {"port": {"pool3_when": "before-statistics"}},
        {"port": {"arithmetic": "torch"}},
        {"precision": "float16"},
        {"parameters": {"alpha": 0.0}},
        {"settings": {"threads": 2}},
        {"decoder": "pil"},
        {"network": {"path": "/nowhere"}},
        {"weights": {"zero": "weight", "layers": ["conv9"]}},
        {"weights": {"melt": "weight"}},
        {"flatten": "nwhc"},
        {"pooling": "ceiling"},
        {"preprocess": {"height": 17}},
    ]
    words = [
        "cannot know which channels are weakened", "has no torch", "float16", "alpha = 0.0",
        "threads is what a process starts with", None, "/nowhere/network.json", "no layer 'conv9'",
        "takes one of cast", "flatten = 'nwhc'", "pooling = 'ceiling'", "the network takes",
    ]  # fmt: skip
    found, _ = try_patches(job, tmp_path, patches)
    assert strip(found[0]) == judge(job, tmp_path, {})
    for records, word in zip(found[1:], words):
        assert [one["example"] for one in records] == [f"e{number}" for number in range(COUNT)]
        if word:
            assert {word in one.get("refused", "") for one in records} == {True}, (word, records[0])
            assert {tuple(one) for one in records} == {
                ("example", "patch", "source", "attack", "gold", "refused")
            }


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (None, "job: details: is no table of patches"),
        ({}, "job: details: has no 'patches'"),
        ({"patches": {}}, "'patches' must be a list"),
        ({"patches": []}, "'patches' has no patch"),
        ({"patches": [{}], "brief": 1}, "'brief' must be a truth value"),
        ({"patches": [{}, 3]}, "job: details: patch 1: is no table"),
        ({"patches": [{"prot": {}}]}, "patch 0: 'prot' is no key; there are port, "),
        ({"patches": [{"port": 3}]}, "patch 0: 'port' must be a table, not 3"),
        ({"patches": [{"batch_size": None}]}, "patch 0: 'batch_size' must be a whole number, not None"),
        ({"patches": [{"network": {}}]}, "patch 0: network: has no 'path'"),
        ({"patches": [{"labels": {"shift": "1"}}]}, "patch 0: labels: 'shift' must be a whole number"),
        ({"patches": [{"labels": {"order": ["a"]}}]}, "patch 0: labels: 'order' must be a list of classes"),
        ({"patches": [{"labels": {"sort": 1}}]}, "patch 0: labels: 'sort' is no key"),
    ],
)
def test_patches_of_no_known_shape_fail_with_one_line(job, tmp_path, capsys, details, words):
    code, records, cell = run({**job, "task": "counterfactuals", "details": details}, tmp_path)
    assert (code, records, cell["status"]) == (2, [], "failed")
    assert words in cell["error"]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_job_that_is_wrong_without_a_patch_fails(job, tmp_path):
    job["port"]["rules"] = {"arithmetic": "torch"}
    code, records, cell = run({**job, "task": "counterfactuals", "details": {"patches": [{}]}}, tmp_path)
    assert (code, records) == (2, [])
    assert "has no torch" in cell["error"]


def test_patches_are_tried_on_ami_alone(job, tmp_path):
    whole = {**job, "task": "counterfactuals", "details": {"patches": [{}]}, "detector": "other"}
    assert run(whole, tmp_path)[2]["error"] == (
        "job: task counterfactuals: knows the passes of ami, not of other"
    )


def test_examples_that_cannot_be_used_are_refused_under_each_patch(job, tmp_path):
    np.save(tmp_path / "e1.npy", np.zeros((3, 16, 15), np.float32))
    list_again(job, tmp_path, {1: "e1.npy"})
    patches = [{}, {"port": {"ddof": 1}}, {"batch_size": 1}, {"port": {"npy": "as-is"}}]
    found, _ = try_patches(job, tmp_path, patches)
    for patch, records in zip(patches, found):
        assert strip(records) == judge(job, tmp_path, patch)
        assert "refused" in records[1]


def test_a_killed_task_goes_on_where_it_was(job, tmp_path):
    patches = [{}, {"batch_size": 3}, {"port": {"fc": "skipped"}}, {"precision": "float64"}]
    whole = {**job, "task": "counterfactuals", "details": {"patches": patches}}
    run(whole, tmp_path)
    records, vouchers = (tmp_path / "out" / name for name in ("records.jsonl", "batches.jsonl"))
    data, vouched = records.read_bytes(), vouchers.read_bytes()
    lines, resumed = data.splitlines(keepends=True), set()
    for count in range(len(lines)):
        records.write_bytes(b"".join(lines[:count]) + lines[count][:-1])
        vouchers.write_bytes(vouched)
        code, _, cell = run(whole, tmp_path)
        resumed.add(cell["timings"]["resumed"])
        assert (code, records.read_bytes(), vouchers.read_bytes()) == (0, data, vouched)
    assert resumed == {0, 2, 4, 6, 8, 9, 10, 13, 15, 17, 19}
    run({**whole, "details": {"patches": patches[:2]}}, tmp_path)  # another job's records are not kept
    assert len(records.read_bytes().splitlines()) == 2 * COUNT


def test_witnesses_of_another_set_are_steered(job, tmp_path):
    path = tmp_path / "other.txt"
    write_witnesses(path, {"pool3": [0, 5]})
    patch = {"witnesses": {"nose": {"path": str(path), "sha256": hash_file(path)}}}
    found, _ = try_patches(job, tmp_path, [{}, patch])
    assert strip(found[1]) == judge(job, tmp_path, patch) != strip(found[0])


def test_another_network_is_walked_and_its_parameters_are_checked(job, tmp_path):
    nets.write_folder(tmp_path / "other", NETWORK, seed=5)
    patch = {"network": {"path": str(tmp_path / "other")}}
    found, _ = try_patches(job, tmp_path, [{}, patch])
    assert strip(found[1]) == judge(job, tmp_path, patch) != strip(found[0])
    path = list_files(tmp_path / "other", NETWORK)["fc6.bias"]
    np.save(path, np.load(path) + 1)
    found, _ = try_patches(job, tmp_path, [{}, patch])
    assert {"fc6.bias.npy: its hash is not" in one["refused"] for one in found[1]} == {True}


def test_labels_in_another_order_change_gold_alone(job, tmp_path):
    patches = [{}, {"labels": {"shift": 1}}, {"labels": {"order": [6, 5, 4, 3, 2, 1, 0]}}]
    (plain, shifted, turned), _ = try_patches(job, tmp_path, patches)
    assert [one["gold"] for one in plain] == [0, 1, 2, 3, 4]
    assert [one["gold"] for one in shifted] == [1, 2, 3, 4, 5]
    assert [one["gold"] for one in turned] == [6, 5, 4, 3, 2]
    keys = ("original", "attribute", "hashes", "score")
    for records in (shifted, turned):
        assert [[one[key] for key in keys] for one in records] == [
            [one[key] for key in keys] for one in plain
        ]
    assert [one["case"] for one in turned] != [one["case"] for one in plain]


def write_changed(folder, weights):
    """A neutral folder of the network with these parameters."""
    nets.write_folder(folder, NETWORK)
    described = json.loads((folder / "network.json").read_text())
    for name, path in list_files(folder, NETWORK).items():
        path.unlink()
        np.save(path, np.ascontiguousarray(weights[name]))
        described["parameters"][name]["sha256"] = hashlib.sha256(np.load(path).tobytes()).hexdigest()
    (folder / "network.json").write_text(json.dumps(described))
    return {"network": {"path": str(folder)}}


def flatten_last(weights):
    """The weights of fc6, of which the inputs lie height first and channels last."""
    maps = weights["fc6.weight"].reshape(12, 8, 8, 8)  # outputs, height, width, channels: all are 8
    moved = np.empty_like(maps)
    for channel in range(8):
        for row in range(8):
            moved[:, channel, row] = maps[:, row, :, channel]
    return moved.reshape(12, -1)


def cast(weights, names):
    """Some parameters in half precision."""
    return {name: weights[name].astype("f2").astype("f4") for name in names}


LITERAL = {
    "half": (
        {"weights": {"cast": "float16", "layers": ["fc6"]}},
        lambda w: cast(w, ["fc6.weight", "fc6.bias"]),
    ),
    "all of half": ({"weights": {"cast": "float16"}}, lambda w: cast(w, w)),
    "no bias": (
        {"weights": {"zero": "bias", "layers": ["conv1_1"]}},
        lambda w: {"conv1_1.bias": 0 * w["conv1_1.bias"]},
    ),
    "no weight": (
        {"weights": {"zero": "weight", "layers": ["fc7"]}},
        lambda w: {"fc7.weight": 0 * w["fc7.weight"]},
    ),
    "stale": (
        {"weights": {"reverse": "outputs", "layers": ["conv2_2"]}},
        lambda w: {name: w[name][::-1] for name in ("conv2_2.weight", "conv2_2.bias")},
    ),
    "turned": (
        {"weights": {"reverse": "inputs", "layers": ["conv1_1"]}},
        lambda w: {"conv1_1.weight": w["conv1_1.weight"][:, ::-1]},
    ),
    "transposed": (
        {"weights": {"transpose": "fc", "layers": ["fc8", "conv1_1"]}},
        lambda w: {"fc8.weight": np.array(w["fc8.weight"].T.ravel()).reshape(7, 12)},
    ),
    "flattened": ({"flatten": "nhwc"}, lambda w: {"fc6.weight": flatten_last(w)}),
}


@pytest.mark.parametrize("name", LITERAL)
def test_changed_parameters_give_the_records_of_a_network_that_has_them(job, tmp_path, name):
    patch, change = LITERAL[name]
    weights = {key: np.array(one) for key, one in read_weights(tmp_path / "network", NETWORK).items()}
    declared = write_changed(tmp_path / "changed", {**weights, **change(weights)})
    (plain, found), _ = try_patches(job, tmp_path, [{}, patch])
    assert strip(found) == judge(job, tmp_path, declared)
    assert strip(found) != strip(plain)


def test_parameters_of_another_file_replace_a_layers(job, tmp_path):
    weights = nets.write_folder(tmp_path / "other", NETWORK, seed=8)
    own = {key: np.array(one) for key, one in read_weights(tmp_path / "network", NETWORK).items()}
    mixed = {**own, **{name: weights[name] for name in weights if name.startswith("conv4_1.")}}
    declared = write_changed(tmp_path / "mixed", mixed)
    patch = {"weights": {"from": str(tmp_path / "other"), "layers": ["conv4_1"]}}
    (plain, found), _ = try_patches(job, tmp_path, [{}, patch])
    assert strip(found) == judge(job, tmp_path, declared) != strip(plain)


def test_bfloat16_is_torchs():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32)
    weights = {name: np.zeros(shape, "f4") for name, shape in NETWORK.parameter_shapes().items()}
    weights["fc7.weight"] = values
    changed = change_parameters("reference", NETWORK, weights, {"weights": {"cast": "bfloat16"}})
    expected = torch.from_numpy(values).to(torch.bfloat16).to(torch.float32).numpy()
    np.testing.assert_array_equal(changed["fc7.weight"], expected)


@pytest.mark.parametrize("backend", ["caffe", "opencv"])
def test_backends_that_read_the_caffemodel_take_no_changed_parameters(backend):
    with pytest.raises(InputError, match="reads the caffemodel itself"):
        change_parameters(backend, NETWORK, {}, {"flatten": "nhwc"})
    assert change_parameters(backend, NETWORK, {}, {"pooling": "floor"}) == {}


@pytest.mark.parametrize("backend", ["pytorch", "onnxruntime"])
def test_every_backend_gives_what_it_gives_alone(job, tmp_path, backend):
    pytest.importorskip({"pytorch": "torch"}.get(backend, backend))
    job["backend"] = backend
    patches = [
        {},
        {"port": {"pool3_kernel": "bilinear"}},
        {"port": {"fc": "skipped"}},
        {"port": {"fed_on": False}},
    ]
    found, _ = try_patches(job, tmp_path, patches)
    for patch, records in zip(patches, found):
        assert strip(records) == judge(job, tmp_path, patch)


ODD = build_network(
    "odd",
    "data",
    (3, 15, 15),
    [
        Convolution("conv1_1", "data", "conv1_1", 4, (3, 3), pad=(1, 1)),
        Pooling("pool3", "conv1_1", "pool3", "max", (2, 2), (2, 2)),
        Convolution("conv4_1", "pool3", "conv4_1", 5, (3, 3), (2, 2), (1, 1)),
        Pooling("pool4", "conv4_1", "pool4", "average", (2, 2), (2, 2)),
        InnerProduct("fc6", "pool4", "fc6", 7),
    ],
)


@pytest.mark.parametrize("backend", ["reference", "pytorch", "onnxruntime"])
def test_pools_that_round_down_are_those_of_torch(backend):
    torch = pytest.importorskip("torch")
    pytest.importorskip({"pytorch": "torch", "reference": "numpy"}.get(backend, backend))
    network, covered = round_down(ODD)
    assert [blob.shape for blob in network.blobs] == [
        (3, 15, 15),
        (4, 15, 15),
        (4, 7, 7),
        (5, 4, 4),
        (5, 2, 2),
        (7,),
    ]
    assert covered == {"conv1_1": (4, 14, 14)}
    weights, inputs = nets.random_parameters(ODD), nets.random_inputs(ODD, 2)
    load = partial(find_backend(backend).load, weights=weights, settings=Settings())
    executor = CroppingExecutor(network, covered, load)
    w, functional = {name: torch.from_numpy(one) for name, one in weights.items()}, torch.nn.functional
    value = functional.conv2d(torch.from_numpy(inputs), w["conv1_1.weight"], w["conv1_1.bias"], padding=1)
    value = functional.max_pool2d(value, 2, 2)
    value = functional.conv2d(value, w["conv4_1.weight"], w["conv4_1.bias"], stride=2, padding=1)
    value = functional.avg_pool2d(value, 2, 2).flatten(1)
    expected = functional.linear(value, w["fc6.weight"], w["fc6.bias"]).numpy()
    whole = executor.to_numpy(executor.forward(executor.to_native(inputs), "data", "fc6"))
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=1e-4)
    value, stops = executor.to_native(inputs), ("data", "conv1_1", "pool3", "conv4_1", "pool4", "fc6")
    for start, stop in zip(stops, stops[1:]):
        value = executor.forward(value, start, stop)
        assert tuple(value.shape[1:]) == network.blobs[network.index(stop)].shape
    np.testing.assert_allclose(executor.to_numpy(value), expected, rtol=1e-4, atol=1e-4)
    rounded_up = executor.to_numpy(load(ODD).forward(executor.to_native(inputs), "data", "fc6"))
    assert np.abs(rounded_up - expected).max() > 1


def test_pools_round_down_where_that_fits_the_network_and_change_nothing_where_they_are_even(job, tmp_path):
    (plain, even), _ = try_patches(job, tmp_path, [{}, {"pooling": "floor"}])
    assert strip(even) == strip(plain)
    with pytest.raises(InputError, match=r"layer fc6 has parameters for a bottom of \(8, 8, 8\)"):
        round_down(nets.face_like_network(size=15))


def test_a_patch_that_names_examples_is_tried_on_these_alone(job, tmp_path):
    patch = {"parameters": {"alpha": 60.0}}
    whole, _ = try_patches(job, tmp_path, [{}, patch])
    names = [record["example"] for record in whole[0]][1:3]
    some, _ = try_patches(job, tmp_path, [{}, {**patch, "only": names}])
    assert strip(some[0]) == strip(whole[0])
    assert strip(some[1]) == [one for one in strip(whole[1]) if one["example"] in names]


def test_brief_answers_say_what_a_rate_counts_and_no_more(job, tmp_path):
    np.save(tmp_path / "e1.npy", np.zeros((3, 16, 15), np.float32))
    list_again(job, tmp_path, {1: "e1.npy"})
    details = {"patches": [{}, {"port": {"ddof": 1}}]}
    _, whole, _ = run({**job, "task": "counterfactuals", "details": details}, tmp_path)
    code, brief, _ = run({**job, "task": "counterfactuals", "details": {**details, "brief": True}}, tmp_path)
    said = ("example", "patch", "gold", "original", "attribute", "detected")
    refused = ("example", "patch", "gold", "refused")
    assert code == 0
    assert {tuple(one) for one in brief} == {said, refused}
    assert brief == [{key: one[key] for key in (refused if "refused" in one else said)} for one in whole]
