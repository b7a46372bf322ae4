"""Mutated images on disk: made, found again, listed, and drawn on one sheet."""

import json
import shutil
from pathlib import Path

import numpy as np
import portraits
import pytest
import small_model
from PIL import Image

cv2 = pytest.importorskip("cv2", reason="attributes are exchanged with OpenCV")

from harness.ami.port import ATTRIBUTES
from harness.core.errors import InputError
from harness.core.examples import read_examples
from harness.model.folder import read_model
from harness.witnesses.landmarks import read_landmarks
from harness.witnesses.mutants import find_mutants, list_files, make_mutants, write_list
from harness.witnesses.mutation import Portrait, mutate_pair, transplant_attribute
from harness.witnesses.portraits import list_others, read_image, read_portraits
from harness.witnesses.sheet import GAP, HEAD, LABEL, TILE, draw_sheet

PUBLISHED = Path(__file__).parents[3] / "shared" / "ami"
CYNTHIA = "Cynthia_Daniel_1_257.00_65.00_544.00_352.00.jpg"
# Landmarks 36 to 41, as a detector finds them on two of the published faces.
LEFT_EYES = {
    "base_img.jpg": [(83, 68), (92, 64), (103, 65), (111, 71), (102, 72), (92, 72)],
    CYNTHIA: [(7, 68), (13, 62), (24, 64), (34, 76), (22, 76), (11, 74)],
}


@pytest.fixture(name="model", scope="module")
def make_model(tmp_path_factory):
    return read_model(small_model.write_model(tmp_path_factory.mktemp("models") / "small", 2))


@pytest.fixture(name="faces")
def make_faces(tmp_path):
    return portraits.write_faces(tmp_path / "faces")


@pytest.fixture(name="read")
def read_faces(faces, model):
    paths = [faces / "base.png", *list_others(faces / "base.png", faces / "others")]
    return read_portraits(paths, read_landmarks(faces / "landmarks.json"), model, "opencv")


@pytest.fixture(name="mutants")
def make(read, model, tmp_path):
    return make_mutants(read, model, tmp_path / "out" / "mutated", lambda _: None)


def test_images_are_saved_as_the_network_gets_them(mutants, read, tmp_path):
    assert list(mutants.pairs) == list(ATTRIBUTES)
    assert mutants.list_names("nose") == ["other-0", "other-1", "other-2"]
    assert len(list_files(mutants)) == 1 + 4 * 2 * 3
    saved = read_image(tmp_path / "out/mutated/mouth_preservation/other-1.png", "opencv")
    expected = mutate_pair(read[0], read[2], "mouth")[1].reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(saved - expected).max() <= 0.5
    assert read_image(mutants.base, "opencv").shape == (32, 32, 3)


def test_every_attribute_is_reported(read, model, tmp_path):
    heard = []
    make_mutants(read, model, tmp_path / "again", heard.append)
    assert heard == list(ATTRIBUTES)


def test_saved_images_are_found_again(mutants, tmp_path):
    folder = tmp_path / "out" / "mutated"
    assert find_mutants(folder / "base.png", folder, "pillow") == mutants
    shutil.rmtree(folder / "nose_preservation")
    shutil.rmtree(folder / "nose_substitution")
    assert list(find_mutants(folder / "base.png", folder, "pillow").pairs) == ["leye", "reye", "mouth"]


def test_what_is_no_set_of_pairs_is_refused(mutants, tmp_path):
    folder = tmp_path / "out" / "mutated"
    with pytest.raises(InputError, match=r"holds no folders of mutated images .leye_substitution and so on"):
        find_mutants(mutants.base, tmp_path, "opencv")
    (folder / "nose_preservation" / "other-2.png").rename(folder / "nose_preservation" / "nobody.png")
    with pytest.raises(InputError, match=r"nose_substitution/other-2\.png: has no partner"):
        find_mutants(mutants.base, folder, "opencv")
    shutil.rmtree(folder / "nose_preservation")
    with pytest.raises(InputError, match="nose_substitution: has no folder for the other mutation"):
        find_mutants(mutants.base, folder, "opencv")


