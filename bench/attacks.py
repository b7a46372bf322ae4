"""Where the time of attacks goes on the bundled model, and what the toolbox's own C&W attacks reach on it."""

from __future__ import annotations

import argparse
import cProfile
import json
import logging
import pstats
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

SHORT = ("fgsm", "bim", "cw_l0_next", "cw_l2_next", "cw_li_next", "patch_next", "glasses_next", "adaptive")
"""Attacks that are profiled, each on `IMAGES` clean images."""
IMAGES = 25
MODEL = Path(__file__).resolve().parents[1] / "models" / "tiny-vgg-face"
PLACES = {"torch": "PyTorch", "/art/": "toolbox", "/harness/": "own code", "numpy": "NumPy"}
TARGET_SHARE = 0.9
TOOLBOX_IMAGES = {"l2": 20, "l0": 6, "linf": 3}


def main() -> None:
    """Profile, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attack", action="append", help="attack to profile; several times")
    parser.add_argument(
        "--toolbox", action="store_true", help="measure the toolbox's C&W attacks instead (minutes)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    logging.getLogger("art").setLevel(logging.ERROR)
    if options.toolbox:
        measured = {kind: measure_toolbox(kind, images) for kind, images in TOOLBOX_IMAGES.items()}
        print(json.dumps(measured, indent=1) if options.json else describe_toolbox(measured))
        return
    profiled = {name: profile_attack(name) for name in options.attack or SHORT}
    print(json.dumps(profiled, indent=1) if options.json else describe_profiles(profiled))


def profile_attack(name: str) -> dict[str, Any]:
    """Seconds of an attack, one thread, and the shares of where they were spent."""
    from harness.attacks.order import AttackRequest, run_attack

    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        run_attack(AttackRequest(name, Path(folder) / "warm", limit=1), ignore)
        request = AttackRequest(name, Path(folder) / "attack", limit=IMAGES, batch=IMAGES)
        profile, wall, processor = cProfile.Profile(), time.perf_counter(), time.process_time()
        produced = profile.runcall(run_attack, request, ignore)
        seconds = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    return {"seconds": seconds, "counts": produced.counts, "shares": share_time(profile)}


def ignore(_done: int, _total: int) -> None:
    """Show no progress."""


def share_time(profile: cProfile.Profile) -> dict[str, float]:
    """Shares of the time spent in each place itself, by the functions' files or, of compiled ones, names."""
    spent: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        where = f"{file} {function}".replace("\\", "/")
        found = [label for mark, label in PLACES.items() if mark in where]
        spent[found[0] if found else "rest"] += own
    total = sum(spent.values())
    return {label: spent[label] / total for label in (*PLACES.values(), "rest")}


def describe_profiles(profiled: dict[str, dict[str, Any]]) -> str:
    """The shares as a table."""
    labels = [*PLACES.values(), "rest"]
    lines = [f"{'':14}{'attempts':>9}{'kept':>6}{'seconds':>9}" + "".join(f"{one:>10}" for one in labels)]
    for name, one in profiled.items():
        counts, seconds = one["counts"], one["seconds"]["processor"]
        shares = "".join(f"{one['shares'][label]:10.1%}" for label in labels)
        lines.append(f"{name:14}{counts['attempted']:9}{counts['kept']:6}{seconds:9.1f}{shares}")
    lines.append(f"processor seconds on one thread; aim: {TARGET_SHARE:.0%} in PyTorch")
    return "\n".join(lines)


def measure_toolbox(kind: str, images: int) -> dict[str, float]:
    """The toolbox's targeted C&W towards the next class: seconds per image, hits, and the size of changes."""
    import torch
    from art.attacks.evasion import CarliniL0Method, CarliniL2Method, CarliniLInfMethod

    from harness.attacks.toolbox import LEVELS, build_classifier

    torch.set_num_threads(1)
    model, pixels, gold = load_images(images)
    classifier = build_classifier(model, pixels.shape[1:], 100, unit=True)
    shared = {"targeted": True, "verbose": False}
    searches = {"binary_search_steps": 3, "initial_const": 1.0, "confidence": 0.5, "max_iter": 40}
    method = {
        "l2": lambda: CarliniL2Method(classifier, **shared, **searches, batch_size=images),
        "l0": lambda: CarliniL0Method(classifier, **shared, batch_size=images),
        "linf": lambda: CarliniLInfMethod(classifier, **shared),
    }[kind]()
    targets = (gold + 1) % 100
    start = time.process_time()
    moved = method.generate(pixels / np.float32(LEVELS), y=targets)
    seconds = time.process_time() - start
    answers = classifier.predict(moved).argmax(1)
    change = np.abs(np.rint(moved * LEVELS) - pixels)
    return {
        "images": images,
        "seconds_per_image": seconds / images,
        "hits": float((answers == targets).mean()),
        "pixels": float((change.max(1) > 0).sum((1, 2)).mean()),
        "largest": float(change.max((1, 2, 3)).mean()),
    }


def load_images(count: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The bundled network, and its first clean images (N, 3, H, W) with Gold (N,)."""
    from harness.attacks.sources import read_sources
    from harness.attacks.torch_model import build_pixel_model
    from harness.core.examples import list_examples
    from harness.model.caffemodel import read_parameters
    from harness.model.folder import read_model

    model = read_model(MODEL)
    network = build_pixel_model(
        model.network, dict(read_parameters(model.caffemodel, model.network)), model.preprocess
    )
    examples = list_examples(model.examples["default"], 100)
    sources = read_sources(examples, model.preprocess, None, count).sources
    pixels = np.stack([one.pixels for one in sources]).transpose(0, 3, 1, 2).astype(np.float32)
    return network, pixels, np.array([one.example.gold for one in sources])


def describe_toolbox(measured: dict[str, dict[str, float]]) -> str:
    """The same as text."""
    return "\n".join(
        f"toolbox's C&W {kind}: {one['hits']:.0%} of {one['images']:.0f} images reach the next class,"
        f" {one['seconds_per_image']:.1f} s each; {one['pixels']:.0f} pixels changed,"
        f" by up to {one['largest']:.0f} levels"
        for kind, one in measured.items()
    )


if __name__ == "__main__":
    main()
