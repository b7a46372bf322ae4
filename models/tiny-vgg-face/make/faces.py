"""Render faces: uint8 RGB images of invented people, with their exact 68 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from identity import Colour, Identity, blend_colours, draw_identity, resemble
from landmarks import SIZE, Expression, View, draw_expression, draw_view, lift, place_landmarks, project
from paint import ZOOM, disc, fill, paste, shrink, smooth_line, smooth_loop, stroke

if TYPE_CHECKING:
    from landmarks import Points
    from numpy.typing import NDArray
    from paint import Canvas

IDENTITIES = 100
IMAGE_STREAM = 77_001
"""First entropy word of every image's generator."""
PORTRAIT_STREAM = 88_002
"""Entropy of the one generator of all portraits."""
DARK: Colour = (28.0, 18.0, 18.0)
WHITE: Colour = (236.0, 234.0, 230.0)


@dataclass(frozen=True)
class Face:
    """A rendered face: image (H, W, 3) uint8 RGB, landmarks (68, 2) as x, y."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """One face from one view: what the painting functions share. `marks` are the landmarks on the image."""

    face: Identity
    view: View
    mood: Expression
    marks: Points

    def place(self, flat: Points, forward: float = 0.0) -> Points:
        """Frontal points (N, 2) of the face on the image."""
        return project(lift(flat, self.face, forward), self.view)


def render_face(number: int, split: str, index: int) -> Face:
    """Image `index` of person `number`; a split is a name (`train`, `test`) that keeps seeds apart."""
    rng = np.random.default_rng(np.random.SeedSequence((IMAGE_STREAM, *split.encode(), number, index)))
    scene = set_scene(draw_identity(number), draw_view(rng), draw_expression(rng))
    canvas = paint_scene(scene, rng)
    return Face(expose(shrink(canvas), scene, rng), scene.marks)


def render_portrait(number: int, like: int) -> Face:
    """Person `number` on a 256x256 canvas, straight ahead, blank, with the skin and hair of person `like`.

    Background, clothes and light are the same for all, so two portraits differ in face shape, brows, eyes,
    nose and mouth only. `shrink` brings the image to the network's size.
    """
    rng = np.random.default_rng(np.random.SeedSequence(PORTRAIT_STREAM))
    face = resemble(draw_identity(number), draw_identity(like))
    scene = set_scene(face, View(), Expression())
    return Face(paint_scene(scene, rng), (scene.marks + 0.5) * ZOOM - 0.5)


def set_scene(face: Identity, view: View, mood: Expression) -> Scene:
    """A person seen from somewhere, with the landmarks on the image."""
    return Scene(face, view, mood, project(place_landmarks(face, mood), view))


def paint_scene(scene: Scene, rng: np.random.Generator) -> Canvas:
    """The magnified canvas of a scene; background and clothes are random."""
    canvas = paint_background(rng)
    paint_body(canvas, scene, rng)
    paint_head(canvas, scene)
    for side in (0, 1):
        paint_eye(canvas, scene, side)
    paint_nose(canvas, scene)
    paint_mouth(canvas, scene)
    paint_fringe(canvas, scene)
    return canvas


def paint_background(rng: np.random.Generator) -> Canvas:
    """Coarse random colour patches, stretched over the canvas."""
    base = rng.uniform(40, 215) + rng.normal(0, 18, 3)
    patches = np.clip(base + rng.normal(0, rng.uniform(3, 30), (4, 4, 3)), 0, 255).astype(np.uint8)
    return cv2.resize(patches, (SIZE * ZOOM, SIZE * ZOOM), interpolation=cv2.INTER_LINEAR)


def paint_body(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """Hair behind the head, neck and clothes."""
    face = scene.face
    if face.long_hair:
        fill(canvas, smooth_loop(scene.place(mane_points(face), -0.5)), darken(face.hair, 0.8))
    clothes = np.clip(rng.uniform(30, 200) + rng.normal(0, 25, 3), 10, 240)
    neck = np.array([[-0.34, 0.5], [0.34, 0.5], [0.42, 2.2], [-0.42, 2.2]])
    fill(canvas, scene.place(neck, -0.3), darken(face.skin, 0.78))
    shirt = np.array(
        [[-0.32, 1.18], [0, 1.38], [0.32, 1.18], [1.3, 1.5], [1.6, 2.6], [-1.6, 2.6], [-1.3, 1.5]]
    )
    fill(canvas, scene.place(shirt, -0.3), (float(clothes[0]), float(clothes[1]), float(clothes[2])))


def mane_points(face: Identity) -> Points:
    """Outline of long hair."""
    width, top = face.face_width * face.hair_volume + 0.06, -face.hair_volume
    return np.array(
        [
            [-width, 1.15],
            [-width, -0.4],
            [-0.6, top],
            [0, top - 0.12],
            [0.6, top],
            [width, -0.4],
            [width, 1.15],
        ]
    )


def crown_points(face: Identity, radius: float) -> Points:
    """An arc over the head from ear to ear, `radius` times as large as the skull."""
    angle = np.linspace(0, np.pi, 13)
    return np.stack([-face.face_width * radius * np.cos(angle), -0.12 - 0.9 * radius * np.sin(angle)], axis=1)


def paint_head(canvas: Canvas, scene: Scene) -> None:
    """Hair cap, ears, skin, beard and brows."""
    face, marks = scene.face, scene.marks
    fill(canvas, scene.place(crown_points(face, face.hair_volume)), face.hair)
    scale = scene.view.scale
    for end in (0, 16):
        disc(canvas, marks[end] + (0, 0.08 * scale), 0.13 * scale, darken(face.skin, 0.86))
    skull = np.concatenate([smooth_line(marks[:17]), scene.place(crown_points(face, 0.98)[::-1])])
    fill(canvas, skull, face.skin)
    if face.beard > 0:
        fill(canvas, beard_outline(scene), blend_colours(face.skin, face.hair, 0.25 + face.beard))
    for brow in (marks[17:22], marks[22:27]):
        stroke(canvas, smooth_line(brow), darken(face.hair, 0.75), face.brow_thickness * scene.view.scale)


def beard_outline(scene: Scene) -> Points:
    """Along the jaw and back above the upper lip."""
    face, jaw = scene.face, scene.marks[2:15]
    x = np.linspace(0.85, -0.85, 9) * face.face_width
    bow = 0.5 * (face.nose_y + face.mouth_y) + 0.02 + 0.2 * (np.abs(x) - 0.2) * (np.abs(x) < 0.3)
    return np.concatenate([smooth_line(jaw), scene.place(np.stack([x, bow], axis=1))])


def paint_eye(canvas: Canvas, scene: Scene, side: int) -> None:
    """Lid, white, iris and pupil (cut to the opening), lash line; side 0 is on the left of the image."""
    face, scale = scene.face, scene.view.scale
    corners = scene.marks[36 + 6 * side : 42 + 6 * side]
    middle = corners.mean(0)
    rim = smooth_loop(corners)
    fill(canvas, middle + (rim - middle) * (1.25, 1.7), darken(face.skin, 0.92 - 0.4 * face.lid))
    layer = canvas.copy()
    fill(layer, rim, WHITE)
    pupil = middle + np.array(scene.mood.gaze) * (0.28, 0.12) * face.eye_width * scale
    disc(layer, pupil, face.iris * scale, face.iris_colour)
    disc(layer, pupil, face.iris * 0.45 * scale, DARK)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    fill(mask, rim, 255)
    paste(canvas, layer, mask)
    stroke(canvas, smooth_line(corners[:4]), DARK, 0.02 * scale)


def paint_nose(canvas: Canvas, scene: Scene) -> None:
    """A shaded wedge from the bridge to the base, a lit ridge, and nostrils."""
    face, marks, scale = scene.face, scene.marks, scene.view.scale
    shade = darken(face.skin, face.nose_shade)
    wing = (face.bridge_width * scale, 0.0)
    wedge = np.stack(
        [marks[27] - wing, marks[31], marks[32], marks[33], marks[34], marks[35], marks[27] + wing]
    )
    fill(canvas, wedge, blend_colours(face.skin, shade, 0.55))
    stroke(canvas, smooth_line(marks[31:36]), shade, 0.05 * scale)
    stroke(canvas, marks[28:31], blend_colours(face.skin, WHITE, 0.35), 1.4 * face.bridge_width * scale)
    disc(canvas, marks[30], 0.32 * face.nose_width * scale, blend_colours(face.skin, WHITE, 0.3))
    for nostril in (32, 34):
        disc(canvas, marks[nostril] - (0, 0.01 * scale), 0.16 * face.nose_width * scale, darken(shade, 0.45))


def paint_mouth(canvas: Canvas, scene: Scene) -> None:
    """Lips, the opening, and teeth in it."""
    face, marks, scale = scene.face, scene.marks, scene.view.scale
    fill(canvas, smooth_loop(marks[48:60]), face.lips)
    fill(canvas, marks[60:68], darken(face.lips, 0.3))
    teeth = np.concatenate([marks[61:64], np.add(marks[61:64][::-1], (0, 0.035 * scene.mood.gape * scale))])
    fill(canvas, teeth, WHITE if scene.mood.gape > 0.3 else darken(face.lips, 0.3))
    upper = np.stack([marks[48], marks[60], marks[61], marks[62], marks[63], marks[64], marks[54]])
    stroke(canvas, upper, darken(face.lips, 0.55), 0.018 * scale)


def paint_fringe(canvas: Canvas, scene: Scene) -> None:
    """Hair that falls over the forehead, parted to one side."""
    face = scene.face
    width = face.face_width
    line = np.array(
        [
            [1.0 * width, -0.2],
            [0.86 * width, face.hairline + 0.14 + 0.2 * face.hair_side],
            [0.4 * width, face.hairline],
            [0.9 * face.hair_side, face.hairline - 0.08],
            [-0.4 * width, face.hairline],
            [-0.86 * width, face.hairline + 0.14 - 0.2 * face.hair_side],
            [-1.0 * width, -0.2],
        ]
    )
    crown = crown_points(face, face.hair_volume)
    fill(canvas, np.concatenate([scene.place(crown), scene.place(line)]), face.hair)


def expose(image: Canvas, scene: Scene, rng: np.random.Generator) -> Canvas:
    """Light, white balance, blur and noise of one photograph, as uint8."""
    y, x = (np.mgrid[:SIZE, :SIZE] - 32.0) / 32.0
    towards = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0.0, 0.35)
    light = rng.uniform(0.75, 1.15) * (1 + slope * (x * np.cos(towards) + y * np.sin(towards)))
    nose_x, nose_y = (scene.marks[30] - 32.0) / 32.0
    vignette = 1.04 - 0.18 * ((x - nose_x) ** 2 + (y - nose_y) ** 2)
    balance = rng.uniform(0.9, 1.1, 3)
    picture = image * (light * vignette)[..., None] * balance
    picture = cv2.GaussianBlur(picture, (3, 3), rng.uniform(0.1, 0.7))
    picture += rng.normal(0, rng.uniform(1, 6), picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def darken(colour: Colour, share: float) -> Colour:
    """The colour at `share` of its brightness."""
    return (colour[0] * share, colour[1] * share, colour[2] * share)
