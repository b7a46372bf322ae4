"""Folders in AmI's layout: every file becomes an example or is refused with a reason."""

import json

import numpy as np
import pytest

from harness.ami.errors import InputError
from harness.ami.examples import read_examples
from harness.matrix.cache import read_hashes
from harness.matrix.gather import gather_examples

LABELS = ("Ana_Ax", "Bea", "Cy_Du_Ex", "Bea")


@pytest.fixture(name="gather")
def make_gather(tmp_path):
    def gather(*places, npy=None):
        found = gather_examples(list(map(str, places)), LABELS, tmp_path, read_hashes(tmp_path), npy)
        return read_examples(found.path, len(LABELS)), found

    return gather


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name.endswith(".npy"):
            np.save(folder / name, np.zeros(1))
        else:
            (folder / name).write_bytes(name.encode())
    return folder


def test_names_give_gold_and_source_and_folders_the_attack(gather, tmp_path):
    put(tmp_path / "in" / "fgsm", "Bea_9_1.00_2.00_3.00_4.00.jpg")
    put(tmp_path / "in" / "benign", "Cy_Du_Ex_0_1_2_3_4.jpg", "Ana_Ax_1_1_2_3_4.png")
    examples, found = gather(tmp_path / "in")
    assert found.refused == ()
    assert [(one.id, one.attack, one.gold) for one in examples] == [
        ("benign/Ana_Ax_1_1_2_3_4", "benign", 0),
        ("benign/Cy_Du_Ex_0_1_2_3_4", "benign", 2),
        ("fgsm/Bea_9_1.00_2.00_3.00_4.00", "fgsm", 1),
    ]
    assert examples[2].source == "Bea_9_1.00_2.00_3.00_4.00"


def test_one_folder_of_files_is_one_attack_and_can_be_renamed(gather, tmp_path):
    folder = put(tmp_path / "images", "Bea_1_1_2_3_4.jpg")
    assert gather(folder)[0][0].attack == "images"
    assert gather(f"benign={folder}")[0][0].attack == "benign"


def test_files_that_are_no_examples_are_refused_and_the_rest_goes_on(gather, tmp_path):
    folder = put(
        tmp_path / "bim",
        "Bea_1_1_2_3_4.jpg",
        "Bea_1_1_2_3_4.png",
        "Zoe_1_1_2_3_4.jpg",
        "Bea_1_2.jpg",
        "words.txt",
    )
    examples, found = gather(folder)
    assert len(examples) == 1
    reasons = " | ".join(found.refused)
    assert len(found.refused) == 3
    assert "example bim/Bea_1_1_2_3_4 is there already" in reasons
    assert "Zoe is not in the labels" in reasons
    assert "Bea_1_2.jpg: its name is not PERSON_index" in reasons


def test_names_match_whatever_the_unicode_form(tmp_path):
    folder = put(tmp_path / "bim", "Ce\u0301cile_1_1_2_3_4.jpg")
    found = gather_examples([str(folder)], ["C\u00e9cile"], tmp_path, read_hashes(tmp_path), None)
    assert found.refused == ()


def test_arrays_need_a_convention(gather, tmp_path):
    folder = put(tmp_path / "cw", "Bea_1_1_2_3_4.npy")
    with pytest.raises(InputError, match="give --npy raw-rgb"):
        gather(folder)
    assert len(gather(folder, npy="raw-rgb")[0]) == 1


def test_a_folder_without_examples_is_an_error(gather, tmp_path):
    with pytest.raises(InputError, match="0 files, none of them an example"):
        gather(put(tmp_path / "empty"))
    with pytest.raises(InputError, match="Zoe is not in the labels"):
        gather(put(tmp_path / "strangers", "Zoe_1_1_2_3_4.jpg"))


def test_what_is_no_folder_is_an_error(gather, tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        gather(tmp_path / "nowhere")
    with pytest.raises(InputError, match="before '=' is missing"):
        gather(f"={tmp_path}")


def test_a_folder_of_both_kinds_is_an_error(gather, tmp_path):
    put(tmp_path / "in", "Bea_1_1_2_3_4.jpg")
    put(tmp_path / "in" / "bim", "Bea_1_1_2_3_4.jpg")
    with pytest.raises(InputError, match="give one kind"):
        gather(tmp_path / "in")


def test_the_same_files_give_the_same_list(gather, tmp_path):
    folder = put(tmp_path / "bim", "Bea_1_1_2_3_4.jpg")
    first = gather(folder)[1].path
    assert gather(folder)[1].path == first
    assert json.loads(first.read_text())["file"] == str(folder / "Bea_1_1_2_3_4.jpg")
