"""One batch of attempts: moved, stored in memory as it will be on disk, and judged as it is stored."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from harness.ami.detection import Detector, run_plain
from harness.ami.port import Port
from harness.ami.preprocess import prepare_array, prepare_image
from harness.attacks.generate import AimedPgd, AttackBatch, Models, move_pixels, run_passes
from harness.attacks.recipes import Attack, Recipe, Save
from harness.attacks.sources import DECODER
from harness.attacks.toolbox import Pixels
from harness.core.arrays import Preprocess, store_levels
from harness.core.decode import decode_array, decode_image
from harness.core.errors import InputError
from harness.core.examples import Example
from harness.core.walk import Executor
from harness.detectors.ami import detect
from harness.worker.prepare import Prepared, hash_array
from harness.worker.tasks.judge import judge_inputs

JPEG = {"quality": 75, "subsampling": "4:2:0"}
"""As the published patches and glasses are."""
CONVENTION = "bgr-minus-mean"
"""What stored arrays hold: the network's input itself, which every port reads alike."""
Outcome = Literal["kept", "lost", "failed"]


@dataclass(frozen=True)
class Checker:
    """What results are checked on: an executor, and AmI over it for attacks on the detector."""

    executor: Executor
    preprocess: Preprocess
    port: Port
    detector: Detector | None = None


@dataclass(frozen=True)
class Stored:
    """An image's file, and the network's input (C, H, W) that is read from it."""

    data: bytes
    ending: str
    pixels: NDArray[Any]
    value: NDArray[np.float32]


@dataclass(frozen=True)
class Attempt:
    """What came of one task: its file, whether it deceives as stored, and for attacks on AmI its record.

    `lost` deceived before it was rounded.
    """

    stored: Stored
    outcome: Outcome
    record: dict[str, Any] | None = None


def attempt_batch(
    models: Models,
    checker: Checker,
    attack: Attack,
    way: Recipe | AimedPgd,
    batch: AttackBatch,
    ids: Sequence[str],
) -> list[Attempt]:
    """Attack a batch; `ids` are what its images would be called as examples."""
    moved = move_pixels(models, batch, way)
    stored = [store_pixels(one, attack.save, checker) for one in moved]
    if checker.detector is not None:
        records = judge_stored(checker.detector, attack, batch, stored, ids)
        won = [one["original"] == one["attribute"] != one["gold"] for one in records]
    else:
        records = [None] * len(stored)
        won = list(find_deceived(classify_inputs(checker, [one.value for one in stored]), batch))
    before = won if attack.save == "npy" else list(find_before(models, batch, moved))
    outcomes = [name_outcome(bool(early), bool(late)) for early, late in zip(before, won, strict=True)]
    return [Attempt(*parts) for parts in zip(stored, outcomes, records, strict=True)]


def name_outcome(before: bool, after: bool) -> Outcome:
    """What an attempt is called by whether it deceives before and after storing."""
    if after:
        return "kept"
    return "lost" if before else "failed"


def find_before(models: Models, batch: AttackBatch, moved: Pixels) -> NDArray[np.bool_]:
    """Which moved pixels (N,) deceive before they are rounded."""
    if models.steered is not None:
        original, attribute = (one.argmax(1) for one in run_passes(models, moved))
        return (original == attribute) & (original != batch.gold)
    with torch.no_grad():
        logits = models.plain(torch.from_numpy(moved).to(models.device))
    return find_deceived(logits.cpu().numpy().argmax(1), batch)


def find_deceived(answers: NDArray[Any], batch: AttackBatch) -> NDArray[np.bool_]:
    """Which answers (N,) are what the attack is after."""
    return np.asarray(answers != batch.gold if batch.targets is None else answers == batch.targets)


def store_pixels(moved: Pixels, save: Save, checker: Checker) -> Stored:
    """One image's pixels (3, H, W) as a file of the kind asked for, and what is read back from it."""
    match save:
        case "png" | "jpeg":
            data = encode_image(moved, save)
            pixels = decode_image(data, DECODER)
            value = prepare_image(pixels, checker.preprocess, checker.port)
        case "npy":
            data = encode_array(moved, checker.preprocess)
            pixels = decode_array(data)
            value = prepare_array(pixels, CONVENTION, checker.preprocess, checker.port)
        case _:
            assert_never(save)
    return Stored(data, {"jpeg": "jpg"}.get(save, save), pixels, value)


def encode_image(moved: Pixels, save: Save) -> bytes:
    """Pixels rounded to whole levels, as PNG or JPEG."""
    levels = np.clip(np.rint(moved), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    options: dict[str, Any] = {"optimize": True} if save == "png" else JPEG
    Image.fromarray(np.ascontiguousarray(levels)).save(buffer, save.upper(), **options)
    return buffer.getvalue()


def encode_array(moved: Pixels, preprocess: Preprocess) -> bytes:
    """Pixels as the network's input (1, 3, H, W), float32, in an array file."""
    if preprocess.channel_order != "bgr" or preprocess.scale != 1:
        raise InputError(f"--save npy: this model's input is not {CONVENTION}; choose png or jpeg")
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(store_levels(moved, CONVENTION, preprocess)[None], np.float32))
    return buffer.getvalue()


def classify_inputs(checker: Checker, inputs: Sequence[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Originals (N,) of network inputs (C, H, W)."""
    value = checker.executor.to_native(np.stack(inputs))
    logits = checker.executor.to_numpy(run_plain(checker.executor, value))
    return np.asarray(logits.argmax(1), np.int64)


def classify_pixels(checker: Checker, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Originals (N,) of images (H, W, 3), uint8."""
    return classify_inputs(
        checker, [prepare_image(image, checker.preprocess, checker.port) for image in images]
    )


def judge_stored(
    detector: Detector, attack: Attack, batch: AttackBatch, stored: Sequence[Stored], ids: Sequence[str]
) -> list[Any]:
    """What AmI says of stored images: one record each, as a cell would write it, but for the seconds."""
    prepared = []
    for name, gold, one in zip(ids, batch.gold, stored, strict=True):
        digest = hashlib.sha256(one.data).hexdigest()
        example = Example(name, name, attack.name, int(gold), Path(f"{name}.{one.ending}"), digest)
        hashes = {"file": digest, "pixels": hash_array(one.pixels), "input": hash_array(one.value)}
        prepared.append(Prepared(example, one.value, hashes, CONVENTION if one.ending == "npy" else None))
    records = judge_inputs(partial(detect, detector), prepared)
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]
