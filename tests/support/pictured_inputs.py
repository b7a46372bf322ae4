"""Runs whose cells name a list of images."""

import hashlib
import json

import numpy as np
from PIL import Image

from harness.report.html.example_lists import find_example_lists, find_listed_examples

SIZE = 8


class Inputs:
    """A run in a folder, whose one cell names a list of examples."""

    def __init__(self, folder, npy=None):
        self.folder, self.npy, self.lines = folder, npy, []
        (folder / "run" / "cells" / "a").mkdir(parents=True)

    def add(self, name, pixels, source=None, suffix=".png"):
        path = self.folder / f"{name}{suffix}"
        if suffix == ".npy":
            np.save(path, pixels)
        else:
            Image.fromarray(pixels).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.lines.append(
            {
                "id": name,
                "source": source or name,
                "attack": "fgsm",
                "gold": 0,
                "file": path.name,
                "sha256": digest,
            }
        )
        return path

    def find(self):
        listed = self.folder / "examples.jsonl"
        listed.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        digest = hashlib.sha256(listed.read_bytes()).hexdigest()
        job = {
            "examples": {"path": str(listed), "sha256": digest, "npy": self.npy},
            "model": {"preprocess": {"mean": [10, 20, 30]}},
        }  # fmt: skip
        (self.folder / "run" / "cells" / "a" / "cell.json").write_text(json.dumps({"job": job}))
        return find_listed_examples(find_example_lists([self.folder / "run"]))


def flat(*levels):
    """An image of one colour."""
    return np.full((SIZE, SIZE, 3), levels, dtype=np.uint8)
