"""Extract the bundled model's witnesses from portraits of its people.

python models/tiny-vgg-face/make/witnesses.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from export import FOLDER, load_executor, prepare_images, record_facts
from faces import IDENTITIES, render_portrait

from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import extract_witnesses, write_witnesses
from harness.model.folder import Model, read_model
from harness.witnesses.mutation import Portrait, mutate_pair

if TYPE_CHECKING:
    from harness.backends.pytorch import PytorchExecutor

SEED = 1
PAIRS = 10


def choose_people() -> list[int]:
    """A base and `PAIRS` others, drawn once by seed; all attributes share them."""
    return [int(person) for person in np.random.default_rng(SEED).permutation(IDENTITIES)[: PAIRS + 1]]


def draw_portrait(person: int) -> Portrait:
    """The portrait of one person."""
    face = render_portrait(person)
    return Portrait(face.image, face.landmarks, f"Face_{person:03d}")


def extract_attribute(model: Model, executor: PytorchExecutor, attribute: str) -> dict[str, list[int]]:
    """Witnesses of one attribute by blob."""
    base, *others = [draw_portrait(person) for person in choose_people()]
    pairs = [mutate_pair(base, other, attribute) for other in others]
    substitution, preservation = (np.stack(images) for images in zip(*pairs, strict=True))
    return extract_witnesses(
        executor,
        prepare_images(base.image[None], model),
        prepare_images(substitution, model),
        prepare_images(preservation, model),
    )


def main() -> None:
    """Write the four witness files and how many witnesses each has."""
    torch.set_num_threads(1)
    model = read_model(FOLDER, need_witnesses=False)
    executor = load_executor(model)
    (FOLDER / "witnesses").mkdir(exist_ok=True)
    counts: dict[str, int] = {}
    for attribute in ATTRIBUTES:
        found = extract_attribute(model, executor, attribute)
        write_witnesses(FOLDER / "witnesses" / f"{attribute}_witness.txt", found)
        counts[attribute] = sum(map(len, found.values()))
        print(attribute, counts[attribute], {blob: len(channels) for blob, channels in found.items()})
    base, *others = choose_people()
    record_facts(FOLDER, "witnesses", {"seed": SEED, "base": base, "others": others, **counts})


if __name__ == "__main__":
    main()
