"""Names of any bytes and in any Unicode form, through whole runs: stored once, joined, shown, read back."""

import csv
import hashlib
import json
import os
import shutil
import sys
import unicodedata
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from command_line import list_runs, make_harness, make_root
from past_runs import make_records, write_run
from small_model import LABELS, make_png
from tuple_records import make_record

from harness.core.examples import list_examples

FIXTURES = (make_root, make_harness)
BYTES = pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="file names are Unicode there")
DIVERGING = ("--model", "small", "--environment", "a", "--environment", "other")
EVIL = "a\u202e\x1b[31m\0b\udce9"
SHOWN = "a\\u202e\\x1b[31m\\x00b\\xe9"


def decode(name):
    """A file's name of bytes, as Python has it."""
    return os.fsdecode(name)


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(make_png(np.random.default_rng(number)))
    return folder


def check_run(folder, harness, reports, *words):
    """That a run that diverged is whole, names examples in every form, and is read again by every verb."""
    for form in ("report.txt", "report.md", "report.html", "junit.xml", "summary.json"):
        text = (folder / form).read_text(encoding="utf-8")
        for word in words:
            assert any(word.replace("\\", mark) in text for mark in ("\\", "\\\\", "&#92;")), (form, word)
    ET.parse(folder / "junit.xml")
    assert not [one for one in folder.parent.iterdir() if one.name.startswith(".")]
    for verb, ending in (("diff", 1), ("report", 1), ("evaluate", 0)):
        code, out, err = harness(verb, folder.name, "--reports", reports)
        assert (code, err) == (ending, ""), verb + out
    code, _, err = harness(
        "report", folder.name, "--reports", reports, "--records", "r.csv", "--html", "r.html"
    )
    assert (code, "Traceback" in err) == (1, False)
    return read_csv("r.csv")


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@BYTES
def test_a_folder_with_names_that_are_not_utf_8_runs_to_its_end(harness, root):
    place = root / decode(b"f\xfcr") / "in"
    put(place / decode(b"fg\xe9sm"), "Ana_Ax_1_0_0_32_32.png", "Bea_1_0_0_32_32.png")
    put(place / "benign", "Ana_Ax_1_0_0_32_32.png")
    reports = root / decode(b"r\xe9ports")
    code, out, err = harness("matrix", *DIVERGING, "--examples", place, "--reports", reports)
    assert code == 1, out + err
    (folder,) = reports.iterdir()
    assert "run folder: r\\xe9ports/" in out
    rows = check_run(folder, harness, reports, "fg\\xe9sm")
    assert sorted({row["example"] for row in rows}) == [
        "benign/Ana_Ax_1_0_0_32_32", "fg\\xe9sm/Ana_Ax_1_0_0_32_32", "fg\\xe9sm/Bea_1_0_0_32_32",
    ]  # fmt: skip
    code, out, _ = harness("matrix", "--model", "small", "--examples", place, "--example", "fg\\xe9sm/Bea*")
    assert code == 0
    assert "1 of 3 examples" in out


@BYTES
def test_a_stray_file_with_such_a_name_is_refused_and_the_rest_is_run(harness, root):
    place = put(root / "benign", "Ana_Ax_1_0_0_32_32.png", decode(b"Zo\xe9_1_0_0_32_32.png"))
    code, out, err = harness("matrix", "--model", "small", "--examples", place)
    assert code == 2, out + err
    assert "Zo\\xe9_1_0_0_32_32.png: Zo\\xe9 is not in the labels" in " ".join(out.split())
    (folder,) = list_runs(root)
    assert "Zo\\\\xe9" in (folder / "run.json").read_text()
    code, out, err = harness("diff", folder)
    assert (code, err) == (0, ""), out


@BYTES
def test_a_model_and_a_cache_with_such_names_are_run(harness, root, monkeypatch):
    model = shutil.copytree(root / "small", root / decode(b"m\xf6del"))
    shutil.move(root / "home", root / decode(b"h\xf6me"))
    monkeypatch.setenv("HARNESS_HOME", str(root / decode(b"h\xf6me")))
    for path in (root / decode(b"h\xf6me") / "venvs").glob("*/bin/python"):
        assert path.is_file()
    code, out, err = harness("matrix", "--model", model, *DIVERGING[2:])
    assert code == 1, out + err
    check_run(list_runs(root)[0], harness, root / "reports")


def test_ids_of_lists_are_stored_whatever_they_hold(harness, root):
    folder = root / "small/examples"
    lines = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    for line in lines:
        line.update(id=EVIL + line["id"], source=EVIL + line["source"], sha256=line["sha256"].upper())
        line["attack"] = line["attack"].replace("fgsm", EVIL)
    (folder / "examples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, out, err = harness("matrix", *DIVERGING)
    assert code == 1, out + err
    rows = check_run(list_runs(root)[0], harness, root / "reports", SHOWN[-9:])
    assert rows[0]["example"] == SHOWN + "benign-0000"
    assert {row["attack"] for row in rows} == {"benign", SHOWN}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "a\ud800"}, ":1: is no JSON that can be read"),
        ({"file": "a\0.png"}, r":1: file 'a\x00.png' holds a NUL"),
    ],
)
def test_what_no_name_can_be_is_refused_with_its_line(harness, root, change, words):
    path = root / "small/examples/examples.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), **change}), *rest]))
    code, out, err = harness("matrix", "--model", "small")
    assert (code, out) == (2, "")
    assert words in err.splitlines()[-1]
    assert not list((root / "reports").glob("*"))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_two_ids_that_are_stored_alike_are_listed_twice(tmp_path, form):
    line = {"source": "s", "attack": "benign", "gold": 0, "file": "f", "sha256": "0"}
    names = ["Zo\u00e9", unicodedata.normalize(form, "Zo\u00e9")]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps({"id": name, **line}) + "\n" for name in names))
    words = r"list.jsonl:2: example 'Zo\u00e9' is listed twice" + (
        " .as .* another Unicode form" if form == "NFD" else "$"
    )
    with pytest.raises(Exception, match=words):
        list_examples(tmp_path / "list.jsonl", 2)


