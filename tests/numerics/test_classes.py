"""Environments fall into classes by equal bits, and what goes with a split is named."""

from numerics_readings import reading

from harness.numerics.classes import find_classes, find_splits

A = reading("a", "11", "iabc", threads=1, precision="x")
B = reading("b", "11", "iabd", threads=1, precision="y")
C = reading("c", "21", "ixyz", threads=1, precision="z")


def test_every_split_has_its_blob_and_its_parts():
    splits = find_splits([A, B, C])
    assert [(one.blob, one.parts) for one in splits] == [
        ("conv", (("a", "b"), ("c",))),
        ("fc", (("a",), ("b",))),
    ]
    assert sorted(find_classes([A, B, C], splits)) == [("a",), ("b",), ("c",)]


def test_environments_with_equal_bits_are_one_class():
    same = [A, reading("d", "11", "iabc")]
    assert find_splits(same) == []
    assert find_classes(same, []) == [("a", "d")]


def test_what_parted_is_not_joined_again():
    splits = find_splits([A, reading("d", "11", "ixbc")])
    assert [one.blob for one in splits] == ["conv"]


def test_properties_are_the_same_within_parts_and_differ_between():
    parts = [
        reading("a", "11", "iabc", winograd=True, tf32=1),
        reading("b", "11", "iabc", winograd=True, tf32=2),
        reading("c", "11", "ixyz", winograd=False, tf32=1),
    ]
    (split,) = find_splits(parts)
    assert [(one.name, one.values) for one in split.properties] == [("setting winograd", ("True", "False"))]


def test_what_tells_all_parts_apart_comes_first():
    parts = [
        reading("a", "11", "i1bc", device="x", precision="p"),
        reading("b", "11", "i2bc", device="x", precision="q"),
        reading("c", "11", "i3bc", device="y", precision="r"),
    ]
    (split,) = find_splits(parts)
    assert [one.name for one in split.properties] == ["setting precision", "setting device"]
