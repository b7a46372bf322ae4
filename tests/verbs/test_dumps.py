"""`harness explain --foreign`: what a program of somebody else's dumped, with faults planted in it."""

import hashlib
import json

import numpy as np
import pytest
from command_line import list_runs, make_harness, make_root
from dumped_runs import EXAMPLE, dump, explain, make_larger, make_run, save
from PIL import Image

from harness.explain import libjpegs

FIXTURES = (make_root, make_harness, make_larger, make_run)
MEAN = (93.5940, 104.7624, 129.1863)


def take(name, change):
    """Parameters as a change of one of them makes them."""
    return {"layers": {name: lambda weights: change(weights[name])}}


SOME = ("input", "conv2_2", "conv3_3", "pool3", "fc6", "fc7", "fc8")
BRIEF = {
    "another mean": (
        {"mean": (91.0, 105.5, 130.25)},
        SOME,
        [("mean", "preprocess.mean", list(MEAN), [91.0, 105.5, 130.25])],
    ),
    "pixel by pixel": ({"nhwc": True}, SOME, [("flatten", "flatten", "nchw", "nhwc")]),
    "beta": ({"beta": 50}, ("fc8",), [("beta", "parameters.beta", 60.0, 50.0)]),
}
LONG = {
    "a known mean": (
        {"mean": (103.939, 116.779, 123.68)},
        SOME[1:],
        [("mean", "preprocess.mean", list(MEAN), [103.939, 116.779, 123.68])],
    ),
    "red and blue": ({"rgb": True}, ("fc8",), [("channel-order", "port.channel_order", "model", "reversed")]),
    "levels to 1": (
        {"scale": 1 / 255, "mean": tuple(one / 255 for one in MEAN)},
        SOME,
        [("scale", "preprocess.scale", 1.0, 1 / 255)],
    ),
    "alpha": ({"alpha": 73}, SOME, [("alpha", "parameters.alpha", 100.0, 73.0)]),
    "epsilon": ({"epsilon": 2.15}, ("fc8",), [("epsilon", "parameters.epsilon", 1.15, 2.15)]),
    "ddof": ({"ddof": 1}, SOME, [("ddof", "port.ddof", 0, 1)]),
    "once each": ({"distinct": True}, SOME, [("duplicates", "port.duplicates", "sequential", "distinct")]),
    "first sums": ({"first_sum": True}, SOME, [("duplicates", "port.duplicates", "sequential", "product")]),
    "not fed on": ({"not_fed_on": True}, SOME, [("fed-on", "port.fed_on", True, False)]),
    "fc left out": ({"skip_fc": True}, SOME, [("fc", "port.fc", "steered", "skipped")]),
    "before ReLU": (
        {"before_relu": True}, SOME, [("blob-value", "port.blob_value", "after-relu", "before-relu")]
    ),
    "all of pool3": ({"pool3": "all"}, SOME, [("pool3-channels", "port.pool3_channels", "weakened", "all")]),
    "pool3 before": (
        {"pool3": "all-before"},
        SOME,
        [
            ("pool3-when", "port.pool3_when", "after-statistics", "before-statistics"),
            ("pool3-kernel", "port.pool3_kernel", "bicubic", "bilinear"),
        ],
    ),
    "half precision": (
        take("conv4_1.weight", lambda one: one.astype(np.float16)),
        SOME,
        [("weights", "weights.conv4_1", "float32", "float16")],
    ),
    "no bias": (
        take("conv2_1.bias", lambda one: one * 0),
        SOME,
        [("weights", "weights.conv2_1", "with biases", "without biases")],
    ),
    "transposed": (
        take("fc7.weight", lambda one: one.T),
        SOME,
        [("weights", "weights.fc7", "in order", "transposed")],
    ),
    "flipped kernels": (
        take("conv3_1.weight", lambda one: one[..., ::-1, ::-1]),
        SOME,
        [("weights", "weights.conv3_1", "in order", "kernels reversed")],
    ),
    "its neighbour's": (
        {"layers": {"conv3_3.weight": lambda weights: weights["conv3_2.weight"],
                     "conv3_3.bias": lambda weights: weights["conv3_2.bias"]}},
        SOME,
        [("weights", "weights.conv3_3", "its own", "those of conv3_2")],
    ),
    "three in one value": (
        {"alpha": 60, "beta": 50, "first_sum": True},
        ("conv1_1", *SOME),
        [
            ("alpha", "parameters.alpha", 100.0, 60.0),
            ("beta", "parameters.beta", 60.0, 50.0),
            ("duplicates", "port.duplicates", "sequential", "product"),
        ],
    ),
    "two at once": (
        {"mean": (103.939, 116.779, 123.68), "beta": 50},
        SOME,
        [
            ("mean", "preprocess.mean", list(MEAN), [103.939, 116.779, 123.68]),
            ("beta", "parameters.beta", 60.0, 50.0),
        ],
    ),
}  # fmt: skip


