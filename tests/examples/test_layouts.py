"""Layouts of example folders: a CSV names the examples, and what is wrong is named by line."""

from pathlib import Path

import picture_files as files
import pytest

from harness.core.errors import InputError
from harness.examples.layouts import describe_file, find_candidates, index_labels, read_gold

CLASSES = index_labels(("Ana_Ax", "Bea", "3", "Dora"))


def write_table(folder, text, *names, table="examples.csv"):
    """A folder with a CSV file and pictures."""
    folder.mkdir(exist_ok=True)
    (folder / table).write_text(text, encoding="utf-8")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(files.plain_png())
    return folder


def find(place):
    return list(find_candidates(str(place), CLASSES))


def test_rows_are_examples_by_label_or_by_class(tmp_path):
    text = "file,gold,attack,source\na.png,Bea,fgsm,a0\nsub/b.png,Dora,,\n c.npy , Ana_Ax , , \n"
    found = find(write_table(tmp_path / "faces", text, "a.png", "sub/b.png", "c.npy"))
    assert [one.reason for one in found] == [""] * 3
    keys = ("id", "attack", "gold", "source")
    assert [tuple(one.entry[key] for key in keys) for one in found] == [
        ("fgsm/a", "fgsm", 1, "a0"),
        ("faces/sub/b", "faces", 3, "sub/b"),
        ("faces/c", "faces", 0, "c"),
    ]


@pytest.mark.parametrize(
    "text", ["gold,file\n1,a.png\n", "\ufefffile,gold\r\na.png,1\r\n\r\n", 'file,gold\n"a.png",1']
)
def test_columns_may_stand_in_any_order_and_files_may_come_from_elsewhere(tmp_path, text):
    (found,) = find(write_table(tmp_path / "faces", text, "a.png"))
    assert (found.entry["id"], found.entry["gold"]) == ("faces/a", 1)


def test_a_table_may_be_named_and_given_an_attack(tmp_path):
    folder = write_table(tmp_path / "faces", "file,gold\na.png,1\n", "a.png")
    for place in (f"benign={folder}", f"benign={folder}/examples.csv"):
        assert find(place)[0].entry["attack"] == "benign"
    assert find(folder / "examples.csv")[0].entry["attack"] == "faces"


def test_wrong_rows_are_named_by_line_and_the_rest_goes_on(tmp_path):
    text = (
        "file,gold,attack\n"
        "a.png,Bea\n"
        "b.gif,Bea\n"
        "c.png,Zoe\n"
        "c.png,9\n"
        "c.png,-1\n"
        "c.png,\n"
        ",Bea\n"
        "\n"
        "c.png,Bea,x,y\n"
        "sub,Bea\n"
        "a.png,Bea\n"
    )
    found = find(write_table(tmp_path / "faces", text, "a.png", "d.png", "sub/e.png"))
    table = (tmp_path / "faces" / "examples.csv").resolve()
    assert [(one.place, one.reason) for one in found if one.reason] == [
        (f"{table}:3", "file 'b.gif' is none of .jpg, .jpeg, .png, .npy"),
        (f"{table}:4", "gold 'Zoe' is neither a label nor a class from 0 to 3"),
        (f"{table}:5", "gold '9' is neither a label nor a class from 0 to 3"),
        (f"{table}:6", "gold '-1' is neither a label nor a class from 0 to 3"),
        (f"{table}:7", "gold '' is neither a label nor a class from 0 to 3"),
        (f"{table}:8", "file '' is none of .jpg, .jpeg, .png, .npy"),
        (f"{table}:10", "has more fields than the first line"),
        (f"{table}:11", "file 'sub' is none of .jpg, .jpeg, .png, .npy"),
        (str(table.parent / "d.png"), "is not in examples.csv"),
    ]
    assert sum(not one.reason for one in found) == 2


def test_files_in_the_folders_that_rows_name_are_looked_for_too(tmp_path):
    folder = write_table(
        tmp_path / "faces", "file,gold\nsub/a.png,1\n", "sub/a.png", "sub/b.png", "other/c.png"
    )
    assert [one.reason for one in find(folder)] == ["", "is not in examples.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"examples.csv:1: the first line must name"),
        ("a.png,1\n", r":1: the first line must name .* it is 'a.png,1'"),
        ("file\na.png\n", ":1: the first line must name"),
        ("file,gold,colour\n", ":1: the first line must name"),
        ("file,gold,gold\n", ":1: the first line must name"),
        ('file,gold\na.png,1\n"a.png,1\n', r"is no CSV file after line 2"),
        ('file,gold\n"a".png,1\n', "is no CSV file after line 1"),
    ],
)
def test_a_file_that_is_no_such_table_is_an_error(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        find(write_table(tmp_path / "faces", text, "a.png"))


def test_bytes_that_are_no_text_are_an_error(tmp_path):
    folder = write_table(tmp_path / "faces", "file,gold\n")
    (folder / "examples.csv").write_bytes(b"file,gold\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"examples.csv:2: is not UTF-8"):
        find(folder)


def test_a_name_that_no_file_can_have_is_left_to_be_refused_by_its_row(tmp_path):
    folder = write_table(tmp_path / "faces", f"file,gold\n{'x' * 5000}.png,1\n{'y' * 300}/a.png,1\n")
    assert [one.reason for one in find(folder)] == ["", ""]


def test_two_tables_have_to_be_told_apart(tmp_path):
    folder = write_table(tmp_path / "faces", "file,gold\na.png,1\n", "a.png")
    write_table(folder, "file,gold\na.png,2\n", table="more.csv")
    with pytest.raises(InputError, match="holds 2 CSV files"):
        find(folder)
    assert find(folder / "more.csv")[0].entry["gold"] == 2


@pytest.mark.parametrize(
    ("text", "gold"),
    [("Bea", 1), (" Bea ", 1), ("1", 1), ("0", 0), ("00", 0), ("Dora", 3)],
)
def test_gold_is_a_label_or_a_class(text, gold):
    assert read_gold(text, CLASSES) == gold


@pytest.mark.parametrize("text", ["4", "1.0", "1e0", "\u0661", "bea", "9" * 5000])
def test_gold_that_is_neither_is_refused(text):
    assert "is neither" in read_gold(text, CLASSES)


def test_gold_that_is_two_things_is_refused():
    assert read_gold("3", CLASSES) == "gold '3' is class 2 by its label and 3 by its number"


@pytest.mark.parametrize("field", ["nan", "inf", "٣", "1e999", " 1"])
def test_corners_in_a_name_are_numbers_in_ascii_digits(field):
    reasons = {
        describe_file("faces", Path(f"Bea_{one}_1_2_3_4.png"), CLASSES).reason for one in (field, "7.5")
    }
    assert reasons == {"", "its name is not PERSON_index_x0_y0_x1_y1"}
