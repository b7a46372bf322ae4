"""Grafts: one side begun with the other one's value at a blob; where the tuple flips is the layer.

It is the second side that goes on with the first one's values, or the first one with those of a trace.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.traces import read_trace
from harness.explain.causes import Tuple
from harness.explain.counterfactual import Answers, Failure, Side, take_tuple
from harness.explain.errands import Errand, graft, run_errands
from harness.explain.ladder import Looks
from harness.explain.pair import Pair
from harness.records.record import walk_records

MOST_PROBES = 6  # grafts at once into a network whose pass takes long
LARGE = 2_000_000  # values of a pass; VGG-Face has 15 million, the bundled model 100,000
Place = tuple[str, str]
"""A pass and a blob."""
KINDS: Mapping[str, str] = {"plain": "plain", "steered": "both"}
"""What is grafted for a pass: the steered one's answer makes a tuple with the same side's plain one."""


@dataclass(frozen=True)
class Flip:
    """Where the tuple of the side that goes on turns into the other one's: not yet at `last`, at `first`.

    `last` is empty where the input turns it already.
    """

    kind: str
    last: str
    first: str


def choose_ends(pair: Pair) -> tuple[Side, Side]:
    """The side that goes on, and the one whose values it goes on with; a trace cannot go on."""
    return (pair.a, pair.b) if pair.b.trace is not None else (pair.b, pair.a)


def find_flips(pair: Pair, examples: Sequence[str], looks: Looks, answers: Answers) -> dict[str, Flip]:
    """Where each example flips; one that does not flip between two neighbouring blobs is not there."""
    giver, (blobs, is_large) = choose_ends(pair)[1], list_blobs(pair, looks)
    flips: dict[str, Flip] = {}
    for example in examples:
        kind, low, high = choose_pass(pair, example), 0, len(blobs) - 1
        while high > low:
            probes = choose_probes(low, high) if is_large else range(len(blobs))
            missing = [blobs[one] for one in probes if (kind, blobs[one]) not in looks.flips.get(example, {})]
            same = [example] if is_large else list_alike(pair, example, examples)
            if missing and not try_grafts(pair, same, kind, missing, looks, answers):
                return flips
            low, high = narrow(blobs, kind, giver.read_tuple(example), looks.flips.get(example, {}))
            if high == low + 1:
                flips[example] = Flip(kind, blobs[low] if low >= 0 else "", blobs[high])
                break
            if not missing:
                break
    return flips


def begin_grafts(pair: Pair, examples: Sequence[str], looks: Looks) -> list[Errand]:
    """What finding flips begins with: of a small network all of it."""
    blobs, is_large = list_blobs(pair, looks)
    chosen = [blobs[one] for one in choose_probes(0, len(blobs) - 1)] if is_large else blobs
    together = [[one] if is_large else list_alike(pair, one, examples) for one in examples]
    errands = (make_errand(pair, ones, choose_pass(pair, ones[0]), chosen, looks) for ones in together)
    return list({one.key: one for one in errands}.values())


def list_blobs(pair: Pair, looks: Looks) -> tuple[list[str], bool]:
    """The blobs of a walk, and whether it takes long."""
    shapes = read_trace(looks.traces[choose_ends(pair)[1].label]).blobs
    return list(shapes), sum(math.prod(shape) for shape in shapes.values()) > LARGE


def list_alike(pair: Pair, example: str, examples: Sequence[str]) -> list[str]:
    """Those of some examples that part in the same pass as one of them."""
    return [one for one in examples if choose_pass(pair, one) == choose_pass(pair, example)]


def make_errand(pair: Pair, examples: Sequence[str], kind: str, blobs: Sequence[str], looks: Looks) -> Errand:
    """One side's values of some blobs, grafted into the other."""
    grafts = [{"pass": KINDS[kind], "blob": blob} for blob in blobs]
    side, giver = choose_ends(pair)
    return graft(side, looks.traces[giver.label], grafts, examples)


def choose_pass(pair: Pair, example: str) -> str:
    """The pass in which the sides part: the plain one where Original alone differs."""
    ours, theirs = pair.a.read_tuple(example), pair.b.read_tuple(example)
    return "plain" if ours[1] != theirs[1] and ours[2] == theirs[2] else "steered"


def choose_probes(low: int, high: int) -> list[int]:
    """So many places between two, and both ends."""
    step = max(1, (high - low) // (MOST_PROBES - 1))
    return sorted({*range(low, high, step), high})


def narrow(blobs: Sequence[str], kind: str, wanted: Tuple, found: Mapping[Place, Tuple]) -> tuple[int, int]:
    """The last place that was tried and leaves the tuple, and the next, from which on all flip it."""
    tried = [number for number, blob in enumerate(blobs) if (kind, blob) in found]
    low = max((number for number in tried if found[kind, blobs[number]] != wanted), default=-1)
    return low, min((number for number in tried if number > low), default=low)


def try_grafts(
    pair: Pair, examples: Sequence[str], kind: str, blobs: Sequence[str], looks: Looks, answers: Answers
) -> bool:
    """Graft one side's values of some blobs into the other; whether that can be done here."""
    side = choose_ends(pair)[0]
    (found,) = run_errands(answers, [make_errand(pair, examples, kind, blobs, looks)])
    if isinstance(found, Failure):
        pair.untested.append(f"{side.label}: grafts ({found.reason})")
        return False
    for line in walk_records(found):
        number, result = line.get("graft"), take_tuple(line)
        if isinstance(number, int) and 0 <= number < len(blobs) and result is not None:
            looks.flips.setdefault(str(line["example"]), {})[kind, blobs[number]] = result
    return True
