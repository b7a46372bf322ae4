"""A whole model folder, as a user has one."""

from harness.ami.port import ATTRIBUTES
from harness.model.caffemodel import write_caffemodel
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import random_weights, vgg_face_network

NETWORK = vgg_face_network((2, 3, 4, 5, 6), size=32, fc=7, classes=4)
TABLE = """name = "small"
description = "A small face network."
prototxt = "deploy.prototxt"
caffemodel = "net.caffemodel"
labels = "labels.txt"

[witnesses]
leye = "witnesses/leye_witness.txt"
reye = "witnesses/reye_witness.txt"
nose = "witnesses/nose_witness.txt"
mouth = "witnesses/mouth_witness.txt"

[preprocess]
height = 32
width = 32
channel_order = "bgr"
mean = [93.5940, 104.7624, 129.1863]

[examples]
default = "examples/examples.jsonl"

[measured]
accuracy = 0.97
"""


def make_folder(path, table=TABLE):
    """A whole model folder."""
    (path / "witnesses").mkdir(parents=True)
    (path / "model.toml").write_text(table, encoding="utf-8")
    (path / "deploy.prototxt").write_text(write_prototxt(NETWORK))
    write_caffemodel(path / "net.caffemodel", NETWORK, random_weights(NETWORK, 1))
    (path / "labels.txt").write_text("Ana\nBea\r\nCécile Ø\nDora\n", encoding="utf-8")
    for attribute in ATTRIBUTES:
        (path / "witnesses" / f"{attribute}_witness.txt").write_text("conv2_2,1\n")
    return path
