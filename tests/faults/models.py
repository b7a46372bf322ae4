"""The models that drawn faults are planted beside: the bundled one, and small ones of random weights."""

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from faults.project import (
    COUNT,
    FACES,
    TABLE,
    Recipe,
    list_labels,
    write_lists,
    write_project,
    write_witness_sets,
)
from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import read_witnesses
from harness.model.prototxt import read_prototxt

FOLDER = Path(__file__).parents[2] / "models" / "tiny-vgg-face"


@dataclass(frozen=True)
class Bundled:
    """The bundled model, with pictures of its own examples, benign and attacked in turn."""

    size: int = 64
    classes: int = 100
    ties: tuple[int, ...] = tuple(range(COUNT, 2 * COUNT))

    @cached_property
    def network(self):
        """The network."""
        return read_prototxt(FOLDER / "deploy.prototxt")

    @property
    def labels(self):
        """Names of its classes."""
        return tuple((FOLDER / "labels.txt").read_text(encoding="utf-8").splitlines())

    @cached_property
    def files(self):
        """Its pictures."""
        text = (FOLDER / "examples" / "examples.jsonl").read_text(encoding="utf-8")
        found = [json.loads(line) for line in text.splitlines()]
        benign = [one["file"] for one in found if one["attack"] == "benign"]
        attacked = [one["file"] for one in found if one["attack"] != "benign"]
        return [file for pair in zip(benign, attacked, strict=True) for file in pair]

    def draw(self, number):
        """The picture of a number."""
        return np.asarray(Image.open(FOLDER / "examples" / self.files[number]).convert("RGB"))


def write_bundled(folder, recipe):
    """A copy of the bundled model with the lists of examples, and the sets of witnesses, that others have."""
    witnesses = {
        name: {
            blob: list(channels)
            for blob, channels in read_witnesses(
                FOLDER / "witnesses" / f"{name}_witness.txt", recipe.network
            ).items()
        }
        for name in ATTRIBUTES
    }
    write_witness_sets(folder, witnesses)
    for name, source in (
        ("deploy.prototxt", "deploy.prototxt"),
        ("net.caffemodel", "tiny_vgg_face.caffemodel"),
    ):
        shutil.copyfile(FOLDER / source, folder / name)
    shutil.copyfile(FOLDER / "labels.txt", folder / "labels.txt")
    (folder / "model.toml").write_text(TABLE.format(size=recipe.size) + write_lists(folder, recipe), "utf-8")


MODELS = {
    "bundled": Bundled(),
    "faces": FACES,
    "wide": Recipe(3, (12, 16, 20, 24, 24), 40, 48, 12),
    "narrow": Recipe(11, (6, 8, 8, 10, 10), 52, 24, 18),
    "shallow": Recipe(17, (10, 12, 14, 16, 16), 44, 32, 16, depths=(1, 2, 2, 2, 1)),
}
"""What faults are planted beside, by name."""
OFTEN = 3
"""How many times as often as the bundled one, of which a fault takes five times as long, another is drawn."""
WRITERS = {"bundled": write_bundled}


def write_models(root, names):
    """A project for each of some models."""
    return {name: write_project(root / name, MODELS[name], WRITERS.get(name)) for name in names}


def choose_model(rng, models):
    """One of some models."""
    drawn = [name for name in models for _ in range(OFTEN if name != "bundled" else 1)]
    return drawn[int(rng.integers(len(drawn)))]


def list_names(recipe):
    """Names of a model's classes."""
    return recipe.labels if isinstance(recipe, Bundled) else list_labels(recipe.classes)
