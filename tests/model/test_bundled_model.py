"""The bundled model and everything in its folder."""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the bundled model is checked with PyTorch")
cv2 = pytest.importorskip("cv2", reason="faces are drawn and read with OpenCV")
FOLDER = Path(__file__).resolve().parents[2] / "models" / "tiny-vgg-face"
sys.path.insert(0, str(FOLDER / "make"))

import examples as make_examples
import export
import faces
import witnesses as make_witnesses
from architecture import describe_network

from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import read_witnesses
from harness.core.decode import decode_image
from harness.core.examples import read_examples
from harness.model.folder import read_model
from harness.witnesses.landmarks import read_landmarks

MEGABYTE = 1 << 20
LIST = FOLDER / "examples" / "examples.jsonl"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model():
    return read_model(FOLDER)


@pytest.fixture(scope="module")
def executor(model):
    return export.load_executor(model)


@pytest.fixture(scope="module")
def lines():
    return [json.loads(line) for line in LIST.read_text(encoding="utf-8").splitlines()]


def read_image(line):
    return cv2.imread(str(LIST.parent / line["file"]), cv2.IMREAD_UNCHANGED)[:, :, ::-1]


@pytest.fixture(scope="module")
def images(lines):
    return np.stack([read_image(line) for line in lines])


@pytest.fixture(scope="module")
def answers(model, executor, images):
    inputs = export.prepare_images(images, model)
    return executor.to_numpy(executor.forward(executor.to_native(inputs), "data", "fc8")).argmax(1)


def test_the_network_is_the_one_that_was_trained(model):
    assert model.network == describe_network(faces.IDENTITIES)
    assert model.network.logits.shape == (faces.IDENTITIES,)
    assert [blob.name for blob in model.network.blobs[-4:]] == ["fc6", "fc7", "fc8", "prob"]


def test_weights_are_small_and_the_ones_that_were_measured(model):
    assert model.caffemodel.stat().st_size <= 8 * MEGABYTE
    sha256 = hashlib.sha256(model.caffemodel.read_bytes()).hexdigest()
    assert sha256 == model.measured["test"]["caffemodel_sha256"]


def test_labels_are_unique(model):
    assert len(set(model.labels)) == faces.IDENTITIES
    assert model.labels[7] == "Face_007"


def test_measured_accuracy_was_high_on_many_faces(model):
    test = model.measured["test"]
    assert test["faces"] >= 2000
    assert test["top1"] == pytest.approx(test["correct"] / test["faces"], abs=5e-5)
    assert test["top1"] >= 0.97
    assert test["largest_logit_difference_by_folding"] < 1e-3


def test_freshly_rendered_faces_are_recognised(model, executor):
    fresh = np.stack([faces.render_face(n, "fresh", k).image for k in range(3) for n in range(100)])
    inputs = executor.to_native(export.prepare_images(fresh, model))
    logits = executor.to_numpy(executor.forward(inputs, "data", "fc8"))
    assert (logits.argmax(1) == np.tile(np.arange(100), 3)).mean() >= 0.95
    assert (logits.argmax(1) == np.tile(np.arange(1, 101), 3)).mean() < 0.05


def test_every_example_has_its_file_and_hash(model):
    listed = read_examples(LIST, len(model.labels))
    assert len(listed) == 400
    on_disk = {path.name for path in (FOLDER / "examples" / "images").iterdir()}
    assert on_disk == {example.path.name for example in listed}


def test_examples_are_small(lines):
    sizes = [(LIST.parent / line["file"]).stat().st_size for line in lines]
    assert sum(sizes) + LIST.stat().st_size <= 6 * MEGABYTE
    everything = [path.stat().st_size for path in LIST.parent.rglob("*") if path.is_file()]
    assert sum(everything) <= 12 * MEGABYTE


def test_examples_are_counted_and_spread(lines, images):
    assert Counter(line["attack"] for line in lines) == {"benign": 200, "fgsm": 100, "bim": 100}
    assert set(Counter(line["gold"] for line in lines if line["attack"] == "benign").values()) == {2}
    for attack in ("fgsm", "bim"):
        assert len({line["gold"] for line in lines if line["attack"] == attack}) >= 60
    assert images.shape == (400, 64, 64, 3)
    assert images.dtype == np.uint8


