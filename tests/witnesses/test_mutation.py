"""Exchanging attributes between faces."""

import dataclasses

import numpy as np
import portraits
import pytest

cv2 = pytest.importorskip("cv2", reason="attributes are exchanged with OpenCV")

from harness.ami.port import ATTRIBUTES
from harness.core.errors import InputError
from harness.witnesses.mutation import (
    Portrait,
    attribute_corners,
    attribute_mask,
    attribute_outline,
    cut_attribute,
    mutate_faces,
    mutate_pair,
    pen_thickness,
    shrink_image,
    transplant_attribute,
)

SIZE = 112


def make_portrait(level, shift=(0.0, 0.0), size=SIZE):
    return Portrait(
        np.full((size, size, 3), level, np.uint8), portraits.place_marks(shift, size), f"grey {level}"
    )


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_only_pixels_near_the_attribute_change(attribute):
    base, other = make_portrait(80), make_portrait(200, (6.0, -4.0))
    for receiver, made in zip((base, other), mutate_pair(base, other, attribute), strict=True):
        changed = (made != receiver.image).any(-1)
        assert changed.any()
        near = cv2.dilate(attribute_mask(receiver, attribute), np.ones((5, 5), np.uint8)) > 0
        assert not (changed & ~near).any()


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_the_attribute_arrives_where_the_receiver_has_its_own(attribute):
    base, other = make_portrait(80), make_portrait(200, (6.0, -4.0))
    substitution, preservation = mutate_pair(base, other, attribute)
    for made, level, receiver in ((substitution, 200, base), (preservation, 80, other)):
        x, y = attribute_corners(receiver.landmarks, attribute).mean(0).round().astype(int)
        assert (made[y, x] == level).all()


def test_substitution_and_preservation_are_not_the_same_way_round():
    base, other = make_portrait(80), make_portrait(200)
    assert mutate_pair(base, other, "nose")[0].mean() < mutate_pair(base, other, "nose")[1].mean()


def test_a_face_keeps_its_inside_when_it_gets_its_own_attribute():
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.integers(40, 255, (SIZE, SIZE, 3), dtype=np.uint8), (5, 5), 2)
    portrait = Portrait(noise, portraits.place_marks(size=SIZE))
    for attribute in ATTRIBUTES:
        made = transplant_attribute(portrait, portrait, attribute)
        assert np.abs(made.astype(int) - noise).max() <= 1


def test_an_attribute_is_stretched_to_the_receivers_size():
    small = make_portrait(80)
    widened = portraits.place_marks(size=SIZE)
    widened[48:68] = (widened[48:68] - widened[57]) * (1.5, 1.5) + widened[57]
    wide = Portrait(np.full((SIZE, SIZE, 3), 200, np.uint8), widened)
    grown = (transplant_attribute(small, wide, "mouth") != 200).any(-1).sum()
    shrunk = (transplant_attribute(wide, small, "mouth") != 80).any(-1).sum()
    assert grown > 1.8 * shrunk


def test_dark_pixels_are_not_pasted():
    dark, bright = make_portrait(10), make_portrait(200)
    assert np.array_equal(transplant_attribute(dark, bright, "leye"), bright.image)
    assert not np.array_equal(transplant_attribute(make_portrait(11), bright, "leye"), bright.image)


def test_eyes_are_cut_as_rectangles():
    marks = portraits.place_marks(size=SIZE)
    corners = attribute_corners(marks, "leye")
    assert corners.tolist() == [
        [marks[36, 0], marks[37, 1]],
        [marks[39, 0], marks[37, 1]],
        [marks[36, 0], marks[41, 1]],
        [marks[39, 0], marks[41, 1]],
    ]
    assert attribute_corners(marks, "reye")[0].tolist() == [marks[42, 0], marks[43, 1]]


def test_nose_and_mouth_corners_come_from_their_landmarks():
    marks = portraits.place_marks(size=SIZE)
    assert attribute_corners(marks, "nose")[2].tolist() == [marks[31, 0], marks[33, 1]]
    assert attribute_corners(marks, "mouth")[1].tolist() == [marks[64, 0], min(marks[50, 1], marks[52, 1])]
    assert len(attribute_outline(marks, "mouth")) >= 7


def test_the_pen_grows_with_the_image():
    assert [pen_thickness(height) for height in (8, 64, 112, 224, 448)] == [1, 3, 6, 12, 24]


def test_the_margin_surrounds_the_region():
    portrait = make_portrait(80)
    mask = attribute_mask(portrait, "reye") > 0
    left, top = attribute_corners(portrait.landmarks, "reye")[0].round().astype(int)
    assert mask[top - 2, left - 2]
    assert not mask[top - 6, left - 6]
    assert (cut_attribute(portrait, "reye")[~mask] == 0).all()


def test_inputs_stay_as_they_were():
    base, other = make_portrait(80), make_portrait(200)
    mutate_pair(base, other, "mouth")
    assert (base.image == 80).all()
    assert (other.image == 200).all()


def test_faces_are_exchanged_at_their_own_size_and_then_shrunk():
    base, others = make_portrait(80), [make_portrait(200), make_portrait(120, (6.0, -4.0))]
    substitution, preservation = mutate_faces(base, others, "mouth", (56, 56))
    assert substitution.shape == preservation.shape == (2, 56, 56, 3)
    expected = mutate_pair(base, others[1], "mouth")[0].reshape(56, 2, 56, 2, 3).mean((1, 3))
    assert np.abs(substitution[1] - expected).max() <= 0.5
    assert np.abs(substitution[0] - expected).max() > 5


def test_an_image_of_the_right_size_is_not_touched():
    image = make_portrait(80).image
    assert shrink_image(image, (SIZE, SIZE)) is image


def spoil(portrait, **marks):
    spoiled = portrait.landmarks.copy()
    for place, value in marks.items():
        spoiled[int(place[1:])] = value
    return dataclasses.replace(portrait, landmarks=spoiled)


@pytest.mark.parametrize(
    ("spoiled", "attribute", "message"),
    [
        (spoil(make_portrait(80), m39=(0, 0)), "leye", "no area"),
        (spoil(make_portrait(80), m33=(56, 40), m30=(56, 40)), "nose", "no area"),
        (spoil(make_portrait(80), m57=(56, np.nan)), "mouth", "not finite"),
        (make_portrait(80, (40.0, 0.0)), "reye", "outside"),
        (dataclasses.replace(make_portrait(80), landmarks=np.zeros((5, 2))), "nose", "68 points"),
        (dataclasses.replace(make_portrait(80), image=np.zeros((8, 8), np.uint8)), "nose", "uint8 RGB"),
        (make_portrait(80), "chin", "no such attribute"),
    ],
)
def test_unusable_portraits_are_refused(spoiled, attribute, message):
    with pytest.raises(InputError, match=message):
        transplant_attribute(spoiled, make_portrait(200), attribute)
    with pytest.raises(InputError, match=message):
        transplant_attribute(make_portrait(200), spoiled, attribute)
