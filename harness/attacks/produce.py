"""Carry an attack out: batch by batch, from where a killed one stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import harness
from harness.attacks.attempt import Attempt, Checker, attempt_batch, classify_pixels
from harness.attacks.folder import (
    check_images,
    describe_attempt,
    find_done,
    keep_attempts,
    open_folder,
    read_entries,
)
from harness.attacks.generate import AimedPgd, AttackBatch, Models, list_ways
from harness.attacks.masks import mask_glasses, mask_patch
from harness.attacks.recipes import Attack, Glasses, PatchRecipe, Recipe
from harness.attacks.results import Clocks, Produced, count_outcomes, finish
from harness.attacks.sources import CleanSource, Sources
from harness.attacks.tasks import AttackPlan, AttackTask, plan_tasks
from harness.core.errors import InputError
from harness.worker.fingerprint import hash_code

Show = Callable[[int, int], None]
PACKAGES = ("adversarial-robustness-toolbox", "numpy", "pillow", "torch")


@dataclass(frozen=True)
class Order:
    """What is asked for. `facts` are what `origin` says of the inputs; `targets` what `each` walks."""

    attack: Attack
    output: Path
    facts: Mapping[str, Any]
    targets: tuple[int, ...] = ()
    keep: int | None = None
    batch: int = 50
    seed: int = 0


def produce(order: Order, models: Models, checker: Checker, sources: Sources, show: Show) -> Produced:
    """Attack until all tasks are done or enough examples kept; InputError where the folder is another's.

    `show` is told how many tasks are done, of how many.
    """
    started = Clocks(time.monotonic(), time.process_time())
    ways, facts = list_ways(order.attack.recipe), describe_order(order)
    plan = make_plan(order, models, checker, sources, len(ways))
    with open_folder(order.output, facts):
        done = resumed = find_done(order.output, facts, plan.tasks, order.batch)
        present = read_entries(order.output)
        check_images(order.output, present, order.keep)
        kept = count_outcomes(present)["kept"]
        show(done, len(plan.tasks))
        while done < len(plan.tasks) and (order.keep is None or kept < order.keep):
            part = plan.tasks[done : done + order.batch]
            attempts = run_tasks(order, models, checker, sources.sources, part, done)
            entries = [
                describe_task(order, sources.sources, ways, *one) for one in zip(part, attempts, strict=True)
            ]
            room = None if order.keep is None else order.keep - kept
            keep_attempts(order.output, facts, attempts, entries, room)
            done, kept = done + len(part), kept + count_outcomes(entries)["kept"]
            show(done, len(plan.tasks))
        return finish(order.output, facts, plan, sources, order.keep, resumed, started)


def make_plan(order: Order, models: Models, checker: Checker, sources: Sources, ways: int) -> AttackPlan:
    """All tasks; InputError where none is left."""
    gold = [source.example.gold for source in sources.sources]
    answers: list[int] = []
    for start in range(0, len(gold), order.batch):
        part = sources.sources[start : start + order.batch]
        answers += classify_pixels(checker, [source.pixels for source in part]).tolist()
    right = [answer == label for answer, label in zip(answers, gold, strict=True)]
    attack = order.attack
    plan = plan_tasks(attack.name, gold, right, attack.aim, order.targets, models.classes, ways)
    if not plan.tasks:
        raise InputError(
            f"attack {attack.name}: nothing to attack: of {len(gold)} clean images, {plan.misclassified} are"
            f" classified wrongly, and {plan.at_target} are of the class that they were to be taken for"
        )
    return plan


def run_tasks(
    order: Order,
    models: Models,
    checker: Checker,
    sources: Sequence[CleanSource],
    tasks: Sequence[AttackTask],
    done: int,
) -> list[Attempt]:
    """The attempts of some tasks, which are walked by one way after the other."""
    ways = list_ways(order.attack.recipe)
    attempts: list[Attempt] = []
    for way, group in groupby(tasks, key=lambda task: task.way):
        part = list(group)
        seed_generators(order.seed, done + len(attempts))
        batch = make_batch(ways[way], sources, part)
        ids = [task.id for task in part]
        attempts += attempt_batch(models, checker, order.attack, ways[way], batch, ids)
    return attempts


def seed_generators(seed: int, place: int) -> None:
    """Fix what is random from here on by the seed and the number of the first task."""
    mixed = int(np.random.SeedSequence((seed, place)).generate_state(1)[0])
    np.random.seed(mixed)  # noqa: NPY002 - the toolbox draws from the global generator
    torch.manual_seed(mixed)


def make_batch(
    way: Recipe | AimedPgd, sources: Sequence[CleanSource], tasks: Sequence[AttackTask]
) -> AttackBatch:
    """What some tasks attack."""
    chosen = [sources[task.source] for task in tasks]
    images = np.stack([source.pixels for source in chosen])
    targets = [task.target for task in tasks if task.target is not None]
    return AttackBatch(
        pixels=images.transpose(0, 3, 1, 2).astype(np.float32),
        gold=np.array([source.example.gold for source in chosen], np.int64),
        targets=np.array(targets, np.int64) if targets else None,
        masks=make_masks(way, chosen),
    )


def make_masks(way: Recipe | AimedPgd, sources: Sequence[CleanSource]) -> NDArray[np.bool_] | None:
    """Where each image may change, (N, H, W), for attacks that are bound to a place."""
    if not isinstance(way, PatchRecipe | Glasses):
        return None
    return np.stack([make_mask(way, source) for source in sources])


def make_mask(way: PatchRecipe | Glasses, source: CleanSource) -> NDArray[np.bool_]:
    """One image's mask (H, W)."""
    height, width = source.pixels.shape[:2]
    if isinstance(way, PatchRecipe):
        return mask_patch(height, width, way)
    if source.landmarks is None:
        raise InputError(f"{source.example.path}: has no landmarks, which glasses are placed by")
    return mask_glasses(source.landmarks, height, width, way)


def describe_task(
    order: Order,
    sources: Sequence[CleanSource],
    ways: Sequence[Recipe | AimedPgd],
    task: AttackTask,
    attempt: Attempt,
) -> dict[str, Any]:
    """One task's line of the records."""
    example = sources[task.source].example
    entry = {
        "example": task.id,
        "source": example.source,
        "attack": order.attack.name,
        "gold": example.gold,
        "target": task.target,
    }
    return describe_attempt(attempt, entry, dataclasses.asdict(ways[task.way]))


def describe_order(order: Order) -> dict[str, Any]:
    """Everything that decides what an attack makes."""
    attack = order.attack
    return {
        "schema": 1,
        "attack": attack.name,
        "recipe": dataclasses.asdict(attack.recipe),
        "aim": attack.aim,
        "targets": list(order.targets) if attack.aim == "each" else None,
        "save": attack.save,
        "keep": order.keep,
        "batch": order.batch,
        "seed": order.seed,
        **order.facts,
        "code": hash_sources(),
        "versions": {
            "harness": harness.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
    }


def hash_sources() -> str:
    """Hash of the code that decides what an attack makes."""
    digest = hashlib.sha256(hash_code().encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
