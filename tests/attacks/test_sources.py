"""Clean images that attacks start from."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from harness.attacks.sources import read_sources
from harness.core.arrays import Preprocess
from harness.core.errors import InputError
from harness.core.examples import Example, hash_bytes
from harness.witnesses.landmarks import Landmarks, Located

PREPROCESS = Preprocess(16, 16)
POINTS = np.arange(136, dtype=float).reshape(68, 2) / 10


def write_image(path, size=16):
    pixels = np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return Example(path.stem, path.stem, "benign", 1, path, hash_bytes(buffer.getvalue()))


@pytest.fixture(name="examples")
def make_examples(tmp_path):
    return [write_image(tmp_path / f"{name}.png") for name in "abc"]


def make_landmarks(folder, names, size=16):
    return Landmarks(folder / "landmarks.json", "test", {name: Located(size, size, POINTS) for name in names})


def test_benign_images_are_read_in_their_order(examples):
    attacked = dataclasses.replace(examples[1], attack="fgsm")
    found = read_sources([examples[0], attacked, examples[2]], PREPROCESS, None, None)
    assert [source.example.id for source in found.sources] == ["a", "c"]
    assert found.sources[0].pixels.shape == (16, 16, 3)
    assert found.refused == ()
    assert len(read_sources(examples, PREPROCESS, None, 2).sources) == 2


def test_larger_images_are_shrunk_with_their_landmarks(tmp_path):
    example = write_image(tmp_path / "big.png", 32)
    landmarks = make_landmarks(tmp_path, ["big.png"], 32)
    (source,) = read_sources([example], PREPROCESS, landmarks, None).sources
    assert source.pixels.shape == (16, 16, 3)
    assert np.allclose(source.landmarks, (POINTS + 0.5) / 2 - 0.5)


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(examples, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    array = dataclasses.replace(examples[1], path=tmp_path / "b.npy")
    found = read_sources([examples[0], array, examples[2]], PREPROCESS, None, None)
    assert [source.example.id for source in found.sources] == ["c"]
    assert [reason.partition(":")[0] for reason in found.refused] == [
        str(tmp_path / "a.png"),
        str(tmp_path / "b.npy"),
    ]


def test_images_without_their_own_landmarks_are_refused(examples, tmp_path):
    found = read_sources(examples, PREPROCESS, make_landmarks(tmp_path, ["b.png"]), None)
    assert [source.example.id for source in found.sources] == ["b"]
    assert "has no landmarks of a.png" in found.refused[0]
    other = make_landmarks(tmp_path, ["a.png", "b.png"], 20)
    with pytest.raises(InputError, match=r"none of 3 benign examples can be used.*landmarks are of 20x20"):
        read_sources(examples, PREPROCESS, other, None)


def test_lists_without_clean_images_are_refused(examples):
    attacked = [dataclasses.replace(one, attack="benign-noise") for one in examples]
    with pytest.raises(InputError, match="none of 3 examples is benign"):
        read_sources(attacked, PREPROCESS, None, None)
