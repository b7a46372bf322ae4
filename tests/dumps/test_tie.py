"""A dump's arrays are tied to what they are, and nothing is guessed."""

import nets
import numpy as np
import pytest

from harness.core.errors import InputError
from harness.dumps.files import Dumped
from harness.dumps.targets import Targets
from harness.dumps.tie import tie_dump

NETWORK = nets.face_like_network()
SHAPES = {blob.name: blob.shape for blob in NETWORK.blobs[:-1]}
VISITED = ("conv1_1", "fc6")
TARGETS = Targets(NETWORK, SHAPES, VISITED)
RNG = np.random.default_rng(0)
VALUES = {"input": RNG.normal(size=SHAPES["data"]).astype(np.float32)}
for _blob, _shape in list(SHAPES.items())[1:]:
    VALUES[f"plain/{_blob}"] = RNG.normal(size=_shape).astype(np.float32)
    VALUES[str(TARGETS.write_name("steered", _blob, ()))] = RNG.normal(size=_shape).astype(np.float32)


def tie(tmp_path, arrays, names=None):
    path = None
    if names is not None:
        path = tmp_path / "names.toml"
        path.write_text(names)
    given = [Dumped(name, values, values.dtype.name) for name, values in arrays.items()]
    return tie_dump(tmp_path / "dump.npz", given, TARGETS, VALUES.get, path)


def list_tied(ties):
    return {one.target: (one.name, one.how, one.layout) for one in ties.tied.values()}


SPELT = {
    "conv1_1": "plain/conv1_1",
    "relu1_1": "plain/conv1_1",
    "plain__conv1_1": "plain/conv1_1",
    "plain/fc7": "plain/fc7",
    "data": "input",
    "input": "input",
    "logits": "plain/fc8",
    "logits/steered": "steered/fc8",
    "steered/conv1_1": "steered/conv1_1/after",
    "steered__conv1_1__before": "steered/conv1_1/before",
    "steered/conv2_2": "steered/conv2_2",
    "sums/conv1_1": "steered/conv1_1/sums",
    "steered/conv1_1/mean": "steered/conv1_1/mean",
    "tuple": "tuple",
    "conv9": None,
    "steered/conv1_1/colour": None,
    "plain/conv1_1/sums": None,
}


@pytest.mark.parametrize("name", SPELT)
def test_a_name_stands_for_one_value_or_for_none(name):
    assert TARGETS.read_name(name) == SPELT[name]


def test_names_and_mappings_come_before_values(tmp_path):
    ones = {"a": VALUES["plain/conv4_1"], "conv2_2": VALUES["plain/conv2_2"], "b": VALUES["plain/fc7"]}
    ties = tie(tmp_path, ones, 'conv4_1 = "a"\n')
    assert list_tied(ties) == {
        "plain/conv4_1": ("a", "mapping", "nchw"),
        "plain/conv2_2": ("conv2_2", "name", "nchw"),
        "plain/fc7": ("b", "value", ""),
    }


def turn(values, axes):
    return np.ascontiguousarray(values.transpose(axes))


def test_layouts_are_told_by_shape_and_where_that_is_square_by_value(tmp_path):
    square = VALUES["plain/pool3"]
    assert len(set(square.shape)) == 1
    for axes, layout in (((0, 1, 2), "nchw"), ((1, 2, 0), "nhwc"), ((2, 1, 0), "whcn")):
        ties = tie(tmp_path, {"pool3": turn(square, axes)})
        assert list_tied(ties) == {"plain/pool3": ("pool3", "name", layout)}
        assert np.array_equal(ties.tied["plain/pool3"].values, square)
    ties = tie(tmp_path, {"conv1_1": turn(VALUES["plain/conv1_1"], (1, 2, 0))[None]})
    assert list_tied(ties) == {"plain/conv1_1": ("conv1_1", "name", "nhwc")}


def test_a_square_map_that_fits_nothing_is_laid_out_as_the_others(tmp_path):
    noise = RNG.normal(size=VALUES["plain/pool3"].shape).astype(np.float32)
    with pytest.raises(
        InputError, match=r"may be nchw or nhwc or whcn, and its values do not tell; say layout"
    ):
        tie(tmp_path, {"pool3": noise})
    ties = tie(tmp_path, {"pool3": noise, "conv1_1": turn(VALUES["plain/conv1_1"], (1, 2, 0))})
    assert list_tied(ties)["plain/pool3"] == ("pool3", "name", "nhwc")
    assert list_tied(tie(tmp_path, {"pool3": noise}, 'layout = "nchw"\n'))["plain/pool3"][2] == "nchw"


