"""FGSM (Goodfellow et al. 2015) and BIM (Kurakin et al. 2017), untargeted, on whole pixel levels."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.ami.errors import InputError

if TYPE_CHECKING:
    from harness.attacks.torch_model import PixelModel

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Fgsm:
    """One step; `eps` is the largest change of a pixel's channel, in levels of 0 to 255."""

    eps: int = 8


@dataclass(frozen=True)
class Bim:
    """`iterations` steps of `step` levels each, kept within `eps` levels."""

    eps: int = 4
    step: float = 1.0
    iterations: int = 10


Attack = Fgsm | Bim


@dataclass(frozen=True)
class Attacked:
    """What an attack made: images (N, H, W, 3) uint8 RGB, and which of them are misclassified (N,)."""

    images: Image
    fooled: NDArray[np.bool_]

    @property
    def failed(self) -> int:
        """How many images are still classified right after rounding."""
        return int((~self.fooled).sum())


def attack_images(
    model: PixelModel, images: Image, gold: NDArray[np.int64], attack: Attack, batch: int = 100
) -> Attacked:
    """Attack images (N, H, W, 3) uint8 RGB of classes `gold` (N,), away from their class.

    Results are rounded to whole levels first and classified afterwards. Raises InputError for images of
    another kind, unequal counts, or an attack without room (eps below 1).
    """
    check_attack(images, gold, attack)
    pixels = images.transpose(0, 3, 1, 2).astype(np.float32)
    classes = int(classify_images(model, images[:1], batch).logits.shape[1])
    if gold.min() < 0 or gold.max() >= classes:
        raise InputError(f"attack: gold classes reach from {gold.min()} to {gold.max()}; there are {classes}")
    moved = generate(model, pixels, gold, attack, batch, classes)
    rounded = np.clip(np.rint(moved), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    rounded = np.ascontiguousarray(rounded)
    return Attacked(rounded, classify_images(model, rounded, batch).classes != gold)


@dataclass(frozen=True)
class Classified:
    """Logits (N, classes) and the class of each image (N,)."""

    logits: NDArray[np.float32]

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class with the largest logit."""
        return np.asarray(self.logits.argmax(1), dtype=np.int64)


def classify_images(model: PixelModel, images: Image, batch: int = 100) -> Classified:
    """Classify images (N, H, W, 3) uint8 RGB."""
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        logits = [model(pixels[start : start + batch]) for start in range(0, len(pixels), batch)]
    return Classified(torch.cat(logits).numpy())


def generate(
    model: PixelModel,
    pixels: NDArray[np.float32],
    gold: NDArray[np.int64],
    attack: Attack,
    batch: int,
    classes: int,
) -> NDArray[np.float32]:
    """The attack's own result, not yet rounded, of pixels (N, 3, H, W)."""
    with warnings.catch_warnings():
        # Importing the toolbox looks for frameworks that are not needed here and says that they are absent.
        warnings.filterwarnings("ignore", module=r"art\..*")
        from art.attacks.evasion import BasicIterativeMethod, FastGradientMethod
        from art.estimators.classification import PyTorchClassifier

    classifier: Any = PyTorchClassifier(
        model=model,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=pixels.shape[1:],
        nb_classes=classes,
        clip_values=(0.0, 255.0),
        device_type="cpu",
    )
    if isinstance(attack, Fgsm):
        method: Any = FastGradientMethod(classifier, eps=float(attack.eps), batch_size=batch)
    else:
        method = BasicIterativeMethod(
            classifier,
            eps=float(attack.eps),
            eps_step=float(attack.step),
            max_iter=attack.iterations,
            batch_size=batch,
            verbose=False,
        )
    return np.asarray(method.generate(pixels, y=gold), dtype=np.float32)


def check_attack(images: Image, gold: NDArray[np.int64], attack: Attack) -> None:
    """Refuse what cannot be attacked."""
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or not len(images):
        raise InputError(f"attack: images are {images.shape} {images.dtype}; give (N, H, W, 3) uint8, N > 0")
    if len(images) != len(gold):
        raise InputError(f"attack: {len(images)} images, but {len(gold)} classes; give one class for each")
    if any(value <= 0 for value in asdict(attack).values()) or attack.eps < 1:
        raise InputError(f"attack: {attack} leaves no room for a change; use whole levels of at least 1")
