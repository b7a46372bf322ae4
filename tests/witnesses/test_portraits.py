"""Faces read from files and checked against each other."""

import json
import shutil
import sys

import numpy as np
import portraits
import pytest
import small_model
from PIL import Image

pytest.importorskip("cv2", reason="faces are read for exchanging attributes, which takes OpenCV")

from harness.core.errors import InputError
from harness.model.folder import read_model
from harness.witnesses.landmarks import read_landmarks
from harness.witnesses.portraits import list_ignored, list_images, list_others, read_portraits


@pytest.fixture(name="model", scope="module")
def make_model(tmp_path_factory):
    return read_model(small_model.write_model(tmp_path_factory.mktemp("models") / "small", 2))


@pytest.fixture(name="faces")
def make_faces(tmp_path):
    return portraits.write_faces(tmp_path / "faces")


def read(faces, model):
    paths = [faces / "base.png", *list_others(faces / "base.png", faces / "others")]
    return read_portraits(paths, read_landmarks(faces / "landmarks.json"), model, "opencv")


def test_faces_come_with_their_landmarks(faces, model):
    found = read(faces, model)
    assert [portrait.name.rpartition("/")[2] for portrait in found] == [
        "base.png", "other-0.png", "other-1.png", "other-2.png",
    ]  # fmt: skip
    for seed, portrait in enumerate(found):
        assert np.array_equal(portrait.image, portraits.draw_face(seed))
        assert np.array_equal(portrait.landmarks, portraits.place_marks((seed % 3 - 1.0, seed % 2)))


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system keeps one form alone")
def test_two_images_that_are_stored_alike_are_told(faces):
    for name in ("Zo\u00e9.png", "Zoe\u0301.png"):
        shutil.copyfile(faces / "base.png", faces / "others" / name)
    with pytest.raises(InputError, match="there is another image named"):
        list_images(faces / "others")


def test_only_images_are_listed_and_the_rest_can_be_named(faces):
    (faces / "others" / "readme.txt").write_text("x")
    (faces / "others" / ".hidden.png").write_text("x")
    (faces / "others" / "B.JPG").write_bytes((faces / "base.png").read_bytes())
    assert [path.name for path in list_images(faces / "others")] == [
        "B.JPG", "other-0.png", "other-1.png", "other-2.png",
    ]  # fmt: skip
    assert list_ignored(faces / "others") == [".hidden.png", "readme.txt"]


def test_the_base_among_the_others_is_refused(faces):
    shutil.copy(faces / "base.png", faces / "others" / "zoe.png")
    with pytest.raises(InputError, match=r"zoe\.png: is the base face itself \(.*base\.png\)"):
        list_others(faces / "base.png", faces / "others")


def test_no_others_are_refused(faces, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: holds no image"):
        list_others(faces / "base.png", tmp_path / "empty")
    with pytest.raises(InputError, match="none: cannot be read as a folder"):
        list_others(faces / "base.png", tmp_path / "none")
    with pytest.raises(InputError, match=r"base\.png: cannot be read as a folder"):
        list_others(faces / "base.png", faces / "base.png")


def test_two_images_of_one_name_are_refused(faces):
    Image.fromarray(portraits.draw_face(9)).save(faces / "others" / "other-1.jpg")
    with pytest.raises(InputError, match=r"other-1\.jpg: there is another image named other-1 beside it"):
        list_others(faces / "base.png", faces / "others")


def test_an_unreadable_image_is_named(faces, model):
    (faces / "others" / "other-1.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"other-1\.png: "):
        read(faces, model)


def test_a_face_without_landmarks_is_named(faces, model):
    Image.fromarray(portraits.draw_face(9)).save(faces / "others" / "new.png")
    with pytest.raises(InputError, match=r"has no landmarks of others/new\.png"):
        read(faces, model)


def test_a_face_of_another_size_is_refused(faces, model):
    Image.fromarray(portraits.draw_face(9, 96)).save(faces / "others" / "other-1.png")
    with pytest.raises(InputError, match=r"other-1\.png: landmarks of an image of 64x64, but it has 96x96"):
        read(faces, model)
    data = json.loads((faces / "landmarks.json").read_text())
    data["images"]["others/other-1.png"].update(width=96, height=96)
    (faces / "landmarks.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"other-1\.png: has 96x96 pixels, the base face 64x64"):
        read(faces, model)


def test_landmarks_outside_their_image_are_refused(faces, model):
    data = json.loads((faces / "landmarks.json").read_text())
    data["images"]["others/other-0.png"]["points"][36] = [-2, 3]
    (faces / "landmarks.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"landmarks\.json, other-0\.png: point 36 \(left eye\) is at -2, 3"):
        read(faces, model)


@pytest.mark.parametrize("size", [(24, 24), (64, 48)])
def test_faces_that_cannot_be_shrunk_to_the_network_are_refused(faces, model, size):
    for path in (faces / "base.png", *(faces / "others").iterdir()):
        Image.new("RGB", size, (90, 90, 90)).save(path)
    data = json.loads((faces / "landmarks.json").read_text())
    for entry in data["images"].values():
        entry.update(width=size[0], height=size[1], points=[[9, 9]] * 68)
    (faces / "landmarks.json").write_text(json.dumps(data))
    landmarks = read_landmarks(faces / "landmarks.json")
    with pytest.raises(InputError, match=rf"has {size[0]}x{size[1]} pixels; model small takes 32x32"):
        read_portraits([faces / "base.png"], landmarks, model, "opencv")