def test_what_could_be_two_things_is_left_and_both_are_said(tmp_path):
    between = (VALUES["plain/fc6"] + VALUES["plain/fc7"]) / 2
    ties = tie(tmp_path, {"a": between, "b": VALUES["plain/conv2_2"]})
    assert list(ties.tied) == ["plain/conv2_2"]
    assert "may be plain/fc" in ties.left["a"]
    assert " or plain/fc" in ties.left["a"]
    twice = tie(
        tmp_path, {"a": VALUES["plain/fc6"], "b": VALUES["plain/fc6"] * 1.0001, "fc8": VALUES["plain/fc8"]}
    )
    assert twice.left["a"] == "'a' and 'b' are both nearest to plain/fc6"


def test_two_passes_that_hold_the_same_are_no_two_readings(tmp_path):
    known = {**VALUES, "steered/pool3": VALUES["plain/pool3"]}
    given = [Dumped("x", VALUES["plain/pool3"], "float32")]
    ties = tie_dump(tmp_path / "d.npz", given, TARGETS, known.get)
    assert list(ties.tied) == ["plain/pool3"]


def test_of_a_layer_s_and_its_relu_s_values_the_relu_s_is_the_blob_s(tmp_path):
    before = VALUES["plain/conv1_1"]
    known = {**VALUES, "plain/conv1_1": np.maximum(before, 0)}
    ones = [Dumped("conv1_1", before, "float32"), Dumped("relu1_1", np.maximum(before, 0), "float32")]
    ties = tie_dump(tmp_path / "d.npz", ones, TARGETS, known.get)
    assert list_tied(ties) == {"plain/conv1_1": ("relu1_1", "name", "nchw")}
    assert ties.left["conv1_1"] == "is not the last value that plain/conv1_1 has"
    other = Dumped("fc8", VALUES["plain/fc8"], "float32")
    alone = tie_dump(tmp_path / "d.npz", [ones[0], other], TARGETS, known.get)
    assert list(alone.tied) == ["plain/fc8"]
    assert "dump its ReLU's" in alone.left["conv1_1"]


def test_maps_that_lack_a_row_as_of_pools_that_round_down_are_tied_by_name(tmp_path):
    smaller = VALUES["plain/pool3"][:, :7]
    ties = tie(tmp_path, {"pool3": smaller, "conv1_1": VALUES["plain/conv1_1"]})
    assert ties.tied["plain/pool3"].values.shape == (8, 7, 8)
    with pytest.raises(InputError, match="and plain/pool3 of"):
        tie(tmp_path, {"pool3": smaller[:, :5]})


FC6 = VALUES["plain/fc6"]
REFUSED = {
    "two of a name": (
        {"fc6": FC6, "plain/fc6": FC6 + 1},
        None,
        "'fc6' and 'plain/fc6' are both plain/fc6; name one of",
    ),
    "another shape": ({"fc7": FC6[:5]}, None, "fc7: is of shape (5,), and plain/fc7 of (12,)"),
    "no numbers": ({"fc7": FC6 * np.nan}, None, "fc7: holds 12 values that are no finite numbers"),
    "several examples": (
        {"fc7": np.stack([FC6] * 3)},
        None,
        "fc7: holds 3 examples; dump the one that is named",
    ),
    "nothing known": (
        {"x": np.zeros((2, 2), np.float32)},
        None,
        "none of its arrays can be told (x: is of shape (2, 2)",
    ),
    "a name that is not there": ({"fc7": FC6}, 'fc6 = "y"', "plain/fc6 = 'y': is not in"),
    "a key that is none": (
        {"fc7": FC6},
        'conv9 = "fc7"',
        "conv9: is no value of a pass; there are input, pixels",
    ),
    "a value twice": (
        {"a": FC6, "b": FC6},
        'fc6 = "a"\nrelu6 = "b"',
        "relu6: plain/fc6 is named twice; remove one",
    ),
    "no name": ({"a": FC6}, "fc6 = 3", 'fc6: must be a name in the dump, fc6 = "NAME"'),
    "another layout": ({"a": FC6}, 'layout = "hwnc"', "layout = 'hwnc': choose one of nchw, nhwc, whcn"),
    "no layout": ({"a": FC6}, "layout = [1]", "layout = [1]: choose one of nchw, nhwc, whcn"),
    "no TOML": ({"a": FC6}, "fc6 = ", "names.toml"),
    "pixels between levels": ({"pixels": np.full((4, 4, 3), 0.5)}, None, "holds values between levels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_one_line(tmp_path, name):
    arrays, names, said = REFUSED[name]
    with pytest.raises(InputError) as caught:
        tie(tmp_path, arrays, names)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
