"""The network's input in one side's trace, fitted: which preparation of the same pixels gives it.

The rules of the input are few enough for all their sets to be tried on the pixels of a few pictures. What a
mean and a scale make of levels is a line: of each set it is fitted to the input that the trace holds, channel
by channel, so that a mean and a scale of any value are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from harness.ami.port import CHOICES, read_port
from harness.ami.preprocess import prepare_image
from harness.core.arrays import read_preprocess
from harness.core.errors import InputError, RefusedError
from harness.core.traces import Trace, read_trace
from harness.explain.causes import Cause
from harness.explain.patches import Patch, patch_preprocess, patch_rules, read_rules

LAID_OUT_BY = ("channel_order", "fit", "resize", "resize_when")
MISS = 1e-5  # of the largest value: what float32 rounds is less
NEAR = 1e-4  # to be the number that it is taken for
DIGITS = range(1, 8)
DIVISORS = {"0-255": 1.0, "0-1": 255.0}

Rules = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """What is made of levels: (levels - mean) x scale, channel by channel; both arrays are (3, n)."""

    mean: tuple[float, ...]
    scale: float
    levels: np.ndarray
    inputs: np.ndarray

    def fits(self, mean: Sequence[float], scale: float) -> bool:
        """Whether a mean and a scale make these inputs of these levels, but for float32's rounding."""
        missed = (self.levels - np.array(mean)[:, None]) * scale - self.inputs
        return bool(abs(missed).max() <= MISS * abs(self.inputs).max())


def fit_inputs(job: Mapping[str, Any], folder: Path, examples: Sequence[str]) -> list[Patch]:
    """The fewest changes of a job with which its inputs are a trace's, of its pixels; none where none do."""
    return fit_trace(job, read_trace(folder), examples)


def fit_trace(
    job: Mapping[str, Any], trace: Trace, examples: Sequence[str], source: Trace | None = None
) -> list[Patch]:
    """The same of an open trace; of the pixels of another one, where it has none."""
    source = source or trace
    pictures = [one for one in examples if one in trace.examples and is_picture(source, one)]
    sets = product(*(CHOICES[name] for name in LAID_OUT_BY)) if pictures else ()
    ruled = (dict(zip(LAID_OUT_BY, one, strict=True)) for one in sets)
    found = [fit_rules(job, one, (trace, source), pictures) for one in ruled]
    return min((one for one in found if one is not None), key=len, default=[])


def is_picture(trace: Trace, example: str) -> bool:
    """Whether an example is one that is laid out, and no array."""
    return trace.read_pixels(example).dtype == np.uint8


def fit_rules(
    job: Mapping[str, Any], rules: Rules, traces: tuple[Trace, Trace], examples: Sequence[str]
) -> list[Patch] | None:
    """What turns a job into one of these rules, with the mean and scale that fit; None where none do.

    The inputs are of the first trace, the pixels of the second.
    """
    trace, source = traces
    ours, shape = read_rules(job), next(iter(trace.blobs.values()))
    try:
        levels = [lay_out(job, rules, source.read_pixels(one)) for one in examples]
    except (InputError, RefusedError):
        return None
    line = fit_line(np.stack(levels), np.stack([trace.read(one, "input", shape) for one in examples]))
    if line is None:
        return None
    changed = [patch_rules(name, ours[name], rules[name], {name: rules[name]}) for name in rules]
    return [*(one for one in changed if one.was != one.sets), *name_line(job, ours, line)]


def lay_out(job: Mapping[str, Any], rules: Rules, pixels: np.ndarray) -> np.ndarray:
    """A picture's levels as some rules lay them out, before a mean and a scale."""
    port = {**job["port"]["rules"], **rules, "mean": "none", "value_range": "0-255"}
    model = read_preprocess({**job["model"]["preprocess"], "scale": 1.0})
    return prepare_image(pixels, model, read_port(job["port"]["preset"], port))


def fit_line(levels: np.ndarray, inputs: np.ndarray) -> Line | None:
    """The mean and the scale that make inputs of levels, (n, 3, H, W) both; None where none do."""
    if levels.shape != inputs.shape:
        return None
    channels = [one.swapaxes(0, 1).reshape(3, -1).astype(np.float64) for one in (levels, inputs)]
    fitted = [np.polyfit(x, y, 1) for x, y in zip(*channels, strict=True) if x.std() > 0]
    scale = float(np.mean([slope for slope, _ in fitted])) if len(fitted) == 3 else 0.0
    if not scale:
        return None
    mean = tuple(float((x - y / scale).mean()) for x, y in zip(*channels, strict=True))
    line = Line(mean, scale, *channels)
    return line if line.fits(mean, scale) else None


def name_line(job: Mapping[str, Any], ours: Rules, line: Line) -> list[Patch]:
    """The fewest changes of mean, scale and range of levels that make a line of a job's own."""
    found = [
        [*name_range(ours, levels), *name_mean(job, ours, name, mean), *name_scale(job, scale)]
        for levels, divisor in DIVISORS.items()
        for scale in list_scales(job, line.scale * divisor)
        for name, mean in list_means(job, [one / divisor for one in line.mean])
        if line.fits([one * divisor for one in mean], scale / divisor)
    ]
    return min(found, key=len)


def list_scales(job: Mapping[str, Any], scale: float) -> list[float]:
    """The job's own scale, a round one, one by a round one, and the one that was fitted."""
    own = read_preprocess(job["model"]["preprocess"]).scale
    return [own, round_number(scale, NEAR), 1 / round_number(1 / scale, NEAR), scale]


def list_means(job: Mapping[str, Any], mean: Sequence[float]) -> list[tuple[str, Sequence[float]]]:
    """The means that rules name, a round one, and the one that was fitted."""
    own = read_preprocess(job["model"]["preprocess"]).mean
    named: list[tuple[str, Sequence[float]]] = [
        ("model", own),
        ("swapped", own[::-1]),
        ("none", (0.0, 0.0, 0.0)),
    ]
    return [*named, ("", [round_number(one, NEAR) for one in mean]), ("", mean)]


def name_range(ours: Rules, levels: str) -> list[Patch]:
    """The change of the range of levels."""
    was = ours["value_range"]
    return [patch_rules("value_range", was, levels, {"value_range": levels})] if was != levels else []


def name_mean(job: Mapping[str, Any], ours: Rules, name: str, mean: Sequence[float]) -> list[Patch]:
    """The change of the mean, which has a rule's name or is a number of its own."""
    if name:
        return [patch_rules("mean", ours["mean"], name, {"mean": name})] if name != ours["mean"] else []
    was, sets = list(read_preprocess(job["model"]["preprocess"]).mean), list(mean)
    data = {"port": {"mean": "model"}, "preprocess": {"mean": sets}}
    return [Patch(Cause.MEAN, "preprocess.mean", was, sets, data, is_input=True)]


def name_scale(job: Mapping[str, Any], scale: float) -> list[Patch]:
    """The change of the scale."""
    was = read_preprocess(job["model"]["preprocess"]).scale
    return [patch_preprocess("scale", Cause.SCALE, was, scale)] if scale != was else []


def round_number(value: float, most: float) -> float:
    """The roundest number that is no farther off than that part of it, or of 1 where it is smaller."""
    ones = [float(f"{value:.{digits}g}") for digits in DIGITS]
    return next((one for one in ones if abs(one - value) <= most * min(1.0, abs(value))), value)
