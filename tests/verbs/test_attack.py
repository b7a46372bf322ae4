"""`harness attack`, end to end, on the bundled model."""

import json
import shutil
from pathlib import Path

import pytest
import small_model

torch = pytest.importorskip("torch", reason="attacks follow gradients of PyTorch")
pytest.importorskip("art", reason="the robustness toolbox is not installed")
pytest.importorskip("cv2", reason="frames are drawn with OpenCV")

from harness.ami.port import Port
from harness.attacks.order import adapt_preprocess
from harness.cli import main
from harness.core.arrays import Preprocess
from harness.core.examples import read_examples
from harness.system.invocation import write_command

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "models" / "tiny-vgg-face"


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(before)


@pytest.fixture(name="harness")
def make_harness(monkeypatch, capsys):
    def harness(*arguments):
        monkeypatch.setattr("sys.argv", ["harness", "attack", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, *capsys.readouterr()

    return harness


def test_an_attack_says_what_came_of_it_and_is_not_made_twice(harness):
    arguments = ("fgsm", "--output", "out", "--limit", 4, "--threads", 1)
    code, out, err = harness(*arguments)
    assert code == 0, err
    assert "fgsm: 4 attempts" in out
    words = ("matrix", "--model", "tiny-vgg-face", "--examples", "out/examples.jsonl")
    assert f"run it: {write_command(*words)}\n" in out
    assert "fgsm: running 0 of 4" in err
    listed = read_examples(Path("out/examples.jsonl"), 100)
    code, out, _ = harness(*arguments, "--json")
    again = json.loads(out)
    assert (code, again["resumed"], again["counts"]["kept"]) == (0, 4, len(listed))


def test_the_detector_is_attacked_on_another_backend(harness):
    code, _, err = harness(
        "adaptive", "--output", "out", "--limit", 2, "--threads", 1, "--set", "iterations=5",
        "--set", "eps=8", "--set", "restarts=1", "--check", "reference", "--alpha", 90, "--rule", "ddof=1",
    )  # fmt: skip
    assert code == 0, err
    facts = json.loads(Path("out/attack.json").read_text())
    assert facts["check"] == "reference"
    assert facts["state"] == {"level": 0, "stages": []}
    assert facts["detector"]["parameters"]["alpha"] == 90
    assert facts["detector"]["port"]["ddof"] == 1
    assert len(facts["detector"]["witnesses"]) == 4
    records = [json.loads(line) for line in Path("out/records.jsonl").read_text().splitlines()]
    assert all({"original", "attribute", "score", "outcome"} <= set(record) for record in records)


def test_images_that_cannot_be_used_end_in_2_and_the_rest_is_kept(harness, tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for number in (1, 2):
        shutil.copyfile(
            BUNDLED / "examples" / "images" / f"benign-{number:04d}.png",
            folder / f"Face_{number - 1:03d}_0_1_2_3_4.png",
        )
    (folder / "Face_002_0_1_2_3_4.png").write_bytes(b"\x89PNG nothing")
    (folder / "nobody.png").write_bytes(b"")
    (folder / "no\n\x1b[31mbody.png").write_bytes(b"")
    code, out, err = harness(
        "fgsm", "--output", "out", "--examples", f"benign={folder}", "--threads", 1, "--set", "eps=12"
    )
    assert code == 2, err
    assert "of 5 clean images, left out: 0 classified wrongly, 3 refused" in out
    assert "nobody.png" in out
    assert "no\\n\\x1b[31mbody.png" in out
    assert "Face_002_0_1_2_3_4.png" in out
    assert "fgsm: 2 attempts" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cw", "--output", "out"], "attack cw: unknown; there are fgsm"),
        (["fgsm", "--output", "out", "--backend", "onnxruntime"], "--backend onnxruntime: has no gradients"),
        (["fgsm", "--output", "out", "--check", "mxnet"], "backend 'mxnet': unknown"),
        (["fgsm", "--output", "out", "--device", "tpu"], "device tpu: unknown"),
        (["fgsm", "--output", "out", "--keep", "0"], "--keep 0: must be at least 1"),
        (["fgsm", "--output", "out", "--threads", "2147483648"], "--threads 2147483648: must be at most"),
        (["fgsm", "--output", "out", "--seed", "-1"], "--seed -1: must be 0 or more"),
        (["fgsm", "--output", "out", "--set", "eps=-1"], "eps = -1: must lie between"),
        (["fgsm", "--output", "out", "--model", "none"], "model none: no such model"),
        (["fgsm", "--output", "out", "--examples", "nowhere"], "nowhere: is no folder"),
        (["fgsm", "--output", "out", "--classes", "1"], "has its own targets"),
        (["fgsm", "--output", "out", "--alpha", "3"], "--alpha: attack fgsm has no use for it"),
        (["bim", "--output", "out", "--port", "notebook"], "--port: attack bim has no use for it"),
        (["patch_next", "--output", "out", "--landmarks", "x"], "--landmarks: attack patch_next has no use"),
        (["fgsm", "--output", "out", "--rule", "ddof=1"], "--rule: attack fgsm has no use for it"),
        (["adaptive", "--output", "out", "--rule", "ddof=2"], "ddof has no choice '2'; there are 0, 1"),
        (["ami-pgd", "--output", "out", "--classes", "100"], "'100' is no class; there are 0 to 99"),
        (["ami-pgd", "--output", "out", "--alpha", "0"], "alpha = 0.0: must be a positive number"),
        (["ami-pgd", "--output", "out", "--port", "matlab"], "port 'matlab': unknown"),
        (["glasses_next", "--output", "out", "--landmarks", "no.json"], "no.json: cannot be read"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_2(harness, arguments, message):
    code, out, err = harness(*arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert not Path("out", "attack.json").exists()


def test_attacks_on_the_detector_need_witnesses_and_others_do_not(harness, tmp_path):
    small_model.write_model(tmp_path / "small", 4)
    shutil.rmtree(tmp_path / "small" / "witnesses")
    code, _, err = harness("adaptive", "--output", "out", "--model", "small")
    assert code == 2
    assert "no witnesses of leye" in err
    _, _, err = harness("fgsm", "--output", "out", "--model", "small")
    assert "witnesses" not in err


def test_a_list_of_labels_out_of_range_is_refused(harness, tmp_path):
    lines = (BUNDLED / "examples" / "examples.jsonl").read_text().splitlines()
    entry = {**json.loads(lines[0]), "gold": 100, "file": str(BUNDLED / "examples" / "images" / "x.png")}
    (tmp_path / "list.jsonl").write_text(json.dumps(entry) + "\n")
    code, _, err = harness("fgsm", "--output", "out", "--examples", "list.jsonl")
    assert code == 2
    assert "list.jsonl:1: gold 100" in err


def test_glasses_without_landmarks_say_how_to_get_them(harness, tmp_path):
    small_model.write_model(tmp_path / "small", 4)
    code, _, err = harness("glasses_next", "--output", "out", "--model", "small")
    assert code == 2
    assert "there are no landmarks, which glasses are placed by; locate them with `" in err


@pytest.mark.parametrize(
    ("rules", "order", "mean", "scale"),
    [
        ({}, "bgr", (1.0, 2.0, 3.0), 2.0),
        ({"channel_order": "reversed"}, "rgb", (1.0, 2.0, 3.0), 2.0),
        ({"mean": "swapped"}, "bgr", (3.0, 2.0, 1.0), 2.0),
        ({"mean": "none", "value_range": "0-1"}, "bgr", (0.0, 0.0, 0.0), 2 / 255),
        ({"value_range": "0-1"}, "bgr", (255.0, 510.0, 765.0), 2 / 255),
    ],
)
def test_the_port_s_input_is_what_gradients_are_of(rules, order, mean, scale):
    import numpy as np

    from harness.ami.preprocess import prepare_image

    preprocess, port = Preprocess(2, 2, "bgr", (1.0, 2.0, 3.0), 2.0), Port(**rules)
    adapted = adapt_preprocess(preprocess, port)
    assert (adapted.channel_order, adapted.mean, adapted.scale) == (order, mean, scale)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.allclose(prepare_image(image, preprocess, port), prepare_image(image, adapted, Port()))
