"""Where patches and glasses may be."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="frames are drawn with OpenCV")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "tiny-vgg-face" / "make"))

import faces

from harness.attacks.masks import mask_glasses, mask_patch
from harness.attacks.recipes import Glasses, PatchRecipe

SEEN = [(0, 0), (17, 2), (40, 1), (99, 5)]


def test_the_patch_is_the_published_square():
    rows, columns = np.nonzero(mask_patch(224, 224, PatchRecipe()))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (145, 203, 145, 203)
    assert mask_patch(64, 64, PatchRecipe()).sum() == 17 * 17
    assert mask_patch(4, 4, PatchRecipe(0.5, 0.01)).sum() == 1
    assert mask_patch(64, 32, PatchRecipe(0.9999, 0.0001)).sum() == 1


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_frames_go_around_the_eyes(number, index):
    marks = faces.render_face(number, "test", index).landmarks
    mask = mask_glasses(marks, 64, 64, Glasses())
    assert 0.03 < mask.mean() < 0.09
    for eye in (marks[36:42], marks[42:48]):
        x, y = np.rint(eye.mean(0)).astype(int)
        assert not mask[y, x]
        assert mask[y:, x].any()
        assert mask[:y, x].any()
    between = np.rint((marks[36:42].mean(0) + marks[42:48].mean(0)) / 2).astype(int)
    assert mask[between[1] - 4 : between[1] + 3, between[0]].any()
    mouth = np.rint(marks[48:60].mean(0)).astype(int)
    assert not mask[mouth[1], mouth[0]]


@pytest.mark.parametrize(("number", "index"), SEEN)
def test_frames_move_with_the_face(number, index):
    marks = faces.render_face(number, "test", index).landmarks
    mask = mask_glasses(marks, 64, 64, Glasses())
    moved = mask_glasses(np.add(marks, (3, 2)), 64, 64, Glasses())
    assert (np.roll(mask, (2, 3), (0, 1)) == moved)[6:-6, 6:-6].mean() > 0.99
    assert (mask == moved).mean() < 0.99


def test_thicker_rims_hold_thinner_ones():
    marks = faces.render_face(17, "test", 2).landmarks
    thin, thick = (mask_glasses(marks, 64, 64, Glasses(rim)) for rim in (0.1, 0.2))
    assert thick.sum() > 1.5 * thin.sum()
    assert (thin & ~thick).sum() < 3


def test_frames_outside_the_image_are_cut():
    marks = faces.render_face(17, "test", 2).landmarks - (0, 60)
    assert mask_glasses(marks, 64, 64, Glasses()).sum() < 40
