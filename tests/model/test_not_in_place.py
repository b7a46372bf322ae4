"""The bundled model with ReLUs out of place, as people hand it in: every backend gives the same tuples."""

from pathlib import Path

import numpy as np
import pytest

from harness.ami.detection import build_detector, choose_blobs, run_both
from harness.ami.port import PRESETS, fit_rules, read_port
from harness.ami.preprocess import prepare_image
from harness.ami.steering import Parameters
from harness.ami.witnesses import concatenate_witnesses, read_witnesses
from harness.backends import Settings, find_backend
from harness.core.decode import decode_image
from harness.core.errors import InputError
from harness.core.examples import read_examples
from harness.model.caffemodel import read_parameters
from harness.model.folder import MODELS, read_model

FOLDER = MODELS / "tiny-vgg-face"
CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
BACKENDS = ("reference", "pytorch", "onnxruntime", "opencv")
EVERY = 25


def write_variant(path):
    """The bundled network with conv1_1, conv3_2 and fc6 before their ReLUs in blobs of their own."""
    text = (FOLDER / "deploy.prototxt").read_text(encoding="utf-8")
    for name, relu in (("conv1_1", "relu1_1"), ("conv3_2", "relu3_2"), ("fc6", "relu6")):
        made = f'  name: "{name}"\n'
        start = text.index(made)
        text = text[:start] + text[start:].replace(f'  top: "{name}"\n', f'  top: "{name}a"\n', 1)
        start = text.index(f'  name: "{relu}"\n')
        text = text[:start] + text[start:].replace(f'  bottom: "{name}"\n', f'  bottom: "{name}a"\n', 1)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module", name="bundled")
def read_bundled():
    return read_model(FOLDER)


@pytest.fixture(scope="module", name="inputs")
def prepare_inputs(bundled):
    examples = read_examples(bundled.examples["default"], len(bundled.labels))[::EVERY]
    port = read_port("notebook", {})
    pixels = [decode_image(example.path.read_bytes(), "pillow") for example in examples]
    return np.stack([prepare_image(one, bundled.preprocess, port) for one in pixels])


def judge(backend, model, inputs, preset):
    """(Original, Attribute) of some inputs."""
    port = read_port(preset, fit_rules(preset, {}, backend))
    witnesses = {name: read_witnesses(path, model.network) for name, path in model.witnesses.items()}
    walked, entries = choose_blobs(model.network, concatenate_witnesses(witnesses, port), port)
    settings = Settings(prototxt=str(model.prototxt), caffemodel=str(model.caffemodel))
    weights = dict(read_parameters(model.caffemodel, model.network))
    try:
        executor = find_backend(backend).load(walked, weights, settings)
    except InputError as error:
        pytest.skip(str(error))
    detector = build_detector(executor, entries, port, Parameters())
    return [logits.argmax(1).tolist() for logits in run_both(detector, inputs)]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_tuples_are_those_of_the_network_in_place(backend, preset, bundled, inputs, tmp_path):
    model = read_model(FOLDER, prototxt=write_variant(tmp_path / "variant.prototxt"))
    found = judge(backend, model, inputs, preset)
    assert found == judge(backend, bundled, inputs, preset)
    assert found[0] != found[1]


def test_the_prototxt_from_outside_gives_them_too(bundled, inputs):
    path = CASES / "01-relu-not-in-place.prototxt"
    if not path.is_file():
        pytest.skip("the cases from outside are not beside the project")
    model = read_model(FOLDER, prototxt=path)
    assert [blob.name for blob in model.network.blobs[1:3]] == ["conv1_1a", "conv1_1"]
    assert judge("reference", model, inputs, "notebook") == judge("reference", bundled, inputs, "notebook")
