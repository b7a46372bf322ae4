"""Carlini and Wagner's targeted attacks (2017) by their own solver, Adam over the arctangent of pixels.

Whole batches at once, each image with its own constant. The toolbox's L0 gives up one value per colour
channel in all and its L-infinity stops where the target is not reached; both were measured (`bench.attacks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from harness.attacks.recipes import CarliniL0, CarliniL2, CarliniLinf

Model = Callable[[torch.Tensor], torch.Tensor]
LEVELS = 255.0
EDGE = 0.999999
"""Of the way to black or white, which themselves are infinitely far in the arctangent."""
HUGE = 1e9


@dataclass(frozen=True)
class Aimed:
    """Pixels (N, 3, H, W), 0 to 1, that a model of 0 to 255 is to take for targets (N,) by `confidence`."""

    model: Model
    pixels: torch.Tensor
    targets: torch.Tensor
    confidence: float

    def measure_excess(self, moved: torch.Tensor) -> torch.Tensor:
        """How much the target's logit lacks to be the largest by the confidence, (N,); reached up to 0."""
        return measure_excess(self.model(moved * LEVELS), self.targets) + self.confidence

    def measure_lack(self, moved: torch.Tensor) -> torch.Tensor:
        """The same, 0 where it is reached."""
        return self.measure_excess(moved).clamp(min=0)


