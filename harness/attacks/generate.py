"""One batch of an attack: from clean images to moved pixels, not yet rounded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import torch
from numpy.typing import NDArray

from harness.attacks import toolbox
from harness.attacks.carlini import LEVELS, Aimed, find_fewest, find_flattest, find_nearest
from harness.attacks.losses import BothPassesLoss, MarginLoss
from harness.attacks.recipes import (
    STEP_SHARE,
    Adaptive,
    AmiPgd,
    Bim,
    CarliniL0,
    CarliniL2,
    CarliniLinf,
    DeepFool,
    Fgsm,
    Glasses,
    Loss,
    PatchRecipe,
    Pgd,
    Recipe,
)
from harness.attacks.toolbox import Labels, Pixels
from harness.attacks.torch_model import PixelModel, SteeredModel

GREY = np.float32(127.0)
"""What a patch and glasses are before they get colours."""


@dataclass(frozen=True)
class Models:
    """What is attacked: `plain` and, for attacks on the detector, `steered`; `classes` there are."""

    plain: PixelModel
    classes: int
    device: str = "cpu"
    steered: SteeredModel | None = None


@dataclass(frozen=True)
class AttackBatch:
    """Images (N, 3, H, W) float32, 0 to 255, RGB, with Gold (N,); `targets` (N,) where the attack aims.

    `masks` (N, H, W) are where patches and glasses may be.
    """

    pixels: Pixels
    gold: Labels
    targets: Labels | None = None
    masks: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class AimedPgd:
    """PGD towards targets: one of the ways in which Carlini's attack on AmI steps."""

    eps: float
    step: float
    iterations: int
    loss: Loss


def list_ways(recipe: Recipe) -> list[Recipe | AimedPgd]:
    """The recipes that an attack tries, one after the other, on every task: most have one."""
    if not isinstance(recipe, AmiPgd):
        return [recipe]
    return [
        AimedPgd(recipe.eps, STEP_SHARE * recipe.eps * share, recipe.iterations, loss)
        for loss in recipe.losses
        for share in recipe.shares
    ]


def move_pixels(models: Models, batch: AttackBatch, way: Recipe | AimedPgd) -> Pixels:
    """Moved pixels (N, 3, H, W), float32, 0 to 255, whether or not they deceive."""
    match way:
        case Fgsm():
            moved = toolbox.step_once(wrap(models, batch), batch.pixels, batch.gold, way)
        case Bim():
            moved = toolbox.step_often(wrap(models, batch), batch.pixels, batch.gold, way)
        case Pgd():
            moved = toolbox.step_from_random(wrap(models, batch), batch.pixels, batch.gold, way)
        case DeepFool():
            moved = toolbox.cross_boundary(models.plain, batch.pixels, way, models.device)
        case AimedPgd():
            moved = step_towards(models, batch, way, MarginLoss() if way.loss == "margin" else None)
        case Adaptive():
            moved = deceive_both(models, batch, way)
        case PatchRecipe() | Glasses():
            moved = paint_mask(models, batch, way)
        case CarliniL2() | CarliniL0() | CarliniLinf():
            moved = search_nearest(models, batch, way)
        case AmiPgd():
            raise TypeError("its ways are walked, not itself")
        case _:
            assert_never(way)
    return moved


def wrap(models: Models, batch: AttackBatch, **options: Any) -> Any:
    """The toolbox's view of the plain pass."""
    shape = batch.pixels.shape[1:]
    return toolbox.build_classifier(models.plain, shape, models.classes, device=models.device, **options)


def need_targets(batch: AttackBatch) -> Labels:
    """The batch's targets, which an attack that aims has."""
    if batch.targets is None:
        raise TypeError("a targeted attack has targets")
    return batch.targets


def step_towards(models: Models, batch: AttackBatch, way: AimedPgd, loss: Any) -> Pixels:
    """PGD towards the targets by cross-entropy or another loss."""
    classifier = wrap(models, batch, loss=loss)
    return toolbox.step_towards(
        classifier,
        batch.pixels,
        need_targets(batch),
        eps=way.eps,
        step=way.step,
        iterations=way.iterations,
    )


def paint_mask(models: Models, batch: AttackBatch, way: PatchRecipe | Glasses) -> Pixels:
    """PGD of any size under masks, from grey.

    The toolbox's own patch attack learns one patch for all images of a call; the published images each have
    their own.
    """
    if batch.masks is None:
        raise TypeError("a painted mask has masks")
    grey = np.where(batch.masks[:, None], GREY, batch.pixels)
    return toolbox.step_towards(
        wrap(models, batch),
        grey,
        need_targets(batch),
        eps=LEVELS,
        step=way.step,
        iterations=way.iterations,
        masks=batch.masks,
        momentum=way.momentum,
    )


def search_nearest(models: Models, batch: AttackBatch, way: CarliniL0 | CarliniL2 | CarliniLinf) -> Pixels:
    """Carlini and Wagner's attacks."""
    targets = need_targets(batch)
    if isinstance(way, CarliniL2) and way.solver == "toolbox":
        return toolbox.search_line(wrap(models, batch, unit=True), batch.pixels, targets, way)
    pixels, wanted = (
        torch.from_numpy(one).to(models.device) for one in (batch.pixels / np.float32(LEVELS), targets)
    )
    aimed = Aimed(models.plain, pixels, wanted, way.confidence)
    if isinstance(way, CarliniL2):
        moved = find_nearest(aimed, way)
    elif isinstance(way, CarliniL0):
        moved = find_fewest(aimed, way)
    else:
        moved = find_flattest(aimed, way)
    return np.asarray((moved * LEVELS).cpu().numpy(), np.float32)


def deceive_both(models: Models, batch: AttackBatch, way: Adaptive) -> Pixels:
    """PGD through both passes; a restart takes those that are not deceived yet towards their next class."""
    if models.steered is None:
        raise TypeError("an attack on the detector has its steered pass")
    ranks = rank_classes(models, batch.pixels, batch.gold)
    moved, open_ = batch.pixels.copy(), np.arange(len(batch.pixels))
    for restart in range(min(way.restarts, ranks.shape[1])):
        part = dataclasses.replace(batch, pixels=batch.pixels[open_])
        classifier = toolbox.build_classifier(
            models.steered,
            part.pixels.shape[1:],
            models.classes,
            device=models.device,
            loss=BothPassesLoss(way.confidence),
        )
        found = toolbox.step_towards(
            classifier,
            part.pixels,
            ranks[open_, restart],
            eps=way.eps,
            step=way.step,
            iterations=way.iterations,
        )
        moved[open_] = found
        original, attribute = (one.argmax(1) for one in run_passes(models, found))
        open_ = open_[(original == batch.gold[open_]) | (original != attribute)]
        if not len(open_):
            break
    return moved


def rank_classes(models: Models, pixels: Pixels, gold: Labels) -> Labels:
    """The other classes (N, classes - 1), the likeliest in both passes together first."""
    scores = sum((one - one.mean(1, keepdims=True)) / one.std(1, keepdims=True)
                 for one in run_passes(models, pixels))  # fmt: skip
    scores[np.arange(len(gold)), gold] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :-1]


def run_passes(models: Models, pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (N, classes) of both passes."""
    if models.steered is None:
        raise TypeError("an attack on the detector has its steered pass")
    with torch.no_grad():
        logits = models.steered(torch.from_numpy(pixels).to(models.device)).cpu().numpy()
    return logits[:, : models.classes], logits[:, models.classes :]
