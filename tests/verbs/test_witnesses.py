"""`harness witnesses` and `harness landmarks`, end to end, in this interpreter."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import portraits
import pytest
import small_model
from PIL import Image
from shapes import list_unknown

pytest.importorskip("cv2", reason="attributes are exchanged with OpenCV")

from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import read_witnesses
from harness.cli import main
from harness.core.text import store_name
from harness.model.folder import read_model
from harness.records.cell import CellFile
from harness.witnesses.sets import read_set

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "models" / "tiny-vgg-face"
PUBLISHED = ROOT.parent / "shared" / "ami"
REGISTER = 'reference = "a"\ndefault = "default"\n[groups]\ndefault = "all"\n'
ENVIRONMENT = 'description = "tests"\nbackend = "reference"\ngroups = ["default"]\npackages = []\n'
BOX = 'description = "tests"\nlauncher = "docker"\nimage = "caffe-openblas"\nbackend = "caffe"\ngroups = []\n'


@pytest.fixture(name="harness")
def make_harness(monkeypatch, capsys):
    def harness(*arguments):
        monkeypatch.setattr("sys.argv", ["harness", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, *capsys.readouterr()

    return harness


@pytest.fixture(name="root")
def make_root(tmp_path, monkeypatch):
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "matrix.toml").write_text(REGISTER)
    (tmp_path / "environments" / "a.toml").write_text(ENVIRONMENT)
    (tmp_path / "environments" / "box.toml").write_text(BOX)
    shutil.copytree(ROOT / "dockerfiles", tmp_path / "dockerfiles")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    return tmp_path


@pytest.fixture(name="options")
def make_options(root):
    """A small model and three faces besides the base; nothing but the reference backend is needed."""
    small_model.write_model(root / "small", 2)
    portraits.write_faces(root / "faces", others=3)
    return {
        "--model": "small", "--base": "faces/base.png", "--others": "faces/others",
        "--landmarks": "faces/landmarks.json", "--output": "out",
    }  # fmt: skip


def spell(verb, options):
    return ["witnesses", verb, *(str(part) for pair in options.items() for part in pair)]


def test_everything_is_extracted_and_kept(harness, options, root):
    code, out, err = harness(*spell("extract", options))
    assert code == 0, err
    assert "here-reference" in out
    assert "pairs of mutated images: leye 3, reye 3, nose 3, mouth 3" in out
    assert "look at out/contact-sheet.png" in out
    found = root / "out" / "here-reference"
    names = {f"{attribute}_{kind}.txt" for attribute in ATTRIBUTES for kind in ("witness", "neurons")}
    assert {path.name for path in found.iterdir()} == names | {"cell.json", "evidence.npz"}
    assert list_unknown(json.loads((found / "cell.json").read_text()), CellFile) == []
    assert len(list((root / "out" / "mutated").rglob("*.png"))) == 25
    network = read_model("small").network
    for attribute in ATTRIBUTES:
        witnesses = read_witnesses(found / f"{attribute}_witness.txt", network)
        assert witnesses == read_witnesses(found / f"{attribute}_neurons.txt", network)
    assert "here-reference: running" in err


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="file names are Unicode there")
def test_faces_with_names_that_are_not_utf_8_are_extracted_from(harness, options, root):
    others, path = root / "faces/others", root / "faces/landmarks.json"
    located = json.loads(path.read_text())
    for number, name in enumerate((b"Zo\xe9.png", "Rene\u0301e.png".encode())):
        (others / f"other-{number}.png").rename(others / os.fsdecode(name))
        stored = store_name(os.fsdecode(name))
        located["images"][f"others/{stored}"] = located["images"].pop(f"others/other-{number}.png")
    path.write_text(json.dumps(located))
    (root / "faces").rename(root / os.fsdecode(b"f\xe9"))
    moved = {key: value.replace("faces", os.fsdecode(b"f\xe9")) for key, value in options.items()}
    write = "import numpy; from harness.witnesses.sheet import write; write(numpy.zeros((9, 9, 3), 'uint8'),"
    crash = [sys.executable, "-c", f"{write} 'Zo\\udce9', (0, 9))"]
    assert subprocess.run(crash, check=False, cwd=ROOT).returncode == 0  # else it would end the tests, too
    code, out, err = harness(*spell("extract", {**moved, "--output": os.fsdecode(b"\xf6ut")}))
    assert code == 0, out + err
    assert "look at \\xf6ut/contact-sheet.png" in out
    read_set(root / os.fsdecode(b"\xf6ut") / "here-reference")
    lines = (root / os.fsdecode(b"\xf6ut") / "images.jsonl").read_text(encoding="utf-8").splitlines()
    sources = {json.loads(line)["source"] for line in lines}
    assert {"Zo\\xe9", "Ren\u00e9e", "other-2"} <= sources


def test_the_same_again_is_taken_from_the_store_and_compared_where_it_is_fresh(harness, options, root):
    harness(*spell("extract", options))
    shutil.copytree(root / "out" / "here-reference", root / "first")
    code, out, _ = harness(*spell("extract", options))
    assert (code, "reused" in out) == (0, True)
    code, _, err = harness("witnesses", "compare", "first", "out/here-reference")
    assert (code, "here-reference is a copy of first: both are of one execution" in err) == (2, True)
    code, out, _ = harness(*spell("extract", options), "--fresh")
    assert (code, "reused" in out) == (0, False)
    code, out, _ = harness("witnesses", "compare", "first", "out/here-reference")
    assert code == 0, out
    assert "SAME" in out


def test_saved_images_give_the_same_witnesses(harness, options):
    harness(*spell("extract", options))
    ready = {
        "--model": "small", "--base": "out/mutated/base.png", "--mutated": "out/mutated", "--output": "again",
    }  # fmt: skip
    code, _, err = harness(*spell("extract", ready))
    assert code == 0, err
    code, out, _ = harness("witnesses", "compare", "out/here-reference", "again/here-reference", "--json")
    assert code == 0
    assert {count["shift"] for count in json.loads(out)["counts"]} == {0.0}


def test_a_subset_of_attributes_is_said(harness, options, root):
    harness(*spell("extract", options))
    for path in (root / "out" / "mutated").glob("*eye_*"):
        shutil.rmtree(path)
    (root / "out" / "mutated" / "nose_preservation" / "note.txt").write_text("x")
    ready = {
        "--model": "small", "--base": "out/mutated/base.png", "--mutated": "out/mutated", "--output": "again",
    }  # fmt: skip
    code, out, err = harness(*spell("extract", ready))
    assert code == 0, err
    assert "note: no witnesses of leye, reye: out/mutated has no images of them" in out
    code, out, _ = harness("witnesses", "compare", "out/here-reference", "again/here-reference")
    assert code == 2
    assert "COULD NOT RUN: leye, reye in out/here-reference alone" in out


def test_other_faces_give_other_witnesses_and_exit_code_1(harness, options, root):
    harness(*spell("extract", options))
    Image.fromarray(portraits.draw_face(77)).save(root / "faces" / "others" / "other-1.png")
    harness(*spell("extract", {**options, "--output": "else"}))
    code, out, _ = harness("witnesses", "compare", "out/here-reference", "else/here-reference")
    assert code == 1
    assert "images are other files" in out
    assert "decided by" in out


def test_attributes_without_a_witness_are_said(harness, options, root):
    for path in (root / "faces" / "others").iterdir():
        Image.new("RGB", (64, 64), (5, 5, 5)).save(path)  # too dark to be pasted: nothing changes
        shutil.copy(path, root / "faces" / "others" / f"{path.stem}-again.png")
    data = json.loads((root / "faces" / "landmarks.json").read_text())
    for name in list(data["images"]):
        data["images"][name.replace(".png", "-again.png")] = data["images"][name]
    (root / "faces" / "landmarks.json").write_text(json.dumps(data))
    code, out, err = harness(*spell("extract", options))
    assert code == 0, err
    assert "note: leye: no channel passed in all 6 pairs (here-reference); its witness files are empty" in out


def test_json_is_the_result_and_nothing_else(harness, options):
    code, out, _ = harness(*spell("extract", options), "--json")
    data = json.loads(out)
    assert (code, data["pairs"]) == (0, dict.fromkeys(ATTRIBUTES, 3))
    assert data["results"][0]["folder"] == "out/here-reference"
    assert set(data["results"][0]["counts"]) == set(ATTRIBUTES)


def test_an_environment_that_fails_or_is_not_there_leaves_the_others(harness, options, root):
    extract = [*spell("extract", options), "--backend", "reference", "--environment", "box"]
    code, out, err = harness(*extract, "--environment", "a")
    assert code == 2, err
    text = " ".join(out.split())
    assert "box unavailable: no Docker engine answers" in text
    assert "a failed: " in text
    assert "numpy" in text
    assert (root / "out" / "here-reference" / "leye_witness.txt").is_file()
    assert not (root / "out" / "a").exists()


def break_face(root):
    (root / "faces" / "others" / "other-1.png").write_bytes(b"")


def forget_landmarks(root):
    data = json.loads((root / "faces" / "landmarks.json").read_text())
    del data["images"]["others/other-2.png"]
    (root / "faces" / "landmarks.json").write_text(json.dumps(data))


def mix_base_in(root):
    shutil.copy(root / "faces" / "base.png", root / "faces" / "others" / "other-1.png")


def empty_others(root):
    for path in (root / "faces" / "others").iterdir():
        path.unlink()


def break_weights(root):
    path = root / "small" / "net.caffemodel"
    path.write_bytes(path.read_bytes()[:1000])


def change_network(root):
    other = small_model.write_model(root / "wide", 2).joinpath("deploy.prototxt")
    text = other.read_text().replace("num_output: 16", "num_output: 20")
    (root / "small" / "deploy.prototxt").write_text(text)


def fill_output(root):
    (root / "out").mkdir()
    (root / "out" / "thesis.txt").write_text("x")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (break_face, "faces/others/other-1.png: "),
        (forget_landmarks, "faces/landmarks.json: has no landmarks of others/other-2.png"),
        (mix_base_in, "other-1.png: is the base face itself"),
        (empty_others, "faces/others: holds no image"),
        (break_weights, "net.caffemodel"),
        (change_network, "fc6"),
        (fill_output, "out: holds other things than an extraction"),
    ],
)
def test_bad_files_are_one_line_and_exit_code_2(harness, options, root, spoil, words):
    spoil(root)
    code, out, err = harness(*spell("extract", options))
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("harness: ")
    assert words in last
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--others": None}, "give --others and --landmarks, or --mutated"),
        ({"--mutated": "out/mutated"}, "--mutated goes without --others and --landmarks"),
        ({"--base": "faces/none.png"}, "faces/none.png: is no file"),
        ({"--landmarks": "faces/none.json"}, "faces/none.json: cannot be read"),
        ({"--backend": "tensorflow"}, "--backend tensorflow: unknown; there are reference"),
        ({"--environment": "zz*"}, "names none of a, box"),
        ({"--decoder": "zz"}, "--decoder zz: unknown; there are"),
        ({"--output": "faces/base.png"}, "faces/base.png: is no folder"),
        ({"--model": "none"}, "no such model"),
    ],
)
@pytest.mark.usefixtures("root")
def test_bad_options_are_one_line_and_exit_code_2(harness, options, changes, words):
    merged = {key: value for key, value in {**options, **changes}.items() if value is not None}
    code, out, err = harness(*spell("extract", merged))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.usefixtures("root")
def test_compare_refuses_what_it_cannot_compare(harness):
    code, _, err = harness("witnesses", "compare", "none", "nothing")
    assert (code, err.count("\n")) == (2, 1)
    folder = BUNDLED / "witnesses"
    code, _, err = harness("witnesses", "compare", folder, folder)
    assert (code, "give --model" in err) == (2, True)
    code, _, err = harness("witnesses", "compare", folder, folder, "--model", BUNDLED)
    assert (code, "is given twice" in err) == (2, True)


def test_published_sets_differ_in_their_fully_connected_layers(harness, root):
    if not PUBLISHED.is_dir():
        pytest.skip("the published AmI data is not beside the project")
    from harness.model.prototxt import write_prototxt
    from harness.model.random_weights import vgg_face_network

    (root / "vgg.prototxt").write_text(write_prototxt(vgg_face_network()))
    sets = [PUBLISHED / "witnesses", PUBLISHED / "witnesses_port"]
    code, out, _ = harness("witnesses", "compare", *sets, "--prototxt", "vgg.prototxt", "--json")
    assert code == 1
    changes = [(one["blob"], one["channel"], one["kind"]) for one in json.loads(out)["changes"]]
    assert changes == [
        ("fc7", 1213, "lost"), ("fc7", 3332, "lost"), ("fc6", 2802, "lost"), ("fc7", 2645, "lost"),
    ]  # fmt: skip


@pytest.mark.parametrize("backend", ["reference", "pytorch", "onnxruntime", "opencv"])
def test_the_bundled_portraits_give_the_bundled_witnesses(harness, root, backend):
    pytest.importorskip({"pytorch": "torch", "opencv": "cv2", "reference": "numpy"}.get(backend, backend))
    faces = BUNDLED / "portraits"
    code, out, err = harness(
        "witnesses", "extract", "--model", BUNDLED, "--base", faces / "Face_064.png", "--others",
        faces / "others", "--landmarks", faces / "landmarks.json", "--output", "out", "--backend", backend,
    )  # fmt: skip
    assert code == 0, out + err
    for attribute in ATTRIBUTES:
        name = f"{attribute}_witness.txt"
        made = (root / "out" / f"here-{backend}" / name).read_bytes()
        assert made == (BUNDLED / "witnesses" / name).read_bytes()


def test_published_mutated_images_run(harness, root):
    if not PUBLISHED.is_dir():
        pytest.skip("the published AmI data is not beside the project")
    small_model.write_model(root / "small", 2)
    options = {
        "--model": "small", "--base": PUBLISHED / "base_img.jpg",
        "--mutated": PUBLISHED / "attribute_mutated", "--output": "out",
    }  # fmt: skip
    code, out, err = harness(*spell("extract", options), "--json")
    assert code == 0, err
    assert json.loads(out)["pairs"] == {"leye": 10}
    with np.load(root / "out" / "here-reference" / "evidence.npz") as archive:
        assert archive["leye/conv1_1/substitution"].shape == (10, 4)


@pytest.mark.docker
def test_real_caffe_in_its_container_gives_the_bundled_witnesses(harness, root, monkeypatch):
    monkeypatch.delenv("DOCKER_HOST")
    faces = BUNDLED / "portraits"
    code, out, err = harness(
        "witnesses", "extract", "--model", BUNDLED, "--base", faces / "Face_064.png", "--others",
        faces / "others", "--landmarks", faces / "landmarks.json", "--output", "out", "--environment", "box",
    )  # fmt: skip
    assert code == 0, out + err
    for attribute in ATTRIBUTES:
        name = f"{attribute}_witness.txt"
        assert (root / "out" / "box" / name).read_bytes() == (BUNDLED / "witnesses" / name).read_bytes()
    cell = json.loads((root / "out" / "box" / "cell.json").read_text())
    assert cell["fingerprint"]["versions"]["caffe"].startswith("1.0")


def test_landmarks_are_located_and_refusals_counted(harness, root, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "support" / "fakes")
    monkeypatch.delitem(sys.modules, "dlib", raising=False)
    (root / "predictor.dat").write_text("68")
    pixels = portraits.draw_face(3).copy()
    for faces, name in ((1, "one.png"), (0, "none.png")):
        pixels[0, 0] = faces
        Image.fromarray(pixels).save(root / name)
    locate = ["landmarks", "one.png", "--predictor", "predictor.dat", "--output", "marks.json"]
    code, out, _ = harness(*locate)
    assert (code, out) == (0, "marks.json: 1 faces located, 0 files refused\n")
    code, out, err = harness(*locate, "none.png")
    sys.modules.pop("dlib", None)
    assert (code, out) == (2, "marks.json: 1 faces located, 1 files refused\n")
    assert "none.png: no face was found" in err


def test_without_opencv_the_error_says_so_and_sets_can_be_compared(harness, options, root, monkeypatch):
    harness(*spell("extract", options))
    shutil.copytree(root / "out" / "here-reference", root / "first")
    harness(*spell("extract", options), "--fresh")
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, _, err = harness(*spell("extract", options))
    assert (code, err.count("\n")) == (2, 1)
    assert "witnesses extract needs cv2, not installed here; install with: " in err
    for name in [name for name in sys.modules if name.startswith("harness.witnesses.")]:
        monkeypatch.delitem(sys.modules, name)
    code, out, err = harness("witnesses", "compare", "first", "out/here-reference")
    assert (code, "SAME" in out) == (0, True), err


@pytest.mark.parametrize("verb", [("witnesses", "extract"), ("witnesses", "compare"), ("landmarks",)])
def test_every_verb_has_help_with_an_example(harness, verb):
    code, out, _ = harness(*verb, "--help")
    assert code == 0
    assert f" {' '.join(verb)} " in " ".join(out.partition("Example: ")[2].split())
