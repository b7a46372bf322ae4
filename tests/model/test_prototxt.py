"""Prototxt files: both forms, every declaration of the input, and what is refused."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_prototxt import NEWER, SMALL

from harness.core.errors import InputError
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Lrn,
    Pooling,
    Relu,
    Softmax,
    build_network,
)
from harness.model.prototxt import read_prototxt, write_prototxt
from harness.model.random_weights import vgg_face_network

OLDER_TYPES = {
    "Convolution": "CONVOLUTION",
    "ReLU": "RELU",
    "Pooling": "POOLING",
    "InnerProduct": "INNER_PRODUCT",
    "Dropout": "DROPOUT",
    "Softmax": "SOFTMAX",
}
INPUT_DIM = 'input: "data"\ninput_dim: 10\ninput_dim: 3\ninput_dim: 8\ninput_dim: 6\n'


def read_text(tmp_path, text):
    path = tmp_path / "deploy.prototxt"
    path.write_text(text, encoding="utf-8")
    return read_prototxt(path)


def older(text):
    """The same network in the older form."""
    text = text.replace("layer {", "layers {")
    return re.sub(r'type: "(\w+)"', lambda match: f"type: {OLDER_TYPES[match[1]]}", text)


def replaced(old, new, text=NEWER):
    assert old in text, "the test's own text has changed"
    return text.replace(old, new)


def with_layer(options):
    """The small network with one more layer after its first."""
    relu = 'layer { name: "relu1"'
    return replaced(relu, f'layer {{ name: "extra" bottom: "conv1" top: "conv1" {options} }}\n{relu}')


def test_newer_form(tmp_path):
    assert read_text(tmp_path, NEWER) == SMALL


def test_older_form(tmp_path):
    assert read_text(tmp_path, older(NEWER)) == SMALL


@pytest.mark.parametrize(
    "declared",
    [
        'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 6 }\n',
        'layer { name: "in" type: "Input" top: "data" input_param { shape: { dim: 1 dim: [3, 8, 6] } } }\n',
        'layer { name: "any" type: "Input" top: "data" input_param { shape { dim: [10, 3, 8, 6] } } }\n',
        'layer { type: "Input" top: "data" input_param { shape { dim: [10, 3, 8, 6] } } }\n',
        'input: "x" layer { type: "Input" top: "data" input_param { shape { dim: [0, 3, 8, 6] } } }\n',
        f"{INPUT_DIM.replace('8', '9')} input_shape {{ dim: [1, 3, 8, 6] }}\n",
    ],
)
def test_other_input_declarations(tmp_path, declared):
    assert read_text(tmp_path, replaced(INPUT_DIM, declared)) == SMALL


def test_input_shape_in_older_form(tmp_path):
    declared = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 6 }\n'
    assert read_text(tmp_path, older(replaced(INPUT_DIM, declared))) == SMALL


def test_name_is_taken_from_the_file_where_there_is_none(tmp_path):
    assert read_text(tmp_path, replaced('name: "small"\n', "")).name == "deploy"


@pytest.mark.parametrize(
    "network",
    [
        SMALL,
        vgg_face_network(),
        build_network(
            "everything",
            "image",
            (4, 40, 30),
            [
                Convolution("a", "image", "a", 8, (3, 5), (2, 1), (1, 0), (2, 3), group=2, bias=False),
                Relu("a/leaky", "a", "a_relu", negative_slope=0.125),
                Lrn("norm", "a_relu", "norm", local_size=3, alpha=0.25, beta=0.5, k=2.0),
                Pooling("b", "norm", "b", "average", (3, 2), (2, 1), (1, 0)),
                Pooling("c", "b", "c", "max", (2, 2), (2, 2), (1, 1)),
                InnerProduct("d", "c", "d", 6, bias=False),
                Dropout("e", "d", "e"),
                Softmax("f", "e", "f"),
            ],
        ),
    ],
    ids=lambda network: network.name,
)
def test_written_network_reads_back_the_same(tmp_path, network):
    assert read_text(tmp_path, write_prototxt(network)) == network


def test_a_round_trip_that_loses_a_pad_would_be_seen(tmp_path):
    text = write_prototxt(SMALL)
    assert read_text(tmp_path, replaced("    pad: 1\n", "    pad: 2\n", text)) != SMALL


@pytest.mark.parametrize(
    ("options", "kernel", "stride", "pad"),
    [
        ("kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 0", (3, 2), (2, 1), (1, 0)),
        ("kernel_size: 3 kernel_size: 2 stride: 2 stride: 1 pad: 1 pad: 0", (3, 2), (2, 1), (1, 0)),
        ("kernel_size: 3 pad_w: 1", (3, 3), (1, 1), (0, 1)),
        ("kernel_size: 1", (1, 1), (1, 1), (0, 0)),
    ],
)
def test_pairs_of_a_convolution(tmp_path, options, kernel, stride, pad):
    text = f"""input: "data" input_shape {{ dim: 1 dim: 3 dim: 8 dim: 6 }}
    layer {{ name: "c" type: "Convolution" bottom: "data" top: "c"
             convolution_param {{ num_output: 2 {options} }} }}"""
    layer = read_text(tmp_path, text).layers[0]
    assert (layer.kernel, layer.stride, layer.pad, layer.dilation) == (kernel, stride, pad, (1, 1))


def test_global_pooling_covers_its_bottom(tmp_path):
    text = replaced("pool: MAX kernel_size: 2 stride: 2", "pool: AVE global_pooling: true")
    network = read_text(tmp_path, text)
    pooling = next(layer for layer in network.layers if layer.name == "pool1")
    assert (pooling.method, pooling.kernel) == ("average", (8, 6))
    assert network.blobs[network.index("pool1")].shape == (4, 1, 1)


@pytest.mark.parametrize("name", ["", "conv1", "a b", "../x", "/x", "é", "x" * 300])
def test_layers_without_parameters_may_have_any_name(tmp_path, name):
    text = re.sub(r'name: "(relu1|pool1|drop2|prob)"', f'name: "{name}"' if name else "", NEWER)
    network = read_text(tmp_path, text)
    assert [layer.name for layer in network.layers] == ["conv1", name, name, "fc2", name, name]
    assert [blob.name for blob in network.blobs] == [blob.name for blob in SMALL.blobs]
    assert read_text(tmp_path, write_prototxt(network)) == network


def test_training_fields_are_ignored(tmp_path):
    text = replaced(
        "convolution_param { num_output: 4",
        "param { lr_mult: 1 decay_mult: 1 } param { name: 'b' lr_mult: 2 share_mode: PERMISSIVE }"
        " propagate_down: true convolution_param { weight_filler { type: 'xavier' }"
        " bias_filler { type: 'constant' value: 0.1 }"
        " engine: CUDNN axis: 1 force_nd_im2col: true num_output: 4",
    )
    assert read_text(tmp_path, "force_backward: true\nstate { phase: TEST }\n" + text) == SMALL


def test_older_training_fields_are_ignored(tmp_path):
    rates = "blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0 param: 'w' blob_share_mode: STRICT"
    text = replaced("convolution_param { num", f"{rates} convolution_param {{ num", older(NEWER))
    assert read_text(tmp_path, text) == SMALL


@pytest.mark.parametrize(
    "rule", ["include { phase: TRAIN }", "exclude { phase: TEST }", "include { stage: 'x' }"]
)
def test_layers_of_other_phases_are_skipped(tmp_path, rule):
    data = f"""layer {{ name: "data" type: "Data" top: "data" top: "label" {rule}
      transform_param {{ mirror: true crop_size: 8 mean_file: "m" }}
      data_param {{ source: "s" batch_size: 4 backend: LMDB }} }}
    layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" {rule}
      loss_param {{ ignore_label: 3 }} loss_weight: 1 }}"""
    assert read_text(tmp_path, NEWER + data) == SMALL


@pytest.mark.parametrize(
    "rule", ["include { phase: TEST }", "exclude { phase: TRAIN }", "exclude { stage: 'x' }"]
)
def test_layers_of_the_test_phase_stay(tmp_path, rule):
    text = replaced('name: "relu1"', f'{rule} name: "relu1"')
    assert read_text(tmp_path, text) == SMALL


def test_older_types_of_training_are_skipped_and_refused(tmp_path):
    loss = 'layers {{ name: "loss" type: SOFTMAX_LOSS bottom: "fc2" bottom: "label" {} }}\n'
    assert read_text(tmp_path, older(NEWER) + loss.format("include { phase: TRAIN }")) == SMALL
    with pytest.raises(InputError, match=r"layer loss: type SOFTMAX_LOSS .* belongs to training"):
        read_text(tmp_path, older(NEWER) + loss.format(""))


BAD = {
    "no text": ("\0\1\2", ["is no text", "--caffemodel"]),
    "empty": ("", ["is empty"]),
    "no layers": ("# nothing\n", ["no layers"]),
    "unclosed": (NEWER + "layer {", ["line 25"]),
    "value": (replaced("num_output: 4", 'num_output: "four"'), ["line 12", "layer conv1 (Convolution)"]),
    "negative": (replaced("num_output: 4", "num_output: -4"), ["line 12", "layer conv1"]),
    "unknown field": (replaced("pad: 1 }", "pod: 1 }"), ["line 12", "conv1", '"pod"', "not supported"]),
    "unknown top field": ('colour: "red"\n' + NEWER, ["line 1", '"colour"']),
    "given twice": (replaced("num_output: 4", "num_output: 4 num_output: 5"), ["line 12", "conv1"]),
    "layer type": (with_layer('type: "TanH"'), ["line 14", "layer extra", "TanH", "InnerProduct"]),
    "layer option": (with_layer('type: "Scale" scale_param { axis: 1 }'), ["line 14", "extra (Scale)"]),
    "no type": (with_layer(""), ["layer extra", "(none)"]),
    "older type": (older(NEWER).replace("type: RELU", "type: TANH"), ["line 14", "layer relu1", "TANH"]),
    "older unknown type": (older(NEWER).replace("type: RELU", "type: NEW"), ["line 14", "relu1", "NEW"]),
    "data layer": ('layer { name: "d" type: "Data" top: "data" }\n' + NEWER, ["line 1", "layer d", "deploy"]),
    "accuracy": (with_layer('type: "Accuracy"'), ["layer extra", "phase: TRAIN"]),
    "mixed forms": (NEWER + 'layers { name: "x" type: RELU bottom: "prob" top: "prob" }', ["mixes"]),
    "two bottoms": (
        replaced('bottom: "conv1" top: "conv1"', 'bottom: "conv1" bottom: "data" top: "conv1"'),
        ["line 14", "relu1"],
    ),
    "unnamed": (
        replaced('name: "relu1" type: "ReLU" bottom: "conv1"', 'type: "ReLU" bottom: "data"'),
        ["line 14", "the unnamed ReLU on 'data'"],
    ),
    "unnamed option": (
        replaced('name: "pool1"\n  type: "Pooling"', 'type: "Pooling"').replace("stride: 2", "stride: 0"),
        ["line 15", "the unnamed Pooling: stride"],
    ),
    "one of two of a name": (
        replaced('name: "pool1"', 'name: "relu1"').replace("stride: 2", "stride: 0"),
        ["line 15", "layer relu1: stride"],
    ),
    "slope": (with_layer('type: "ReLU" relu_param { negative_slope: inf }'), ["line 14", "finite"]),
    "lrn constant": (with_layer('type: "LRN" lrn_param { alpha: nan }'), ["line 14", "alpha", "finite"]),
    "dropout at work": (replaced('name: "drop2"', 'name: "drop2" phase: TRAIN'), ["line 23", "at random"]),
    "rules of both kinds": (
        replaced('name: "relu1"', 'name: "relu1" include {} exclude { phase: TRAIN }'),
        ["line 14", "relu1", "both kinds"],
    ),
    "escape": (replaced('name: "relu1"', r'name: "re\clu1"'), ["invalid escape"]),
    "shared": (
        replaced('name: "conv1"', 'name: "conv1" param { name: "w" }').replace(
            'name: "fc2"', 'name: "fc2" param { name: "w" }'
        ),
        ["line 22", "layer fc2: shares its parameter 'w' with layer conv1"],
    ),
    "shared in older form": (
        older(NEWER).replace('name: "conv1"', 'name: "conv1" param: "w" param: "b" param: "w"'),
        ["line 7", "layer conv1: shares its parameter 'w'"],
    ),
    "softmax in place": (replaced('top: "prob"', 'top: "fc2"'), ["line 24", "leaves no logits"]),
    "branch": (
        replaced('type: "Dropout" bottom: "fc2"', 'type: "Dropout" bottom: "pool1"'),
        ["line 23", "drop2"],
    ),
    "name twice": (replaced('name: "fc2"', 'name: "conv1"'), ["layer conv1", "has this name, too"]),
    "blobs": (with_layer('type: "ReLU" blobs { data: 1 }'), ["layer extra", "caffemodel"]),
    "no input": (replaced(INPUT_DIM, ""), ["0 inputs"]),
    "two inputs": (replaced(INPUT_DIM, INPUT_DIM + 'input: "x"\n'), ["2 inputs"]),
    "input twice": ('layer { name: "data" type: "Input" top: "data" }\n' + NEWER, ["2 inputs"]),
    "input without shape": (replaced(INPUT_DIM, 'input: "data"\n'), ["input data", "[]"]),
    "negative batch": (replaced("input_dim: 10", "input_dim: -1"), ["input data", "batch, -1"]),
    "input of 3 axes": (replaced("input_dim: 10\n", ""), ["input data", "[[3, 8, 6]]"]),
    "input of two shapes": (
        INPUT_DIM.replace("\n", " input_shape {}\n", 1) + NEWER.partition(INPUT_DIM)[2],
        ["data"],
    ),
    "input of no size": (replaced("input_dim: 8", "input_dim: 0"), ["input data", "(3, 0, 6)"]),
    "input of negative size": (replaced("input_dim: 8", "input_dim: -8"), ["input data", "(3, -8, 6)"]),
    "no kernel": (replaced(" kernel_size: 3", ""), ["line 7", "layer conv1", "kernel_size"]),
    "no num_output": (replaced("num_output: 5", ""), ["layer fc2", "num_output"]),
    "half a kernel": (replaced("kernel_size: 3", "kernel_h: 3"), ["layer conv1", "kernel_w"]),
    "two kernels": (replaced("kernel_size: 3", "kernel_size: 3 kernel_h: 3 kernel_w: 3"), ["contradict"]),
    "three kernels": (replaced("kernel_size: 3", "kernel_size: [3, 3, 3]"), ["layer conv1", "kernel_size"]),
    "zero stride": (replaced("stride: 2", "stride: 0"), ["layer pool1", "stride"]),
    "half a stride": (replaced("stride: 2", "stride_h: 2"), ["layer pool1", "stride_w"]),
    "zero dilation": (replaced("pad: 1 }", "pad: 1 dilation: 0 }"), ["layer conv1", "dilation"]),
    "group": (replaced("pad: 1 }", "pad: 1 group: 2 }"), ["layer conv1", "group 2"]),
    "zero group": (replaced("pad: 1 }", "pad: 1 group: 0 }"), ["layer conv1", "group"]),
    "convolution axis": (replaced("pad: 1 }", "pad: 1 axis: 2 }"), ["layer conv1", "axis 2", "only 1"]),
    "large kernel": (replaced("kernel_size: 3", "kernel_size: 11"), ["layer conv1", "kernel"]),
    "convolution on a vector": (
        replaced('type: "Dropout"', 'type: "Convolution" convolution_param { num_output: 1 kernel_size: 1 }'),
        ["layer drop2", "(5,)"],
    ),
    "stochastic": (replaced("pool: MAX", "pool: STOCHASTIC"), ["layer pool1", "STOCHASTIC", "MAX and AVE"]),
    "rounding": (replaced("pool: MAX", "pool: MAX round_mode: FLOOR"), ["layer pool1", "FLOOR", "only CEIL"]),
    "pooling pad": (replaced("pool: MAX", "pool: MAX pad: 2"), ["layer pool1", "pad"]),
    "global kernel": (replaced("pool: MAX", "pool: MAX global_pooling: true"), ["layer pool1", "no kernel"]),
    "global stride": (
        replaced("MAX kernel_size: 2", "MAX global_pooling: true"),
        ["layer pool1", "stride 1"],
    ),
    "global on a vector": (
        replaced('type: "Dropout"', 'type: "Pooling" pooling_param { global_pooling: true }'),
        ["layer drop2", "(5,)"],
    ),
    "fc axis": (replaced("num_output: 5", "num_output: 5 axis: 2"), ["layer fc2", "axis 2"]),
    "transpose": (
        replaced("num_output: 5", "num_output: 5 transpose: true"),
        ["layer fc2", "transpose true"],
    ),
    "softmax axis": (
        replaced('top: "prob"', 'top: "prob" softmax_param { axis: 2 }'),
        ["layer prob", "axis 2"],
    ),
    "dropout scale": (replaced("dropout_ratio: 0.5", "scale_train: false"), ["layer drop2", "scale_train"]),
    "lrn region": (
        with_layer('type: "LRN" lrn_param { norm_region: WITHIN_CHANNEL }'),
        ["layer extra", "WITHIN_CHANNEL"],
    ),
    "lrn size": (with_layer('type: "LRN" lrn_param { local_size: 4 }'), ["layer extra", "local_size 4"]),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD.keys())
def test_bad_networks_are_refused_with_their_place(tmp_path, text, expected):
    with pytest.raises(InputError) as caught:
        read_text(tmp_path, text)
    for part in ("deploy.prototxt", *expected):
        assert part in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    for name, words in (("absent.prototxt", "cannot be read"), (".", "is a folder")):
        with pytest.raises(InputError, match=words):
            read_prototxt(tmp_path / name)


@settings(deadline=None, max_examples=150, database=None)
@given(st.integers(0, len(NEWER)), st.integers(0, 30), st.text(max_size=12), st.booleans())
def test_any_damage_gives_a_network_or_an_input_error(tmp_path_factory, start, length, inserted, older_form):
    text = older(NEWER) if older_form else NEWER
    path = tmp_path_factory.getbasetemp() / "damaged.prototxt"
    path.write_bytes((text[:start] + inserted + text[start + length :]).encode("utf-8", "surrogatepass"))
    assert "damaged" in outcome(path)


def outcome(path):
    """The network's name or the message of the InputError, both of which name the file here."""
    try:
        return f"damaged {read_prototxt(path).name}"
    except InputError as error:
        return str(error)
