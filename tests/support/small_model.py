"""A whole model folder with random weights and examples, small enough to run in a second."""

import hashlib
import io
import json

import numpy as np
from PIL import Image

from harness.ami.port import ATTRIBUTES
from harness.model.caffemodel import write_caffemodel
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import random_weights, vgg_face_network

SIZE, CLASSES = 32, 6
LABELS = ("Ana_Ax", "Bea", "Cy_Du_Ex", "Dora", "Eve", "Fay")
WITNESSES = {
    "leye": "conv1_1,1,2\nconv3_2,3\nfc6,2,5\n",
    "reye": "conv1_1,2\nconv2_2,1,4\n",
    "nose": "conv3_2,3,1\nfc6,2\nfc7,1\n",
    "mouth": "conv4_1,7\nfc6,8,2\n",
}
TABLE = f"""name = "NAME"
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
height = {SIZE}
width = {SIZE}
channel_order = "bgr"
mean = [93.5940, 104.7624, 129.1863]

[examples]
default = "examples/examples.jsonl"
"""


def write_model(folder, count=10, seed=0):
    """The folder of a whole model with `count` examples, half of them attacked; its name is the folder's."""
    network = vgg_face_network((4, 6, 8, 10, 12), size=SIZE, fc=16, classes=CLASSES)
    (folder / "witnesses").mkdir(parents=True)
    (folder / "model.toml").write_text(TABLE.replace("NAME", folder.name))
    (folder / "deploy.prototxt").write_text(write_prototxt(network))
    write_caffemodel(folder / "net.caffemodel", network, random_weights(network, seed))
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    for attribute in ATTRIBUTES:
        (folder / "witnesses" / f"{attribute}_witness.txt").write_text(WITNESSES[attribute])
    write_examples(folder / "examples", count, seed)
    return folder


def write_examples(folder, count, seed=0):
    """A list of examples with noise for images."""
    (folder / "images").mkdir(parents=True)
    rng, lines = np.random.default_rng(seed), []
    for number in range(count):
        attack = "benign" if number % 2 == 0 else "fgsm"
        name, data = f"{attack}-{number:04}", make_png(rng)
        (folder / "images" / f"{name}.png").write_bytes(data)
        entry = {
            "id": name, "source": f"face-{number // 2}", "attack": attack, "gold": number % CLASSES,
            "file": f"images/{name}.png", "sha256": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        lines.append(json.dumps(entry))
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n")


def make_png(rng):
    """Bytes of a PNG of noise."""
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()
