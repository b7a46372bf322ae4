"""Steered passes of one batch by many detectors: what two of them have in common is walked once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Collection, List, Sequence, Tuple

import numpy as np

from harness.ami.detection import Detector, list_edits, run_steered
from harness.ami.port import Port
from harness.ami.steering import Parameters, Steering
from harness.core.network import Network
from harness.core.walk import walk
from harness.detectors.ami import note_ratios

INPUT_RULES = (
    "channel_order", "mean", "value_range", "fit", "resize", "resize_when", "npy", "quantise",
)  # fmt: skip
PLAN_RULES = ("blob_value", "fc", "order", "listing")  # they say where a walk stops, not what it does there
ELSEWHERE = (*INPUT_RULES, *PLAN_RULES)
POOL3_RULES = ("pool3_channels", "pool3_kernel", "pool3_when")
MOST_PAIRS = 1 << 17  # of 362 patches, each of which is held against every later one in every batch
Signs = Tuple[str, ...]
Ratios = List[Tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Stop:
    """Where passes part: so many visits done, the blob, its value, and the ratios noted so far."""

    depth: int
    blob: str
    value: Any
    ratios: Ratios


@dataclass
class Passes:
    """Steered passes over one batch's input, one after the other; each sets out where it parts from the last.

    `signs` are the last one's, and `stops` those of its stops that others come back to.
    """

    value: Any
    signs: Signs = ()
    stops: List[Stop] = field(default_factory=list)

    def run(self, detector: Detector, signs: Signs, later: Sequence[Signs]) -> Tuple[np.ndarray, Ratios]:
        """Logits (N, classes) and ratios of a pass of these signs, before others that will follow."""
        shared = count_common(self.signs, signs)
        self.signs, self.stops = signs, [stop for stop in self.stops if stop.depth <= shared]
        if not is_straight(detector.executor.network, detector.visits):
            return self.run_whole(detector)
        return self.go_on(detector, {count_common(signs, other) for other in later})

    def run_whole(self, detector: Detector) -> Tuple[np.ndarray, Ratios]:
        """The same of a pass that comes back to blobs: it shares nothing."""
        ratios: Ratios = []
        logits = run_steered(detector, self.value, partial(note_ratios, detector, ratios))
        return detector.executor.to_numpy(logits), ratios

    def go_on(self, detector: Detector, kept: Collection[int]) -> Tuple[np.ndarray, Ratios]:
        """The same of any other, from its last stop on; it stops after `kept` numbers of visits."""
        executor, network = detector.executor, detector.executor.network
        start = self.stops[-1] if self.stops else Stop(0, network.input.name, self.value, [])
        at, value, ratios = start.blob, start.value, list(start.ratios)
        edits = list_edits(detector, partial(note_ratios, detector, ratios))
        for depth in sorted(one for one in kept if one > start.depth):
            value = walk(executor, value, edits[start.depth : depth], start=at, stop=edits[depth - 1][0])
            at = edits[depth - 1][0]
            start = Stop(depth, at, value, list(ratios))
            self.stops.append(start)
        return executor.to_numpy(walk(executor, value, edits[start.depth :], start=at)), ratios


def is_straight(network: Network, visits: Sequence[Steering]) -> bool:
    """Whether no visit lies behind the one before."""
    places = [network.index(steering.blob) for steering in visits]
    return places == sorted(places)


def sign_visits(network: Network, visits: Sequence[Steering], port: Port, parameters: Parameters) -> Signs:
    """What each visit does, as texts: two passes are one as far as these are the same."""
    if not is_straight(network, visits):
        return (repr((visits, port, parameters)),)
    rules = {name: rule for name, rule in dataclasses.asdict(port).items() if name not in ELSEWHERE}
    others = {name: rule for name, rule in rules.items() if name not in POOL3_RULES}
    return tuple(repr((one, rules if one.resizes else others, parameters)) for one in visits)


@lru_cache(maxsize=MOST_PAIRS)
def count_common(first: Signs, second: Signs) -> int:
    """How many leading texts two lists have in common."""
    pairs = list(zip(first, second))
    return next((place for place, (one, other) in enumerate(pairs) if one != other), len(pairs))
