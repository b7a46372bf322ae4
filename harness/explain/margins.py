"""How near an example's tuple is to flip, from what one cell said of it: distances in units of noise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.ami.statistics import NEAR_ZERO
from harness.core.errors import InputError
from harness.core.traces import Trace, name_steered
from harness.explain.causes import Tuple
from harness.explain.counterfactual import Answers, Question, Side, take_tuple

LOGITS = 2e-5  # of the largest logit: what two environments' logits differ by at most, Winograd's among them
JUMP = 0.5  # of the largest logit: what last bits can do where they decide whether a deviation is 0
SUMS = 1e-6  # of the mean: what a channel's sum and the mean of the witnesses' differ by
PASSES = ("original", "attribute")
SHAKEN: tuple[Mapping[str, Any], ...] = (
    {"port": {"arithmetic": "exact"}},
    {"port": {"arithmetic": "term-by-term"}},
    {"port": {"arithmetic": "numpy"}},
    {"batch_size": 1},
)
"""Changes of last bits alone."""


@dataclass(frozen=True)
class Nearness:
    """How far an example's tuple is from flipping: `reach` is a distance over the noise there, below 1 near.

    `why` is what would have to move; `flips` are the changes of last bits that did flip it.
    """

    example: str
    attack: str | None
    tuple: Tuple
    reach: float
    why: str
    flips: Sequence[str] = ()


def rank_examples(records: Iterable[Mapping[str, Any]]) -> list[Nearness]:
    """Every example with a tuple, the nearest to flip first."""
    found = [one for one in map(measure_nearness, records) if one is not None]
    return sorted(found, key=lambda one: (one.reach, one.example))


def measure_nearness(record: Mapping[str, Any]) -> Nearness | None:
    """How near an example is; None where it has no tuple, or no margins, as records of logs."""
    result = take_tuple(record)
    if result is None:
        return None
    reaches = [one for which in PASSES for one in measure_pass(record, which)]
    if not reaches:
        return None
    reach, why = min(reaches)
    return Nearness(str(record["example"]), record.get("attack"), result, reach, why)


def measure_pass(record: Mapping[str, Any], which: str) -> list[tuple[float, str]]:
    """A pass's margin over what can move it."""
    margin, best = record.get(f"margin_{which}"), record.get(f"top5_{which}")
    if margin is None or not best or best[0][1] is None:
        return []
    size = max((abs(value) for _, value in best if value is not None), default=0.0) or 1.0
    named = "Original's margin" if which == "original" else "Attribute's margin"
    reaches = [(margin / (LOGITS * size), f"{named}, {margin:.3g} of logits of {size:.3g}")]
    ratio = record.get("sigma_ratio")
    if which == "attribute" and ratio and ratio[1] < NEAR_ZERO:
        said = f"a deviation of {ratio[1]:.1g} of the mean in {ratio[0]}, where last bits decide"
        reaches.append((margin / (JUMP * size), said))
    return reaches


def shake(side: Side, found: Sequence[Nearness], answers: Answers) -> list[Nearness]:
    """The same after all were tried with other last bits: those first that flip, by how many do it.

    InputError where the side cannot be run again here.
    """
    examples = [one.example for one in found]
    question = Question(side, [{}, *SHAKEN], examples)
    (failure,) = answers.ask([question])
    if failure is not None:
        raise InputError(f"{side.label}: cannot be run again here ({failure.reason})")
    shaken = [shake_one(one, question, answers) for one in found]
    return sorted(shaken, key=lambda one: (-len(one.flips), one.reach, one.example))


def shake_one(one: Nearness, question: Question, answers: Answers) -> Nearness:
    """An example with the changes of last bits that flip it."""
    flips = []
    for data in SHAKEN:
        result = answers.find_tuple(question, data, one.example)
        if result is not None and result != one.tuple:
            flips.append(name_change(data))
    if not flips:
        return one
    return replace(one, reach=0.0, why=f"flips with {', '.join(flips)}", flips=tuple(flips))


def name_change(data: Mapping[str, Any]) -> str:
    """A change as rules are written."""
    table = data.get("port", data)
    return ", ".join(f"{name}={value}" for name, value in table.items())


def weigh_trace(one: Nearness, trace: Trace) -> Nearness:
    """The same with what a trace tells: how near a channel of pool3 is to being resized, or not."""
    index = trace.index
    if "pool3" not in trace.blobs or (index["port"] or {}).get("pool3_channels") != "weakened":
        return one
    visits = {visit["blob"]: visit for visit in index.get("visits", [])}
    if "pool3" not in visits or one.example not in trace.examples:
        return one
    reach, channel = measure_crossing(one.example, trace, visits["pool3"]["entries"])
    if reach >= one.reach:
        return one
    return replace(
        one, reach=reach, why=f"channel {channel} of pool3, whose sum is nearly the witnesses' mean"
    )


def measure_crossing(example: str, trace: Trace, entries: Sequence[int]) -> tuple[float, int]:
    """How near the sum of a channel that is no witness is to the mean, over noise; which channel."""
    name, count = name_steered("pool3"), trace.find_shape("pool3")[0]
    sums = trace.read(example, f"{name}/sums", (count,)).astype(np.float64)
    mean = float(trace.read(example, f"{name}/mean", (1,))[0])
    others = np.setdiff1d(np.arange(count), np.asarray(entries, dtype=int))
    if not others.size:
        return np.inf, -1
    distance = abs(sums[others] - mean) / (SUMS * (abs(mean) or 1.0))
    nearest = int(np.argmin(distance))
    return float(distance[nearest]), int(others[nearest])
