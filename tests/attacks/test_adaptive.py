"""A planted example: only an attack through both passes finds it.

Three classes look at the mean of red, green and blue. Class 1 is near by more blue and less red, but blue is
no witness, and steering takes it away. Class 2 is farther, by more red, and red is a witness.
"""

import numpy as np
import pytest
from attack_parts import make_pixels

from harness.ami.detection import build_detector
from harness.ami.port import Port
from harness.ami.steering import Parameters
from harness.attacks.attempt import Checker, attempt_batch
from harness.attacks.generate import AimedPgd, AttackBatch, Models
from harness.attacks.recipes import Adaptive, Attack, Bim
from harness.attacks.torch_model import build_pixel_model, build_steered_model
from harness.backends import Settings, pytorch
from harness.core.arrays import Preprocess
from harness.core.network import Convolution, InnerProduct, Relu, Softmax, build_network

EPS = 10
SIZE = 4
COLOUR = (100, 60, 120)
PARAMETERS = Parameters(alpha=0.5, beta=60, epsilon=1.0)
ENTRIES = {"conv1_1": [(0, 1)]}
PREPROCESS = Preprocess(SIZE, SIZE, "rgb")
NETWORK = build_network(
    "planted",
    "data",
    (3, SIZE, SIZE),
    [
        Convolution("conv1_1", "data", "conv1_1", 3, (1, 1)),
        Relu("relu1_1", "conv1_1", "conv1_1"),
        InnerProduct("fc8", "conv1_1", "fc8", 3),
        Softmax("prob", "fc8", "prob"),
    ],
)


def make_weights():
    """Each channel is a colour; the classes' slopes over the mean colours, and what they start from."""
    slopes = np.array([[0, 0, 0], [-0.5, 0, 1], [1, 0, 0]], np.float32)
    starts = np.array([0, -5, -6], np.float32) - slopes @ np.array(COLOUR, np.float32)
    return {
        "conv1_1.weight": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1),
        "conv1_1.bias": np.zeros(3, np.float32),
        "fc8.weight": np.repeat(slopes / SIZE**2, SIZE**2, axis=1),
        "fc8.bias": starts,
    }


@pytest.fixture
def parts():
    weights, port = make_weights(), Port()
    plain = build_pixel_model(NETWORK, weights, PREPROCESS)
    executor = pytorch.load(NETWORK, weights, Settings())
    steered = build_steered_model(plain, NETWORK, ENTRIES, port, PARAMETERS)
    detector = build_detector(executor, ENTRIES, port, PARAMETERS)
    return Models(plain, 3, steered=steered), Checker(executor, PREPROCESS, port, detector)


def attempt(parts, way, target=None):
    models, checker = parts
    image = np.broadcast_to(np.array(COLOUR, np.uint8), (1, SIZE, SIZE, 3))
    targets = None if target is None else np.array([target])
    batch = AttackBatch(make_pixels(image), np.array([0]), targets)
    return attempt_batch(models, checker, Attack("planted", way), way, batch, ["one"])[0]


def read_tuple(result):
    return tuple(result.record[key] for key in ("gold", "original", "attribute"))


def test_the_clean_image_is_no_alarm(parts):
    assert read_tuple(attempt(parts, Bim(1e-3, 1e-3, 1))) == (0, 0, 0)


def test_the_adaptive_attack_finds_what_is_planted(parts):
    found = attempt(parts, Adaptive(EPS, 1.0, 20))
    assert read_tuple(found) == (0, 2, 2)
    assert found.outcome == "kept"
    change = found.stored.pixels.astype(int) - COLOUR
    assert 0 < np.abs(change).max() <= EPS
    assert change[..., 0].mean() > 6


def test_attacks_on_the_plain_pass_are_detected(parts):
    for way, target in ((Bim(EPS, 1.0, 20), None), (AimedPgd(EPS, 1.0, 20, "margin"), 1)):
        found = attempt(parts, way, target)
        assert read_tuple(found) == (0, 1, 0)
        assert found.outcome == "failed"


def test_out_of_reach_it_is_not_found(parts):
    found = attempt(parts, Adaptive(3, 1.0, 20))
    assert read_tuple(found)[1:] != (2, 2)
    assert found.outcome == "failed"