def choose(arrays, blobs):
    """What a program keeps of some blobs, both passes, and no sums."""
    return {
        name: one
        for name, one in arrays.items()
        if name.split("/")[-1] in blobs and not name.startswith("sums")
    }


def check(harness, root, made, path, case):
    fault, blobs, causes = case
    arrays = choose(dump(root, **fault), blobs)
    code, group, _, err = explain(harness, made, save(path, arrays))
    assert code == 0, err
    found = sorted((one["cause"], one["factor"], one["a"], one["b"]) for one in group["causes"])
    assert (group["verdict"], json.dumps(found)) == ("consistent", json.dumps(sorted(causes))), group
    assert f"all {len(arrays)} values of the dump; nothing was run there" in group["sentence"]


@pytest.mark.parametrize("name", BRIEF)
def test_a_fault_is_found_by_the_values_that_it_gives(harness, root, made, tmp_path, name):
    check(harness, root, made, tmp_path / "dump.npz", BRIEF[name])


@pytest.mark.planted
@pytest.mark.parametrize("name", LONG)
def test_every_planted_fault_is_found(harness, root, made, tmp_path, name):
    check(harness, root, made, tmp_path / "dump.npz", LONG[name])


def test_nothing_is_said_of_a_dump_in_which_nothing_is_off(harness, root, made, tmp_path):
    arrays = dump(root)
    code, group, _, err = explain(harness, made, save(tmp_path / "sound.npz", arrays))
    assert (code, group) == (0, None), err
    code, out, _ = harness("explain", made, "--foreign", tmp_path / "sound.npz", "--example", EXAMPLE)
    assert f"({len(arrays)} values) is what a would have, within rounding" in out
    assert not (made / "causes.jsonl").exists()


@pytest.mark.planted
def test_a_layer_that_nothing_known_happened_to_is_named_and_no_cause(harness, root, made, tmp_path):
    scattered = take("conv4_1.weight", lambda one: np.random.default_rng(3).normal(0, 0.1, one.shape))
    arrays = dump(root, **scattered, epsilon=2.15)
    path = save(tmp_path / "dump.npz", choose(arrays, ("pool3", "conv4_1", "pool5", "fc8")))
    code, group, _, err = explain(harness, made, path)
    assert code == 0, err
    assert (group["verdict"], group["stage"]["stage"]) == ("unknown", "plain conv4_1")
    assert [one["factor"] for one in group["causes"]] == ["parameters.epsilon"]
    assert "Nothing that was tried gives the plain conv4_1" in group["sentence"]


def test_channels_that_are_off_alone_are_named(harness, root, made, tmp_path):
    def negate(value):
        value[2] = -value[2]
        return value

    arrays = dump(root, spoil={"conv3_1": negate})
    path = save(
        tmp_path / "dump.npz", {name: one for name, one in arrays.items() if name.startswith("plain/conv")}
    )
    code, group, _, err = explain(harness, made, path)
    assert code == 0, err
    assert group["verdict"] == "unknown"
    assert "in channels 2 alone" in group["sentence"]


def test_changes_that_undo_each_other_are_said_to(harness, root, made, tmp_path):
    reversed_network = take("conv1_1.weight", lambda one: one[:, ::-1])
    arrays = choose(dump(root, rgb=True, mean=MEAN[::-1], **reversed_network), ("input", "conv1_1", "fc8"))
    code, group, _, err = explain(harness, made, save(tmp_path / "dump.npz", arrays))
    assert code == 0, err
    assert [one["cause"] for one in group["causes"]] == ["channel-order", "mean", "weights"]
    assert "They undo each other: the plain conv1_1 of dump@dump.npz is that of a." in group["sentence"]


def test_values_without_names_are_told_by_what_they_are(harness, root, made, tmp_path):
    arrays = choose(dump(root, nhwc=True), ("input", "conv2_2", "conv3_3", "pool3", "fc6", "fc8"))
    unnamed = {f"x{number}": turn(one) for number, one in enumerate(arrays.values())}
    code, group, _, err = explain(harness, made, save(tmp_path / "dump.npz", unnamed))
    assert code == 0, err
    assert [one["cause"] for one in group["causes"]] == ["flatten"]
    assert "input: x0, by shape, nhwc" in err
    assert "plain/conv2_2: x1, by value, nhwc" in err
    assert "steered/conv2_2/after: " in err
    (index,) = (made / "dumps").glob("*/trace.json")
    tied = {one["value"]: one["array"] for one in json.loads(index.read_text())["tied"]}
    assert tied["plain/conv3_3"] == "x2"


def turn(values):
    """Channels last, and an axis of one example, as Keras has them."""
    return values.transpose(1, 2, 0)[None] if values.ndim == 3 else values[None]


