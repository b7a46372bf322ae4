"""The landmarks file: written, read, and refused with file, image and point."""

import json

import numpy as np
import portraits
import pytest

pytest.importorskip("cv2", reason="landmarks are for exchanging attributes, which takes OpenCV")

from harness.core.errors import InputError
from harness.witnesses.landmarks import (
    CUTTING,
    Landmarks,
    Located,
    check_inside,
    lies_inside,
    name_image,
    name_point,
    read_landmarks,
    write_landmarks,
)
from harness.witnesses.mutation import Portrait, mutate_pair

DEEP = "[" * 100_000


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    return portraits.write_faces(tmp_path / "faces", others=2)


def test_what_is_written_is_read_again(folder):
    landmarks = read_landmarks(folder / "landmarks.json")
    assert landmarks.detector == "by hand"
    assert list(landmarks.images) == ["base.png", "others/other-0.png", "others/other-1.png"]
    located = landmarks.find(folder / "others" / "other-1.png")
    assert np.array_equal(located.points, portraits.place_marks((1.0, 0)))
    assert (located.width, located.height) == (64, 64)


def test_images_are_named_from_the_files_own_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder / "others")
    assert read_landmarks(folder / "landmarks.json").find(folder / "others" / "../base.png").width == 64
    assert name_image(tmp_path / "else.png", folder / "landmarks.json") == "../else.png"


def test_images_are_found_in_either_unicode_form(folder):
    path, (nfc, nfd) = folder / "landmarks.json", ("Zo\u00e9.png", "Zoe\u0301.png")
    data = json.loads(path.read_text())
    data["images"][nfd] = data["images"]["base.png"]
    path.write_text(json.dumps(data))
    for name in (nfc, nfd):
        assert read_landmarks(path).find(folder / name).width == 64
    data["images"][nfc] = data["images"]["base.png"]
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="the same but for the form of their letters"):
        read_landmarks(path)


def test_an_image_without_landmarks_is_named_with_the_way_out(folder):
    with pytest.raises(
        InputError, match=r"landmarks.json: has no landmarks of new.png; .*harness.* landmarks`"
    ):
        read_landmarks(folder / "landmarks.json").find(folder / "new.png")


def change(data, *path_and_value):
    *path, last, value = path_and_value
    for key in path:
        data = data[key]
    data[last] = value


@pytest.mark.parametrize(
    ("path_and_value", "words"),
    [
        (("schema", 2), 'no landmarks file; it has to hold "schema": 1'),
        (("images", []), "no landmarks file"),
        (
            ("images", "base.png", {"width": 3}),
            "base.png: has no 'height'; it has to have width, height, points",
        ),
        (("images", "base.png", "points", [[1, 2]] * 67), "base.png: has 67 points, not 68"),
        (("images", "base.png", "points", 5), "base.png: 'points' must be a list, not 5"),
        (("images", "base.png", "points", 37, [1, 2, 3]), r"base.png: point 37 \(left eye\) is \[1, 2, 3\]"),
        (("images", "base.png", "points", 50, [1, "a"]), r"point 50 \(mouth\) is \[1, 'a'\], not x, y"),
        (("images", "base.png", "points", 0, [None, 3]), r"point 0 \(jaw\)"),
        (
            ("images", "base.png", "points", 44, [float("nan"), 3]),
            "no JSON that can be read .NaN is no number",
        ),
        (("images", "base.png", "points", 30, [1e300, 3]), r"point 30 \(nose\) is at"),
        (("images", "base.png", "points", 30, [10**400, 3]), "no JSON that can be read .*more than 64 bits"),
        (("images", "base.png", "points", 30, [1, 10**6]), r"point 30 \(nose\) is at"),
        (("images", "base.png", "points", 30, ["1", 3]), r"point 30 \(nose\) is \['1', 3\], not x, y"),
        (("images", "base.png", "width", "64"), "base.png: 'width' must be a whole number, not '64'"),
        (("images", "base.png", "width", float("inf")), "no JSON that can be read"),
    ],
)
def test_what_is_wrong_is_named(folder, path_and_value, words):
    path = folder / "landmarks.json"
    data = json.loads(path.read_text())
    change(data, *path_and_value)
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=rf"landmarks\.json.*{words}"):
        read_landmarks(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1, "images": {"a": 1, "a": 2}}', "\udcff", DEEP])
def test_what_is_no_landmarks_file_is_refused(tmp_path, text):
    path = tmp_path / "landmarks.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"landmarks\.json"):
        read_landmarks(path)
    with pytest.raises(InputError, match=r"none\.json"):
        read_landmarks(tmp_path / "none.json")


def test_an_image_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "landmarks.json"
    path.write_text('{"schema": 1, "images": {"a.png": 1, "b.png": 1, "a.png": 2}}')
    with pytest.raises(InputError, match=r"'a\.png' is given twice"):
        read_landmarks(path)


@pytest.mark.parametrize("number", CUTTING)
def test_a_cutting_landmark_outside_the_image_is_named(number):
    points = portraits.place_marks()
    check_inside("faces.json, a.png", Located(64, 64, points))
    points[number] = (3, 64.0)
    with pytest.raises(
        InputError, match=rf"faces.json, a.png: point {number} \(.*\) is at 3, 64, outside its 64x64"
    ):
        check_inside("faces.json, a.png", Located(64, 64, points))


def test_only_landmarks_that_nothing_is_cut_by_may_lie_outside():
    """Moving any other landmark changes no mutated image."""
    image, points = portraits.draw_face(1), portraits.place_marks()
    moved = points.copy()
    free = [number for number in range(68) if number not in CUTTING]
    moved[free] = -5.0
    check_inside("a.png", Located(64, 64, moved))
    other = Portrait(portraits.draw_face(2), portraits.place_marks((1.0, 1.0)))
    for attribute in ("leye", "reye", "nose", "mouth"):
        first, second = (mutate_pair(Portrait(image, marks), other, attribute) for marks in (points, moved))
        assert np.array_equal(first, second)


def test_points_are_named_by_their_part():
    assert [name_point(number) for number in (0, 17, 33, 41, 42, 67)] == [
        "point 0 (jaw)", "point 17 (brows)", "point 33 (nose)", "point 41 (left eye)", "point 42 (right eye)",
        "point 67 (mouth)",
    ]  # fmt: skip
    assert not lies_inside(Located(4, 4, np.array([[0.0, 3.5]])), 0)
    assert lies_inside(Located(4, 4, np.array([[3.0, 0.0]])), 0)


def test_a_file_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_landmarks(Landmarks(tmp_path / "file" / "landmarks.json", "x", {}))
