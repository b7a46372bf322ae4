"""What may account for a value that a dump holds: the catalogue, changes of one layer, fitted numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

from harness.core.network_files import read_network
from harness.dumps.targets import INPUT, PIXELS, TUPLE
from harness.explain.causes import Cause
from harness.explain.fit import fit_parameters
from harness.explain.inputs import fit_trace
from harness.explain.known import list_known, list_known_labels, list_presets
from harness.explain.match import Candidate, apply_data
from harness.explain.noise import Finding
from harness.explain.patches import Patch, merge_patches
from harness.explain.predict import Dumped, find_array

MOST_PAIRS = 600
LAYERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("float32", "float16", {"cast": "float16"}),
    ("float32", "bfloat16", {"cast": "bfloat16"}),
    ("with biases", "without biases", {"zero": "bias"}),
    ("in order", "outputs reversed", {"reverse": "outputs"}),
    ("in order", "inputs reversed", {"reverse": "inputs"}),
    ("in order", "kernels reversed", {"reverse": "kernel"}),
    ("in order", "kernels transposed", {"transpose": "kernel"}),
    ("in order", "transposed", {"transpose": "fc"}),
)
"""What can have happened to one layer's parameters."""


def list_hypotheses(dumped: Dumped, base: Candidate, stage: Finding, sound: Sequence[str]) -> list[Candidate]:
    """Every change of the catalogue that can reach a stage, beside those that are accepted.

    Layers that are `sound` have been seen to do as they should; the input cannot be it where it is there.
    """
    job = apply_data(dumped.side.job, merge_patches(base))
    if stage["stage"] == TUPLE:
        return [(one,) for one in list_known_labels(dumped.labels)]
    arrays = "npy" in dumped.side.records[dumped.example]
    known = list_known(job, has_arrays=arrays)
    if stage["stage"] == PIXELS:
        return [(one,) for one in known if one.factor == "decoder"]
    begins = stage["stage"] == INPUT or not stage["source"]
    layers = [one for one in stage["layers"] if one not in sound]
    chosen = [(one,) for one in known if is_reached(one, begins=begins, layers=layers)]
    presets = list_presets(job) if stage["stage"].startswith("steered") else ()
    return [*chosen, *((one,) for one in list_layers(dumped, layers)), *presets]


def is_reached(patch: Patch, *, begins: bool, layers: Sequence[str]) -> bool:
    """Whether a change of the catalogue can be what is seen at a stage."""
    if patch.cause in (Cause.LABELS, Cause.ARITHMETIC):
        return False
    if {"weights", "flatten", "pooling"} & set(patch.data):
        return bool(layers) or "pooling" in patch.data
    return begins or not patch.is_input


def list_layers(dumped: Dumped, layers: Sequence[str]) -> list[Patch]:
    """What can have happened to one of some layers, also that it has another one's parameters."""
    found = [
        Patch(
            Cause.WEIGHTS,
            f"weights.{layer}",
            was,
            sets,
            {"weights": {**data, "layers": [layer]}},
            is_input=True,
        )
        for layer in layers
        for was, sets, data in LAYERS
    ]
    return [*found, *(patch_taken(*one) for one in list_alike(dumped.answers.network, layers))]


def list_alike(folder: Path | None, layers: Sequence[str]) -> list[tuple[str, str]]:
    """Layers with the others whose parameters have the same shapes."""
    if folder is None:
        return []
    shapes: dict[str, dict[str, Any]] = {}
    for name, shape in read_network(folder).parameter_shapes().items():
        layer, _, part = name.rpartition(".")
        shapes.setdefault(layer, {})[part] = shape
    return [
        (layer, other)
        for layer in layers
        for other in shapes
        if other != layer and shapes[other] == shapes.get(layer)
    ]


def patch_taken(layer: str, other: str) -> Patch:
    """Another layer's parameters in a layer's place."""
    data = {"weights": {"take": other, "layers": [layer]}}
    return Patch(Cause.WEIGHTS, f"weights.{layer}", "its own", f"those of {other}", data, is_input=True)


def list_fitted(dumped: Dumped, base: Candidate, stage: Finding) -> list[Candidate]:
    """Numbers that no catalogue has: a mean and a scale of the input, or one of the parameters."""
    job = apply_data(dumped.side.job, merge_patches(base))
    if stage["stage"] == INPUT:
        trace = dumped.trace
        source = trace if trace.find(dumped.example, PIXELS) is not None else dumped.known
        found = fit_trace(job, trace, [dumped.example], source)
        return [tuple(found)] if found else []
    if not stage["stage"].startswith("steered"):
        return []

    def measure(patches: Sequence[Patch]) -> list[float]:
        found = dumped.ask([(*base, one) for one in patches], stage["array"])
        return [measure_array(one, stage["array"]) for one in found]

    return [(one,) for one in fit_parameters(job, measure)]


def measure_array(findings: Sequence[Finding], array: str) -> float:
    """How far off an array is, relative to its size; infinite where that is not known."""
    found = find_array(findings, array)
    error = None if found is None else found.get("relative")
    return math.inf if error is None else float(error)


def list_pairs(
    tried: Sequence[Candidate], found: Sequence[Sequence[Finding]], stage: Finding
) -> list[Candidate]:
    """Two changes at once: of those that move a stage each, one of each that move it alike; and with others.

    No more than the first so many.
    """
    moved: dict[tuple[Any, ...], Candidate] = {}
    still: list[Candidate] = []
    for candidate, findings in zip(tried, found, strict=True):
        one = find_array(findings, stage["array"])
        if one is None or len(candidate) > 1:
            continue
        sign = (one.get("relative"), one.get("error"))
        if None in sign or sign == (stage.get("relative"), stage.get("error")):
            still.append(candidate)
        else:
            moved.setdefault(sign, candidate)
    pairs = [*combinations(moved.values(), 2), *product(moved.values(), still)]
    return [(*one, *other) for one, other in pairs if are_apart(one[0], other[0])][:MOST_PAIRS]


def are_apart(one: Patch, other: Patch) -> bool:
    """Whether two changes are of different factors, and set nothing both."""
    if one.factor == other.factor:
        return False
    shared = set(one.data) & set(other.data)
    return all(
        isinstance(one.data[key], Mapping)
        and (key == "weights" or not set(one.data[key]) & set(other.data[key]))
        for key in shared
    )