def test_a_ladder_says_what_is_not_in_the_dump(harness, root, made, tmp_path):
    arrays = choose(dump(root, beta=50), ("conv2_2", "fc8"))
    assert explain(harness, made, save(tmp_path / "dump.npz", arrays))[0] == 0
    (ladder,) = map(json.loads, (made / "ladders.jsonl").read_text().splitlines())
    stages = {one["stage"]: one for one in ladder["stages"]}
    assert stages["plain conv3_1"]["b"] == "not in the dump"
    assert stages["plain conv3_1"]["error"] is None
    assert stages["plain conv2_2"]["ratio"] < 1 < stages["steered conv2_2 after"]["ratio"]
    (line,) = map(json.loads, (made / "causes.jsonl").read_text().splitlines())
    assert line["tuples"][1][1] == int(np.argmax(arrays["plain/fc8"]))


def test_labels_are_found_by_the_gold_that_a_dump_says(harness, root, made, tmp_path):
    arrays = choose(dump(root), ("fc8",))
    said = [2, int(arrays["plain/fc8"].argmax()), int(arrays["steered/fc8"].argmax())]
    path = save(tmp_path / "dump.npz", {**arrays, "tuple": np.array(said)})
    code, group, _, err = explain(harness, made, path)
    assert code == 0, err
    assert [(one["cause"], one["b"]) for one in group["causes"]] == [("labels", 1)]


def test_what_does_not_fit_is_one_line(harness, root, made, tmp_path):
    arrays = choose(dump(root), ("fc8",))
    path = save(tmp_path / "dump.npz", arrays)
    np.savez(tmp_path / "objects.npz", fc8=np.array([{}], object))
    np.savez(tmp_path / "strange.npz", x=np.zeros((3, 1), np.float32))
    cases = [
        (("--foreign", path), "--foreign: needs one --example, the one that the dump is of"),
        (("--foreign", path, "--example", "none"), "--example none: a has no such example"),
        (
            ("--foreign", path, "--example", EXAMPLE, "--cells", "a", "b"),
            "goes with --example, --cell and --names",
        ),
        (("--foreign", path, "--example", EXAMPLE, "--cell", "b"), "b: is none of the cells"),
        (("--names", path), "--names: goes with --foreign; name the dump"),
        (("--foreign", path, "--example", EXAMPLE, "--names", tmp_path / "no"), "cannot be read"),
        (("--foreign", tmp_path / "no.npz", "--example", EXAMPLE), "no.npz: cannot be read"),
        (("--foreign", tmp_path / "objects.npz", "--example", EXAMPLE), "holds Python objects"),
        (("--foreign", tmp_path / "strange.npz", "--example", EXAMPLE), "none of its arrays can be told"),
    ]
    for words, said in cases:
        code, out, err = harness("explain", made, *words)
        assert (code, said in err, out) == (2, True, ""), (words, err)
        assert sum(line.startswith("harness: ") for line in err.splitlines()) == 1
    assert not (made / "causes.jsonl").exists()


def test_a_dump_is_no_trace(harness, root, made, tmp_path):
    assert explain(harness, made, save(tmp_path / "dump.npz", choose(dump(root), ("fc8",))))[0] == 0
    (index,) = (made / "dumps").glob("*/trace.json")
    code, _, err = harness("explain", made, "--trace", index.parent)
    assert (code, "is of a dump, of which arrays are absent; name it with --foreign" in err) == (2, True)


def test_pixels_that_another_libjpeg_gives_are_told_by_their_class(harness, root, tmp_path, monkeypatch):
    jpeglib = pytest.importorskip("jpeglib")
    picture = root / "small" / "examples" / "images" / "a.jpg"
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(levels).save(picture, quality=85, subsampling=2)
    entry = {"id": "a", "source": "a", "attack": "benign", "gold": 0, "file": "images/a.jpg"}
    entry["sha256"] = hashlib.sha256(picture.read_bytes()).hexdigest()
    (root / "small" / "examples" / "examples.jsonl").write_text(json.dumps(entry) + "\n")
    assert harness("run", "--model", "small", "--environment", "a")[0] == 0
    run = list_runs(root)[-1]
    jpeglib.version.set("8a")
    read = jpeglib.read_spatial(str(picture), out_color_space=jpeglib.JCS_RGB)
    path = save(tmp_path / "dump.npz", {"pixels": np.asarray(read.spatial)})
    code, out, err = harness("explain", run, "--foreign", path, "--example", "a", "--json")
    assert code == 0, err
    (group,) = json.loads(out)["groups"]
    assert [(one["cause"], one["b"]) for one in group["causes"]] == [("decoder", "libjpeg 7 to 9")]
    assert (
        "decodes by libjpeg 7 to 9, a decodes by pillow: that gives its pixels to the bit"
        in group["sentence"]
    )
    monkeypatch.setattr(libjpegs, "is_there", lambda _: False)
    code, out, err = harness("explain", run, "--foreign", path, "--example", "a", "--json")
    assert code == 0, err
    assert json.loads(out)["unknown"] == 1
    assert "jpeglib>=1.0.2" in json.loads(out)["untested"][0]
