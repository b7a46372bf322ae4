"""AmI's published data: every kind of file in it is read, from its folders as they are."""

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from harness.ami.port import ATTRIBUTES, read_port
from harness.ami.preprocess import prepare_array, prepare_image
from harness.ami.witnesses import read_witnesses
from harness.core.arrays import NPY_CONVENTIONS, Preprocess
from harness.core.decode import DECODERS, decode_array, decode_image
from harness.core.errors import InputError
from harness.core.examples import read_bytes, read_examples
from harness.examples.conventions import settle_conventions
from harness.examples.gather import gather_examples
from harness.examples.layouts import index_labels
from harness.model.random_weights import vgg_face_network
from harness.system.cache import read_hashes

AMI = Path(__file__).parents[3] / "shared" / "ami"
MODEL = Preprocess(224, 224, "bgr", (93.5940, 104.7624, 129.1863))
pytestmark = pytest.mark.skipif(not AMI.is_dir(), reason=f"needs AmI's data in {AMI}")


@pytest.fixture(name="labels", scope="module")
def read_label_list():
    return (AMI / "vgg_face_names.txt").read_text(encoding="utf-8").split("\n")[:2622]


@pytest.fixture(name="gathered")
def gather_all(labels, tmp_path):
    places = [str(AMI / "attacks"), f"benign={AMI / 'images'}"]
    return gather_examples(places, labels, MODEL, tmp_path, read_hashes(tmp_path), "raw-rgb")


def decoders():
    return [
        one for one in DECODERS if find_spec({"pillow": "PIL", "opencv": "cv2", "libjpeg-9e": "jpeglib"}[one])
    ]


def test_every_attack_and_image_is_an_example_of_its_person(gathered, labels):
    examples = read_examples(gathered.path, len(labels))
    assert gathered.refused == ()
    counts = Counter(one.attack for one in examples)
    assert counts == {one.name: len(list(one.iterdir())) for one in (AMI / "attacks").iterdir()} | {
        "benign": 10
    }
    for one in examples:
        assert one.source.startswith(labels[one.gold])
        assert one.source == one.path.stem


def test_every_file_becomes_an_input_by_every_decoder_port_and_convention(gathered, labels):
    ports = [read_port(name, {}) for name in ("notebook", "pytorch-port")]
    for one in read_examples(gathered.path, len(labels)):
        data = read_bytes(one.path)
        for port in ports:
            if one.is_array:
                made = [prepare_array(decode_array(data), kind, MODEL, port) for kind in NPY_CONVENTIONS]
            else:
                made = [prepare_image(decode_image(data, name), MODEL, port) for name in decoders()]
            for value in made:
                assert value.shape == (3, 224, 224)
                assert np.isfinite(value).all()


def test_mutated_faces_and_the_base_are_decoded():
    names = {}
    for folder in sorted((AMI / "attribute_mutated").iterdir()):
        names[folder.name] = {one.name for one in folder.iterdir()}
        for one in folder.iterdir():
            assert decode_image(read_bytes(one), decoders()[0]).shape == (224, 224, 3)
    assert (
        names["leye_substitution"]
        == names["leye_preservation"]
        == {one.name for one in (AMI / "images").iterdir()}
    )
    assert decode_image(read_bytes(AMI / "base_img.jpg"), decoders()[0]).shape == (224, 224, 3)


@pytest.mark.parametrize("form", ["witnesses/{}_witness.txt", "witnesses_port/{}_neurons.txt"])
def test_both_forms_of_witnesses_are_read(form):
    network = vgg_face_network()
    for attribute in ATTRIBUTES:
        assert sum(map(len, read_witnesses(AMI / form.format(attribute), network).values())) > 0


def test_the_benign_list_names_people_of_the_labels(labels):
    classes = index_labels(labels)
    names = (AMI / "benign_list.txt").read_text(encoding="utf-8").split()
    assert len(names) == 343
    assert all(name.rsplit("_", 5)[0] in classes.numbers for name in names)


def test_what_the_arrays_hold_is_not_guessed_but_found_by_an_image(labels, tmp_path):
    folder = tmp_path / "bim"
    folder.mkdir()
    array = next((AMI / "attacks" / "bim").glob("*.npy"))
    for one in (AMI / "attacks" / "bim").glob("*.npy"):
        (folder / one.name).write_bytes(one.read_bytes())
    gathered = gather_examples([str(folder)], labels, MODEL, tmp_path, read_hashes(tmp_path), "raw-rgb")
    entries = [
        {"id": one.id, "source": one.source, "attack": one.attack, "file": str(one.path)}
        for one in read_examples(gathered.path, len(labels))
    ]
    with pytest.raises(InputError, match="allow raw-rgb or raw-bgr"):
        settle_conventions(entries, MODEL, "auto")
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    pixels = np.load(array).reshape(3, 224, 224).transpose(1, 2, 0).round().astype(np.uint8)
    image.fromarray(pixels).save(tmp_path / "clean.jpg", quality=95)
    clean = {"id": "benign/x", "source": array.stem, "attack": "benign", "file": str(tmp_path / "clean.jpg")}
    found = settle_conventions([*entries, clean], MODEL, "auto")
    assert {one.get("npy") for one in found.entries if one["attack"] == "bim"} == {"raw-rgb"}
