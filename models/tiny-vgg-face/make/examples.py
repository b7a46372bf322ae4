"""Render the bundled examples and attack some of them.

python models/tiny-vgg-face/make/examples.py
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from export import FOLDER, record_facts
from faces import IDENTITIES, render_face

from harness.attacks.gradient_sign import Attack, Bim, Fgsm, attack_images, classify_images
from harness.attacks.torch_model import PixelModel, build_pixel_model
from harness.model.caffemodel import read_parameters
from harness.model.folder import read_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PER_PERSON = 2
KEPT = 100
ATTACKS: dict[str, Attack] = {"fgsm": Fgsm(eps=8), "bim": Bim(eps=4, step=1.0, iterations=10)}


@dataclass(frozen=True)
class Clean:
    """The benign examples: ids, images (N, 64, 64, 3) uint8 RGB, people (N,)."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]
    people: NDArray[np.int64]


def render_clean() -> Clean:
    """Every person `PER_PERSON` times, from a split of its own: everybody once, then everybody again."""
    places = [(person, index) for index in range(PER_PERSON) for person in range(IDENTITIES)]
    images = np.stack([render_face(person, "benign", index).image for person, index in places])
    ids = tuple(f"benign-{number:04d}" for number in range(1, len(places) + 1))
    return Clean(ids, images, np.array([person for person, _ in places], dtype=np.int64))


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


def write_attacked(
    folder: Path, clean: Clean, model: PixelModel, name: str, right: NDArray[np.bool_]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Attack the rightly classified benign examples; write the first `KEPT` that are fooled, and count."""
    attack = ATTACKS[name]
    sources = np.flatnonzero(right)
    attacked = attack_images(model, clean.images[sources], clean.people[sources], attack)
    rows = np.flatnonzero(attacked.fooled)[:KEPT]
    lines = []
    for number, row in enumerate(rows, 1):
        source, gold = clean.ids[sources[row]], int(clean.people[sources[row]])
        line = write_example(folder, f"{name}-{number:04d}", source, name, gold, attacked.images[row])
        lines.append({**line, "parameters": dataclasses.asdict(attack)})
    counts = {"attempted": len(sources), "fooled": len(sources) - attacked.failed, "failed": attacked.failed}
    return lines, {**counts, "kept": len(rows)}


def main() -> None:
    """Write images and list, and record the counts."""
    torch.set_num_threads(1)
    model = read_model(FOLDER, need_witnesses=False)
    weights = dict(read_parameters(model.caffemodel, model.network))
    pixels = build_pixel_model(model.network, weights, model.preprocess)
    folder = FOLDER / "examples"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    clean = render_clean()
    right = classify_images(pixels, clean.images).classes == clean.people
    lines = write_benign(folder, clean)
    facts: dict[str, Any] = {"benign": len(right), "benign_correct": int(right.sum())}
    for name in ATTACKS:
        made, counts = write_attacked(folder, clean, pixels, name, right)
        lines += made
        facts.update({f"{name}_{key}": value for key, value in counts.items()})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "examples.jsonl").write_text(text, encoding="utf-8")
    record_facts(FOLDER, "examples", facts)
    print(facts)


if __name__ == "__main__":
    main()
