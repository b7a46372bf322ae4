"""Invented people: what makes one rendered face differ from another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

Colour = tuple[float, float, float]

IDENTITY_STREAM = 20_240
"""First entropy word of every identity's generator; images use another one."""

SKINS: tuple[Colour, ...] = ((250, 222, 200), (226, 180, 146), (186, 132, 96), (120, 80, 58))
HAIRS: tuple[Colour, ...] = (
    (38, 30, 28),
    (74, 48, 30),
    (126, 82, 44),
    (206, 166, 92),
    (160, 66, 30),
    (150, 146, 144),
)
IRISES: tuple[Colour, ...] = ((70, 120, 180), (70, 140, 90), (110, 72, 40), (60, 46, 40), (130, 130, 60))
LIPS: tuple[Colour, ...] = ((190, 70, 80), (150, 50, 60), (214, 120, 110), (170, 80, 120))

RANGES: dict[str, tuple[float, float]] = {
    "face_width": (0.70, 0.84),
    "jaw_squareness": (0.55, 1.0),
    "chin": (0.94, 1.06),
    "eye_x": (0.28, 0.37),
    "eye_y": (-0.20, -0.04),
    "eye_width": (0.125, 0.195),
    "eye_height": (0.055, 0.120),
    "eye_slant": (-0.30, 0.30),
    "iris": (0.070, 0.100),
    "lid": (0.0, 0.6),
    "brow_lift": (0.13, 0.25),
    "brow_arch": (-0.01, 0.09),
    "brow_tilt": (-0.25, 0.25),
    "brow_thickness": (0.030, 0.085),
    "brow_gap": (0.08, 0.19),
    "nose_length": (0.36, 0.56),
    "nose_width": (0.10, 0.20),
    "bridge_width": (0.030, 0.080),
    "nose_shade": (0.55, 0.85),
    "mouth_drop": (0.17, 0.27),
    "mouth_width": (0.18, 0.35),
    "upper_lip": (0.030, 0.085),
    "lower_lip": (0.040, 0.115),
    "mouth_lift": (-0.05, 0.05),
    "lip_paint": (0.35, 0.9),
    "hairline": (-0.72, -0.52),
    "hair_volume": (1.04, 1.22),
    "hair_side": (-0.3, 0.3),
    "beard": (-1.2, 0.6),
}


@dataclass(frozen=True)
class Identity:
    """One invented person. Lengths are in half face heights, y points down, slopes are rise over run."""

    face_width: float
    jaw_squareness: float
    chin: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    eye_slant: float
    iris: float
    lid: float
    brow_lift: float
    brow_arch: float
    brow_tilt: float
    brow_thickness: float
    brow_gap: float
    nose_length: float
    nose_width: float
    bridge_width: float
    nose_shade: float
    mouth_drop: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    mouth_lift: float
    lip_paint: float
    hairline: float
    hair_volume: float
    hair_side: float
    beard: float
    long_hair: bool
    skin: Colour
    hair: Colour
    iris_colour: Colour
    lips: Colour

    @property
    def nose_y(self) -> float:
        """Height of the tip of the nose."""
        return self.eye_y + self.nose_length

    @property
    def mouth_y(self) -> float:
        """Height of the line between the lips."""
        return self.nose_y + self.mouth_drop


@cache
def draw_identity(number: int) -> Identity:
    """The person with this number (0 or more): the same at every call."""
    rng = np.random.default_rng(np.random.SeedSequence((IDENTITY_STREAM, number)))
    lengths = {name: float(rng.uniform(low, high)) for name, (low, high) in RANGES.items()}
    tone = rng.uniform(0, len(SKINS) - 1)
    skin = blend_colours(SKINS[int(tone)], SKINS[int(tone) + 1], tone % 1)
    lips = blend_colours(skin, pick_colour(rng, LIPS), lengths["lip_paint"])
    return Identity(
        **lengths,
        long_hair=bool(rng.random() < 0.4),
        skin=skin,
        hair=pick_colour(rng, HAIRS),
        iris_colour=pick_colour(rng, IRISES),
        lips=lips,
    )


def resemble(face: Identity, other: Identity) -> Identity:
    """The person with another's skin and hair, the rest unchanged."""
    return replace(
        face,
        skin=other.skin,
        hair=other.hair,
        long_hair=other.long_hair,
        hairline=other.hairline,
        hair_volume=other.hair_volume,
        hair_side=other.hair_side,
        beard=other.beard,
    )


def pick_colour(rng: np.random.Generator, palette: tuple[Colour, ...]) -> Colour:
    """One colour of a palette, shifted a little."""
    red, green, blue = np.clip(np.array(palette[rng.integers(len(palette))]) + rng.normal(0, 8, 3), 12, 250)
    return float(red), float(green), float(blue)


def blend_colours(first: Colour, second: Colour, share: float) -> Colour:
    """Mix of two colours with `share` (0 to 1) of the second."""
    red, green, blue = np.array(first) * (1 - share) + np.array(second) * share
    return float(red), float(green), float(blue)
