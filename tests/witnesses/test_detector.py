"""Locating landmarks: with a stand-in for dlib, and with dlib itself where it is installed."""

import sys
from pathlib import Path

import numpy as np
import portraits
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="images are read with OpenCV")

from harness.core.errors import InputError
from harness.witnesses.detector import locate_landmarks
from harness.witnesses.landmarks import read_landmarks


@pytest.fixture(name="dlib")
def use_fake(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "support" / "fakes")
    monkeypatch.delitem(sys.modules, "dlib", raising=False)
    yield
    sys.modules.pop("dlib", None)


@pytest.fixture(name="predictor")
def make_predictor(tmp_path):
    path = tmp_path / "predictor.dat"
    path.write_text("68")
    return path


def write_image(path, faces):
    path.parent.mkdir(exist_ok=True)
    pixels = portraits.draw_face(3).copy()
    pixels[0, 0] = faces
    Image.fromarray(pixels).save(path)
    return path


def locate(places, predictor, path, detector="dlib"):
    return locate_landmarks(places, detector, predictor, path, "opencv", list)


@pytest.mark.usefixtures("dlib")
def test_landmarks_of_files_and_folders_are_written(tmp_path, predictor):
    base = write_image(tmp_path / "base.png", 1)
    others = [write_image(tmp_path / "others" / f"{name}.png", 1) for name in "ab"]
    path = tmp_path / "landmarks.json"
    search = locate([base, tmp_path / "others", base], predictor, path)
    assert (len(search.found), search.refused) == (3, [])
    landmarks = read_landmarks(path)
    assert landmarks.detector.startswith("dlib 0.fake, predictor.dat ")
    assert {landmarks.find(one).width for one in (base, *others)} == {64}
    assert landmarks.find(base).points[9].tolist() == [3.0, 2.0]


@pytest.mark.usefixtures("dlib")
def test_images_that_the_file_has_already_are_replaced_and_others_stay(tmp_path, predictor):
    faces = portraits.write_faces(tmp_path / "faces", others=1)
    again = write_image(faces / "base.png", 1)
    locate([again], predictor, faces / "landmarks.json")
    landmarks = read_landmarks(faces / "landmarks.json")
    assert landmarks.detector.startswith("by hand; dlib 0.fake")
    assert np.array_equal(
        landmarks.find(faces / "others" / "other-0.png").points, portraits.place_marks((0.0, 1))
    )
    assert landmarks.find(again).points[0].tolist() == [0.0, 0.0]


@pytest.mark.usefixtures("dlib")
def test_an_image_that_is_refused_stops_no_other(tmp_path, predictor):
    good, empty = write_image(tmp_path / "good.png", 1), write_image(tmp_path / "empty.png", 0)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(good.read_bytes()[:50])
    search = locate([empty, broken, good], predictor, tmp_path / "landmarks.json")
    assert list(search.found) == ["good.png"]
    assert "empty.png: no face was found" in search.refused[0]
    assert "broken.jpg: " in search.refused[1]


@pytest.mark.usefixtures("dlib")
def test_where_every_image_is_refused_nothing_is_written(tmp_path, predictor):
    locate([write_image(tmp_path / "empty.png", 0)], predictor, tmp_path / "landmarks.json")
    assert not (tmp_path / "landmarks.json").exists()


@pytest.mark.usefixtures("dlib")
def test_of_several_faces_the_largest_is_taken_and_that_is_said(tmp_path, predictor):
    image = write_image(tmp_path / "two.png", 3)
    search = locate([image], predictor, tmp_path / "landmarks.json")
    assert "two.png: 3 faces were found; the largest was taken" in search.notes[0]
    assert search.found["two.png"].points[7, 0] == int((33 + 16) / 9 * 7)


@pytest.mark.usefixtures("dlib")
def test_landmarks_outside_the_image_are_said(tmp_path, predictor):
    image = write_image(tmp_path / "many.png", 9)
    search = locate([image], predictor, tmp_path / "landmarks.json")
    assert "landmarks lie outside the image: point 6 (jaw)" in search.notes[1]


@pytest.mark.usefixtures("dlib")
@pytest.mark.parametrize(
    ("content", "words"), [("5", "predicts 5 points; name a shape predictor for 68"), ("x", "cannot read it")]
)
def test_another_file_than_a_predictor_of_68_points_is_refused(tmp_path, predictor, content, words):
    predictor.write_text(content)
    image = write_image(tmp_path / "face.png", 1)
    with pytest.raises(InputError, match=f"predictor.dat: .*{words}"):
        locate([image], predictor, tmp_path / "landmarks.json")


@pytest.mark.usefixtures("dlib")
def test_names_of_nothing_are_refused(tmp_path, predictor):
    image = write_image(tmp_path / "face.png", 1)
    path = tmp_path / "landmarks.json"
    with pytest.raises(InputError, match=r"none\.dat: is no file; name a shape predictor"):
        locate([image], tmp_path / "none.dat", path)
    with pytest.raises(InputError, match=r"none\.png: is no file and no folder"):
        locate([tmp_path / "none.png"], predictor, path)
    with pytest.raises(InputError, match=r"--detector mtcnn: unknown; there are dlib"):
        locate([image], predictor, path, "mtcnn")


def test_without_dlib_the_error_says_how_to_get_it(tmp_path, predictor, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    image = write_image(tmp_path / "face.png", 1)
    with pytest.raises(
        InputError, match=r"dlib is not here .*pip install dlib; .*compiler.*write the landmarks"
    ):
        locate([image], predictor, tmp_path / "landmarks.json")


def test_dlib_itself_refuses_a_file_that_is_no_predictor(tmp_path):
    pytest.importorskip("dlib", reason="dlib is optional; it takes a compiler")
    image = write_image(tmp_path / "face.png", 0)
    with pytest.raises(InputError, match=r"face\.png: dlib cannot read it"):
        locate([image], image, tmp_path / "landmarks.json")
