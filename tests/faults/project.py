"""A project to plant faults in: a small model, and lists of examples of every kind."""

import contextlib
import hashlib
import io
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from harness.ami.detection import build_detector, list_edits
from harness.ami.port import ATTRIBUTES, Port
from harness.ami.steering import Parameters
from harness.ami.witnesses import concatenate_witnesses, write_witnesses
from harness.backends import Settings
from harness.backends.reference import load
from harness.cli import main
from harness.core.walk import walk
from harness.model.caffemodel import write_caffemodel
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import CONVOLUTIONS_PER_BLOCK, random_weights, vgg_face_network

SIZE, CLASSES, COUNT = 44, 16, 24
ENVIRONMENT = """description = "for tests"
backend = "{backend}"
launcher = "here"
groups = []
batch_size = {batch}
{rest}
[settings]
precision = "{precision}"
{settings}
[variables]
OMP_NUM_THREADS = "1"
OPENBLAS_NUM_THREADS = "1"
"""
REGISTER = 'reference = "truth"\ndefault = "default"\n[groups]\ndefault = "all"\n'


def list_labels(classes):
    """Names of so many classes, of which the sorted list has another order."""
    return tuple(f"Person_{number * 7 % classes}" for number in range(classes))


LABEL_NAMES = list_labels(CLASSES)
STEERED = ("conv1_1", "conv2_2", "conv3_2", "pool3", "conv4_1", "conv5_1", "fc6", "fc7")
WITNESSES = {
    "witnesses": {},
    "thrice": {"conv4_2": [3, 3, 3], "conv3_1": [2, 2, 2]},
    "single": {"conv4_2": [3]},
}
"""Folders of witnesses, and what the nose has beside the usual ones: last bits decide on equal sums."""
TABLE = """name = "faces"
description = "Random weights."
prototxt = "deploy.prototxt"
caffemodel = "net.caffemodel"
labels = "labels.txt"
[witnesses]
leye = "witnesses/leye_witness.txt"
reye = "witnesses/reye_witness.txt"
nose = "witnesses/nose_witness.txt"
mouth = "witnesses/mouth_witness.txt"
[preprocess]
height = {size}
width = {size}
channel_order = "bgr"
mean = [93.5940, 104.7624, 129.1863]
[examples]
"""


