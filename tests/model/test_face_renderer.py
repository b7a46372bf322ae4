"""The face renderer of the bundled model."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="faces are drawn with OpenCV")
MAKE = Path(__file__).resolve().parents[2] / "models" / "tiny-vgg-face" / "make"
sys.path.insert(0, str(MAKE))

import faces
import landmarks
from identity import RANGES, draw_identity
from paint import ZOOM

SEEN = [(0, 0), (17, 2), (40, 1), (99, 5)]


def make_scene(number, index):
    rng = np.random.default_rng((number, index))
    face, view, mood = draw_identity(number), landmarks.draw_view(rng), landmarks.draw_expression(rng)
    marks = landmarks.project(landmarks.place_landmarks(face, mood), view)
    return faces.Scene(face, view, mood, marks)


def painted_box(paint, *arguments):
    """Left, top, right, bottom of what a painting function changes, in image pixels."""
    canvas = np.full((landmarks.SIZE * ZOOM, landmarks.SIZE * ZOOM, 3), 255, np.uint8)
    paint(canvas, *arguments)
    rows, columns = np.nonzero((canvas != 255).any(-1))
    edges = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
    return (edges + 0.5) / ZOOM - 0.5


def marked_box(marks):
    return np.concatenate([marks.min(0), marks.max(0)])


def test_same_seed_gives_same_face():
    first, again = faces.render_face(3, "test", 4), faces.render_face(3, "test", 4)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.landmarks, again.landmarks)
    assert first.image.shape == (64, 64, 3)
    assert first.image.dtype == np.uint8


@pytest.mark.parametrize("other", [(4, "test", 4), (3, "train", 4), (3, "test", 5)])
def test_person_split_and_index_each_change_the_image(other):
    assert not np.array_equal(faces.render_face(3, "test", 4).image, faces.render_face(*other).image)


def test_no_two_people_are_alike():
    lengths = np.array([[getattr(draw_identity(n), key) for key in RANGES] for n in range(faces.IDENTITIES)])
    low, high = np.array(list(RANGES.values())).T
    scaled = (lengths - low) / (high - low)
    apart = np.linalg.norm(scaled[:, None] - scaled[None], axis=-1)
    assert apart[~np.eye(len(apart), dtype=bool)].min() > 1.0


def test_portraits_look_straight_ahead():
    portrait, again = faces.render_portrait(8, 3), faces.render_portrait(8, 3)
    assert portrait.image.shape == (256, 256, 3)
    assert portrait.landmarks[27, 0] == pytest.approx(32.5 * ZOOM - 0.5)
    assert portrait.landmarks[36, 1] == pytest.approx(portrait.landmarks[45, 1])
    assert np.array_equal(portrait.image, again.image)


def test_portraits_share_hair_and_background():
    background, hair = np.s_[:, :8], np.s_[50:60, 118:138]
    first, second, other = (faces.render_portrait(*pair).image for pair in ((8, 3), (60, 3), (8, 1)))
    for patch in (background, hair):
        assert np.array_equal(first[patch], second[patch])
    assert not np.array_equal(first[hair], other[hair])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_landmarks_are_in_the_usual_order(number, index):
    marks = make_scene(number, index).marks
    assert marks.shape == (68, 2)
    x, y = marks.T
    assert (np.diff(x[2:15]) > 0).all()
    assert (np.diff(x[17:22]) > 0).all()
    assert (np.diff(x[22:27]) > 0).all()
    assert (np.diff(y[27:31]) > 0).all()
    assert (np.diff(x[31:36]) > 0).all()
    assert (np.diff(x[[36, 37, 38, 39, 42, 43, 44, 45]]) > 0).all()
    assert (y[[37, 38, 43, 44]] < y[[41, 40, 47, 46]]).all()
    assert (np.diff(x[48:55]) > 0).all()
    assert (np.diff(x[54:60]) < 0).all()
    assert (np.diff(x[60:65]) > 0).all()
    assert y[51] < y[62] < y[66] < y[57] < y[8]


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_landmarks_lie_inside_the_image(number, index):
    marks = faces.render_face(number, "test", index).landmarks
    assert (marks >= 0).all()
    assert (marks[17:] <= 63).all()


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_mouth_is_painted_at_its_landmarks(number, index):
    scene = make_scene(number, index)
    box = painted_box(faces.paint_mouth, scene)
    assert np.abs(box - marked_box(scene.marks[48:68])).max() < 0.8
    assert np.abs(box - marked_box(np.add(scene.marks[48:68], (2, 0)))).max() > 1.0


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("number", "index"), SEEN)
def test_eye_is_painted_at_its_landmarks(number, index, side):
    scene = make_scene(number, index)
    marks = scene.marks[36 + 6 * side : 42 + 6 * side]
    wide = marks.mean(0) + (marks - marks.mean(0)) * (1.25, 1.7)
    box = painted_box(faces.paint_eye, scene, side)
    assert np.abs(box - marked_box(wide)).max() < 1.0
    assert np.abs(box - marked_box(np.add(wide, (0, 3)))).max() > 1.5


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_nose_is_painted_at_its_landmarks(number, index):
    scene = make_scene(number, index)
    box = painted_box(faces.paint_nose, scene)
    marked = marked_box(scene.marks[27:36])
    assert np.abs(box[[0, 2]] - marked[[0, 2]]).max() < 1.6
    assert abs(box[3] - marked[3]) < 1.6


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_chin_ends_at_its_landmark(number, index):
    scene = make_scene(number, index)
    bald = dataclasses.replace(scene, face=dataclasses.replace(scene.face, hair_volume=1.0, beard=-1.0))
    box = painted_box(faces.paint_head, bald)
    assert abs(box[3] - scene.marks[:17, 1].max()) < 0.8


def test_exposure_keeps_whole_levels_in_range():
    scene = make_scene(0, 0)
    bright = np.full((64, 64, 3), 250, np.uint8)
    picture = faces.expose(bright, scene, np.random.default_rng(0))
    assert picture.dtype == np.uint8
    assert picture.mean() > 100
