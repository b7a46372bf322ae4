"""Folders in AmI's layout: every file becomes an example or is refused with a reason."""

import json
import os

import numpy as np
import picture_files as files
import pytest

from harness.core.arrays import Preprocess, store_levels
from harness.core.errors import InputError
from harness.core.examples import read_examples
from harness.core.image_headers import MOST_BYTES
from harness.examples.gather import check_list, gather_examples
from harness.system.cache import read_hashes

LABELS = ("Ana_Ax", "Bea", "Cy_Du_Ex", "Bea")
MODEL = Preprocess(files.SIDE, files.SIDE, mean=(93.5940, 104.7624, 129.1863))


@pytest.fixture(name="gather")
def make_gather(tmp_path):
    def gather(*places, npy=None):
        hashes = read_hashes(tmp_path)
        found = gather_examples(list(map(str, places)), LABELS, MODEL, tmp_path, hashes, npy)
        return read_examples(found.path, len(LABELS)), found

    return gather


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name.endswith(".npy"):
            np.save(folder / name, np.zeros((3, files.SIDE, files.SIDE), dtype=np.float32))
        else:
            (folder / name).write_bytes(files.plain_png())
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
    assert len(found.refused) == 4
    assert "words.txt: is none of .jpg" in reasons
    assert "example bim/Bea_1_1_2_3_4 is there already" in reasons
    assert "Zoe is not in the labels" in reasons
    assert "Bea_1_2.jpg: its name is not PERSON_index" in reasons


def test_names_match_whatever_the_unicode_form(tmp_path):
    folder = put(tmp_path / "bim", "Ce\u0301cile_1_1_2_3_4.jpg")
    found = gather_examples([str(folder)], ["C\u00e9cile"], MODEL, tmp_path, read_hashes(tmp_path), None)
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


@pytest.mark.parametrize("damage", ["other", "empty", "folder"])
def test_a_damaged_list_is_written_again(gather, tmp_path, damage):
    put(tmp_path / "fgsm", "Bea_9_1_2_3_4.png", "Cy_Du_Ex_0_1_2_3_4.png")
    examples, found = gather(tmp_path / "fgsm")
    text = found.path.read_text()
    found.path.write_text(text.replace('"gold": 1', '"gold": 3') if damage == "other" else "")
    if damage == "folder":
        found.path.unlink()
        found.path.mkdir()
    assert gather(tmp_path / "fgsm")[0] == examples
    assert found.path.read_text() == text


def test_what_is_beside_the_examples_is_named_and_hidden_things_are_not(gather, tmp_path):
    put(tmp_path / "in" / "bim", "Bea_1_1_2_3_4.jpg", ".hidden.jpg")
    put(tmp_path / "in" / "bim" / "deep", "Bea_2_1_2_3_4.jpg")
    put(tmp_path / "in", "README.md", ".git")
    _, found = gather(tmp_path / "in")
    assert sorted(one.rpartition("/")[2] for one in found.refused) == [
        "README.md: is none of .jpg, .jpeg, .png, .npy",
        "deep: is a folder too deep to be looked into",
    ]


def write_bad_files(folder):
    """A file of every bad kind, each under the name of an example, and one good one."""
    good = files.plain_png()
    bad = {
        "empty.png": b"",
        "text.jpg": b"hello",
        "cut.jpg": files.encode()[:-9],
        "cmyk.jpg": files.encode(mode="CMYK"),
        "turned.jpg": files.add_exif(files.encode(), 6),
        "deep.png": files.deep_png(),
        "bomb.png": files.write_png(60000, 60000),
        "damaged.png": good[:60] + b"x" + good[61:],
        "renamed.npy": good,
    }
    arrays = {
        "nan.npy": np.full((3, files.SIDE, files.SIDE), np.nan),
        "infinite.npy": np.full((3, files.SIDE, files.SIDE), 1e300),
        "shape.npy": np.zeros((3, 5, 5)),
        "objects.npy": np.array([{}], dtype=object),
        "words.npy": np.array(["a"]),
    }
    folder.mkdir()
    for name, data in bad.items():
        (folder / f"Bea_{len(name)}_1_2_3_{name}").write_bytes(data)
    for name, array in arrays.items():
        np.save(folder / f"Bea_{len(name)}_1_2_3_{name}", array, allow_pickle=True)
    return folder, len(bad) + len(arrays)