@dataclass
class Adam:
    """Adam's moments of one tensor, reset by making another."""

    rate: float
    mean: torch.Tensor
    square: torch.Tensor
    steps: int = 0

    def step(self, value: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """The value after one step down."""
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient.square()
        spread = (self.square / (1 - 0.999**self.steps)).sqrt() + 1e-8
        return value - self.rate * self.mean / (1 - 0.9**self.steps) / spread


def start_adam(rate: float, value: torch.Tensor) -> Adam:
    """Adam before its first step."""
    return Adam(rate, torch.zeros_like(value), torch.zeros_like(value))


def measure_excess(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Largest other logit minus the target's, (N,)."""
    wanted = logits.gather(1, targets[:, None])
    others = logits.scatter(1, targets[:, None], float("-inf"))
    return others.amax(1) - wanted[:, 0]


def unfold(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels from 0 to 1 as unbounded values."""
    return torch.atanh((2 * pixels - 1) * EDGE)


def fold(values: torch.Tensor) -> torch.Tensor:
    """Unbounded values as pixels from 0 to 1."""
    return ((torch.tanh(values) / EDGE + 1) / 2).clamp(0, 1)


def pick(chosen: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Rows of `first` where chosen (N,), else of `second`."""
    return torch.where(chosen.reshape(-1, *[1] * (first.ndim - 1)), first, second)


def find_nearest(aimed: Aimed, recipe: CarliniL2) -> torch.Tensor:
    """Least Euclidean change; the constant is bisected per image, each time from the image itself."""
    count = len(aimed.pixels)
    best, reach = aimed.pixels, aimed.pixels.new_full((count,), HUGE)
    constant = aimed.pixels.new_full((count,), recipe.constant)
    low, high = torch.zeros_like(constant), torch.full_like(constant, HUGE)
    for _ in range(recipe.searches):
        values = unfold(aimed.pixels)
        adam, won = start_adam(recipe.rate, values), torch.zeros_like(constant, dtype=torch.bool)
        for _ in range(recipe.iterations):
            values.requires_grad_()
            moved = fold(values)
            lack = aimed.measure_lack(moved)
            far = (moved - aimed.pixels).square().flatten(1).sum(1)
            (gradient,) = torch.autograd.grad((constant * lack + far).sum(), values)
            there = lack.detach() == 0
            better = there & (far.detach() < reach)
            best, reach, won = (
                pick(better, moved.detach(), best),
                pick(better, far.detach(), reach),
                won | there,
            )
            values = adam.step(values.detach(), gradient)
        high = pick(won, torch.minimum(high, constant), high)
        low = pick(won, low, torch.maximum(low, constant))
        constant = pick(high < HUGE, (low + high) / 2, constant * 10)
    return best


def find_flattest(aimed: Aimed, recipe: CarliniLinf) -> torch.Tensor:
    """Least largest change: what exceeds a limit costs, and where the target is reached the limit sinks."""
    count = len(aimed.pixels)
    best, reach = aimed.pixels, aimed.pixels.new_full((count,), HUGE)
    constant = aimed.pixels.new_full((count,), recipe.constant)
    limit = torch.full_like(constant, recipe.limit / LEVELS)
    values = unfold(aimed.pixels)
    adam = start_adam(recipe.rate, values)
    for _ in range(recipe.rounds):
        for _ in range(recipe.iterations):
            values.requires_grad_()
            moved = fold(values)
            lack = aimed.measure_lack(moved)
            change = (moved - aimed.pixels).abs().flatten(1)
            over = (change - limit[:, None]).clamp(min=0).sum(1)
            (gradient,) = torch.autograd.grad((constant * lack + over).sum(), values)
            largest = change.detach().amax(1)
            better = (lack.detach() == 0) & (largest < reach)
            best, reach = pick(better, moved.detach(), best), pick(better, largest, reach)
            values = adam.step(values.detach(), gradient)
        limit = pick(reach <= limit, reach * recipe.decrease, limit)
        constant = pick(reach < HUGE, constant, constant * 2)
    return best


@dataclass(frozen=True)
class Sparse:
    """Where changes are allowed (N, 1, H, W), the values, and how much each pixel matters (N, H * W)."""

    allowed: torch.Tensor
    values: torch.Tensor
    weight: torch.Tensor


def find_fewest(aimed: Aimed, recipe: CarliniL0) -> torch.Tensor:
    """Fewest changed pixels: whenever the target is reached, the least important pixels are given up.

    Where it is not, the last set that sufficed comes back, and half as many of it are given up.
    """
    count, _, height, width = aimed.pixels.shape
    best = aimed.pixels
    constant = aimed.pixels.new_full((count,), recipe.constant)
    share, ever = torch.full_like(constant, recipe.share), torch.zeros_like(constant, dtype=torch.bool)
    start = aimed.pixels.new_ones((count, 1, height, width), dtype=torch.bool)
    weight = aimed.pixels.new_zeros((count, height * width))
    kept = tried = Sparse(start, unfold(aimed.pixels), weight)
    for _ in range(recipe.rounds):
        found, moved, won = reach_target(aimed, recipe, tried, constant)
        best, ever = pick(won, moved, best), ever | won
        kept = Sparse(
            pick(won, found.allowed, kept.allowed),
            pick(won, found.values, kept.values),
            pick(won, found.weight, kept.weight),
        )
        share = pick(won | ~ever, share, share / 2)
        constant = pick(won, constant, constant * 2)
        tried = Sparse(pick(ever, give_up(kept, share), kept.allowed), kept.values, kept.weight)
    return best


def reach_target(
    aimed: Aimed, recipe: CarliniL0, sparse: Sparse, constant: torch.Tensor
) -> tuple[Sparse, torch.Tensor, torch.Tensor]:
    """Move the allowed pixels until the targets are reached: the new state, the images, and who won (N,)."""
    values, weight, best = sparse.values, sparse.weight, aimed.pixels
    adam, won = start_adam(recipe.rate, values), torch.zeros_like(constant, dtype=torch.bool)
    for _ in range(recipe.iterations):
        values.requires_grad_()
        moved = torch.where(sparse.allowed, fold(values), aimed.pixels)
        excess = aimed.measure_excess(moved)
        (slope,) = torch.autograd.grad(excess.sum(), moved, retain_graph=True)
        change = (moved - aimed.pixels).detach()
        there = (excess.detach() <= 0) & ~won
        matters = (slope * change).abs().sum(1).flatten(1)
        best, weight = pick(there, moved.detach(), best), pick(there, matters, weight)
        won = won | there
        uphill = (constant * ~won).reshape(-1, 1, 1, 1) * slope + 2 * change
        (gradient,) = torch.autograd.grad(moved, values, uphill)
        values = pick(won, values.detach(), adam.step(values.detach(), gradient))
        if bool(won.all()):
            break
    return Sparse(sparse.allowed, values, weight), best, won


def give_up(sparse: Sparse, share: torch.Tensor) -> torch.Tensor:
    """The allowed pixels (N, 1, H, W) without a share (N,) of them, those that matter least; one stays."""
    allowed = sparse.allowed.flatten(1)
    count = (allowed.sum(1) * (1 - share)).long().clamp(min=1)
    order = sparse.weight.masked_fill(~allowed, -1).argsort(dim=1, descending=True, stable=True)
    places = torch.arange(allowed.shape[1], device=allowed.device).expand_as(order)
    rank = torch.empty_like(order).scatter(1, order, places)
    return (rank < count[:, None]).reshape(sparse.allowed.shape)
