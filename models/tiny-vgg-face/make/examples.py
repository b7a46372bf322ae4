"""Render the bundled benign examples, and attack some of them by FGSM and BIM.

python models/tiny-vgg-face/make/examples.py
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from export import FOLDER, record_facts
from faces import IDENTITIES, render_face

from harness.ami.port import Port
from harness.attacks.attempt import Attempt, Checker, attempt_batch, classify_pixels
from harness.attacks.generate import AttackBatch, Models
from harness.attacks.recipes import Attack, list_attacks
from harness.attacks.torch_model import build_pixel_model
from harness.backends import Settings, pytorch
from harness.model.caffemodel import read_parameters
from harness.model.folder import read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXAMPLES = FOLDER / "examples"
PER_PERSON = 2
KEPT = 100
BATCH = 100
ATTACKS = ("fgsm", "bim")


@dataclass(frozen=True)
class Clean:
    """The benign examples: ids, images (N, 64, 64, 3) uint8 RGB, people (N,), landmarks (N, 68, 2)."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    people: NDArray[np.int64]
    landmarks: NDArray[np.float64]


def render_clean() -> Clean:
    """Every person `PER_PERSON` times, from a split of its own: everybody once, then everybody again."""
    places = [(person, index) for index in range(PER_PERSON) for person in range(IDENTITIES)]
    faces = [render_face(person, "benign", index) for person, index in places]
    return Clean(
        ids=tuple(f"benign-{number:04d}" for number in range(1, len(places) + 1)),
        images=np.stack([face.image for face in faces]),
        people=np.array([person for person, _ in places], dtype=np.int64),
        landmarks=np.stack([face.landmarks for face in faces]),
    )


def load_models() -> tuple[Models, Checker]:
    """The bundled network, to be attacked and to judge the results."""
    model = read_model(FOLDER, need_witnesses=False)
    weights = dict(read_parameters(model.caffemodel, model.network))
    plain = build_pixel_model(model.network, weights, model.preprocess)
    executor = pytorch.load(model.network, weights, Settings(threads=torch.get_num_threads()))
    return Models(plain, IDENTITIES), Checker(executor, model.preprocess, Port())


def write_example(
    folder: Path, name: str, source: str, attack: str, gold: int, image: NDArray[np.uint8]
) -> dict[str, Any]:
    """Write one image; its line of the list."""
    file = f"images/{name}.png"
    packed = cv2.imencode(".png", image[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
    (folder / file).write_bytes(packed)
    sha256 = hashlib.sha256(packed).hexdigest()
    return {"id": name, "source": source, "attack": attack, "gold": gold, "file": file, "sha256": sha256}


def write_benign(folder: Path, clean: Clean) -> list[dict[str, Any]]:
    """Write all benign examples, rightly classified or not."""
    rows = zip(clean.ids, clean.people, clean.images, strict=True)
    return [write_example(folder, name, name, "benign", int(gold), image) for name, gold, image in rows]


def attack_clean(clean: Clean, models: Models, checker: Checker, attack: Attack) -> list[Attempt]:
    """Attempts on all clean images, in their order."""
    attempts = []
    for start in range(0, len(clean.ids), BATCH):
        rows = slice(start, start + BATCH)
        pixels = clean.images[rows].transpose(0, 3, 1, 2).astype(np.float32)
        batch = AttackBatch(pixels, clean.people[rows])
        attempts += attempt_batch(models, checker, attack, attack.recipe, batch, clean.ids[rows])
    return attempts


def write_attacked(
    folder: Path, clean: Clean, models: Models, checker: Checker, attack: Attack
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Attack rightly classified benign examples; write the first `KEPT` that are fooled, and count."""
    attempts = attack_clean(clean, models, checker, attack)
    fooled = [row for row, one in enumerate(attempts) if one.outcome == "kept"]
    lines = []
    for number, row in enumerate(fooled[:KEPT], 1):
        gold, pixels = int(clean.people[row]), attempts[row].stored.pixels
        name = f"{attack.name}-{number:04d}"
        line = write_example(folder, name, clean.ids[row], attack.name, gold, pixels)
        lines.append({**line, "parameters": dataclasses.asdict(attack.recipe)})
    counts = {"attempted": len(attempts), "fooled": len(fooled), "failed": len(attempts) - len(fooled)}
    return lines, {**counts, "kept": len(lines)}


def choose_right(clean: Clean, right: NDArray[np.bool_]) -> Clean:
    """The rightly classified examples."""
    ids = tuple(name for name, chosen in zip(clean.ids, right, strict=True) if chosen)
    return Clean(ids, clean.images[right], clean.people[right], clean.landmarks[right])


def make_examples(folder: Path) -> dict[str, Any]:
    """Write images and list into a folder; the counts."""
    torch.set_num_threads(1)
    models, checker = load_models()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    clean = render_clean()
    right = classify_pixels(checker, list(clean.images)) == clean.people
    lines = write_benign(folder, clean)
    facts: dict[str, Any] = {"benign": len(right), "benign_correct": int(right.sum())}
    for name in ATTACKS:
        chosen = choose_right(clean, right)
        made, counts = write_attacked(folder, chosen, models, checker, list_attacks()[name])
        lines += made
        facts.update({f"{name}_{key}": value for key, value in counts.items()})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "examples.jsonl").write_text(text, encoding="utf-8")
    return facts


def main() -> None:
    """Write images and list, and record the counts."""
    facts = make_examples(EXAMPLES)
    record_facts(FOLDER, "examples", facts)
    print(facts)


if __name__ == "__main__":
    main()