@dataclass(frozen=True)
class Project:
    """The folder of a project."""

    root: Path

    def call(self, *arguments):
        """Run the command line in the project: exit code, output, errors."""
        out, err = io.StringIO(), io.StringIO()
        home = {"HARNESS_HOME": str(self.root / "home"), "COLUMNS": "1000", "NO_COLOR": "1"}
        with (
            contextlib.chdir(self.root),
            mock.patch.dict(os.environ, home),
            mock.patch("sys.argv", ["harness", *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
                code = 0
            except SystemExit as end:
                code = end.code or 0
        return code, out.getvalue(), err.getvalue()

    def add_environment(self, name, backend="reference", precision="float32", batch=12, rest="", settings=""):
        """An environment that is this interpreter."""
        text = ENVIRONMENT.format(
            backend=backend, precision=precision, batch=batch, rest=rest, settings=settings
        )
        (self.root / "environments" / f"{name}.toml").write_text(text, encoding="utf-8")

    def run(self, first, second, examples="default", witnesses="witnesses"):
        """Run two environments on a list of examples; the run's folder."""
        return self.run_all(["--environment", first, "--environment", second], examples, witnesses)

    def run_all(self, environments, examples="default", witnesses="witnesses"):
        """The same of environments as options of the command line."""
        options = ["--model", "models/faces", *environments]
        options += [] if examples == "default" else ["--examples", examples]
        options += [] if witnesses == "witnesses" else ["--witnesses", f"models/faces/{witnesses}"]
        code, out, err = self.call("run", *options)
        found = re.search(r"^run folder: (.*)$", out, re.MULTILINE)
        if code == 2 or found is None:
            raise AssertionError(f"{code}: {out[-2000:]}{err[-2000:]}")
        return self.root / found.group(1)

    def explain(self, folder, *more):
        """Explain a run; exit code, output, errors."""
        return self.call("explain", folder, *more)


@dataclass(frozen=True)
class Recipe:
    """What a model of random weights is made by; `ties` are pictures that little turns."""

    seed: int
    widths: tuple[int, ...]
    size: int
    fc: int
    classes: int
    depths: tuple[int, ...] = CONVOLUTIONS_PER_BLOCK
    ties: tuple[int, ...] = ()

    @property
    def network(self):
        """The network."""
        return vgg_face_network(self.widths, self.size, self.fc, self.classes, depths=self.depths)

    def draw(self, number):
        """The picture of a number."""
        return draw_pixels(number, self.size)


def write_project(root, recipe=None, write=None):
    """A project with the model `faces`, the environment `truth`, and one that audits traces."""
    (root / "environments").mkdir(parents=True)
    (root / "environments" / "matrix.toml").write_text(REGISTER, encoding="utf-8")
    (write or write_model)(root / "models" / "faces", recipe or FACES)
    project = Project(root)
    project.add_environment("truth")
    project.add_environment("auditor", precision="float64")
    return project


def write_model(folder, recipe):
    """A network of random weights that tells its examples apart, in both passes, with lists of them."""
    network = recipe.network
    witnesses = draw_witnesses(network, recipe.seed)
    write_witness_sets(folder, witnesses)
    (folder / "deploy.prototxt").write_text(write_prototxt(network), encoding="utf-8")
    weights = centre_weights(network, witnesses, recipe)
    write_caffemodel(folder / "net.caffemodel", network, weights)
    if not recipe.ties:
        recipe = replace(recipe, ties=find_ties(network, weights, recipe))
    names = list_labels(recipe.classes)
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    (folder / "model.toml").write_text(TABLE.format(size=recipe.size) + write_lists(folder, recipe), "utf-8")


def write_witness_sets(folder, witnesses):
    """The folders of witness files: the usual ones, and those with more."""
    for name, more in WITNESSES.items():
        (folder / name).mkdir(parents=True)
        for attribute, lists in witnesses.items():
            listed = {**lists, **more} if attribute == "nose" else lists
            write_witnesses(folder / name / f"{attribute}_witness.txt", listed)


def write_lists(folder, recipe):
    """All lists of examples, with their files; the lines of `model.toml` that name them."""
    for name, write in WRITERS.items():
        (folder / "examples" / name).mkdir(parents=True)
        lines = [json.dumps(write(folder / "examples", name, number, recipe)) for number in range(COUNT)]
        (folder / "examples" / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "".join(f'{name} = "examples/{name}.jsonl"\n' for name in WRITERS)


def find_ties(network, weights, recipe, drawn=400):
    """The pictures, of so many, whose two best classes are nearest to each other."""
    executor, found = load(network, weights, Settings()), []
    for number in range(100, 100 + drawn):
        logits = np.sort(executor.forward(prepare_pixels(recipe.draw(number))[None], "data", "fc8")[0])
        found.append(((logits[-1] - logits[-2]) / abs(logits).max(), number))
    return tuple(number for _, number in sorted(found)[:COUNT])


def draw_witnesses(network, seed=0):
    """Witnesses of four attributes in a few blobs, many of them listed more than once."""
    rng = np.random.default_rng(100 + seed)
    widths = {name: network.blobs[network.index(name)].shape[0] for name in STEERED}
    found = {attribute: {} for attribute in ATTRIBUTES}
    for attribute in ATTRIBUTES:
        for blob in STEERED:
            if rng.random() < 0.6:
                found[attribute][blob] = rng.choice(widths[blob] // 2, int(rng.integers(1, 4))).tolist()
    return found


def centre_weights(network, witnesses, recipe):
    """Random weights, of which the last layer's tell no pass from the other and favour no class."""
    weights = random_weights(network, recipe.seed)
    inputs = np.stack([prepare_pixels(recipe.draw(number)) for number in range(COUNT)])
    executor = load(network, weights, Settings())
    entries = concatenate_witnesses(
        {a: {b: tuple(c) for b, c in one.items()} for a, one in witnesses.items()}, Port()
    )
    detector = build_detector(executor, entries, Port(), Parameters())
    plain, steered = executor.forward(inputs, "data", "fc7"), []
    walk(
        executor, inputs, list_edits(detector), watch=lambda _, value: steered.append(value), watched=["fc7"]
    )
    between = steered[0].mean(0) - plain.mean(0)
    between /= np.linalg.norm(between)
    last = weights["fc8.weight"]
    last = last - np.outer(last @ between, between)
    return {
        **weights,
        "fc8.weight": np.ascontiguousarray(last, np.float32),
        "fc8.bias": -(last @ plain.mean(0)).astype(np.float32),
    }


def prepare_pixels(pixels):
    """The network's input of pixels of its size."""
    mean = np.array((93.5940, 104.7624, 129.1863), np.float32)
    return np.ascontiguousarray((pixels[:, :, ::-1].astype(np.float32) - mean).transpose(2, 0, 1))


def draw_pixels(number, size=SIZE):
    """Coloured waves with noise, (size, size, 3), of which no two are alike."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[0:size, 0:size] / size
    levels = np.zeros((size, size, 3))
    for _ in range(6):
        down, across = rng.normal(0, 2.2, 2)
        wave = np.cos(2 * np.pi * (down * rows + across * columns) + rng.uniform(0, 6.3))
        levels += wave[:, :, None] * rng.normal(0, 40, 3)
    levels += rng.normal(0, 30, 3) + 128 + rng.normal(0, 10, levels.shape)
    return np.clip(levels, 0, 255).astype(np.uint8)


def write_entry(folder, name, number, suffix, data, classes, **more):
    """A line of a list of examples, and its file."""
    path = Path(name) / f"face-{number:02}{suffix}"
    (folder / path).write_bytes(data)
    line = {"id": path.stem, "source": path.stem, "attack": "benign", "gold": number % (classes - 1)}
    return {**line, "file": str(path), "sha256": hashlib.sha256(data).hexdigest(), **more}


def encode_image(pixels, kind, **options):
    """Bytes of an image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def write_png(folder, name, number, recipe):
    """The image as it is."""
    return write_entry(folder, name, number, ".png", encode_image(recipe.draw(number), "PNG"), recipe.classes)


TIES = (
    118, 120, 125, 203, 254, 275, 276, 380, 395, 400, 512, 744,
    841, 845, 905, 954, 1030, 1086, 1110, 1175, 1190, 1293, 1565, 1691,
)  # fmt: skip
"""Images whose two best classes are within half a percent of the largest logit, of 1600 that were drawn."""


FACES = Recipe(0, (10, 12, 14, 16, 16), SIZE, 32, CLASSES, ties=TIES)
"""The model of the ordinary tests."""


def write_tie(folder, name, number, recipe):
    """An image that little turns."""
    return write_entry(
        folder, name, number, ".png", encode_image(recipe.draw(recipe.ties[number]), "PNG"), recipe.classes
    )


def write_other_size(folder, name, number, recipe):
    """The image on a canvas of another height and width: it has to be resized."""
    pixels = np.pad(recipe.draw(number), ((8, 12), (2, 4), (0, 0)), mode="wrap")
    return write_entry(folder, name, number, ".png", encode_image(pixels, "PNG"), recipe.classes)


def write_jpeg(folder, name, number, recipe):
    """The image as a JPEG of halved colours, which decoders bring back to size each in its own way."""
    data = encode_image(recipe.draw(number), "JPEG", quality=60, subsampling="4:2:0")
    return write_entry(folder, name, number, ".jpg", data, recipe.classes)


def write_array(folder, name, number, recipe):
    """Dark levels that are no whole numbers: rounding them tells."""
    noise = np.random.default_rng([number, 1]).uniform(0, 1, (recipe.size, recipe.size, 3))
    levels = (recipe.draw(number) / 32 + noise).astype(np.float32)
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(levels.transpose(2, 0, 1)))
    return write_entry(folder, name, number, ".npy", file.getvalue(), recipe.classes, npy="raw-rgb")


WRITERS = {
    "default": write_png,
    "ties": write_tie,
    "sizes": write_other_size,
    "jpeg": write_jpeg,
    "arrays": write_array,
}
