"""Which libjpeg decodes a file to some pixels: told of explanations whose cause is the decoder."""

import io

import numpy as np
import pytest
from PIL import Image
from toy_cells import Toy, make_job

from harness.core.decode import decode_image
from harness.explain import decoders, libjpegs
from harness.explain.causes import Explanation, Named
from harness.explain.counterfactual import Answers, Side
from harness.explain.pair import Pair
from harness.worker.prepare import hash_array


@pytest.fixture(name="picture")
def make_picture(tmp_path):
    """A JPEG with halved colours, on which versions differ."""
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(levels).save(path, quality=85, subsampling=2)
    return path


def decode(path, decoder):
    return hash_array(decode_image(path.read_bytes(), decoder))


def test_versions_that_give_these_pixels_are_named(picture):
    pytest.importorskip("jpeglib")
    assert libjpegs.name_class(picture, decode(picture, "libjpeg-9e")) == "libjpeg 9a to 9f"
    told = libjpegs.name_class(picture, decode(picture, "pillow"))
    assert told == "libjpeg 6b, mozjpeg 1.0.1 to 4.0.3, libjpeg-turbo 1.2.0 to 2.1.0"
    assert libjpegs.name_class(picture, "0" * 64) is None


def test_a_way_of_decoding_is_named_where_no_version_s_own_gives_the_pixels(picture):
    jpeglib = pytest.importorskip("jpeglib")
    jpeglib.version.set("6b")
    options = {"out_color_space": jpeglib.JCS_RGB, "dct_method": jpeglib.JDCT_IFAST}
    pixels = np.asarray(jpeglib.read_spatial(str(picture), **options).spatial)
    assert libjpegs.name_class(picture, hash_array(pixels)).endswith("by its fast transform")


def test_a_file_that_no_version_reads_has_no_class(tmp_path):
    pytest.importorskip("jpeglib")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    assert libjpegs.name_class(tmp_path / "a.jpg", "0" * 64) is None


def make_side(name, pixels):
    job = {**make_job(), "decoder": name}
    record = {"gold": 0, "original": 0, "attribute": 0, "hashes": {"pixels": pixels}}
    return Side(name, Toy(name).environment, job, {"e": record})


def tell(picture, cause="decoder"):
    sides = [make_side(name, decode(picture, name)) for name in ("pillow", "libjpeg-9e")]
    pair = Pair(*sides, ["e"], [], str)
    found = Explanation(
        "e", pair.names, ((0, 0, 0), (0, 0, 1)), "proven", "Why.", "c", causes=[Named(cause, cause)]
    )
    answers = Answers(lambda *_: [], find_file=lambda _: picture)
    return decoders.tell_decoders(pair, found, answers)


def test_an_explanation_by_the_decoder_says_which_libjpeg_each_side_has(picture):
    pytest.importorskip("jpeglib")
    told = tell(picture)
    assert told.sentence.startswith("Why. By their hashes, pillow's pixels are those of libjpeg 6b, mozjpeg")
    assert told.sentence.endswith("; libjpeg-9e's pixels are those of libjpeg 9a to 9f.")
    assert tell(picture, "mean").sentence == "Why."


def test_without_the_package_it_says_what_to_install(picture, monkeypatch):
    pytest.importorskip("jpeglib")
    monkeypatch.setattr(libjpegs, "is_there", lambda _: False)
    told = tell(picture)
    assert told.sentence == "Why."
    assert told.untested[-1].startswith("which libjpeg decodes these pixels (install with: ")
    assert "jpeglib>=1.0.2" in told.untested[-1]


def test_a_picture_of_another_kind_has_no_libjpeg(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "PNG")
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    assert decoders.name_libjpeg(tmp_path / "a.jpg", "0" * 64) is None
    assert decoders.name_libjpeg(None, "0" * 64) is None


def test_nothing_is_said_where_no_version_can_be_run(picture, monkeypatch):
    pytest.importorskip("jpeglib")
    monkeypatch.setattr(libjpegs.sys, "executable", str(picture.parent / "none"))
    told = tell(picture)
    assert (told.sentence, told.untested) == ("Why.", ["which libjpeg decodes these pixels"])