FORMS = ("NFC", "NFD")
ACCENTED = "Zo\u00e9_Blanc"


@pytest.fixture(name="accented")
def make_accented(root):
    """A model with an accent in its first label, in NFC."""
    (root / "small/labels.txt").write_text("\n".join([ACCENTED, *LABELS[1:]]) + "\n", encoding="utf-8")
    return root


def run_form(harness, root, form, *more):
    """A run on a folder whose names are in one Unicode form."""
    place = root / form / unicodedata.normalize(form, "b\u00e9nin")
    put(place, unicodedata.normalize(form, f"{ACCENTED}_1_0_0_32_32.png"), "Bea_1_0_0_32_32.png")
    code, out, err = harness("matrix", "--model", "small", "--examples", place, *more)
    assert code == 0, out + err
    return list_runs(root)[-1]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system keeps one form alone")
def test_runs_of_both_forms_join(harness, accented):
    one, two = (run_form(harness, accented, form) for form in FORMS)
    assert (
        json.loads((one / "run.json").read_text())["examples"]["ids"][1]
        == f"b\u00e9nin/{ACCENTED}_1_0_0_32_32"
    )
    code, out, err = harness("diff", one, two)
    assert (code, err) == (0, ""), out
    assert "all 2 examples" in out


def test_runs_that_were_stored_in_another_form_join(harness, tmp_path):
    for form in FORMS:
        name = unicodedata.normalize(form, "benign/Zo\u00e9")
        cells = {"a": [make_record(name, source=name)]}
        write_run(tmp_path / form, cells, ids=[name])
    code, out, err = harness("diff", tmp_path / "NFC", tmp_path / "NFD")
    assert (code, err) == (0, ""), out
    assert "all 1 example" in out


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system keeps one form alone")
@pytest.mark.parametrize("listed", FORMS)
@pytest.mark.parametrize("stored", FORMS)
def test_tables_and_lists_name_files_in_either_form(harness, accented, listed, stored):
    folder = put(accented / "in", unicodedata.normalize(stored, "Zo\u00e9.png"))
    name = unicodedata.normalize(listed, "Zo\u00e9.png")
    (folder / "list.csv").write_text(
        f"file,gold\n{name},{unicodedata.normalize(listed, ACCENTED)}\n", encoding="utf-8"
    )
    code, out, err = harness("matrix", "--model", "small", "--examples", folder)
    assert code == 0, out + err
    assert json.loads((list_runs(accented)[-1] / "run.json").read_text())["examples"]["ids"] == [
        "in/Zo\u00e9"
    ]
    data = next(folder.glob("*.png")).read_bytes()
    line = {
        "id": "x",
        "source": "s",
        "attack": "benign",
        "gold": 0,
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (folder / "list.jsonl").write_text(json.dumps(line))
    code, out, err = harness("matrix", "--model", "small", "--examples", folder / "list.jsonl")
    assert code == 0, out + err


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system keeps one form alone")
def test_two_files_that_are_stored_alike_are_told(harness, accented):
    names = [unicodedata.normalize(form, f"{ACCENTED}_1_0_0_32_32.png") for form in FORMS]
    code, out, _ = harness("matrix", "--model", "small", "--examples", put(accented / "benign", *names))
    assert code == 2
    assert "are the same but for the form of their letters; rename one" in " ".join(out.split())


@pytest.mark.parametrize("form", FORMS)
def test_an_example_is_named_in_either_form(harness, accented, form):
    run_form(harness, accented, "NFC", "--example", unicodedata.normalize(form, f"b\u00e9nin/{ACCENTED}*"))


@BYTES
def test_runs_and_cells_in_folders_with_such_names_are_compared(harness, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / decode(b"r\xe9n")
    write_run(tmp_path / "run", {name: make_records(1, value) for name, value in (("a", 1), ("b", 2))})
    told = json.loads((tmp_path / "run/run.json").read_text())
    (tmp_path / "run/run.json").write_text(json.dumps({**told, "cells": told["cells"][:1]}))
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    (tmp_path / "run").rename(place)
    (place / "cells/b").rename(place / "cells" / decode(b"c\xe9ll"))
    (place / "cells/__MACOSX").mkdir()
    code, out, err = harness("diff", place, "other", "--output", decode(b"\xf6ut"))
    assert (code, err) == (1, ""), out
    summary = json.loads((tmp_path / decode(b"\xf6ut") / "summary.json").read_text())
    assert "c\\xe9ll" in [cell["environment"] for cell in summary["cells"]]
    assert "a@r\\xe9n" in [cell["environment"] for cell in summary["cells"]]
    assert summary["run"] == "r\\xe9n other"
    code, out, err = harness("evaluate", place)
    assert (code, err) == (0, ""), out
    code, _, err = harness("report", decode(b"\xf6ut"), "--html", "r.html", "--markdown", "r.md")
    assert (code, err) == (1, "")
