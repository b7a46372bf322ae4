"""VGG-Face's true shape, published witnesses and published adversarial inputs, in every backend."""

from pathlib import Path

import numpy as np
import pytest

from harness.ami.detection import build_detector, run_plain, run_steered
from harness.ami.port import ATTRIBUTES, Port
from harness.ami.preprocess import prepare_array, prepare_image
from harness.ami.steering import Parameters
from harness.ami.witnesses import concatenate_witnesses, read_witnesses
from harness.backends import Settings, find_backend
from harness.core.arrays import Preprocess
from harness.core.decode import decode_array, decode_image
from harness.core.network_files import list_files, read_network, read_weights
from harness.model.caffemodel import write_caffemodel
from harness.model.convert import convert_model
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import random_weights, vgg_face_network

pytestmark = pytest.mark.slow

PUBLISHED = Path(__file__).parents[3] / "shared" / "ami"
KINDS = ("fgsm", "bim", "cw_l0_first", "cw_l2_next", "patch_first", "glasses_next")
BACKENDS = ("pytorch", "onnxruntime", "opencv")
MODEL = Preprocess(224, 224, "bgr", (93.5940, 104.7624, 129.1863))
SAFETY = 8  # backends round independently; the reference's own distance to one of them is a sample of one


@pytest.fixture(scope="module", name="files")
def make_files(tmp_path_factory):
    folder, network = tmp_path_factory.mktemp("vgg-face"), vgg_face_network()
    (folder / "deploy.prototxt").write_text(write_prototxt(network))
    write_caffemodel(folder / "vgg_face.caffemodel", network, random_weights(network, seed=1))
    return folder / "deploy.prototxt", folder / "vgg_face.caffemodel"


def read_inputs():
    """One published adversarial input of each kind, (N, 3, 224, 224)."""
    inputs = []
    for kind in KINDS:
        path = min((PUBLISHED / "attacks" / kind).iterdir())
        if path.suffix == ".npy":
            inputs.append(prepare_array(decode_array(path.read_bytes()), "raw-rgb", MODEL, Port()))
        else:
            inputs.append(prepare_image(decode_image(path.read_bytes(), "pillow"), MODEL, Port()))
    return np.stack(inputs)


def run_backend(name, files, folder, inputs, **settings):
    """Plain and steered logits, (2, N, classes), float64."""
    network = read_network(folder)
    reads_caffe = {"caffemodel": str(files[1])} if name == "opencv" else {}
    executor = find_backend(name).load(
        network, read_weights(folder, network), Settings(threads=2, **reads_caffe, **settings)
    )
    witnesses = {
        attribute: read_witnesses(PUBLISHED / "witnesses" / f"{attribute}_witness.txt", network)
        for attribute in ATTRIBUTES
    }
    detector = build_detector(executor, concatenate_witnesses(witnesses, Port()), Port(), Parameters())
    results = []
    for start in range(0, len(inputs), 2):
        value = executor.to_native(inputs[start : start + 2])
        results.append(
            [executor.to_numpy(run_plain(executor, value)), executor.to_numpy(run_steered(detector, value))]
        )
    return np.concatenate(results, axis=1).astype(np.float64)


def margins(logits):
    """Highest minus second highest, (2, N)."""
    two = np.sort(logits, axis=-1)[..., -2:]
    return two[..., 1] - two[..., 0]


def test_backends_agree_wherever_the_margin_exceeds_the_noise(files, tmp_path):
    if not PUBLISHED.is_dir():
        pytest.skip("the published AmI data is not beside the project")
    folder, inputs = convert_model(*files, tmp_path / "networks"), read_inputs()
    fixed = run_backend("reference", files, folder, inputs, precision="float64")
    single = run_backend("reference", files, folder, inputs)
    noise = SAFETY * np.abs(single - fixed).max(axis=-1)
    assert (noise < 1e-3 * fixed.std(axis=-1)).all(), "the reference's own rounding is no longer small"
    certain = margins(fixed) > 2 * noise
    print(f"\nnoise / spread of logits: {(noise / fixed.std(axis=-1)).max():.1e}")
    print(f"margins above the noise: {certain.sum()} of {certain.size}")
    assert certain.sum() >= 8
    for name in BACKENDS:
        logits = run_backend(name, files, folder, inputs)
        distance = np.abs(logits - fixed).max(axis=-1)
        print(f"{name}: largest distance / noise {(distance / noise).max():.2f}")
        answers, expected = logits.argmax(axis=-1), fixed.argmax(axis=-1)
        np.testing.assert_array_equal(answers[certain], expected[certain], err_msg=name)
    tuples = fixed.argmax(axis=-1).T.tolist()
    print(f"Original, Attribute of {', '.join(KINDS)}: {tuples}")


def test_the_comparison_sees_one_stale_layer(files, tmp_path):
    if not PUBLISHED.is_dir():
        pytest.skip("the published AmI data is not beside the project")
    folder, inputs = convert_model(*files, tmp_path / "networks"), read_inputs()[:2]
    right = run_backend("pytorch", files, folder, inputs)
    path = list_files(folder, read_network(folder))["conv5_3.weight"]
    stale = np.load(path)
    path.unlink()
    np.save(path, stale[::-1].copy())
    wrong = run_backend("pytorch", files, folder, inputs)
    assert (wrong.argmax(axis=-1) != right.argmax(axis=-1)).any()
