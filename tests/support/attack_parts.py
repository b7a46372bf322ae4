"""A small random network, ready to be attacked."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks follow gradients of PyTorch")
pytest.importorskip("art", reason="the robustness toolbox is not installed")

from nets import face_like_network

from harness.ami.detection import build_detector
from harness.ami.port import Port
from harness.ami.steering import Parameters
from harness.attacks.attempt import Checker
from harness.attacks.generate import AttackBatch, Models
from harness.attacks.torch_model import build_pixel_model, build_steered_model
from harness.backends import Settings, pytorch
from harness.core.arrays import Preprocess
from harness.model.random_weights import random_weights

MEAN = (93.594, 104.7624, 129.1863)
PREPROCESS = Preprocess(16, 16, "bgr", MEAN)
NETWORK = face_like_network()
WEIGHTS = random_weights(NETWORK, 3)
CLASSES = 7
ENTRIES = {
    "conv1_1": [(1, 2), (2,)],
    "conv2_2": [(3, 5, 3)],
    "pool3": [(0, 4)],
    "conv4_1": [(7,)],
    "fc6": [(2, 8), (2,)],
}


def make_parts(*, steered=False, port=None, parameters=None, weights=WEIGHTS, preprocess=PREPROCESS):
    """Models and checker over the network; with `steered` also AmI's."""
    port, parameters = port or Port(), parameters or Parameters()
    plain = build_pixel_model(NETWORK, weights, preprocess)
    executor = pytorch.load(NETWORK, weights, Settings())
    if not steered:
        return Models(plain, CLASSES), Checker(executor, preprocess, port)
    both = build_steered_model(plain, NETWORK, ENTRIES, port, parameters)
    detector = build_detector(executor, ENTRIES, port, parameters)
    return Models(plain, CLASSES, steered=both), Checker(executor, preprocess, port, detector)


def make_images(count=24, seed=5):
    """Noise (N, 16, 16, 3), uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


def make_pixels(images):
    """Images as what attacks move, (N, 3, H, W) float32."""
    return images.transpose(0, 3, 1, 2).astype(np.float32)


def run_plain(models, pixels):
    """Logits of the plain pass."""
    with torch.no_grad():
        return models.plain(torch.from_numpy(np.array(pixels, np.float32, order="C"))).numpy()


def make_batch(models, count=24, aim=None, masks=None):
    """Images with what the network calls them, and targets: None, `runner-up`, or a class."""
    pixels = make_pixels(make_images(count))
    ranks = np.argsort(-run_plain(models, pixels), axis=1)
    gold = ranks[:, 0]
    targets = ranks[:, 1] if aim == "runner-up" else None if aim is None else np.full(count, aim)
    return AttackBatch(pixels, gold, targets, masks)


def keep_rows(batch, rows):
    """Some rows of a batch."""
    chosen = {
        field.name: None if (value := getattr(batch, field.name)) is None else value[rows]
        for field in dataclasses.fields(AttackBatch)
    }
    return AttackBatch(**chosen)
