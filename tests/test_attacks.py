"""FGSM and BIM on whole pixel levels."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks differentiate with PyTorch")
pytest.importorskip("art", reason="attacks come from the adversarial robustness toolbox")

from nets import face_like_network

from harness.ami.errors import InputError
from harness.ami.port import read_port
from harness.ami.preprocess import Preprocess, prepare_image
from harness.attacks.gradient_sign import Bim, Fgsm, attack_images, classify_images
from harness.attacks.torch_model import build_pixel_model
from harness.backends import Settings, reference
from harness.model.random_weights import random_weights

MEAN = (93.594, 104.7624, 129.1863)
PREPROCESS = Preprocess(16, 16, "bgr", MEAN)
NETWORK = face_like_network()
WEIGHTS = random_weights(NETWORK, 3)
ATTACKS = [Fgsm(eps=6), Bim(eps=3, step=1.0, iterations=4)]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model():
    return build_pixel_model(NETWORK, WEIGHTS, PREPROCESS)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def gold(model, images):
    return classify_images(model, images).classes


def count_levels(first, second):
    return np.abs(first.astype(int) - second.astype(int)).max()


@pytest.mark.parametrize("order", ["bgr", "rgb"])
def test_pixel_model_agrees_with_the_reference(images, order):
    preprocess = Preprocess(16, 16, order, MEAN, scale=0.5)
    made = classify_images(build_pixel_model(NETWORK, WEIGHTS, preprocess), images, batch=7).logits
    executor = reference.load(NETWORK, WEIGHTS, Settings())
    port = read_port("notebook", {})
    inputs = np.stack([prepare_image(image, preprocess, port) for image in images])
    assert np.allclose(made, executor.forward(inputs, "data", "fc8"), atol=1e-4)
    assert not np.allclose(made, executor.forward(inputs[:, ::-1].copy(), "data", "fc8"), atol=1e-4)


@pytest.mark.parametrize("attack", ATTACKS)
def test_results_are_whole_levels_within_eps(model, images, gold, attack):
    attacked = attack_images(model, images, gold, attack)
    assert attacked.images.dtype == np.uint8
    assert attacked.images.shape == images.shape
    assert 0 < count_levels(attacked.images, images) <= attack.eps


@pytest.mark.parametrize("attack", ATTACKS)
def test_fooled_is_what_the_model_says_of_the_rounded_image(model, images, gold, attack):
    attacked = attack_images(model, images, gold, attack)
    again = classify_images(model, attacked.images).classes
    assert np.array_equal(attacked.fooled, again != gold)
    assert attacked.fooled.any()
    assert attacked.failed == int((again == gold).sum())


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_lower_the_gold_class_more_than_noise_does(model, images, gold, attack):
    rng = np.random.default_rng(0)
    noise = images.astype(int) + attack.eps * rng.choice([-1, 1], images.shape)
    noisy = np.clip(noise, 0, 255).astype(np.uint8)
    attacked = attack_images(model, images, gold, attack).fooled.mean()
    assert attacked > (classify_images(model, noisy).classes != gold).mean()


def test_same_attack_gives_same_images(model, images, gold):
    first, again = (attack_images(model, images, gold, ATTACKS[1]).images for _ in range(2))
    assert np.array_equal(first, again)


def test_weights_are_not_changed_by_an_attack(model, images, gold):
    attack_images(model, images, gold, ATTACKS[0])
    assert all(np.array_equal(model.tensors[name].numpy(), WEIGHTS[name]) for name in WEIGHTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((24, 3, 16, 16), np.uint8)}, "N, H, W, 3"),
        ({"images": np.zeros((24, 16, 16, 3), np.float32)}, "uint8"),
        ({"images": np.zeros((0, 16, 16, 3), np.uint8)}, "N > 0"),
        ({"gold": np.zeros(3, np.int64)}, "3 classes"),
        ({"gold": np.full(24, 7)}, "reach from 7"),
        ({"attack": Fgsm(eps=0)}, "no room"),
        ({"attack": Bim(iterations=0)}, "no room"),
    ],
)
def test_what_cannot_be_attacked_is_refused(model, images, gold, change, message):
    arguments = {"images": images, "gold": gold, "attack": Fgsm(), **change}
    with pytest.raises(InputError, match=message):
        attack_images(model, **arguments)


def test_preprocessing_of_another_size_is_refused():
    with pytest.raises(InputError, match="preprocess makes"):
        build_pixel_model(NETWORK, WEIGHTS, Preprocess(32, 16))
