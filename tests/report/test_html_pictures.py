"""Small pictures of inputs and of what an attack changed, from files that are still as they were."""

import base64
import hashlib
import io

import numpy as np
import pytest
from pictured_inputs import SIZE, Inputs, flat
from PIL import Image

from harness.report.html.example_lists import find_compared, find_example_lists, find_listed_examples
from harness.report.html.pictures import SIDE, choose_factor, make_pictures


@pytest.fixture
def inputs(tmp_path):
    return Inputs(tmp_path)


def read(address):
    head, data = address.split(",")
    assert head in ("data:image/jpeg;base64", "data:image/webp;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def make(inputs, *names, most=9, most_bytes=10**6):
    return make_pictures(names, inputs.find(), most, most_bytes)


def test_an_attack_shows_its_input_and_what_it_changed_on_grey(inputs):
    inputs.add("clean", flat(100, 100, 100))
    inputs.add("attacked", flat(104, 100, 97), source="clean")
    picture = make(inputs, "attacked")["attacked"]
    assert np.abs(read(picture.input)[0, 0] - (104, 100, 97)).max() <= 3
    assert picture.factor == 16
    assert read(picture.perturbation)[0, 0].tolist() == [128 + 16 * 4, 128, 128 - 16 * 3]


def test_a_clean_input_has_no_perturbation(inputs):
    inputs.add("clean", flat(1, 2, 3))
    picture = make(inputs, "clean")["clean"]
    assert (picture.perturbation, picture.factor) == ("", 0)


def test_nothing_is_amplified_beyond_the_levels():
    assert choose_factor(np.array([127.0])) == 1
    assert choose_factor(np.array([-200.0])) == 1
    assert choose_factor(np.array([1.0])) == 64
    assert choose_factor(np.zeros(3)) == 1


def test_large_inputs_become_small_pictures(inputs):
    inputs.add("wide", np.zeros((300, 600, 3), dtype=np.uint8))
    assert read(make(inputs, "wide")["wide"].input).shape == (SIDE // 2, SIDE, 3)


@pytest.mark.parametrize(
    ("npy", "stored"),
    [
        ("raw-rgb", (30, 20, 10)),
        ("raw-bgr", (10, 20, 30)),
        ("bgr-minus-mean", (0, 0, 0)),
        ("rgb-minus-mean", (0, 0, 0)),
        ("unit-bgr", (10 / 255, 20 / 255, 30 / 255)),
    ],
)
def test_arrays_are_shown_by_the_convention_that_the_run_was_told(tmp_path, npy, stored):
    inputs = Inputs(tmp_path, npy)
    inputs.add(
        "x", np.ones((3, SIZE, SIZE), dtype=np.float32) * np.array(stored)[:, None, None], suffix=".npy"
    )
    assert np.abs(read(make(inputs, "x")["x"].input)[0, 0] - (30, 20, 10)).max() <= 3


def test_what_a_list_says_of_an_array_comes_before_what_the_run_was_told(inputs):
    array = np.ones((3, SIZE, SIZE), dtype=np.float32) * np.array((30, 20, 10))[:, None, None]
    inputs.add("x", array, suffix=".npy")
    inputs.lines[-1]["npy"] = "raw-rgb"
    assert np.abs(read(make(inputs, "x")["x"].input)[0, 0] - (30, 20, 10)).max() <= 3


@pytest.mark.parametrize("npy", [None, "a later convention"])
def test_an_array_of_which_nobody_says_what_it_holds_has_none(tmp_path, npy):
    inputs = Inputs(tmp_path, npy)
    inputs.add("x", np.ones((3, SIZE, SIZE), dtype=np.float32), suffix=".npy")
    assert make(inputs, "x") == {"x": None}


def test_a_file_that_is_gone_or_was_changed_has_none(inputs):
    inputs.add("gone", flat(1, 1, 1)).unlink()
    changed = inputs.add("changed", flat(1, 1, 1))
    Image.fromarray(flat(2, 2, 2)).save(changed)
    assert make(inputs, "gone", "changed", "unknown") == {"gone": None, "changed": None, "unknown": None}


def test_bytes_that_are_no_image_have_none(inputs):
    path = inputs.add("broken", flat(1, 1, 1))
    path.write_bytes(b"\x89PNG and no more")
    inputs.lines[-1]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert make(inputs, "broken") == {"broken": None}


def test_pictures_end_at_their_number_or_their_bytes(inputs):
    for name in "abc":
        inputs.add(name, flat(1, 2, 3))
    assert set(make(inputs, "a", "b", "c", most=2)) == {"a", "b"}
    assert set(make(inputs, "a", "b", "c", most_bytes=1)) == {"a"}


def test_a_list_that_was_changed_is_not_believed(inputs):
    inputs.add("x", flat(1, 2, 3))
    inputs.find()
    with (inputs.folder / "examples.jsonl").open("a") as file:
        file.write("\n")
    assert find_listed_examples(find_example_lists([inputs.folder / "run"])) == {}


@pytest.mark.parametrize(
    "cell",
    ["", "{", "[]", "{}", '{"job": 7}', '{"job": {"examples": {}}}', '{"job": {"examples": {"path": 3}}}'],
)
def test_cells_that_name_no_list_are_passed_over(tmp_path, cell):
    folder = tmp_path / "cells" / "a"
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text(cell)
    assert find_example_lists([tmp_path]) == []


def test_a_comparison_is_about_the_runs_that_are_still_there(tmp_path):
    (tmp_path / "one" / "cells").mkdir(parents=True)
    assert find_compared(tmp_path / "compared", "one two", tmp_path) == [tmp_path / "one"]
    assert find_compared(tmp_path / "one", "x", tmp_path) == [tmp_path / "one"]