def test_benign_examples_can_be_rendered_again(lines, images):
    clean = make_examples.render_clean()
    listed = [line["id"] for line in lines if line["attack"] == "benign"]
    assert listed == list(clean.ids)
    assert np.abs(images[:200].astype(int) - clean.images).mean() < 0.5
    assert np.abs(images[:200].astype(int) - np.roll(clean.images, 1, axis=0)).mean() > 5


def test_benign_examples_are_not_filtered(model, lines, answers):
    right = sum(line["gold"] == answer for line, answer in zip(lines[:200], answers[:200], strict=True))
    assert right == model.measured["examples"]["benign_correct"]


def test_adversarial_examples_fool_the_model_within_eps(lines, images, answers):
    places = {line["id"]: place for place, line in enumerate(lines)}
    attacked = [line for line in lines if line["attack"] != "benign"]
    for line in attacked:
        place, source = places[line["id"]], places[line["source"]]
        assert lines[source]["attack"] == "benign"
        assert line["gold"] == lines[source]["gold"] == answers[source]
        assert answers[place] != line["gold"]
        change = np.abs(images[place].astype(int) - images[source]).max()
        assert 0 < change <= line["parameters"]["eps"]


@pytest.mark.parametrize("attack", ["fgsm", "bim"])
def test_attempts_are_accounted_for(model, attack):
    counts = model.measured["examples"]
    assert counts[f"{attack}_attempted"] == counts["benign_correct"]
    assert counts[f"{attack}_fooled"] + counts[f"{attack}_failed"] == counts[f"{attack}_attempted"]
    assert counts[f"{attack}_kept"] == 100


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_witnesses_can_be_extracted_again(model, executor, attribute):
    listed = read_witnesses(model.witnesses[attribute], model.network)
    portraits = make_witnesses.draw_portraits(
        make_witnesses.choose_people(model.measured["witnesses"]["seed"])
    )
    found = make_witnesses.extract_attribute(model, executor, portraits, attribute)
    assert {blob: list(channels) for blob, channels in listed.items()} == found
    assert sum(map(len, found.values())) == model.measured["witnesses"][attribute] > 0


def test_bundled_portraits_are_the_ones_that_witnesses_came_from(model):
    facts = model.measured["witnesses"]
    drawn = make_witnesses.draw_portraits([facts["base"], *facts["others"]])
    landmarks = read_landmarks(FOLDER / "portraits" / "landmarks.json")
    others = sorted(path.stem for path in (FOLDER / "portraits" / "others").iterdir())
    assert others == sorted(portrait.name for portrait in drawn[1:])
    for folder, portrait in zip((".", *["others"] * 10), drawn, strict=True):
        path = FOLDER / "portraits" / folder / f"{portrait.name}.png"
        bundled = decode_image(path.read_bytes(), "pillow").astype(int)
        assert np.abs(bundled - portrait.image).mean() < 0.5
        np.testing.assert_allclose(landmarks.find(path).points, portrait.landmarks, atol=1e-6)


def test_attributes_have_different_witnesses(model):
    sets = [read_witnesses(model.witnesses[attribute], model.network) for attribute in ATTRIBUTES]
    assert all(first != second for first in sets for second in sets if first is not second)


def test_jpeg_copies_are_close_to_their_originals(model):
    originals = {example.id: example for example in read_examples(LIST, 100)}
    copies = read_examples(model.examples["jpeg"], 100)
    assert len(copies) == 50
    for copy in copies:
        original = originals[copy.id.removesuffix("-jpeg")]
        assert (copy.gold, copy.attack, copy.source) == (original.gold, original.attack, original.source)
        ours, theirs = (
            decode_image(one.path.read_bytes(), "pillow").astype(float) for one in (copy, original)
        )
        assert 0 < np.abs(ours - theirs).mean() < 8
