"""Lists of images: which image each result of a log is of, or that this cannot be told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import print_log

from harness.core.errors import InputError
from harness.logs.image_list import find_places, find_selection, name_results, read_images, strip_name
from harness.logs.notebook_log import read_log

SHARED = Path(__file__).parents[3] / "shared" / "ami"
LABELS = ["Ann", "Bo_Bo", "Cy", "Di"]


def image(number, index=0):
    return f"{LABELS[number]}_{index}_0_1.5_2_3.25"


@pytest.fixture(name="match")
def make_match(tmp_path):
    def match(images, golds, labels=LABELS):
        (tmp_path / "images.txt").write_text("\n".join(images))
        (tmp_path / "labels.txt").write_text("\n".join(labels or ()) + "\n")
        (tmp_path / "x.log").write_text(print_log([(gold, gold, 9) for gold in golds]))
        path = tmp_path / "x.log"
        found = read_images(tmp_path / "images.txt")
        return name_results(found, tmp_path / "labels.txt" if labels else None, path, read_log(path))

    return match


def refusal(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


def test_names_lose_folder_and_ending_alone():
    assert strip_name("x\\y/A_1_2.npy") == "A_1_2"
    assert strip_name("A_1_2.JPG") == "A_1_2"
    assert strip_name("A_1_2.75") == "A_1_2.75"


def test_without_labels_names_are_believed(match):
    assert match(["x.jpg", "y.jpg"], [3, 0], None) == ["x", "y"]
    text = refusal(match, ["x.jpg"], [3, 0], None)
    assert "images.txt: names 1 images" in text
    assert "all with Original = Gold, so that others may not have been printed: --labels finds out" in text


def test_with_labels_names_are_checked(match):
    assert match([image(3), image(1)], [3, 1]) == [image(3), image(1)]
    text = refusal(match, [image(3), image(1)], [3, 2])
    assert "x.log:2: Gold 2 is of no image after line 1 of" in text
    assert "x.log:1: Gold 1 is of no image of" in refusal(match, [image(3), image(2)], [1, 2])


def test_images_that_were_not_printed_are_found(match):
    images = [image(0), image(1), image(2), image(3), image(0, 1)]
    assert match(images, [1, 3]) == [image(1), image(3)]
    assert match(images, [0, 1, 0]) == [image(0), image(1), image(0, 1)]
    assert match([f"{name}.npy" for name in images], [2]) == [image(2)]


def test_what_could_be_two_images_is_refused(match):
    images = [image(0), image(1, 0), image(2), image(1, 1)]
    assert "x.log:2: may be of line 2 or 4 of" in refusal(match, images, [0, 1])


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Ed_0_0_1_2_3", "Ed is not in the labels"), ("Ann_0_1", "is not PERSON_index"), ("", "names no image")],
)
def test_a_name_that_says_no_gold_is_refused(match, name, reason):
    text = refusal(match, [image(0), name, image(1)], [0, 1])
    assert "images.txt:2: " in text
    assert reason in text


@given(st.lists(st.integers(0, 3), max_size=12), st.data())
def test_places_are_found_wherever_some_are_left_out(golds, data):
    kept = data.draw(st.lists(st.booleans(), min_size=len(golds), max_size=len(golds)))
    wanted = [gold for gold, is_kept in zip(golds, kept) if is_kept]
    places = find_places(golds, wanted)
    assert [golds[place] for place in places] == wanted
    assert places == sorted(set(places))
    assert len(find_places(golds, [*wanted, 4])) == len(wanted)


def test_a_selection_is_what_all_results_have_in_common(tmp_path):
    def select(*tuples):
        (tmp_path / "x.log").write_text(print_log(tuples))
        return find_selection(read_log(tmp_path / "x.log").results)

    assert select((1, 1, 2), (3, 3, 3)) == "Original = Gold"
    assert select((1, 2, 2), (3, 1, 3)) == "Original other than Gold"
    assert select((1, 1, 2), (3, 1, 3)) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published logs are not there")
def test_the_published_log_leaves_21_of_its_images_out():
    path = SHARED / "logs" / "port_097dc6d_benign.log"
    images, log = read_images(SHARED / "benign_list.txt"), read_log(path)
    names = name_results(images, SHARED / "vgg_face_names.txt", path, log)
    labels = (SHARED / "vgg_face_names.txt").read_text().splitlines()
    assert len(images.names) - len(names) == 21
    assert [labels.index(name.rsplit("_", 5)[0]) for name in names] == [one.gold for one in log.results]
