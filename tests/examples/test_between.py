"""Lists whose examples lie between two images: made where they are read, of the bits that are listed."""

import hashlib
import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from harness.core.arrays import Preprocess
from harness.core.errors import InputError
from harness.core.examples import read_examples
from harness.examples.between import fill_list, mix_levels, pack_array, read_levels

PREPROCESS = Preprocess(6, 5, mean=(93.594, 104.7624, 129.1863))
AT = 0.6589826583858667  # a whole number of 2^-40


def draw(seed):
    return np.random.default_rng(seed).integers(0, 256, (6, 5, 3)).astype(np.uint8)


def write_list(folder, **more):
    """A list of one array between two images."""
    folder.mkdir(exist_ok=True)
    for number in (0, 1):
        Image.fromarray(draw(number)).save(folder / f"{number}.png")
    levels = [draw(number)[:, :, ::-1].transpose(2, 0, 1) for number in (0, 1)]
    packed = pack_array(mix_levels(*levels, AT, PREPROCESS))
    line = {"id": "e", "source": "s", "attack": "edge", "gold": 1, "file": "e.npy", "npy": "bgr-minus-mean"}
    line |= {"sha256": hashlib.sha256(packed).hexdigest(), "between": ["0.png", "1.png"], "at": AT, **more}
    path = folder / "list.jsonl"
    path.write_text(json.dumps(line) + "\n")
    return path


def test_an_array_is_made_in_the_cache_and_listed_there(tmp_path):
    path, cache = write_list(tmp_path / "model"), tmp_path / "cache"
    found = fill_list(path, PREPROCESS, cache)
    (example,) = read_examples(found, 2)
    assert example.path.parent == cache / "examples"
    array = np.load(example.path)
    assert (array.dtype, array.shape) == (np.float32, (3, 6, 5))
    assert not (path.parent / "e.npy").exists()
    example.path.write_bytes(b"broken")
    assert fill_list(path, PREPROCESS, cache) == found
    assert np.array_equal(np.load(example.path), array)


def test_every_value_is_the_nearest_to_what_the_list_says(tmp_path):
    path = write_list(tmp_path)
    first, second = (read_levels(path.parent / f"{number}.png", PREPROCESS) for number in (0, 1))
    made = mix_levels(first, second, AT, PREPROCESS)
    for place in np.ndindex(made.shape):
        mean = Fraction(float(np.float32(PREPROCESS.mean[place[0]])))
        begin, end = Fraction(int(first[place])), Fraction(int(second[place]))
        exact = begin + Fraction(AT) * (end - begin) - mean
        assert made[place] == np.float32(float(exact))


def test_a_list_without_such_lines_stays_as_it_is(tmp_path):
    path = tmp_path / "list.jsonl"
    path.write_text('{"id": "e"}\n')
    assert fill_list(path, PREPROCESS, tmp_path) == path


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"at": 0.5}, "0.5 of the way from 0.png to 1.png comes out with sha256"),
        ({"at": 2}, "at = 2: must be between 0 and 1"),
        ({"at": "half"}, "'at' must be a number"),
        ({"between": ["0.png"]}, "must be two files"),
        ({"between": ["0.png", 1]}, "must be two files"),
        ({"between": ["0.png", "gone.png"]}, "gone.png"),
        ({"between": ["0.png", "list.jsonl"]}, "list.jsonl"),
        ({"sha256": None}, "'sha256' must be"),
    ],
)
def test_what_cannot_be_made_is_refused_by_its_line(tmp_path, more, said):
    path = write_list(tmp_path, **more)
    with pytest.raises(InputError) as refused:
        fill_list(path, PREPROCESS, tmp_path / "cache")
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_an_image_of_another_size_is_refused(tmp_path):
    path = write_list(tmp_path)
    with pytest.raises(InputError, match=r"0\.png: is 5x6; must have the network's size"):
        fill_list(path, Preprocess(7, 5), tmp_path)
