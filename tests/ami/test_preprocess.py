"""Preprocessing: every choice, by hand-computed pixels."""

from dataclasses import replace

import numpy as np
import pytest

from harness.ami.port import Port, read_port
from harness.ami.preprocess import prepare_array, prepare_image
from harness.core.arrays import NPY_CONVENTIONS, Preprocess, read_preprocess, show_levels, store_levels
from harness.core.errors import InputError, RefusedError

MODEL = Preprocess(2, 2, "bgr", (10.0, 20.0, 30.0))
RED = np.full((2, 2, 3), (200, 100, 50), dtype=np.uint8)


def channels(value):
    return [float(channel.mean()) for channel in value]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, [50 - 10, 100 - 20, 200 - 30]),
        ({"channel_order": "reversed"}, [200 - 10, 100 - 20, 50 - 30]),
        ({"mean": "swapped"}, [50 - 30, 100 - 20, 200 - 10]),
        ({"mean": "none"}, [50, 100, 200]),
        ({"value_range": "0-1", "mean": "none"}, [50 / 255, 100 / 255, 200 / 255]),
    ],
)
def test_image_path(rules, expected):
    value = prepare_image(RED, MODEL, read_port("notebook", rules))
    assert value.dtype == np.float32
    assert value.flags.c_contiguous
    assert channels(value) == pytest.approx(expected)


def test_an_rgb_network_gets_rgb():
    model = Preprocess(2, 2, "rgb", (30.0, 20.0, 10.0), scale=0.5)
    assert channels(prepare_image(RED, model, Port())) == pytest.approx([85, 40, 20])


def test_only_another_height_is_resized_by_the_notebook():
    wide = np.zeros((2, 4, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"4x2.*size-differs"):
        prepare_image(wide, MODEL, Port())
    port = read_port("notebook", {"resize_when": "size-differs"})
    assert prepare_image(wide, MODEL, port).shape == (3, 2, 2)
    assert prepare_image(np.zeros((4, 3, 3), dtype=np.uint8), MODEL, Port()).shape == (3, 2, 2)


def test_crop_takes_the_middle_square():
    wide = np.zeros((4, 8, 3), dtype=np.uint8)
    wide[:, 2:6] = 100
    rules = {"fit": "centre-crop", "mean": "none"}
    assert prepare_image(wide, MODEL, read_port("notebook", rules)).min() == 100
    assert prepare_image(wide, MODEL, read_port("notebook", {"mean": "none"})).min() < 100


def test_resizing_rounds_to_levels_and_takes_its_kernel_from_model_or_port():
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    results = [
        prepare_image(image, MODEL, read_port("notebook", {"resize": kernel, "mean": "none"}))
        for kernel in ("model", "bicubic", "bilinear", "nearest")
    ]
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[1], results[2])
    assert not np.array_equal(results[2], results[3])
    assert all(np.array_equal(result, np.rint(result)) for result in results)


@pytest.mark.parametrize("kernel", ["bicubic", "bilinear", "nearest"])
def test_images_are_resized_to_opencv_s_levels(kernel):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV")
    flags = {"bicubic": cv2.INTER_CUBIC, "bilinear": cv2.INTER_LINEAR, "nearest": cv2.INTER_NEAREST}
    image = np.random.default_rng(0).integers(0, 256, (300, 250, 3), dtype=np.uint8)
    ours = prepare_image(image, Preprocess(64, 64, resize=kernel), Port())
    used = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    theirs = cv2.resize(image[:, :, ::-1].copy(), (64, 64), interpolation=flags[kernel])
    cv2.ipp.setUseIPP(used)
    np.testing.assert_array_equal(ours, theirs.transpose(2, 0, 1))


RAW = np.stack([np.full((2, 2), level, dtype=np.float32) for level in (200.4, 100.5, 260.0)])


@pytest.mark.parametrize(
    ("convention", "rule", "expected"),
    [
        ("raw-rgb", "as-is", [200.4, 100.5, 260.0]),
        ("raw-rgb", "to-bgr", [260.0, 100.5, 200.4]),
        ("raw-rgb", "convert", [250.0, 80.5, 170.4]),
        ("raw-bgr", "as-is", [200.4, 100.5, 260.0]),
        ("raw-bgr", "to-bgr", [200.4, 100.5, 260.0]),
        ("raw-bgr", "convert", [190.4, 80.5, 230.0]),
        ("bgr-minus-mean", "convert", [200.4, 100.5, 260.0]),
    ],
)
def test_array_path(convention, rule, expected):
    port = read_port("notebook", {"npy": rule})
    for array in (RAW, RAW[None], RAW.astype(np.float64)):
        assert channels(prepare_array(array, convention, MODEL, port)) == pytest.approx(expected)


def test_the_pytorch_port_feeds_stored_arrays_as_they_are():
    """It reverses them for a network that takes RGB, whose first channel is Caffe's last."""
    fed = prepare_array(RAW, "raw-rgb", MODEL, read_port("pytorch-port", {}))
    np.testing.assert_array_equal(fed, RAW)


