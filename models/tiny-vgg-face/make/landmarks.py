"""Where everything in a face is: 68 landmarks in space, and the view that puts them on an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from identity import Identity

Points: TypeAlias = NDArray[np.float64]
SIZE = 64
"""Height and width of an image in pixels."""


@dataclass(frozen=True)
class Expression:
    """What a face does: shares of a smile, an open mouth and a blink, raised brows, gaze."""

    smile: float = 0.0
    gape: float = 0.0
    blink: float = 0.0
    frown: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class View:
    """Angles in radians; `scale` is pixels per half face height; `centre` is (x, y) in pixels."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 24.0
    centre: tuple[float, float] = (32.0, 34.0)


def draw_expression(rng: np.random.Generator) -> Expression:
    """A random expression."""
    return Expression(
        smile=float(rng.uniform(-0.4, 1.0)),
        gape=float(max(0.0, rng.uniform(-1.0, 1.0))),
        blink=float(rng.uniform(0.0, 0.35)),
        frown=float(rng.uniform(-1.0, 1.0)),
        gaze=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
    )


def draw_view(rng: np.random.Generator) -> View:
    """A random view: turned up to 23 degrees, nodding and tilted up to 9, moved up to 2.5 pixels."""
    return View(
        yaw=float(rng.uniform(-0.4, 0.4)),
        pitch=float(rng.uniform(-0.16, 0.16)),
        roll=float(rng.uniform(-0.16, 0.16)),
        scale=float(rng.uniform(21.5, 25.5)),
        centre=(float(32 + rng.uniform(-2.5, 2.5)), float(34 + rng.uniform(-2.5, 2.5))),
    )


def project(points: Points, view: View) -> Points:
    """Points (N, 3) in face space as (N, 2) image coordinates (x, y); pixel centres are at whole numbers."""
    x, y, z = points.T
    turned = x * np.cos(view.yaw) + z * np.sin(view.yaw)
    depth = z * np.cos(view.yaw) - x * np.sin(view.yaw)
    nodded = y * np.cos(view.pitch) - depth * np.sin(view.pitch)
    cosine, sine = np.cos(view.roll), np.sin(view.roll)
    flat = np.stack([turned * cosine - nodded * sine, turned * sine + nodded * cosine], axis=1)
    return flat * view.scale + np.array(view.centre)


def lift(flat: Points, face: Identity, forward: Points | float = 0.0) -> Points:
    """Frontal points (N, 2) as (N, 3): laid on the rounded face, then moved `forward`."""
    x, y = flat.T
    round_part = np.sqrt(np.clip(1 - (x / (face.face_width * 1.02)) ** 2, 0.0, None))
    return np.stack([x, y, 0.6 * round_part - 0.12 * y**2 + forward], axis=1)


def place_landmarks(face: Identity, mood: Expression) -> Points:
    """The 68 landmarks (68, 3) in face space, in the usual order (jaw, brows, nose, eyes, mouth)."""
    parts = [
        lift(jaw_points(face, mood), face),
        lift(brow_points(face, mood, -1), face, 0.03),
        lift(brow_points(face, mood, 1)[::-1], face, 0.03),
        lift(nose_points(face), face, np.array([0.05, 0.12, 0.19, 0.26, 0.09, 0.14, 0.18, 0.14, 0.09])),
        lift(eye_points(face, mood, -1), face),
        lift(eye_points(face, mood, 1)[[3, 2, 1, 0, 5, 4]], face),
        lift(mouth_points(face, mood), face, 0.04),
    ]
    return np.concatenate(parts)


def jaw_points(face: Identity, mood: Expression) -> Points:
    """17 points from ear to ear along the chin."""
    angle = np.linspace(0, np.pi, 17)
    cosine = np.cos(angle)
    x = -face.face_width * np.sign(cosine) * np.abs(cosine) ** face.jaw_squareness
    chin = face.chin + 0.06 * mood.gape
    return np.stack([x, -0.12 + (chin + 0.12) * np.sin(angle)], axis=1)


def brow_points(face: Identity, mood: Expression, side: int) -> Points:
    """5 points of a brow from outside to inside; side -1 is the one on the left of the image."""
    share = np.linspace(0, 1, 5)
    outer = face.eye_x + face.eye_width * 1.25
    x = outer + (face.brow_gap - outer) * share
    level = face.eye_y - face.brow_lift - 0.03 * mood.frown
    y = level - face.brow_arch * np.sin(np.pi * share) + face.brow_tilt * 0.3 * (share - 0.5)
    return np.stack([side * x, y + 0.02 * mood.frown * share], axis=1)


def nose_points(face: Identity) -> Points:
    """4 points down the bridge, then 5 along the base from left to right."""
    bridge = np.stack([np.zeros(4), np.linspace(face.eye_y, face.nose_y - 0.04, 4)], axis=1)
    x = face.nose_width * np.array([-1, -0.5, 0, 0.5, 1])
    base = np.stack([x, face.nose_y + np.array([0.0, 0.035, 0.05, 0.035, 0.0])], axis=1)
    return np.concatenate([bridge, base])


def eye_points(face: Identity, mood: Expression, side: int) -> Points:
    """6 points of an eye: outer corner, two above, inner corner, two below."""
    height = face.eye_height * (1 - mood.blink)
    x = face.eye_width * np.array([1, 0.4, -0.4, -1, -0.4, 0.4])
    y = height * np.array([0, -1, -1, 0, 0.75, 0.75]) - face.eye_slant * x
    return np.stack([side * (face.eye_x + x), face.eye_y + y], axis=1)


def mouth_points(face: Identity, mood: Expression) -> Points:
    """12 points around the lips, then 8 around the opening, both from the left corner over the top."""
    half = face.mouth_width * (1 + 0.12 * mood.smile)
    gap = 0.10 * mood.gape
    corner = -(face.mouth_lift + 0.05 * mood.smile)
    upper, lower = face.upper_lip, face.lower_lip
    outer_x = np.array([-1, -0.62, -0.24, 0, 0.24, 0.62, 1, 0.66, 0.3, 0, -0.3, -0.66])
    outer_y = np.array([0, -0.75, -1, -0.82, -1, -0.75, 0, 0.75, 1, 1, 1, 0.75])
    tall = np.where(outer_y < 0, upper + gap * 0.3, lower + gap * 0.9)
    inner_x = np.array([-0.86, -0.4, 0, 0.4, 0.86, 0.4, 0, -0.4])
    inner_y = np.array([0, -0.3, -0.35, -0.3, 0, 0.8, 0.9, 0.8]) * (gap + 0.006)
    x = np.concatenate([outer_x, inner_x])
    y = np.concatenate([outer_y * tall, inner_y]) + corner * x**2
    return np.stack([half * x, face.mouth_y + y], axis=1)
