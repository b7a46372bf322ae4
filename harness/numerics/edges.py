"""Examples on the edge: where on the way from one image to another a tuple turns, to the last bits.

Halving the way in float64 ends between two inputs of float32 that are neighbours, of which one has the first
image's answer and the other has not. Kinds of edges:

- `original`, `attribute`: two classes have equal logits, in the plain or in the steered pass;
- `pool3`: a channel's sum equals the witnesses' mean, above which the channel's map is resized;
- `sigma`: the two witnesses of a blob have equal sums; with a deviation of exactly 0 Attribute is another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.ami.detection import Detector, list_edits, run_plain, run_steered
from harness.ami.statistics import Statistics, measure_blob
from harness.ami.steering import Steering
from harness.core.arrays import Preprocess
from harness.core.walk import walk
from harness.examples.between import Levels, mix_levels

STEPS = 40
WHOLE = 1 << STEPS  # places on the way are whole numbers of this: float64 holds them exactly
BATCH = 16
RESIZED = "pool3"
NEARNESS = 1e-5  # of the largest logit: further apart, two classes are not what an edge is about
Inputs = NDArray[np.float32]
Answers = NDArray[np.int64]
Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Way:
    """From one example to another, by their numbers; `blob` is where two witnesses' sums are to meet."""

    first: int
    second: int
    blob: str = ""


@dataclass(frozen=True)
class Ground:
    """What ways lead over: a detector in float64, all examples' levels, what the network was trained on."""

    detector: Detector
    levels: Sequence[Levels]
    preprocess: Preprocess

    def place(self, ways: Sequence[Way], at: Sequence[int]) -> Inputs:
        """Inputs (N, 3, H, W) at these places of these ways."""
        return np.stack(
            [
                mix_levels(self.levels[way.first], self.levels[way.second], place / WHOLE, self.preprocess)
                for way, place in zip(ways, at, strict=True)
            ]
        )


@dataclass(frozen=True)
class Brackets:
    """Of every way two places, of which the first has the answer of the way's beginning; halvings so far."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    steps: int = 0


Ask = Callable[[Sequence[Way], Inputs], Answers]
"""What is said of inputs, one a way; an edge is where that turns."""
Keep = Callable[[Brackets], None]


def begin(ways: Sequence[Way]) -> Brackets:
    """Whole ways."""
    return Brackets((0,) * len(ways), (WHOLE,) * len(ways))


def halve(
    ground: Ground, ways: Sequence[Way], ask: Ask, brackets: Brackets, keep: Keep, show: Show
) -> Brackets:
    """Halve all ways until their ends are neighbours; `keep` is told the brackets after every halving."""
    answers = ask_all(ground, ways, ask, [0] * len(ways))
    show(brackets.steps, STEPS)
    while brackets.steps < STEPS:
        middle = [(low + high) // 2 for low, high in zip(brackets.low, brackets.high, strict=True)]
        same = ask_all(ground, ways, ask, middle) == answers
        low = [new if one else old for new, old, one in zip(middle, brackets.low, same, strict=True)]
        high = [old if one else new for new, old, one in zip(middle, brackets.high, same, strict=True)]
        brackets = Brackets(tuple(low), tuple(high), brackets.steps + 1)
        keep(brackets)
        show(brackets.steps, STEPS)
    return brackets


def ask_all(ground: Ground, ways: Sequence[Way], ask: Ask, at: Sequence[int]) -> Answers:
    """What is said at places of all ways (N,), a batch at a time."""
    parts = [
        ask(ways[start : start + BATCH], ground.place(ways[start : start + BATCH], at[start : start + BATCH]))
        for start in range(0, len(ways), BATCH)
    ]
    return np.concatenate(parts)


def ask_original(detector: Detector) -> Ask:
    """The plain pass's class."""

    def ask(_: Sequence[Way], inputs: Inputs) -> Answers:
        logits = run_plain(detector.executor, detector.executor.to_native(inputs))
        return np.asarray(detector.executor.to_numpy(logits).argmax(1))

    return ask


def ask_attribute(detector: Detector) -> Ask:
    """The steered pass's class."""

    def ask(_: Sequence[Way], inputs: Inputs) -> Answers:
        logits = run_steered(detector, detector.executor.to_native(inputs))
        return np.asarray(detector.executor.to_numpy(logits).argmax(1))

    return ask


