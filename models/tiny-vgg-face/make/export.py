"""Write the model's own files: network, weights, labels and `model.toml`."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from architecture import MEAN_BGR, NAME, describe_network
from faces import IDENTITIES
from photographs import Photographs, render_photographs

from harness.ami.port import read_port
from harness.ami.preprocess import prepare_image
from harness.backends import Settings, pytorch
from harness.model.caffemodel import read_parameters, write_caffemodel
from harness.model.folder import Model, read_model
from harness.model.prototxt import write_prototxt
from harness.system.documents import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from train import Measured, Recipe

FOLDER = Path(__file__).resolve().parents[1]
HEADER = f"""\
name = "{NAME}"
description = "VGG-Face's chain at a quarter of its width, for 100 invented, rendered faces of 64x64 pixels."
prototxt = "deploy.prototxt"
caffemodel = "tiny_vgg_face.caffemodel"
labels = "labels.txt"

[witnesses]
leye = "witnesses/leye_witness.txt"
reye = "witnesses/reye_witness.txt"
nose = "witnesses/nose_witness.txt"
mouth = "witnesses/mouth_witness.txt"

[preprocess]
height = 64
width = 64
channel_order = "bgr"
mean = [{", ".join(format(value, ".4f") for value in MEAN_BGR)}]
scale = 1.0
resize = "bicubic"

[examples]
default = "examples/examples.jsonl"
jpeg = "examples/jpeg.jsonl"
all = "examples/all.jsonl"
fragile = "fragile.jsonl"
"""


def export_model(
    folder: Path, weights: Mapping[str, NDArray[np.float32]], recipe: Recipe, measured: Measured
) -> None:
    """Write a trained model, read it back, and record what was measured before and after."""
    folder.mkdir(parents=True, exist_ok=True)
    network = describe_network(IDENTITIES)
    (folder / "deploy.prototxt").write_text(write_prototxt(network), encoding="utf-8")
    write_caffemodel(folder / "tiny_vgg_face.caffemodel", network, weights)
    labels = "".join(f"Face_{number:03d}\n" for number in range(IDENTITIES))
    (folder / "labels.txt").write_text(labels, encoding="utf-8")
    record_facts(folder, "training", {**dataclasses.asdict(recipe), **describe_training(measured)})
    exported = count_correct(folder, render_photographs("test", recipe.tests, recipe.threads))
    record_facts(folder, "test", describe_test(folder, measured, exported))


def describe_training(measured: Measured) -> dict[str, Any]:
    """Facts of the training that the recipe does not hold."""
    return {
        "seconds": round(measured.seconds),
        "torch": torch.__version__,
        "opencv": cv2.__version__,
        "numpy": np.__version__,
    }


def describe_test(folder: Path, measured: Measured, exported: int) -> dict[str, Any]:
    """Right answers on rendered faces that were never trained on."""
    caffemodel = (folder / "tiny_vgg_face.caffemodel").read_bytes()
    return {
        "faces": measured.tests,
        "correct": exported,
        "top1": round(exported / measured.tests, 4),
        "correct_before_folding": measured.correct_trained,
        "largest_logit_difference_by_folding": float(f"{measured.largest_difference:.2e}"),
        "caffemodel_sha256": hashlib.sha256(caffemodel).hexdigest(),
    }


def record_facts(folder: Path, table: str, facts: Mapping[str, Any]) -> None:
    """Rewrite `model.toml` with `[measured.TABLE]` replaced; the other measurements stay."""
    path = folder / "model.toml"
    present = read_toml(path).get("measured", {}) if path.is_file() else {}
    tables = {**present, table: dict(facts)}
    parts = [HEADER]
    for name, entries in tables.items():
        lines = [f"{key} = {toml_value(value)}" for key, value in entries.items()]
        parts.append("\n".join([f"[measured.{name}]", *lines, ""]))
    path.write_text("\n".join(parts), encoding="utf-8")


def toml_value(value: Any) -> str:
    """A string, number, or list of them, as TOML."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(toml_value(entry) for entry in value)}]"
    return repr(value)


def load_executor(model: Model) -> pytorch.PytorchExecutor:
    """The model's files, as they were written, on the PyTorch backend."""
    weights = dict(read_parameters(model.caffemodel, model.network))
    return pytorch.load(model.network, weights, Settings(threads=torch.get_num_threads()))


def prepare_images(images: NDArray[np.uint8], model: Model) -> NDArray[np.float32]:
    """Network inputs (N, 3, 64, 64) of images (N, 64, 64, 3) uint8 RGB."""
    port = read_port("notebook", {})
    return np.stack([prepare_image(image, model.preprocess, port) for image in images])


def count_correct(folder: Path, photographs: Photographs) -> int:
    """Right answers of the model in a folder."""
    model = read_model(folder, need_witnesses=False)
    executor, network = load_executor(model), model.network
    correct = 0
    for start in range(0, len(photographs.people), 200):
        inputs = executor.to_native(prepare_images(photographs.images[start : start + 200], model))
        logits = executor.to_numpy(executor.forward(inputs, network.input.name, network.logits.name))
        correct += int((logits.argmax(1) == photographs.people[start : start + 200]).sum())
    return correct
