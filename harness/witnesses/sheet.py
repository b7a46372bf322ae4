"""The contact sheet: all mutated images in one picture, to be looked at before anything is believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from harness.system.text import make_line
from harness.witnesses.landmarks import CUTTING
from harness.witnesses.mutants import Mutants, save_image
from harness.witnesses.mutation import Image, Portrait
from harness.witnesses.portraits import read_image

TILE = 112  # pixels
GAP = 4
LABEL = 150  # width of the labels on the left
HEAD = 16  # height of the names on top
NAMES = {"leye": "left eye", "reye": "right eye", "nose": "nose", "mouth": "mouth"}
INK, MARK = (40, 40, 40), (0, 200, 0)
LETTER = 6.5  # pixels of width


def draw_sheet(path: Path, mutants: Mutants, portraits: Sequence[Portrait], decoder: str) -> Path:
    """Save a row for the faces with their landmarks, where there are some, and one for each mutation.

    The first column is the base face.
    """
    base = read_image(mutants.base, decoder)
    rows = [draw_row("faces", [mark_landmarks(one) for one in portraits])] if portraits else []
    for attribute, kinds in mutants.pairs.items():
        for kind, files in kinds.items():
            images = [base, *(read_image(file, decoder) for file in files)]
            rows.append(draw_row(f"{NAMES[attribute]}\n{kind}", images))
    width = max(row.shape[1] for row in rows)
    names = ["base", *mutants.list_names(next(iter(mutants.pairs)))]
    parts = [draw_head(names, width), *(pad_row(row, width) for row in rows)]
    return save_image(path, np.concatenate(parts))


def draw_row(label: str, images: Sequence[Image]) -> Image:
    """A label and images side by side."""
    row = np.full((TILE + GAP, LABEL + len(images) * (TILE + GAP), 3), 255, np.uint8)
    for number, line in enumerate(label.split("\n")):
        write(row, line, (GAP, TILE // 2 + 16 * number))
    for number, image in enumerate(images):
        left = LABEL + number * (TILE + GAP)
        row[:TILE, left : left + TILE] = resize_tile(image)
    return row


def draw_head(names: Sequence[str], width: int) -> Image:
    """Names over the columns, cut to their width."""
    head = np.full((HEAD, width, 3), 255, np.uint8)
    for number, name in enumerate(names):
        write(head, name[: int(TILE / LETTER)], (LABEL + number * (TILE + GAP), HEAD - 5))
    return head


def resize_tile(image: Image) -> Image:
    """The image at the size of a tile, larger or smaller."""
    way = cv2.INTER_AREA if image.shape[0] > TILE else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(image, (TILE, TILE), interpolation=way), dtype=np.uint8)


def mark_landmarks(portrait: Portrait) -> Image:
    """A face with the landmarks that attributes are cut by, at the size of a tile."""
    tile = resize_tile(portrait.image)
    scale = np.array([TILE, TILE]) / portrait.image.shape[1::-1]
    for x, y in portrait.landmarks[list(CUTTING)] * scale:
        cv2.circle(tile, (round(x), round(y)), 1, MARK, -1)
    return tile


def pad_row(row: Image, width: int) -> Image:
    """The row with white to its right."""
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)


def write(canvas: Image, text: str, place: tuple[int, int]) -> None:
    """Write a line of text; what the font does not have becomes question marks."""
    text = make_line(text).encode("ascii", "replace").decode()  # OpenCV crashes on what is no UTF-8
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, INK, 1, cv2.LINE_AA)
