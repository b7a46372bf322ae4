"""Faces in files for tests: plausible landmarks, and images in which every region has its own look."""

import numpy as np
from PIL import Image

from harness.witnesses.landmarks import Landmarks, Located, name_image, write_landmarks

SIZE = 64


def place_marks(shift=(0.0, 0.0), size=SIZE):
    """68 plausible landmarks on an image of this size."""
    angle = np.linspace(0, np.pi, 17)
    jaw = np.stack([0.5 - 0.4 * np.cos(angle), 0.4 + 0.5 * np.sin(angle)], axis=1)
    brows = np.stack([np.r_[0.2:0.4:5j, 0.6:0.8:5j], np.full(10, 0.28)], axis=1)
    bridge = np.stack([np.full(4, 0.5), np.linspace(0.36, 0.54, 4)], axis=1)
    base = np.stack([np.linspace(0.42, 0.58, 5), [0.58, 0.59, 0.60, 0.59, 0.58]], axis=1)
    eye = np.array([[0, 0], [0.05, -0.03], [0.1, -0.03], [0.15, 0], [0.1, 0.03], [0.05, 0.03]])
    turn = np.arange(12) * np.pi / 6
    lips = np.stack([0.5 - 0.14 * np.cos(turn), 0.74 - 0.06 * np.sin(turn)], axis=1)
    turn = np.arange(8) * np.pi / 4
    inner = np.stack([0.5 - 0.1 * np.cos(turn), 0.74 - 0.02 * np.sin(turn)], axis=1)
    parts = [jaw, brows, bridge, base, np.add(eye, (0.22, 0.38)), np.add(eye, (0.63, 0.38)), lips, inner]
    return np.concatenate(parts) * size + shift


def draw_face(seed, size=SIZE):
    """A coarse pattern of bright colours (size, size, 3), another for each seed."""
    coarse = np.random.default_rng(seed).integers(30, 255, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def write_faces(folder, others=3, size=SIZE):
    """A base face, a folder of others, and their landmarks."""
    (folder / "others").mkdir(parents=True)
    paths = [folder / "base.png", *(folder / "others" / f"other-{number}.png" for number in range(others))]
    images = {}
    for seed, path in enumerate(paths):
        Image.fromarray(draw_face(seed, size)).save(path)
        marks = place_marks((seed % 3 - 1.0, seed % 2), size)
        images[name_image(path, folder / "landmarks.json")] = Located(size, size, marks)
    write_landmarks(Landmarks(folder / "landmarks.json", "by hand", images))
    return folder
