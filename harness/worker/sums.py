"""The sums that a layer with weights makes: which values before it go into which of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple, Union

import numpy as np

from harness.core.network import (
    Blob,
    Convolution,
    Dropout,
    InnerProduct,
    Network,
    Relu,
)

Weighted = Union[Convolution, InnerProduct]
LEAVES_SUMS = (Relu, Dropout)  # layers that leave a positive sum as it is


@dataclass(frozen=True)
class Sum:
    """A layer with weights, between two blobs. A tap is a place of one output's window, in C, H, W order."""

    layer: Weighted
    start: Blob
    stop: Blob

    @property
    def taps(self) -> Tuple[int, int, int]:
        """Channels, rows and columns of what one output adds up."""
        if isinstance(self.layer, InnerProduct):
            return (int(np.prod(self.start.shape)), 1, 1)
        return (self.start.shape[0] // self.layer.group, *self.layer.kernel)

    @property
    def products(self) -> int:
        """How many products one output adds up where its window lies inside."""
        return int(np.prod(self.taps))

    @property
    def group_places(self) -> np.ndarray:
        """Where the values of each group begin in the flattened bottom."""
        groups = 1 if isinstance(self.layer, InnerProduct) else self.layer.group
        return np.arange(groups) * (int(np.prod(self.start.shape)) // groups)

    @property
    def outputs(self) -> Tuple[int, int]:
        """Rows and columns of outputs."""
        return (1, 1) if isinstance(self.layer, InnerProduct) else (self.stop.shape[1], self.stop.shape[2])

    @property
    def apart(self) -> Tuple[int, int]:
        """How far apart outputs are, in rows and columns, whose windows have no value in common."""
        if isinstance(self.layer, InnerProduct):
            return (1, 1)
        pairs = zip(self.layer.kernel, self.layer.stride, self.layer.dilation)
        rows, columns = (-(-(dilation * (kernel - 1) + 1) // stride) for kernel, stride, dilation in pairs)
        return (rows, columns)

    def locate(self, taps: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Places in the first group's flattened bottom of taps of outputs; -1 in the padding."""
        if isinstance(self.layer, InnerProduct):
            return taps
        channel, *inner = np.unravel_index(taps, self.taps)
        return self.place(
            channel, *(self.reach(axis, at, inner[axis]) for axis, at in enumerate((rows, columns)))
        )

    def reach(self, axis: int, outputs: np.ndarray, taps: np.ndarray) -> np.ndarray:
        """Along one axis, where taps of outputs lie."""
        assert isinstance(self.layer, Convolution)
        first = outputs * self.layer.stride[axis] - self.layer.pad[axis]
        return first + taps * self.layer.dilation[axis]

    def place(self, channel: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Places in a flattened bottom; -1 outside."""
        height, width = self.start.shape[1:]
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.where(inside, (channel * height + row) * width + column, -1)

    def read(self, top: np.ndarray, images: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """All channels (n, O) of outputs."""
        if isinstance(self.layer, InnerProduct):
            return top[images]
        return top[images, :, rows, columns]


def list_sums(network: Network) -> List[Sum]:
    """The layers with weights up to the logits, in their order."""
    last = network.index(network.logits.name)
    return [
        Sum(layer, start, stop)
        for start, stop in zip(network.blobs[:last], network.blobs[1 : last + 1])
        for layer in stop.layers
        if isinstance(layer, (Convolution, InnerProduct))
    ]


def find_obstacle(sum_: Sum, most: int) -> Optional[str]:
    """Why a layer's sums cannot be read from its blob; None where they can."""
    after = sum_.stop.layers[sum_.stop.layers.index(sum_.layer) + 1 :]
    other = next((layer for layer in after if not isinstance(layer, LEAVES_SUMS)), None)
    if other is not None:
        return f"{type(other).__name__} changes it in place"
    if sum_.products > most:
        return f"adds {sum_.products} products, and no more than {most} are told apart"
    return None


def grid(sum_: Sum, offset: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Rows and columns of outputs whose windows are disjoint, from an offset on."""
    axes = [np.arange(first, size, step) for first, size, step in zip(offset, sum_.outputs, sum_.apart)]
    rows, columns = np.meshgrid(*axes, indexing="ij")
    return rows.reshape(-1), columns.reshape(-1)


def list_whole(sum_: Sum) -> Tuple[np.ndarray, np.ndarray]:
    """Outputs with disjoint windows inside the bottom; the middle one where there is none."""
    corners = np.array([0, sum_.products - 1])
    best = (np.array([sum_.outputs[0] // 2]), np.array([sum_.outputs[1] // 2]))
    found = 0
    for first in range(min(sum_.apart[0], sum_.outputs[0])):
        for second in range(min(sum_.apart[1], sum_.outputs[1])):
            rows, columns = grid(sum_, (first, second))
            places = sum_.locate(corners[:, None], rows[None], columns[None])
            whole = np.broadcast_to((places >= 0).all(axis=0), rows.shape)
            if whole.sum() > found:
                found, best = int(whole.sum()), (rows[whole], columns[whole])
    return best
