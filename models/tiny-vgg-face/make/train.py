"""Train the bundled model on rendered faces and write its files.

    python models/tiny-vgg-face/make/train.py

Two cores need a quarter to half an hour; processors without bfloat16 instructions longer.
`--epochs 1 --images 20 --output /tmp/try` shows that it runs.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from architecture import MEAN_BGR, build_learner, describe_network, fold_learner
from faces import IDENTITIES
from photographs import Photographs, render_photographs
from rich.progress import Progress
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Recipe:
    """How the model is trained; `images` and `tests` are per person."""

    seed: int = 7
    epochs: int = 7
    images: int = 300
    tests: int = 30
    batch: int = 100
    peak_rate: float = 3e-3
    decay: float = 0.02
    threads: int = 2
    precision: str = "bfloat16"


@dataclass(frozen=True)
class Measured:
    """What came out: right answers on faces never trained on, before and after folding."""

    tests: int
    correct_trained: int
    correct_folded: int
    largest_difference: float
    seconds: float


def to_input(images: NDArray[np.uint8]) -> torch.Tensor:
    """Images (N, H, W, 3) RGB as the network's input (N, 3, H, W): BGR minus the mean."""
    bgr = torch.from_numpy(np.ascontiguousarray(images[..., ::-1])).permute(0, 3, 1, 2).float()
    return bgr - torch.tensor(MEAN_BGR).reshape(1, 3, 1, 1)


def train_learner(recipe: Recipe, photographs: Photographs) -> nn.Sequential:
    """A trained network; progress is shown as it goes."""
    torch.manual_seed(recipe.seed)
    learner = build_learner(describe_network(IDENTITIES)).to(memory_format=torch.channels_last)
    steps = len(photographs.people) // recipe.batch
    optimiser = torch.optim.AdamW(learner.parameters(), recipe.peak_rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.peak_rate, epochs=recipe.epochs, steps_per_epoch=steps
    )
    order = np.random.default_rng(recipe.seed)
    with Progress() as progress:
        bar = progress.add_task("train", total=recipe.epochs * steps)
        for epoch in range(recipe.epochs):
            losses = []
            for rows in order.permutation(len(photographs.people))[: steps * recipe.batch].reshape(steps, -1):
                losses.append(step_learner(learner, optimiser, photographs, rows, recipe.precision))
                schedule.step()
                progress.update(bar, advance=1)
            progress.console.print(f"epoch {epoch + 1}: mean loss {np.mean(losses):.4f}")
    return learner.eval()


def step_learner(
    learner: nn.Sequential,
    optimiser: torch.optim.Optimizer,
    photographs: Photographs,
    rows: NDArray[np.int64],
    precision: str,
) -> float:
    """One step on the photographs in these rows; the loss before it."""
    inputs = to_input(photographs.images[rows]).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        logits = learner(inputs)
    loss = nn.functional.cross_entropy(logits.float(), torch.from_numpy(photographs.people[rows]))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def run_folded(weights: dict[str, NDArray[np.float32]], inputs: torch.Tensor) -> torch.Tensor:
    """Logits of the plain chain with folded weights."""
    value = inputs
    for blob in describe_network(IDENTITIES).blobs[1:-1]:
        if blob.name.startswith("pool"):
            value = nn.functional.max_pool2d(value, 2)
            continue
        weight = torch.from_numpy(weights[f"{blob.name}.weight"])
        bias = torch.from_numpy(weights[f"{blob.name}.bias"])
        if blob.name.startswith("conv"):
            value = nn.functional.conv2d(value, weight, bias, padding=1)
        else:
            value = nn.functional.linear(value.flatten(1), weight, bias)
        value = value if blob.name == "fc8" else torch.relu(value)
    return value


def measure(
    learner: nn.Sequential, weights: dict[str, NDArray[np.float32]], photographs: Photographs, seconds: float
) -> Measured:
    """Right answers of the trained and of the folded network, and how far their logits lie apart."""
    trained, folded, apart = 0, 0, 0.0
    for start in range(0, len(photographs.people), 200):
        people = torch.from_numpy(photographs.people[start : start + 200])
        inputs = to_input(photographs.images[start : start + 200])
        with torch.no_grad():
            first, second = learner(inputs), run_folded(weights, inputs)
        trained += int((first.argmax(1) == people).sum())
        folded += int((second.argmax(1) == people).sum())
        apart = max(apart, float((first - second).abs().max()))
    return Measured(len(photographs.people), trained, folded, apart, seconds)


def train_model(recipe: Recipe) -> tuple[dict[str, NDArray[np.float32]], Measured]:
    """Render, train, fold and measure; seconds count rendering and training."""
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(mode=True)
    start = time.perf_counter()
    learner = train_learner(recipe, render_photographs("train", recipe.images, recipe.threads))
    seconds = time.perf_counter() - start
    weights = fold_learner(learner)
    return weights, measure(
        learner, weights, render_photographs("test", recipe.tests, recipe.threads), seconds
    )


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--images", type=int, default=Recipe.images, help="training images per person")
    parser.add_argument("--threads", type=int, default=Recipe.threads)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default=Recipe.precision)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[1])
    return parser.parse_args()


def main() -> None:
    """Train with the recipe of the command line and write the model's files."""
    from export import export_model

    arguments = read_arguments()
    recipe = Recipe(
        seed=arguments.seed,
        epochs=arguments.epochs,
        images=arguments.images,
        threads=arguments.threads,
        precision=arguments.precision,
    )
    weights, measured = train_model(recipe)
    export_model(arguments.output, weights, recipe, measured)
    print(measured)


if __name__ == "__main__":
    main()
