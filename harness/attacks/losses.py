"""Losses that the toolbox descends towards a target, on its terms: outputs (N, K), one-hot targets (N, C)."""

from __future__ import annotations

import torch
from torch import nn


class MarginLoss(nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """Largest other logit minus the target's, summed over the batch."""

    def forward(self, logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        return -measure_margins(logits, wanted).sum()


class BothPassesLoss(nn.Module):  # type: ignore[misc]
    """What both passes lack to prefer the target by `confidence` standard deviations of their logits.

    Steering makes logits some orders of magnitude larger, so each pass is measured by its own spread.
    """

    def __init__(self, confidence: float) -> None:
        super().__init__()
        self.confidence = confidence

    def forward(self, logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The loss of a batch of Original's and Attribute's logits side by side."""
        lacks = []
        for one in logits.chunk(2, dim=1):
            spread = one.detach().std(dim=1).clamp(min=torch.finfo(one.dtype).tiny)
            lacks.append((self.confidence - measure_margins(one, wanted) / spread).clamp(min=0))
        return torch.stack(lacks).sum()


def measure_margins(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The wanted class's logit minus the largest other one, (N,)."""
    chosen = wanted > 0
    own = logits.masked_fill(~chosen, float("-inf")).amax(1)
    return own - logits.masked_fill(chosen, float("-inf")).amax(1)