REASONS = (
    "empty.png: is empty",
    "text.jpg: is neither a JPEG nor a PNG image",
    "cut.jpg: is cut off",
    "cmyk.jpg: is a CMYK image",
    "turned.jpg: is to be turned when shown",
    "deep.png: is a PNG of 16 bits",
    "bomb.png: is an image of 60000x60000 pixels",
    "damaged.png: is a damaged PNG file",
    "renamed.npy: is not a .npy array",
    "nan.npy: array holds values that are no finite numbers",
    "infinite.npy: array holds values that are no finite numbers",
    "shape.npy: array is (3, 5, 5), the network takes (3, 32, 32)",
    "objects.npy: is not a .npy array of numbers: it holds Python objects",
    "words.npy: is not a .npy array of numbers: it holds <U1",
)


def test_every_bad_file_is_refused_by_name_and_the_good_one_goes_on(gather, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.examples.layouts.is_number", lambda _: True)
    folder, count = write_bad_files(tmp_path / "bim")
    put(folder, "Bea_1_1_2_3_good.png")
    examples, found = gather(folder, npy="raw-rgb")
    assert [example.id for example in examples] == ["bim/Bea_1_1_2_3_good"]
    assert len(found.refused) == count == len(REASONS)
    for reason in REASONS:
        assert any(reason in one for one in found.refused), reason


def test_files_that_cannot_be_opened_are_refused(gather, tmp_path):
    folder = put(tmp_path / "bim", "Bea_1_1_2_3_4.png", "Bea_2_1_2_3_4.png", "Bea_3_1_2_3_4.png")
    (folder / "Bea_2_1_2_3_4.png").unlink()
    (folder / "Bea_2_1_2_3_4.png").symlink_to("nowhere.png")
    with (folder / "Bea_3_1_2_3_4.png").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    os.mkfifo(folder / "Bea_4_1_2_3_4.png")
    examples, found = gather(folder)
    assert len(examples) == 1
    reasons = [one.rpartition(": ")[2] for one in found.refused]
    assert reasons == [
        "is not there",
        f"is of {MOST_BYTES + 1} bytes; {MOST_BYTES} are read at most",
        "is no file",
    ]


def test_an_unreadable_file_is_refused(gather, tmp_path, monkeypatch):
    folder = put(tmp_path / "bim", "Bea_1_1_2_3_4.png", "Bea_2_1_2_3_4.png")

    open_any = os.open

    def forbid(path, *more, **options):
        if "Bea_2" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return open_any(path, *more, **options)

    monkeypatch.setattr("os.open", forbid)
    examples, found = gather(folder)
    assert len(examples) == 1
    assert found.refused[0].endswith("Bea_2_1_2_3_4.png: cannot be read (Permission denied)")


def test_when_nothing_is_left_the_first_reasons_are_told(gather, tmp_path):
    folder = put(tmp_path / "bim", *(f"Zoe_{number}_1_2_3_4.png" for number in range(5)))
    with pytest.raises(InputError, match=r"5 files, none .*Zoe_0.*Zoe_1.*Zoe_2.*and 2 more"):
        gather(folder)


def test_a_run_without_clean_images_says_so(gather, tmp_path):
    folder = put(tmp_path / "images", "Bea_1_1_2_3_4.png")
    assert "--examples benign=DIR" in gather(folder)[1].notes[0]
    assert gather(f"benign={folder}")[1].notes == ()


@pytest.fixture(name="listed")
def write_array_list(tmp_path):
    """A list of one array of this model's network input, as it was taken from a folder."""
    folder = put(tmp_path / "bim", "Bea_1_1_2_3_4.npy")
    pixels = files.draw_face().transpose(2, 0, 1).astype(np.float32)
    np.save(folder / "Bea_1_1_2_3_4.npy", store_levels(pixels, "bgr-minus-mean", MODEL))
    hashes = read_hashes(tmp_path)
    return gather_examples([str(folder)], LABELS, MODEL, tmp_path, hashes, "bgr-minus-mean").path


def test_what_a_list_s_arrays_hold_is_found_without_a_change_to_the_rest(listed, tmp_path):
    found = check_list(listed, len(LABELS), MODEL, tmp_path, "auto")
    before, after = (json.loads(one.read_text()) for one in (listed, found.path))
    assert after == {**before, "npy": "bgr-minus-mean"}


def test_a_list_whose_arrays_may_hold_what_is_said_is_run_as_it_is(listed, tmp_path):
    found = check_list(listed, len(LABELS), MODEL, tmp_path, "bgr-minus-mean")
    assert (found.path, found.refused) == (listed, ())
    assert found.notes == ("npy bgr-minus-mean: bim: 1 bgr-minus-mean (1 by their values)",)


def test_a_list_goes_on_without_the_arrays_that_contradict_it(listed, tmp_path):
    with pytest.raises(InputError, match=r"1 examples, none of them usable; .* is said to hold raw-rgb, but"):
        check_list(listed, len(LABELS), MODEL, tmp_path, "raw-rgb")
    image = put(tmp_path / "images", "Bea_2_1_2_3_4.png") / "Bea_2_1_2_3_4.png"
    more = {**json.loads(listed.read_text()), "id": "image", "file": str(image)}
    both = tmp_path / "both.jsonl"
    both.write_text(listed.read_text() + json.dumps({**more, "source": "image"}))
    found = check_list(both, len(LABELS), MODEL, tmp_path, "raw-rgb")
    assert len(found.refused) == 1
    assert json.loads(found.path.read_text())["id"] == "image"


def test_a_row_whose_file_is_missing_or_cannot_be_one_is_refused_by_line(gather, tmp_path):
    folder = put(tmp_path / "faces", "a.png")
    (folder / "list.csv").write_text(f"file,gold\na.png,Bea\nb.png,Bea\n{'x' * 5000}.png,1\na.png,0\n")
    examples, found = gather(folder)
    assert [(one.id, one.gold) for one in examples] == [("faces/a", 1)]
    assert [one.rpartition("list.csv")[2] for one in found.refused] == [
        ":3: b.png is not there",
        f":4: {'x' * 200} its id is no text of at most 1024 characters",
        f":5: example faces/a is there already ({folder / 'a.png'})",
    ]


STRAYS = (
    "Thumbs.db",
    "desktop.ini",
    ".DS_Store",
    "._Bea_1_1_2_3_4.jpg",
    "~$list.csv",
    "x.jpg:Zone.Identifier",
)


@pytest.mark.parametrize("layout", ["one", "many", "table"])
def test_what_file_managers_and_archives_leave_is_left_out_with_a_word(gather, tmp_path, layout):
    top = tmp_path / "in"
    folder = put(top / "benign" if layout == "many" else top, "Bea_1_1_2_3_4.jpg")
    if layout == "table":
        (folder / "list.csv").write_text("file,gold\nBea_1_1_2_3_4.jpg,Bea\n")
    for place in {top, folder}:
        for name in STRAYS:
            (place / name).write_bytes(b"x")
        for name in ("__MACOSX", "@eaDir"):
            put(place / name, "Bea_1_1_2_3_4.jpg")
    examples, found = gather(f"benign={top}")
    assert found.refused == ()
    assert len(examples) == 1
    (note,) = found.notes
    assert note.startswith("left out, since file managers and archives make such files: .DS_Store, ")
    assert note.endswith(" and 3 more")


def test_without_strays_nothing_is_said_of_them(gather, tmp_path):
    assert gather(f"benign={put(tmp_path / 'in', 'Bea_1_1_2_3_4.jpg')}")[1].notes == ()


def list_table(folder, *names):
    (folder / "list.csv").write_text(
        "file,gold\n" + "".join(f"{name},Bea\n" for name in names), encoding="utf-8"
    )


@pytest.mark.parametrize(
    "text",
    [
        "sub/a.png",
        "sub\\a.png",
        ".\\sub\\a.png",
        "C:\\data\\in\\sub\\a.png",
        "/home/ann/in/sub/a.png",
        "D:/x/sub/a.png",
    ],
)
def test_tables_of_other_systems_name_the_files_below_them(gather, tmp_path, text):
    folder = put(tmp_path / "in", "a.png")
    put(folder / "sub", "a.png")
    list_table(folder, text, "a.png")
    examples, found = gather(f"benign={folder}")
    assert found.refused == ()
    assert [(one.id, one.source) for one in examples] == [("benign/sub/a", "sub/a"), ("benign/a", "a")]


def test_a_file_elsewhere_is_named_without_the_way_to_it(gather, tmp_path):
    folder, other = put(tmp_path / "in", "b.png"), put(tmp_path / "other", "a.png") / "a.png"
    list_table(folder, other, "b.png")
    assert [one.id for one in gather(f"benign={folder}")[0]] == ["benign/a", "benign/b"]
    list_table(folder, "../other/a.png", "b.png")
    assert [one.id for one in gather(f"benign={folder}")[0]] == ["benign/a", "benign/b"]


@pytest.mark.parametrize(
    "text", ["sub\\b.png", "/nowhere/b.png", "C:\\b.png", "..", "/", "\\", ".", "a\x00.png"]
)
def test_what_no_reading_finds_is_refused_as_it_was_written(gather, tmp_path, text):
    folder = put(tmp_path / "in", "a.png")
    list_table(folder, "a.png", text)
    examples, found = gather(f"benign={folder}")
    assert [one.id for one in examples] == ["benign/a"]
    assert len(found.refused) == 1
    assert "list.csv:3: " in found.refused[0]


@pytest.mark.skipif(os.name == "nt", reason="a backslash parts folders there")
def test_a_backslash_in_a_name_stays_where_there_is_such_a_file(gather, tmp_path):
    folder = put(tmp_path / "in", "sub\\a.png")
    list_table(folder, "sub\\a.png")
    assert [one.id for one in gather(f"benign={folder}")[0]] == ["benign/sub\\a"]


def test_names_that_no_report_could_hold_are_refused(gather, tmp_path):
    folder = put(tmp_path / "faces", "a.png", "b.png")
    (folder / "list.csv").write_text(
        f"file,gold,attack,source\na.png,Bea,{'x' * 1025},\nb.png,Bea,,{'x' * 1025}\n"
    )
    with pytest.raises(InputError, match=r"a\.png its id is no text .*b\.png its source is no text"):
        gather(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_refused_and_not_waited_for(gather, tmp_path):
    folder = put(tmp_path / "bim", "Bea_1_1_2_3_4.png")
    os.mkfifo(folder / "Bea_2_1_2_3_4.png")
    (folder / "Bea_3_1_2_3_4.png").symlink_to("/dev/zero")
    (folder / "Bea_4_1_2_3_4.png").symlink_to("Bea_1_1_2_3_4.png")
    examples, found = gather(folder)
    assert [one.id for one in examples] == ["bim/Bea_1_1_2_3_4", "bim/Bea_4_1_2_3_4"]
    assert [one.rpartition(": ")[2] for one in found.refused] == ["is no file"] * 2
