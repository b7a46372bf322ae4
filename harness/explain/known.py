"""The catalogue: every change that somebody is known to have made of such a pipeline without saying so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from harness.ami.port import ATTRIBUTES, CHOICES, PRESETS, fit_rules, read_port
from harness.core.arrays import NPY_CONVENTIONS
from harness.core.decode import DECODERS
from harness.core.errors import InputError
from harness.explain.causes import Cause
from harness.explain.patches import (
    PARAMETERS,
    Patch,
    compare_ports,
    list_rest,
    patch_parameter,
    patch_preprocess,
    patch_rules,
    read_rules,
)

POOL3_BEFORE = {"pool3_when": "before-statistics", "pool3_channels": "all"}


def list_known(
    job: Mapping[str, Any], *, has_arrays: bool = False, labels: Sequence[str] = ()
) -> list[Patch]:
    """The catalogue: every known change that somebody may have made of a job without saying so."""
    return [
        *list_known_rules(job, has_arrays=has_arrays),
        *list_known_listings(job),
        *list_known_parameters(job),
        *list_known_preprocessing(job),
        *list_known_rest(job, has_arrays=has_arrays),
        *list_known_labels(labels),
    ]


def list_known_rules(job: Mapping[str, Any], *, has_arrays: bool) -> Iterator[Patch]:
    """Every other choice of every rule, with what it needs beside it; for arrays, where there are some."""
    ours = read_rules(job)
    for rule, choices in CHOICES.items():
        if rule == "order" or (rule in ("npy", "quantise") and not has_arrays):
            continue
        for choice in choices:
            needed = complete_rule(ours, rule, choice)
            if choice != ours[rule] and is_possible(job, needed):
                yield patch_rules(rule, ours[rule], choice, needed)


def complete_rule(ours: Mapping[str, Any], rule: str, choice: Any) -> dict[str, Any]:
    """A choice with what it cannot be made without."""
    needed = {rule: choice}
    if needed == {"pool3_when": "before-statistics"} and ours["pool3_channels"] == "weakened":
        return dict(POOL3_BEFORE)
    if needed == {"pool3_channels": "weakened"}:
        return {**needed, "pool3_when": "after-statistics"}
    return needed


def is_possible(job: Mapping[str, Any], rules: Mapping[str, Any]) -> bool:
    """Whether a job's port can have some rules."""
    try:
        read_port(job["port"]["preset"], {**job["port"]["rules"], **rules})
    except InputError:
        return False
    return True


def list_known_listings(job: Mapping[str, Any]) -> Iterator[Patch]:
    """The orders in which four files can be listed, and network order where that is not the job's."""
    ours = read_rules(job)
    if ours["order"] == "listing":
        yield patch_rules("order", ours["listing"], "network", {"order": "network"})
    for names in permutations(ATTRIBUTES):
        if ours["order"] != "listing" or list(names) != ours["listing"]:
            was = ours["listing"] if ours["order"] == "listing" else "network"
            yield patch_rules("order", was, list(names), {"order": "listing", "listing": list(names)})


KNOWN_PARAMETERS = {
    "alpha": (100.0, 60.0, 50.0, 10.0, 1000.0),
    "beta": (60.0, 50.0, 100.0, 5.0),
    "epsilon": (1.15, 2.15, 0.15, 1.0, 0.0),
}
"""Those of the notebook, the port and the published tables, and what slips give: ε with or without its 1."""


def list_known_parameters(job: Mapping[str, Any]) -> Iterator[Patch]:
    """Published values of alpha, beta and epsilon, and what slips make of them."""
    for name, cause in PARAMETERS.items():
        was = float(job["parameters"][name])
        for value in KNOWN_PARAMETERS[name]:
            if value != was:
                yield patch_parameter(name, cause, was, value)


KNOWN_MEANS = {
    "imagenet": (103.939, 116.779, 123.68),
    "torchvision": (103.53, 116.28, 123.675),
    "vggface2": (91.4953, 103.8827, 131.0912),
    "centre": (127.5, 127.5, 127.5),
    "signed": (128.0, 128.0, 128.0),
}
"""In BGR, as papers and loaders have them."""
KNOWN_SCALES = (1.0, 1 / 255, 1 / 127.5, 1 / 128, 0.017)


