"""Every text file that is read may begin with a BOM, end its lines in either way, and end with blank ones."""

import json
import shutil
from pathlib import Path

import pytest
import small_model
from logs import print_log

from harness.ami.witnesses import read_witnesses
from harness.core.errors import InputError
from harness.core.examples import list_examples
from harness.examples.layouts import find_candidates, index_labels
from harness.images.recipes import read_images as read_recipes
from harness.logs.image_list import read_images
from harness.logs.notebook_log import read_log
from harness.model.folder import read_model
from harness.plan.environments import read_environments
from harness.plan.register import read_register
from harness.witnesses.landmarks import read_landmarks

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parents[3] / "shared" / "cases" / "labels"
MARK = b"\xef\xbb\xbf"
CHANGES = {
    "mark": lambda data: MARK + data,
    "crlf": lambda data: data.replace(b"\n", b"\r\n"),
    "blank": lambda data: data.rstrip() + b"\n\n \n\t\r\n",
    "all": lambda data: MARK + data.rstrip().replace(b"\n", b"\r\n") + b"\r\n\r\n \r\n",
}


@pytest.fixture(name="folder", scope="module")
def make_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    small_model.write_model(folder / "small", 4)
    shutil.copytree(ROOT / "environments", folder / "environments")
    shutil.copytree(ROOT / "dockerfiles", folder / "dockerfiles")
    (folder / "a.log").write_text(print_log([(1, 2, 3), (4, 4, 4)]))
    (folder / "names.txt").write_text("Ana_1_0_0_1_1\nBj\u00f6rk_2_0_0_1_1\n", encoding="utf-8")
    (folder / "faces").mkdir()
    (folder / "faces/list.csv").write_text("file,gold,attack\na.png,Bea,x\nb.png,1,\n")
    for name in "ab":
        (folder / f"faces/{name}.png").write_bytes(b"")
    located = {"width": 9, "height": 9, "points": [[number, number] for number in range(68)]}
    text = json.dumps({"schema": 1, "images": {"a.png": located}}, indent=1)
    (folder / "landmarks.json").write_text(text + "\n")
    return folder


def read_environment_files(folder):
    environments = read_environments(folder / "environments")
    return environments, read_register(folder / "environments", environments)


READERS = {
    "small/labels.txt": lambda folder: read_model(folder / "small").labels,
    "small/model.toml": lambda folder: read_model(folder / "small").description,
    "small/witnesses/leye_witness.txt": lambda folder: read_witnesses(
        folder / "small/witnesses/leye_witness.txt", read_model(folder / "small").network
    ),
    "small/examples/examples.jsonl": lambda folder: list_examples(
        folder / "small/examples/examples.jsonl", 9
    ),
    "environments/local-pytorch.toml": read_environment_files,
    "environments/matrix.toml": read_environment_files,
    "dockerfiles/images.toml": lambda folder: read_recipes(folder / "dockerfiles"),
    "faces/list.csv": lambda folder: list(
        find_candidates(str(folder / "faces"), index_labels(["Ana", "Bea"]))
    ),
    "names.txt": lambda folder: read_images(folder / "names.txt").names,
    "a.log": lambda folder: read_log(folder / "a.log"),
    "landmarks.json": lambda folder: {
        name: one.points.tolist() for name, one in read_landmarks(folder / "landmarks.json").images.items()
    },
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", READERS)
def test_it_holds_the_same_however_it_was_saved(folder, name, change):
    path, read = folder / name, READERS[name]
    before, data = read(folder), path.read_bytes()
    path.write_bytes(CHANGES[change](data))
    try:
        assert read(folder) == before
    finally:
        path.write_bytes(data)


@pytest.mark.parametrize("name", READERS)
def test_bytes_that_are_not_utf_8_are_named(folder, name):
    path, read = folder / name, READERS[name]
    data = path.read_bytes()
    path.write_bytes(data[:3] + b"\xe9" + data[3:])
    try:
        with pytest.raises(InputError, match=Path(name).name.replace(".", r"\.")):
            read(folder)
    finally:
        path.write_bytes(data)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"needs {CASES}")
@pytest.mark.parametrize("name", ["bom", "crlf", "nel", "trailing-blank"])
def test_labels_of_others_are_a_hundred_names(name):
    labels = read_model("tiny-vgg-face", labels=CASES / f"{name}.txt").labels
    assert labels[0] == ("A\x85sa" if name == "nel" else "Face_000")
    assert labels[1:] == read_model("tiny-vgg-face").labels[1:]


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\x0c", "\x0b", "\x1d"])
def test_labels_end_at_line_feeds_alone(folder, mark):
    path = folder / "small/labels.txt"
    data = path.read_bytes()
    path.write_text("\n".join([f"A{mark}b", *small_model.LABELS[1:]]), encoding="utf-8")
    try:
        labels = read_model(folder / "small").labels
    finally:
        path.write_bytes(data)
    assert len(labels) == len(small_model.LABELS)
    assert labels[0][0] + labels[0][-1] == "Ab"