def ask_order(detector: Detector, blob: str) -> Ask:
    """Which of a blob's two witnesses has the larger sum."""
    first, second = list_witnesses(detector, blob)

    def ask(_: Sequence[Way], inputs: Inputs) -> Answers:
        sums = measure_sums(detector, blob, inputs).sums
        return np.asarray(sums[:, first] > sums[:, second]).astype(np.int64)

    return ask


def list_witnesses(detector: Detector, blob: str) -> tuple[int, ...]:
    """The channels of a blob that are witnesses, each once."""
    (steering,) = [one for one in detector.visits if one.blob == blob]
    return tuple(dict.fromkeys(steering.entries))


def list_double(detector: Detector) -> tuple[str, ...]:
    """Blobs with two witnesses of which one is listed again, so that a deviation of 0 shows."""
    return tuple(one.blob for one in detector.visits if len(set(one.entries)) == 2 and len(one.rounds) > 1)


def measure_sums(detector: Detector, blob: str, inputs: Inputs) -> Statistics:
    """Statistics of a steered blob, which the pass is walked up to."""
    executor, edits = detector.executor, []
    for name, edit in list_edits(detector):
        if name == blob:
            break
        edits.append((name, edit))
    (steering,) = [one for one in detector.visits if one.blob == blob]
    value = walk(executor, executor.to_native(inputs), edits, stop=blob)
    return measure_blob(executor, value, steering.entries, detector.port)


@dataclass(frozen=True)
class Looked:
    """Inputs' steered logits (N, classes), and which channels of pool3 lie above the mean (N, C)."""

    logits: NDArray[Any]
    above: NDArray[np.bool_]


def look(detector: Detector, inputs: Inputs) -> Looked:
    """The steered pass with what it resizes."""
    above: list[NDArray[np.bool_]] = []

    def note(steering: Steering, measured: Statistics) -> None:
        if steering.blob == RESIZED:
            above.append(np.asarray(measured.sums > measured.mean))

    logits = run_steered(detector, detector.executor.to_native(inputs), note)
    found = above[0] if above else np.zeros((len(inputs), 0), np.bool_)
    return Looked(detector.executor.to_numpy(logits), found)


def name_edge(below: Looked, above: Looked, row: int) -> str | None:
    """What kind of edge lies between two neighbours; None where it is another."""
    if (below.above[row] != above.above[row]).any():
        return "pool3"
    ends = [one.logits[row] for one in (below, above)]
    first, second = (int(one.argmax()) for one in ends)
    apart = max(abs(float(one[first] - one[second])) / float(np.abs(one).max()) for one in ends)
    return "attribute" if apart < NEARNESS else None


def name_edges(ground: Ground, ways: Sequence[Way], brackets: Brackets) -> list[str | None]:
    """The kinds of the edges at which Attribute turns."""
    found: list[str | None] = []
    for start in range(0, len(ways), BATCH):
        part = slice(start, start + BATCH)
        ends = [
            look(ground.detector, ground.place(ways[part], at[part])) for at in (brackets.low, brackets.high)
        ]
        found += [name_edge(ends[0], ends[1], row) for row in range(len(ways[part]))]
    return found


def find_zeros(ground: Ground, tolerant: Detector, ways: Sequence[Way], brackets: Brackets) -> list[bool]:
    """Whether Attribute is another where a deviation of nearly 0 counts as 0."""
    ours = ask_all(ground, ways, ask_attribute(ground.detector), brackets.low)
    theirs = ask_all(ground, ways, ask_attribute(tolerant), brackets.low)
    return [bool(one) for one in ours != theirs]


def draw_ways(answers: Sequence[int], count: int, seed: Sequence[int], blob: str = "") -> list[Way]:
    """Different ways between examples of which not the same is said; fewer where there are not as many."""
    rng, found, drawn = np.random.default_rng(seed), dict[tuple[int, int], Way](), 0
    while len(found) < count and drawn < 100 * count:
        first, second = (int(one) for one in rng.integers(0, len(answers), 2))
        drawn += 1
        if answers[first] != answers[second]:
            found.setdefault((first, second), Way(first, second, blob))
    return list(found.values())


def count_kinds(kinds: Sequence[str | None], wanted: Mapping[str, int]) -> dict[str, list[int]]:
    """Numbers of the first ways of each kind, as many as wanted."""
    return {
        kind: [number for number, one in enumerate(kinds) if one == kind][:most]
        for kind, most in wanted.items()
    }