def list_known_preprocessing(job: Mapping[str, Any]) -> Iterator[Patch]:
    """Other means and scales, and whatever else `model.toml` could say."""
    ours = {"channel_order": "bgr", "scale": 1.0, "resize": "bicubic", **job["model"]["preprocess"]}
    for mean in KNOWN_MEANS.values():
        ordered = list(mean if ours["channel_order"] == "bgr" else mean[::-1])
        if ordered != list(ours.get("mean", ())):
            yield patch_preprocess("mean", Cause.MEAN, ours.get("mean"), ordered)
    for scale in KNOWN_SCALES:
        if scale != ours["scale"]:
            yield patch_preprocess("scale", Cause.SCALE, ours["scale"], scale)


def list_known_rest(job: Mapping[str, Any], *, has_arrays: bool) -> Iterator[Patch]:
    """Other conventions of arrays, decoders, weights of half precision, pooling, flattening."""
    ours = list_rest(job)
    for convention in NPY_CONVENTIONS if has_arrays else ():
        if convention != ours["npy"]:
            yield Patch(
                Cause.NPY_CONVENTION, "npy", ours["npy"], convention, {"npy": convention}, is_input=True
            )
    for decoder in DECODERS:
        if decoder != ours["decoder"]:
            yield Patch(
                Cause.DECODER, "decoder", ours["decoder"], decoder, {"decoder": decoder}, is_input=True
            )
    for factor, was, sets, cause, data in KNOWN_WALKS:
        yield Patch(cause, factor, was, sets, data, is_input=True)


def round_to(kind: str, layers: str, *, weights: bool = True) -> dict[str, Any]:
    """A patch to layers that compute with rounded inputs, and weights."""
    return {"rounding": {"to": kind, "kind": layers, "weights": weights}}


KNOWN_WALKS: tuple[tuple[str, str, str, Cause, dict[str, Any]], ...] = (
    ("weights", "float32", "float16", Cause.WEIGHTS, {"weights": {"cast": "float16"}}),
    ("weights", "float32", "bfloat16", Cause.WEIGHTS, {"weights": {"cast": "bfloat16"}}),
    ("weights.bias", "as it is", "0", Cause.WEIGHTS, {"weights": {"zero": "bias"}}),
    ("weights.fc", "as they are", "transposed", Cause.WEIGHTS, {"weights": {"transpose": "fc"}}),
    ("pooling", "ceil", "floor", Cause.POOLING, {"pooling": "floor"}),
    ("rounding", "float32", "tf32", Cause.PRECISION, round_to("tf32", "convolutions")),
    ("rounding", "float32", "tf32 inputs", Cause.PRECISION, round_to("tf32", "convolutions", weights=False)),
    ("rounding", "float32", "float16", Cause.PRECISION, round_to("float16", "all")),
    ("flatten", "nchw", "nhwc", Cause.FLATTEN, {"flatten": "nhwc"}),
)


def list_known_labels(labels: Sequence[str]) -> Iterator[Patch]:
    """Label lists that begin one line later or earlier, and the one that is sorted."""
    for shift in (1, -1):
        yield Patch(Cause.LABELS, "labels", 0, shift, {"labels": {"shift": shift}})
    order = sort_labels(labels)
    if order != list(range(len(labels))):
        yield Patch(Cause.LABELS, "labels", 0, "sorted", {"labels": {"order": order}})


def sort_labels(labels: Sequence[str]) -> list[int]:
    """The place of each label in the sorted list."""
    places = {
        number: place for place, number in enumerate(sorted(range(len(labels)), key=labels.__getitem__))
    }
    return [places[number] for number in range(len(labels))]


def list_presets(job: Mapping[str, Any]) -> Iterator[tuple[Patch, ...]]:
    """What makes of a job's port each other published one: a patch for every rule that differs."""
    for preset in PRESETS:
        other = {**job, "port": {"preset": preset, "rules": fit_rules(preset, {}, job["backend"])}}
        patches = tuple(compare_ports(other, job))
        if patches:
            yield patches
