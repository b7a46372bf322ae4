"""Which image is taken where, and in which order: the same at every start."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.attacks.recipes import Aim
from harness.core.errors import InputError


@dataclass(frozen=True)
class AttackTask:
    """One attempt: its id as an example, the number of its way and its source, its target (None: away)."""

    id: str
    way: int
    source: int
    target: int | None


@dataclass(frozen=True)
class AttackPlan:
    """All tasks; and how many sources are left out for their Original, how many tasks for their target."""

    tasks: tuple[AttackTask, ...]
    misclassified: int
    at_target: int


def plan_tasks(
    name: str,
    gold: Sequence[int],
    right: Sequence[bool],
    aim: Aim,
    targets: Sequence[int],
    classes: int,
    ways: int,
) -> AttackPlan:
    """Every rightly classified source, in every way, towards every class that it is to be taken for.

    `targets` are what `each` walks; no image is taken to its own class.
    """
    pairs, at_target = [], 0
    for source, label in enumerate(gold):
        if right[source]:
            wanted = list_targets(label, aim, targets, classes)
            pairs += [(source, target) for target in wanted if target != label]
            at_target += wanted.count(label)
    walked = [(way, *pair) for way in range(ways) for pair in pairs]
    tasks = tuple(AttackTask(f"{name}-{number:04d}", *one) for number, one in enumerate(walked, start=1))
    return AttackPlan(tasks, len(gold) - sum(map(bool, right)), at_target)


def list_targets(label: int, aim: Aim, targets: Sequence[int], classes: int) -> list[int | None]:
    """Classes that an image of class `label` is taken to."""
    if aim == "away":
        return [None]
    if aim == "first":
        return [0]
    return [(label + 1) % classes] if aim == "next" else list(targets)


def read_classes(text: str | None, aim: Aim, classes: int) -> tuple[int, ...]:
    """`--classes 0,7,40` as class numbers, all classes without it; InputError for one that is none."""
    if text is None:
        return tuple(range(classes))
    if aim != "each":
        raise InputError("--classes: this attack has its own targets; leave it out")
    found = []
    for part in text.split(","):
        if not re.fullmatch(r"[0-9]{1,9}", part.strip()) or int(part) >= classes:
            raise InputError(f"--classes: {part.strip()!r} is no class; there are 0 to {classes - 1}")
        found.append(int(part))
    return tuple(dict.fromkeys(found))
