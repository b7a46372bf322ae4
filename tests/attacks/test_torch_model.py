"""Networks as differentiable functions of pixels."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks follow gradients of PyTorch")

from attack_parts import ENTRIES, MEAN, NETWORK, PREPROCESS, WEIGHTS, make_images, make_parts, make_pixels

from harness.ami.detection import build_detector, run_both
from harness.ami.port import Port, read_port
from harness.ami.preprocess import prepare_image
from harness.ami.steering import Parameters
from harness.attacks.torch_model import GradientExecutor, build_pixel_model, check_device, take_root
from harness.backends import Settings, pytorch, reference
from harness.core.arrays import Preprocess
from harness.core.errors import InputError

IMAGES = make_images(6)
PIXELS = torch.from_numpy(make_pixels(IMAGES))


def find_gradient(function, value):
    value = value.clone().requires_grad_()
    function(value).backward()
    return value.grad


@pytest.mark.parametrize("order", ["bgr", "rgb"])
def test_a_pixel_model_agrees_with_the_reference(order):
    preprocess = Preprocess(16, 16, order, MEAN, scale=0.5)
    with torch.no_grad():
        made = build_pixel_model(NETWORK, WEIGHTS, preprocess)(PIXELS).numpy()
    executor = reference.load(NETWORK, WEIGHTS, Settings())
    inputs = np.stack([prepare_image(image, preprocess, Port()) for image in IMAGES])
    assert np.allclose(made, executor.forward(inputs, "data", "fc8"), atol=1e-4)
    assert not np.allclose(made, executor.forward(inputs[:, ::-1].copy(), "data", "fc8"), atol=1e-4)


@pytest.mark.parametrize("preset", ["notebook", "pytorch-port"])
def test_the_steered_model_gives_the_backend_s_logits(preset):
    port = read_port(preset, {})
    models, _ = make_parts(steered=True, port=port)
    with torch.no_grad():
        made = models.steered(PIXELS).numpy()
    detector = build_detector(pytorch.load(NETWORK, WEIGHTS, Settings()), ENTRIES, port, Parameters())
    plain, steered = run_both(detector, np.stack([prepare_image(one, PREPROCESS, port) for one in IMAGES]))
    assert np.array_equal(made[:, :7], plain)
    assert np.allclose(made[:, 7:], steered, rtol=1e-5, atol=1e-6)
    assert not np.allclose(plain, steered, rtol=1e-2)


@pytest.mark.parametrize("preset", ["notebook", "pytorch-port"])
def test_gradients_of_the_steered_pass_are_its_slopes(preset):
    port = read_port(preset, {"arithmetic": "term-by-term"})
    models, _ = make_parts(steered=True, port=port)
    model = models.steered
    tensors = {name: value.double() for name, value in model.pixels.tensors.items()}
    executor = GradientExecutor(NETWORK, tensors)
    model.detector = build_detector(executor, ENTRIES, port, Parameters())
    model.pixels.mean = model.pixels.mean.double()
    weights = torch.linspace(-1, 1, 14, dtype=torch.float64)

    def total(pixels):
        return (model(pixels) * weights).sum()

    pixels = PIXELS[:1].double()
    slope = find_gradient(total, pixels)
    assert torch.isfinite(slope).all()
    rng, agreed = np.random.default_rng(0), 0
    for place in rng.integers(0, [3, 16, 16], (30, 3)):
        step = torch.zeros_like(pixels)
        step[0, *place] = 1e-4
        measured = float(total(pixels + step) - total(pixels - step)) / 2e-4
        agreed += measured == pytest.approx(float(slope[0, *place]), rel=1e-3, abs=1e-4)
    assert agreed >= 29  # a ReLU or a maximum may switch inside the step
    other = find_gradient(lambda pixels: model(pixels)[:, :7].sum(), pixels)
    assert not torch.allclose(other, slope)


def test_a_deviation_of_zero_has_no_infinite_slope():
    # One witness alone deviates from nobody: the square root of 0 has an infinite slope.
    models, _ = make_parts(steered=True)
    slope = find_gradient(lambda pixels: models.steered(pixels)[:, 7:].sum(), PIXELS)
    assert torch.isfinite(slope).all()
    models.steered.detector.executor.xp.sqrt = torch.sqrt
    slope = find_gradient(lambda pixels: models.steered(pixels)[:, 7:].sum(), PIXELS)
    assert not torch.isfinite(slope).all()


def test_the_root_is_the_root():
    values = torch.tensor([0.0, 1e-30, 2.0, float("nan")])
    assert torch.equal(take_root(values)[:3], torch.sqrt(values)[:3])
    assert torch.isnan(take_root(values)[3])


def test_weights_are_not_changed():
    models, _ = make_parts(steered=True)
    find_gradient(lambda pixels: models.steered(pixels).sum(), PIXELS)
    assert all(np.array_equal(models.plain.tensors[name].numpy(), WEIGHTS[name]) for name in WEIGHTS)


def test_preprocessing_of_another_size_is_refused():
    with pytest.raises(InputError, match="preprocess makes"):
        build_pixel_model(NETWORK, WEIGHTS, Preprocess(32, 16))


def test_absent_devices_are_named():
    with pytest.raises(InputError, match="there are cpu and cuda"):
        check_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no CUDA device"):
            check_device("cuda")
