"""Attacks that the Adversarial Robustness Toolbox has, on pixels (N, 3, H, W) float32, 0 to 255."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from harness.attacks.recipes import Bim, CarliniL2, DeepFool, Fgsm, Pgd

with warnings.catch_warnings():
    # Importing the toolbox looks for frameworks that are not needed here and says that they are absent.
    warnings.filterwarnings("ignore", module=r"art\..*")
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]
LEVELS = 255.0


class UnitModel(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """A model of pixels from 0 to 255 as one of pixels from 0 to 1."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        return self.model(pixels * LEVELS)


class ChosenClasses(nn.Module):  # type: ignore[misc]
    """A model's logits of some classes."""

    def __init__(self, model: nn.Module, chosen: torch.Tensor) -> None:
        super().__init__()
        self.model = model
        self.chosen = chosen

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        return self.model(pixels)[:, self.chosen]


class GatheredClassifier(PyTorchClassifier):  # type: ignore[misc]
    """A classifier with one backward pass for the gradients of one class per image.

    The toolbox's own walks the whole batch backwards once for every class that is named in it.
    """

    def class_gradient(
        self, x: Pixels, label: Any = None, training_mode: bool = False, **kwargs: Any
    ) -> NDArray[np.float32]:
        """Gradients (N, 1, 3, H, W) where `label` is an array, else as the toolbox makes them."""
        if not isinstance(label, np.ndarray):
            return super().class_gradient(x, label, training_mode, **kwargs)
        pixels = torch.from_numpy(np.asarray(x, np.float32)).to(self.device).requires_grad_()
        chosen = torch.from_numpy(label.astype(np.int64)).to(self.device)
        total = self._model(pixels)[-1].gather(1, chosen[:, None]).sum()
        (gradient,) = torch.autograd.grad(total, pixels)
        return gradient[:, None].cpu().numpy()


def build_classifier(model: nn.Module, shape: tuple[int, ...], classes: int, **options: Any) -> Any:
    """The toolbox's view of a model of images (3, H, W); `options` are `loss`, `unit` and `device`."""
    unit = options.get("unit", False)
    return GatheredClassifier(
        model=UnitModel(model) if unit else model,
        loss=options.get("loss") or nn.CrossEntropyLoss(),
        input_shape=shape,
        nb_classes=classes,
        clip_values=(0.0, 1.0 if unit else LEVELS),
        device_type="cpu" if options.get("device", "cpu") == "cpu" else "gpu",
    )


def step_once(classifier: Any, pixels: Pixels, gold: Labels, recipe: Fgsm) -> Pixels:
    """FGSM, away from Gold."""
    method = evasion.FastGradientMethod(classifier, eps=float(recipe.eps), batch_size=len(pixels))
    return np.asarray(method.generate(pixels, y=gold), np.float32)


def step_often(classifier: Any, pixels: Pixels, gold: Labels, recipe: Bim) -> Pixels:
    """BIM, away from Gold."""
    method = evasion.BasicIterativeMethod(
        classifier,
        eps=float(recipe.eps),
        eps_step=float(recipe.step),
        max_iter=recipe.iterations,
        batch_size=len(pixels),
        verbose=False,
    )
    return np.asarray(method.generate(pixels, y=gold), np.float32)


def step_from_random(classifier: Any, pixels: Pixels, gold: Labels, recipe: Pgd) -> Pixels:
    """PGD from random starts, away from Gold; a restart takes those that were not led away yet."""
    method = evasion.ProjectedGradientDescentPyTorch(
        classifier,
        eps=float(recipe.eps),
        eps_step=float(recipe.step),
        max_iter=recipe.iterations,
        num_random_init=1,
        batch_size=len(pixels),
        verbose=False,
    )
    moved, rest = pixels.copy(), np.arange(len(pixels))
    for _ in range(recipe.restarts):
        moved[rest] = method.generate(pixels[rest], y=gold[rest])
        rest = rest[classifier.predict(moved[rest], batch_size=len(pixels)).argmax(1) == gold[rest]]
        if not len(rest):
            break
    return moved


def step_towards(
    classifier: Any,
    pixels: Pixels,
    targets: Labels,
    *,
    eps: float,
    step: float,
    iterations: int,
    masks: NDArray[np.bool_] | None = None,
    momentum: float | None = None,
) -> Pixels:
    """PGD from the image itself towards targets (N,), where masks (N, H, W) allow a change."""
    method = evasion.ProjectedGradientDescentPyTorch(
        classifier,
        eps=float(eps),
        eps_step=float(step),
        max_iter=iterations,
        decay=momentum,
        targeted=True,
        batch_size=len(pixels),
        verbose=False,
    )
    wide = None if masks is None else np.broadcast_to(masks[:, None], pixels.shape).astype(np.float32)
    return np.asarray(method.generate(pixels, y=targets, mask=wide), np.float32)


def cross_boundary(model: nn.Module, pixels: Pixels, recipe: DeepFool, device: str) -> Pixels:
    """DeepFool among each image's likeliest classes, image by image.

    Where the toolbox is to choose these classes itself, it subtracts another class's logit than Original's
    (its `f_diff` takes a place among the chosen classes for a class), and many images do not move at all.
    """
    moved = []
    for row in range(len(pixels)):
        image = pixels[row : row + 1]
        with torch.no_grad():
            logits = model(torch.from_numpy(image).to(device))
        chosen = logits[0].topk(min(recipe.classes, logits.shape[1])).indices
        classifier = build_classifier(
            ChosenClasses(model, chosen), image.shape[1:], len(chosen), unit=True, device=device
        )
        method = evasion.DeepFool(
            classifier,
            max_iter=recipe.iterations,
            epsilon=float(recipe.overshoot),
            nb_grads=len(chosen),
            batch_size=1,
            verbose=False,
        )
        moved.append(method.generate(image / np.float32(LEVELS)))
    return np.concatenate(moved).astype(np.float32) * np.float32(LEVELS)


def search_line(classifier: Any, pixels: Pixels, targets: Labels, recipe: CarliniL2) -> Pixels:
    """The toolbox's C&W L2 towards targets (N,); the classifier must be one of pixels from 0 to 1."""
    method = evasion.CarliniL2Method(
        classifier,
        confidence=float(recipe.confidence),
        targeted=True,
        learning_rate=float(recipe.rate),
        binary_search_steps=recipe.searches,
        max_iter=recipe.iterations,
        initial_const=float(recipe.constant),
        batch_size=len(pixels),
        verbose=False,
    )
    moved = method.generate(pixels / np.float32(LEVELS), y=targets)
    return np.asarray(moved, np.float32) * np.float32(LEVELS)
