"""Extract the bundled model's witnesses from portraits of its people.

    python models/tiny-vgg-face/make/witnesses.py

A base person and ten others are drawn by a seed. Of the first seeds, the one is taken whose attribute with
the fewest witnesses has the most of them (then the one with the most in all); detection plays no part in it.
The portraits of that seed are kept beside the witnesses, so that `harness witnesses extract` can repeat it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from export import FOLDER, load_executor, prepare_images, record_facts
from faces import IDENTITIES, render_portrait
from rich.progress import track

from harness.ami.extraction import extract_witnesses
from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import write_witnesses
from harness.model.folder import Model, read_model
from harness.witnesses.landmarks import Landmarks, Located, name_image, write_landmarks
from harness.witnesses.mutants import save_image
from harness.witnesses.mutation import Portrait, mutate_faces, shrink_image

if TYPE_CHECKING:
    from pathlib import Path

    from harness.backends.pytorch import PytorchExecutor

SEEDS = 40
PAIRS = 10


def choose_people(seed: int) -> list[int]:
    """A base and `PAIRS` others; all attributes share them."""
    return [int(person) for person in np.random.default_rng(seed).permutation(IDENTITIES)[: PAIRS + 1]]


def draw_portraits(people: list[int]) -> list[Portrait]:
    """Portraits of people, all with the skin and hair of the first."""
    faces = [render_portrait(person, people[0]) for person in people]
    return [
        Portrait(face.image, face.landmarks, f"Face_{person:03d}")
        for face, person in zip(faces, people, strict=True)
    ]


def extract_attribute(
    model: Model, executor: PytorchExecutor, portraits: list[Portrait], attribute: str
) -> dict[str, list[int]]:
    """Witnesses of one attribute by blob; the first portrait is the base."""
    base, *others = portraits
    size = (model.preprocess.height, model.preprocess.width)
    plain = shrink_image(base.image, size)[None]
    images = [plain, *mutate_faces(base, others, attribute, size)]
    return extract_witnesses(executor, *(prepare_images(one, model) for one in images))


def extract_all(model: Model, executor: PytorchExecutor, seed: int) -> dict[str, dict[str, list[int]]]:
    """Witnesses by attribute and blob, with the people of one seed."""
    portraits = draw_portraits(choose_people(seed))
    return {attribute: extract_attribute(model, executor, portraits, attribute) for attribute in ATTRIBUTES}


def save_portraits(folder: Path, portraits: list[Portrait]) -> None:
    """Write the portraits, the base first, and their landmarks."""
    base, *others = portraits
    places = {folder / f"{base.name}.png": base}
    places.update({folder / "others" / f"{other.name}.png": other for other in others})
    landmarks = folder / "landmarks.json"
    images = {}
    for path, portrait in places.items():
        save_image(path, portrait.image)
        height, width = portrait.image.shape[:2]
        images[name_image(path, landmarks)] = Located(width, height, portrait.landmarks)
    write_landmarks(Landmarks(landmarks, "the renderer", images))


def count_witnesses(found: dict[str, dict[str, list[int]]]) -> dict[str, int]:
    """Witnesses of each attribute, over all blobs."""
    return {attribute: sum(map(len, blobs.values())) for attribute, blobs in found.items()}


def main() -> None:
    """Write the four witness files and how many witnesses each has."""
    torch.set_num_threads(1)
    model = read_model(FOLDER, need_witnesses=False)
    executor = load_executor(model)
    tried = {seed: extract_all(model, executor, seed) for seed in track(range(SEEDS), "extract witnesses")}
    counts = {seed: count_witnesses(found) for seed, found in tried.items()}
    best = max(tried, key=lambda seed: (min(counts[seed].values()), sum(counts[seed].values()), -seed))
    (FOLDER / "witnesses").mkdir(exist_ok=True)
    for attribute, found in tried[best].items():
        write_witnesses(FOLDER / "witnesses" / f"{attribute}_witness.txt", found)
        print(attribute, found)
    save_portraits(FOLDER / "portraits", draw_portraits(choose_people(best)))
    base, *others = choose_people(best)
    facts = {"seeds_tried": SEEDS, "seed": best, "base": base, "others": others, **counts[best]}
    record_facts(FOLDER, "witnesses", facts)


if __name__ == "__main__":
    main()
