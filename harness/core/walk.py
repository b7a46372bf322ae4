"""The walk over a network's blobs: where every pass, and whatever is done to its values, goes through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Collection, Dict, List, Optional, Protocol, Sequence, Tuple

import numpy as np

from harness.core.errors import InputError
from harness.core.network import Network

Edit = Callable[[Any], Any]
"""Takes a blob's native value, which it leaves as it is, and gives the value to go on with."""
Edits = Sequence[Tuple[str, Edit]]
Watch = Callable[[str, Any], None]
"""Is told a blob's name and its native value."""


class Arrays(Protocol):
    """A kind of arrays, and the way to them from NumPy's and back."""

    xp: Any  # the array namespace of native values: numpy or torch

    def to_native(self, array: np.ndarray) -> Any:
        """A NumPy array as this kind, in its precision, on its device."""

    def to_numpy(self, value: Any) -> np.ndarray:
        """A native value as a NumPy array."""


class Executor(Arrays, Protocol):
    """A loaded network. Values are batches: (N, C, H, W), or (N, C) after an InnerProduct."""

    network: Network

    def forward(self, value: Any, start: str, stop: str) -> Any:
        """Value of blob `stop` from the value of the earlier blob `start`, both native arrays."""


@dataclass(frozen=True)
class Visit:
    """A blob at which a walk stops, the edit that it makes there, and whether it comes back for the value."""

    blob: str
    edit: Optional[Edit] = None
    kept: bool = False


def walk(
    executor: Executor,
    value: Any,
    edits: Edits = (),
    watch: Optional[Watch] = None,
    watched: Collection[str] = (),
    start: Optional[str] = None,
    stop: Optional[str] = None,
) -> Any:
    """Native value of blob `stop` (the logits) from the one of `start` (the input), edited on the way.

    Edits are made in their order. One of a blob behind the last one's takes the value which the walk left
    there, and the walk goes on from it: what was edited further on is computed anew and its edit lost. So
    does Caffe, whose forward(start, end) with the start after the end does nothing and says nothing.

    `watch` is told the `watched` blobs' values as they are passed on: after an edit, and again where the walk
    comes by again. Where nobody edits or watches, the backend takes all steps at once.
    InputError for blobs that are not there or not on the way.
    """
    network = executor.network
    at = network.input.name if start is None else start
    ends = (at, network.logits.name if stop is None else stop)
    left: Dict[str, Any] = {}
    for visit in list_visits(network, edits, watched, ends):
        if network.index(visit.blob) > network.index(at):
            value = executor.forward(value, at, visit.blob)
        elif visit.blob != at:
            value = left.pop(visit.blob)
        at = visit.blob
        value = value if visit.edit is None else visit.edit(value)
        if watch is not None and at in watched:
            watch(at, value)
        if visit.kept:
            left[at] = value
    return value


def list_visits(
    network: Network, edits: Edits, watched: Collection[str], ends: Tuple[str, str]
) -> List[Visit]:
    """Where a walk from one blob to another stops, in its order: at edits, what is watched, and both ends."""
    for name in (*ends, *(name for name, _ in edits), *watched):
        check_place(network, name, ends)
    at, visits = ends[0], []
    if not edits or edits[0][0] != at:
        visits.append(Visit(at, kept=at in dict(edits)))
    for number, (name, edit) in enumerate(edits):
        later = dict(edits[number + 1 :])
        visits += [Visit(one, kept=one in later) for one in pass_blobs(network, at, name, {*watched, *later})]
        visits.append(Visit(name, edit, name in later))
        at = name
    visits += [Visit(one) for one in pass_blobs(network, at, ends[1], watched)]
    return visits if at == ends[1] else [*visits, Visit(ends[1])]


def pass_blobs(network: Network, start: str, stop: str, wanted: Collection[str]) -> List[str]:
    """The wanted blobs strictly between two blobs; none where the second one is not the later."""
    passed = network.blobs[network.index(start) + 1 : network.index(stop)]
    return [blob.name for blob in passed if blob.name in wanted]


def check_place(network: Network, name: str, ends: Tuple[str, str]) -> None:
    """InputError for a blob that does not lie between two blobs, of which the first is not the later."""
    first, last = map(network.index, ends)
    if not first <= network.index(name) <= last:
        raise InputError(
            f"network {network.name}: blob {name!r} is not on the way from {ends[0]!r} to {ends[1]!r};"
            " let the walk begin before it and end after it"
        )
