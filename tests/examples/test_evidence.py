"""Evidence on one array: when a clean image rules a convention out, and when levels are whole."""

import numpy as np

from harness.core.arrays import Preprocess
from harness.examples.evidence import has_whole_levels, join_names, pick_nearest

MODEL = Preprocess(8, 8, mean=(93.5940, 104.7624, 129.1863))


def test_near_and_clear_are_both_needed():
    assert pick_nearest({"a": 8.0, "b": 20.0, "c": 100.0}) == ("a",)
    assert pick_nearest({"a": 8.0, "b": 19.9, "c": 100.0}) == ("a", "b")
    assert pick_nearest({"a": 16.1, "b": 90.0, "c": 100.0}) == ()


def test_levels_are_whole_where_they_are_many_and_nearly_all():
    levels = np.arange(3 * 64, dtype=np.float32).reshape(3, 8, 8)
    assert has_whole_levels(levels, "raw-rgb", MODEL)
    assert has_whole_levels(levels / 255, "unit-rgb", MODEL)
    assert not has_whole_levels(levels + 0.5, "raw-rgb", MODEL)
    assert not has_whole_levels(levels % 15, "raw-rgb", MODEL)
    levels[0, 0, 0] = 0.5
    assert not has_whole_levels(levels, "raw-rgb", MODEL)


def test_names_are_joined_as_people_do():
    assert [join_names(list(text)) for text in ("", "a", "ab", "abc")] == [
        "no convention", "a", "a or b", "a, b or c",
    ]  # fmt: skip
