"""The bundled examples of every attack, and those under changes that are none."""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the bundled model is checked with PyTorch")
pytest.importorskip("cv2", reason="frames are drawn with OpenCV")
pytest.importorskip("art", reason="the robustness toolbox is not installed")
FOLDER = Path(__file__).resolve().parents[2] / "models" / "tiny-vgg-face"
sys.path.insert(0, str(FOLDER / "make"))

import attacks as make_attacks
import examples as make_examples
import export
import make_examples as make_all
from PIL import Image

from harness.ami.detection import build_detector, run_both
from harness.ami.port import Port
from harness.ami.preprocess import prepare_image
from harness.ami.steering import Parameters
from harness.ami.witnesses import concatenate_witnesses, read_witnesses
from harness.attacks.masks import mask_glasses, mask_patch
from harness.attacks.recipes import Glasses, PatchRecipe
from harness.core.decode import decode_image
from harness.core.examples import BENIGN, read_examples
from harness.evaluate.rates import CHANGED
from harness.model.folder import read_model
from harness.witnesses.landmarks import read_landmarks

EXAMPLES = FOLDER / "examples"
PUBLISHED = [
    "bim", "cw_l0_first", "cw_l0_next", "cw_l2_first", "cw_l2_next", "cw_li_first", "cw_li_next", "fgsm",
    "glasses_first", "glasses_next", "patch_first", "patch_next",
]  # fmt: skip
AIMED = [name for name in PUBLISHED if name.endswith(("_first", "_next"))]
CHANGES = ["benign-jpeg", "benign-noise"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model():
    return read_model(FOLDER)


@pytest.fixture(scope="module")
def lines():
    return [json.loads(line) for line in (EXAMPLES / "all.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def images(model):
    listed = read_examples(model.examples["all"], len(model.labels))
    return {one.id: decode_image(one.path.read_bytes(), "pillow") for one in listed}


@pytest.fixture(scope="module")
def answers(model, images, lines):
    """Original and Attribute of every example that is not in the default list."""
    port = Port()
    witnesses = {name: read_witnesses(path, model.network) for name, path in model.witnesses.items()}
    detector = build_detector(
        export.load_executor(model), concatenate_witnesses(witnesses, port), port, Parameters()
    )
    names = [line["id"] for line in lines[400:]]
    inputs = np.stack([prepare_image(images[name], model.preprocess, port) for name in names])
    found = [run_both(detector, inputs[start : start + 100]) for start in range(0, len(inputs), 100)]
    original, attribute = (np.concatenate([pair[place] for pair in found]).argmax(1) for place in (0, 1))
    return dict(zip(names, zip(original.tolist(), attribute.tolist(), strict=True), strict=True))


def select(lines, attack):
    return [line for line in lines if line["attack"] == attack]


def measure_change(line, images):
    return np.abs(images[line["id"]].astype(int) - images[line["source"]])


def test_the_default_examples_come_first_and_unchanged(lines):
    default = [json.loads(line) for line in (EXAMPLES / "examples.jsonl").read_text().splitlines()]
    assert lines[:400] == default


def test_every_set_is_as_large_as_measured(model, lines):
    counts, measured = Counter(line["attack"] for line in lines), model.measured["examples"]
    assert set(counts) == {*PUBLISHED, BENIGN, "adaptive", *CHANGES}
    for name in (*AIMED, "adaptive"):
        assert counts[name] == measured[f"{name}_kept"]
        assert measured[f"{name}_kept"] == min(50, measured[f"{name}_succeeded"])
        outcomes = ("succeeded", "lost_in_storing", "failed")
        assert sum(measured[f"{name}_{one}"] for one in outcomes) == measured[f"{name}_attempted"]
    assert [counts[name] for name in CHANGES] == [50, 50]


def test_every_file_is_listed(lines):
    on_disk = {path.relative_to(EXAMPLES).as_posix() for path in (EXAMPLES / "attacks").iterdir()}
    assert on_disk == {line["file"] for line in lines[400:]}
    assert all(name.startswith(CHANGED) for name in CHANGES)


@pytest.mark.parametrize("attack", AIMED)
def test_aimed_attacks_reach_their_class(lines, answers, attack):
    found = select(lines, attack)
    for line in found:
        wanted = 0 if attack.endswith("first") else (line["gold"] + 1) % 100
        assert line["target"] == wanted == answers[line["id"]][0]
    assert len({line["source"] for line in found}) == len(found)


def test_adaptive_examples_deceive_the_detector(lines, answers, images):
    for line in select(lines, "adaptive"):
        original, attribute = answers[line["id"]]
        assert original == attribute != line["gold"]
        assert 0 < measure_change(line, images).max() <= line["parameters"]["eps"]


def test_each_carlini_wagner_attack_is_small_in_its_own_measure(lines, images):
    size = {}
    for norm in ("l0", "l2", "li"):
        both = select(lines, f"cw_{norm}_first") + select(lines, f"cw_{norm}_next")
        changes = [measure_change(line, images) for line in both]
        size[norm] = {
            "l0": np.mean([(change.max(-1) > 0).sum() for change in changes]),
            "l2": np.mean([np.sqrt((change**2).sum()) for change in changes]),
            "li": np.mean([change.max() for change in changes]),
        }
    for norm in size:
        assert min(size, key=lambda other: size[other][norm]) == norm
    assert size["l0"]["l0"] < 100 < size["l2"]["l0"]


@pytest.mark.parametrize("attack", ["patch_first", "patch_next", "glasses_first", "glasses_next"])
def test_paint_is_where_it_belongs(lines, images, attack):
    landmarks = read_landmarks(EXAMPLES / "landmarks.json")
    for line in select(lines, attack):
        if attack.startswith("patch"):
            mask = mask_patch(64, 64, PatchRecipe(**line["parameters"]))
        else:
            points = landmarks.find(EXAMPLES / "images" / f"{line['source']}.png").points
            mask = mask_glasses(points, 64, 64, Glasses(**line["parameters"]))
        changed = measure_change(line, images).max(-1) > 0
        assert not (changed & ~mask).any()
        assert changed[mask].mean() > 0.9


def test_changed_benign_examples_are_near_their_sources(lines, images):
    for name, low, high in (("benign-jpeg", 0.5, 8), ("benign-noise", 5, 7)):
        means = [measure_change(line, images).mean() for line in select(lines, name)]
        assert low < np.mean(means) < high
        assert all(line["gold"] == int(line["source"][-4:]) - 1 for line in select(lines, name))


def test_noise_is_drawn_again_alike(tmp_path, lines):
    (tmp_path / "attacks").mkdir()
    (tmp_path / "images").symlink_to(EXAMPLES / "images")
    benign = select(lines, BENIGN)[:50]
    assert make_attacks.disturb_benign(tmp_path, benign) == select(lines, "benign-noise")
    assert make_attacks.compress_benign(tmp_path, benign) == select(lines, "benign-jpeg")


def test_landmarks_are_the_renderer_s(tmp_path):
    clean = make_examples.render_clean()
    make_attacks.place_landmarks(tmp_path, clean)
    again, bundled = (read_landmarks(folder / "landmarks.json") for folder in (tmp_path, EXAMPLES))
    assert again.images.keys() == bundled.images.keys()
    for name, located in again.images.items():
        assert np.abs(located.points - bundled.images[name].points).max() < 0.11


def test_what_came_out_differently_is_said(tmp_path):
    made, present = tmp_path / "made", tmp_path / "present"
    for folder in (made, present):
        (folder / "images").mkdir(parents=True)
        (folder / "list.jsonl").write_text("a\nb\n")
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(folder / "images" / "same.png")
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(folder / "images" / "other.png")
    assert make_all.compare_folders(made, present) == []
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 1, 2] = 7
    Image.fromarray(pixels).save(made / "images" / "other.png")
    (made / "list.jsonl").write_text("a\nc\n")
    (made / "new.png").write_bytes(b"x")
    (present / "gone.png").write_bytes(b"x")
    changes = make_all.compare_folders(made, present)
    text = make_all.describe(changes, 4)
    assert "changed: images/other.png: 25.0% of the pixels, by up to 7 levels" in text
    assert "changed: list.jsonl: 1 lines of 2" in text
    assert "new: new.png" in text
    assert "gone: gone.png" in text
    assert text.endswith("1 of 4 files came out the same; 2 changed, 1 new, 1 gone")
    make_all.replace_folder(made, present, changes)
    assert make_all.compare_folders(made, present) == []