@pytest.mark.parametrize("model", [MODEL, Preprocess(2, 2, "rgb", (30.0, 20.0, 10.0), scale=0.5)])
@pytest.mark.parametrize("convention", NPY_CONVENTIONS)
def test_converted_arrays_are_the_input_that_their_image_is(convention, model):
    stored = store_levels(RED.transpose(2, 0, 1).astype(np.float32), convention, model)
    value = prepare_array(stored, convention, model, read_port("notebook", {"npy": "convert"}))
    np.testing.assert_allclose(value, prepare_image(RED, model, Port()), atol=1e-4)


@pytest.mark.parametrize(
    ("convention", "stored"),
    [
        ("raw-rgb", (200, 100, 50)),
        ("rgb-minus-mean", (170, 80, 40)),
        ("bgr-minus-mean", (40, 80, 170)),
        ("unit-bgr", (50 / 255, 100 / 255, 200 / 255)),
        ("centred-rgb", (200 / 255 - 0.5, 100 / 255 - 0.5, 50 / 255 - 0.5)),
        ("signed-rgb", (200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1)),
        (
            "imagenet-bgr",
            ((50 / 255 - 0.406) / 0.225, (100 / 255 - 0.456) / 0.224, (200 / 255 - 0.485) / 0.229),
        ),
    ],
)
def test_what_arrays_of_a_convention_hold(convention, stored):
    levels = RED.transpose(2, 0, 1).astype(np.float32)
    values = store_levels(levels, convention, MODEL)
    assert channels(values) == pytest.approx(stored)
    np.testing.assert_allclose(show_levels(values, convention, MODEL), levels, atol=1e-4)


@pytest.mark.parametrize(("rule", "expected"), [("round", [200, 100, 255]), ("truncate", [200, 100, 255])])
def test_quantising(rule, expected):
    port = read_port("notebook", {"quantise": rule})
    assert channels(prepare_array(RAW, "raw-rgb", MODEL, port)) == expected
    kept = prepare_array(RAW, "bgr-minus-mean", MODEL, port)
    np.testing.assert_array_equal(kept, RAW)
    np.testing.assert_array_equal(prepare_array(RAW, "unit-rgb", MODEL, port), RAW)


def test_rounding_and_truncation_differ():
    raw = np.full((3, 2, 2), 7.8, dtype=np.float32)
    results = [
        prepare_array(raw, "raw-rgb", MODEL, read_port("notebook", {"quantise": rule}))[0, 0, 0]
        for rule in ("round", "truncate")
    ]
    assert results == [8, 7]


@pytest.mark.parametrize(
    ("array", "convention", "words"),
    [
        (RAW, "guess", "convention 'guess'"),
        (RAW[:, :1], "raw-rgb", r"\(3, 1, 2\)"),
        (RAW[:2], "raw-rgb", r"\(2, 2, 2\)"),
        (RAW.transpose(1, 2, 0), "raw-rgb", r"\(2, 2, 3\).* \(3, 2, 2\); its channels come last: transpose"),
        (RAW * np.nan, "raw-rgb", "finite"),
        (RAW.astype(object), "raw-rgb", "object"),
        (RAW.astype(np.complex64), "raw-rgb", "complex"),
    ],
)
def test_wrong_arrays_are_refused(array, convention, words):
    with pytest.raises(InputError, match=words):
        prepare_array(array, convention, MODEL, Port())


@pytest.mark.parametrize("image", [RED[:, :, :2], RED[0], RED.astype(np.float32)])
def test_wrong_images_are_refused(image):
    with pytest.raises(InputError, match="uint8"):
        prepare_image(image, MODEL, Port())


def test_preprocess_from_plain_data():
    data = {"height": 2, "width": 2, "channel_order": "bgr", "mean": [10, 20, 30]}
    assert read_preprocess(data) == MODEL


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channel_order": "grb"}, "channel_order"),
        ({"resize": "lanczos"}, "resize"),
        ({"mean": [1, 2]}, "mean"),
        ({"mean": [1, 2, "x"]}, "preprocess"),
        ({"scale": 0}, "scale = 0"),
        ({"scale": 1e300}, r"scale = 1e\+300; inputs are float32"),
        ({"scale": -1e-300}, "scale = -1e-300; inputs are float32"),
        ({"mean": [1, 2, 1e39]}, "1e\\+39.*inputs are float32"),
        ({"colour": 1}, "colour"),
    ],
)
def test_wrong_preprocess_is_named(change, words):
    with pytest.raises(InputError, match=words):
        read_preprocess({"height": 2, "width": 2, **change})


def test_an_input_beyond_float32_is_refused_and_warns_of_nothing():
    model = replace(MODEL, scale=1e38)
    with pytest.raises(RefusedError, match=r"beyond float32 with mean = .* and scale = 1e\+38; set what"):
        prepare_image(np.full((2, 2, 3), 200, np.uint8), model, Port())
    with pytest.raises(RefusedError, match="beyond float32"):
        prepare_array(np.full((3, 2, 2), 200, np.float32), "raw-rgb", model, Port(npy="convert"))