def test_mutated_images_that_cannot_be_used_are_named(mutants, tmp_path):
    folder = tmp_path / "out" / "mutated"
    path = folder / "reye_substitution" / "other-0.png"
    Image.new("RGB", (31, 32)).save(path)
    with pytest.raises(
        InputError, match=r"reye_substitution/other-0\.png: has 31x32 pixels, the base .* 32x32"
    ):
        find_mutants(mutants.base, folder, "opencv")
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"reye_substitution/other-0\.png: "):
        find_mutants(mutants.base, folder, "opencv")


def test_the_list_is_one_of_examples_and_names_every_pair(mutants, tmp_path):
    path, extraction = write_list(mutants, tmp_path / "out")
    examples = {one.id: one for one in read_examples(path, 6)}
    assert len(examples) == 25
    assert extraction["base"] == "base"
    assert list(extraction["pairs"]) == list(ATTRIBUTES)
    for attribute, kinds in extraction["pairs"].items():
        assert kinds["substitution"] == [f"{attribute}/substitution/other-{number}" for number in range(3)]
        for kind, names in kinds.items():
            for name in names:
                assert examples[name].path.parent.name == f"{attribute}_{kind}"
                assert examples[name].path.stem == examples[name].source
    first = json.loads(path.read_text().splitlines()[0])
    assert first["file"] == "mutated/base.png"


def test_images_from_elsewhere_are_listed_by_their_whole_path(mutants, tmp_path):
    path, _ = write_list(mutants, tmp_path / "elsewhere")
    assert {one.path for one in read_examples(path, 6)} == {one.absolute() for one in list_files(mutants)}


def test_a_folder_that_cannot_be_written_is_one_message(mutants, read, model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        make_mutants(read, model, tmp_path / "file", lambda _: None)
    with pytest.raises(InputError, match="cannot be written"):
        write_list(mutants, tmp_path / "file")


def test_the_sheet_shows_faces_with_landmarks_and_every_mutation(mutants, read, tmp_path):
    sheet = read_image(draw_sheet(tmp_path / "sheet.png", mutants, read, "opencv"), "opencv")
    assert sheet.shape == (HEAD + 9 * (TILE + GAP), LABEL + 4 * (TILE + GAP), 3)
    left, top = LABEL + 2 * (TILE + GAP), HEAD + 8 * (TILE + GAP)
    tile = sheet[top : top + TILE, left : left + TILE]
    saved = read_image(mutants.pairs["mouth"]["preservation"][1], "opencv")
    assert np.array_equal(tile[::7, ::7], cv2.resize(saved, (TILE, TILE), interpolation=0)[::7, ::7])
    assert (sheet[HEAD : HEAD + TILE, LABEL : LABEL + TILE] == (0, 200, 0)).all(-1).sum() > 50


def test_the_sheet_of_ready_images_has_no_row_of_faces(mutants, tmp_path):
    sheet = read_image(draw_sheet(tmp_path / "sheet.png", mutants, (), "opencv"), "opencv")
    assert sheet.shape == (HEAD + 8 * (TILE + GAP), LABEL + 4 * (TILE + GAP), 3)


def read_published(name):
    if not PUBLISHED.is_dir():
        pytest.skip("the published AmI data is not beside the project")
    place = PUBLISHED / name if (PUBLISHED / name).exists() else PUBLISHED / "images" / name
    marks = portraits.place_marks(size=224)
    marks[36:42] = LEFT_EYES[name]
    return Portrait(read_image(place, "opencv"), marks, name)


@pytest.mark.parametrize("kind", ["substitution", "preservation"])
def test_a_published_pair_comes_out_as_published(kind):
    """Up to what saving it as JPEG did: in the left eye alone, and nowhere by much."""
    base, other = read_published("base_img.jpg"), read_published(CYNTHIA)
    donor, receiver = (other, base) if kind == "substitution" else (base, other)
    made = transplant_attribute(donor, receiver, "leye").astype(int)
    published = read_image(PUBLISHED / "attribute_mutated" / f"leye_{kind}" / CYNTHIA, "opencv").astype(int)
    changed = (made != receiver.image).any(-1)
    large = np.abs(published - receiver.image).max(-1) > 25
    assert np.abs(made - published).mean() < 1
    assert (changed & large).sum() > 0.98 * large.sum() > 500
    assert np.abs(receiver.image - published)[large].mean() > 5 * np.abs(made - published)[large].mean()
