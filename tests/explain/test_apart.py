"""How far two traces are apart at a stage."""

import numpy as np
import pytest

from harness.core.traces import Trace, write_arrays
from harness.explain.apart import measure_apart, name_array


def put_trace(folder, **arrays):
    folder.mkdir()
    write_arrays(folder / "x.npz", {name.replace("__", "/"): value for name, value in arrays.items()})
    return Trace(folder, {}, {}, {"x": {"archive": "x.npz"}})


@pytest.fixture(name="traces")
def make_traces(tmp_path):
    ones = np.ones((2, 3, 3))
    first = put_trace(
        tmp_path / "a", plain__conv=ones, input=np.zeros(4), steered__conv__sums=np.float32([3, 4])
    )
    second = put_trace(
        tmp_path / "b", plain__conv=ones * 1.5, input=np.zeros(4), steered__conv__sums=np.float32([3, np.nan])
    )
    return first, second


@pytest.mark.parametrize(
    ("stage", "name"),
    [("input", "input"), ("plain conv1_1", "plain/conv1_1"), ("steered pool3 after", "steered/pool3/after"),
     ("steered fc8", "steered/fc8"), ("logits steered", "logits/steered"), ("order", None), ("tuple", None),
     ("file", None), ("steered conv1_1 strengthened", None)],
)  # fmt: skip
def test_a_stage_has_its_array(stage, name):
    assert name_array(stage) == name


def test_a_distance_is_a_share_of_the_first_sides_values(traces):
    found = measure_apart(traces, "x", "plain conv")
    assert (found.difference, found.apart) == (0.5, 0.5)
    assert measure_apart(traces, "x", "input").apart == 0


@pytest.mark.parametrize(("example", "stage"), [("x", "plain other"), ("y", "plain conv"), ("x", "order"),
                                               ("x", "steered conv sums")])  # fmt: skip
def test_where_there_are_no_two_numbers_there_is_no_distance(traces, example, stage):
    assert measure_apart(traces, example, stage) is None
    assert measure_apart(None, "x", "plain conv") is None
