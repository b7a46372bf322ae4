"""Attack bundled benign examples in every other way, and put two changes on them that are no attacks.

Each attack takes the benign examples in their order until 50 of them deceive. The list of all sets begins
with the default examples. `make_examples.py` puts everything together.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from examples import Clean
from export import FOLDER
from jpeg import CHROMA, encode_jpeg
from PIL import Image

from harness.attacks.order import LANDMARKS, AttackRequest, run_attack
from harness.core.errors import InputError
from harness.witnesses.landmarks import Landmarks, Located, write_landmarks

if TYPE_CHECKING:
    from harness.attacks.results import Produced

KEPT = 50
SEED = 1
BATCH = 25
SETTINGS: dict[str, tuple[str, ...]] = {
    **{f"cw_{norm}_{aim}": () for norm in ("l0", "l2", "li") for aim in ("first", "next")},
    # The published square, 26 % of the side, reaches few targets in the corner of a rendered face; frames
    # of 0.2 take 28 of 198 faces to class 0, those of 0.26 19 of 39.
    **{f"patch_{aim}": ("corner=0.55", "side=0.4") for aim in ("first", "next")},
    **{f"glasses_{aim}": ("rim=0.26", "iterations=150") for aim in ("first", "next")},
    "adaptive": (),
}
QUALITY = 50
NOISE_LEVELS = 8.0
"""Standard deviation of the Gaussian noise."""
Show = Callable[[str, int, int], None]


def place_landmarks(folder: Path, clean: Clean) -> None:
    """Write where the benign faces' landmarks are."""
    height, width = clean.images.shape[1:3]
    images = {
        f"images/{name}.png": Located(width, height, np.round(points, 1))
        for name, points in zip(clean.ids, clean.landmarks, strict=True)
    }
    write_landmarks(Landmarks(folder / LANDMARKS, "renderer", images))


def make_attack(
    folder: Path, work: Path, name: str, show: Show
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """One attack's first `KEPT` deceiving examples, numbered anew, and its counts."""
    request = AttackRequest(
        attack=name,
        output=work / name,
        model=str(FOLDER),
        settings=SETTINGS[name],
        examples=(str(folder / "examples.jsonl"),),
        keep=KEPT,
        batch=BATCH,
        seed=SEED,
    )
    produced = run_again(request, lambda done, total: show(name, done, total))
    lines = []
    for number, text in enumerate((work / name / "examples.jsonl").read_text().splitlines(), 1):
        line = json.loads(text)
        file = f"attacks/{name}-{number:04d}.png"
        shutil.copyfile(work / name / line["file"], folder / file)
        lines.append({**line, "id": Path(file).stem, "file": file})
    print(f"{name}: {produced.processor_seconds:.0f} s of processor time", file=sys.stderr)
    wanted = ("attempted", "succeeded", "lost_in_storing", "failed", "kept")
    return lines, {key: produced.counts[key] for key in wanted}


def run_again(request: AttackRequest, show: Callable[[int, int], None]) -> Produced:
    """Go on with an attack, or begin anew where what is there was made by other code."""
    try:
        return run_attack(request, show)
    except InputError:
        shutil.rmtree(request.output, ignore_errors=True)
        return run_attack(request, show)


def change_benign(folder: Path, line: dict[str, Any], change: str, data: bytes) -> dict[str, Any]:
    """Write a changed benign example; its line of the list."""
    name, ending = line["id"].replace("benign", f"benign-{change}"), "jpg" if change == "jpeg" else "png"
    file = f"attacks/{name}.{ending}"
    (folder / file).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return {**line, "id": name, "attack": f"benign-{change}", "file": file, "sha256": sha256}


def compress_benign(folder: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Benign examples as strongly compressed JPEG files."""
    parameters = {"quality": QUALITY, "chroma": CHROMA}
    return [
        {
            **change_benign(folder, line, "jpeg", encode_jpeg(folder / line["file"], QUALITY)),
            "parameters": parameters,
        }
        for line in lines
    ]


def disturb_benign(folder: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Benign examples under Gaussian noise."""
    rng = np.random.default_rng(SEED)
    return [
        {
            **change_benign(folder, line, "noise", add_noise(folder / line["file"], rng)),
            "parameters": {"levels": NOISE_LEVELS},
        }
        for line in lines
    ]


def add_noise(path: Path, rng: np.random.Generator) -> bytes:
    """An image with noise on it, as PNG."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), np.float64)
    noisy = np.clip(np.rint(pixels + rng.normal(0, NOISE_LEVELS, pixels.shape)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def make_attacks(folder: Path, work: Path, clean: Clean, show: Show) -> dict[str, int]:
    """Write all further sets beside the default examples, and the list of all; the counts.

    `work` holds unfinished attacks, which go on where they stopped.
    """
    (folder / "attacks").mkdir(exist_ok=True)
    place_landmarks(folder, clean)
    lines = [json.loads(line) for line in (folder / "examples.jsonl").read_text().splitlines()]
    benign = [line for line in lines if line["attack"] == "benign"][:KEPT]
    facts: dict[str, int] = {}
    for name in SETTINGS:
        made, counts = make_attack(folder, work, name, show)
        lines += made
        facts.update({f"{name}_{key}": value for key, value in counts.items()})
    lines += compress_benign(folder, benign) + disturb_benign(folder, benign)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "all.jsonl").write_text(text, encoding="utf-8")
    return facts
