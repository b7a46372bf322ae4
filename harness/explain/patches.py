"""Patches: small changes of a cell's job, each of which is a cause if it suffices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from harness.ami.port import ATTRIBUTES, CHOICES, PRESETS, port_to_json, read_port
from harness.core.arrays import NPY_CONVENTIONS
from harness.core.decode import DECODERS
from harness.core.errors import InputError
from harness.explain.causes import PREPROCESS, RULES, Cause, Named

PARAMETERS = {"alpha": Cause.ALPHA, "beta": Cause.BETA, "epsilon": Cause.EPSILON}
TABLES = ("port", "parameters", "preprocess", "witnesses")
TOGETHER = {"listing": "order"}  # rules that say nothing alone, and what they go with
INPUT_RULES = ("channel_order", "mean", "value_range", "fit", "resize", "resize_when", "npy", "quantise")
POOL3_BEFORE = {"pool3_when": "before-statistics", "pool3_channels": "all"}


@dataclass(frozen=True)
class Patch:
    """A change of one factor of a job: what the job has, what is set instead, and the change as plain data.

    `is_input` is there for what the plain pass depends on, all else changes the steered one alone.
    """

    cause: Cause
    factor: str
    was: Any
    sets: Any
    data: Mapping[str, Any]
    is_input: bool = False

    def name_undone(self) -> Named:
        """As a cause: the first cell's value was set on the second."""
        return Named(self.cause.value, self.factor, self.sets, self.was)

    def name_done(self) -> Named:
        """As a cause: what the second cell must have was set on the first."""
        return Named(self.cause.value, self.factor, self.was, self.sets)


def merge_patches(patches: Sequence[Patch]) -> dict[str, Any]:
    """All of them as one."""
    merged: dict[str, Any] = {}
    for patch in patches:
        for key, value in patch.data.items():
            both = isinstance(value, Mapping) and key in merged
            merged[key] = {**merged[key], **value} if both else value
    return merged


def list_declared(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Patch]:
    """In what two cells' jobs differ, as patches that set the first one's values on the second.

    What a job cannot have changed while it runs (threads, packages, variables) is no patch.
    """
    return [
        *compare_ports(a, b),
        *compare_parameters(a, b),
        *compare_preprocessing(a, b),
        *compare_witnesses(a, b),
        *compare_rest(a, b),
    ]


def read_rules(job: Mapping[str, Any]) -> dict[str, Any]:
    """Every rule of a job's port."""
    return port_to_json(read_port(job["port"]["preset"], job["port"]["rules"]))


def compare_ports(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Patch]:
    """Rules that differ; the listing goes with the order where that depends on it."""
    ours, theirs = read_rules(a), read_rules(b)
    for rule, value in ours.items():
        if rule in TOGETHER or value == theirs[rule]:
            continue
        data = {rule: value, **({"listing": ours["listing"]} if rule == "order" else {})}
        yield patch_rules(rule, theirs[rule], value, data)
    if ours["order"] == theirs["order"] and ours["listing"] != theirs["listing"]:
        listing = ours["listing"]
        yield patch_rules("listing", theirs["listing"], listing, {"listing": listing})


def patch_rules(rule: str, was: Any, sets: Any, data: Mapping[str, Any]) -> Patch:
    """A patch of a port's rule, with those that it needs."""
    return Patch(RULES[rule], f"port.{rule}", was, sets, {"port": dict(data)}, rule in INPUT_RULES)


def compare_parameters(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Patch]:
    """Alpha, beta and epsilon."""
    for name, cause in PARAMETERS.items():
        ours, theirs = a["parameters"][name], b["parameters"][name]
        if ours != theirs:
            yield patch_parameter(name, cause, theirs, ours)


def patch_parameter(name: str, cause: Cause, was: float, sets: float) -> Patch:
    """A patch of alpha, beta or epsilon."""
    return Patch(cause, f"parameters.{name}", was, sets, {"parameters": {name: sets}})


def compare_preprocessing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Patch]:
    """What `model.toml` says of the network's input."""
    ours, theirs = a["model"]["preprocess"], b["model"]["preprocess"]
    for name, cause in PREPROCESS.items():
        if ours.get(name) != theirs.get(name):
            yield patch_preprocess(name, cause, theirs.get(name), ours.get(name))


def patch_preprocess(name: str, cause: Cause, was: Any, sets: Any) -> Patch:
    """A patch of one thing that the network was trained on."""
    return Patch(cause, f"preprocess.{name}", was, sets, {"preprocess": {name: sets}}, is_input=True)


def compare_witnesses(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Patch]:
    """Witness files of other content, all of them as one patch: a set is one thing."""
    ours, theirs = a["model"].get("witnesses", {}), b["model"].get("witnesses", {})
    other = [name for name in ATTRIBUTES if read_hash(ours, name) != read_hash(theirs, name)]
    if other:
        was, sets = ({name: read_hash(one, name) for name in other} for one in (theirs, ours))
        data = {name: dict(ours[name]) for name in other if name in ours}
        yield Patch(Cause.WITNESS_SET, "witnesses", was, sets, {"witnesses": data})


def read_hash(witnesses: Mapping[str, Any], attribute: str) -> str | None:
    """Beginning of an attribute's hash; None where a job has no such file."""
    return witnesses[attribute]["sha256"][:12] if attribute in witnesses else None


def compare_rest(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Patch]:
    """Conventions of arrays, decoder, batch size, precision, and the network with its weights."""
    ours, theirs = list_rest(a), list_rest(b)
    for factor, (cause, is_input) in REST.items():
        if ours[factor] != theirs[factor]:
            yield Patch(
                cause, factor, theirs[factor], ours[factor], {factor: ours[factor]}, is_input=is_input
            )


REST = {
    "npy": (Cause.NPY_CONVENTION, True),
    "decoder": (Cause.DECODER, True),
    "batch_size": (Cause.NUMERICS, True),
    "precision": (Cause.PRECISION, True),
    "network": (Cause.WEIGHTS, True),
}


def list_rest(job: Mapping[str, Any]) -> dict[str, Any]:
    """Those parts of a job by their names in a patch."""
    return {
        "npy": job["examples"].get("npy"),
        "decoder": job["decoder"],
        "batch_size": job["batch_size"],
        "precision": job["settings"].get("precision", "float32"),
        "network": job["model"]["network"],
    }


def list_known(job: Mapping[str, Any], *, has_arrays: bool = False) -> list[Patch]:
    """The catalogue: every known change that somebody may have made of a job without saying so."""
    return [
        *list_known_rules(job, has_arrays=has_arrays),
        *list_known_listings(job),
        *list_known_parameters(job),
        *list_known_preprocessing(job),
        *list_known_rest(job, has_arrays=has_arrays),
        *list_known_labels(),
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


KNOWN_WALKS: tuple[tuple[str, str, str, Cause, dict[str, Any]], ...] = (
    ("weights", "float32", "float16", Cause.WEIGHTS, {"weights": {"cast": "float16"}}),
    ("weights", "float32", "bfloat16", Cause.WEIGHTS, {"weights": {"cast": "bfloat16"}}),
    ("pooling", "ceil", "floor", Cause.POOLING, {"pooling": "floor"}),
    ("flatten", "nchw", "nhwc", Cause.FLATTEN, {"flatten": "nhwc"}),
)


def list_known_labels() -> Iterator[Patch]:
    """Label lists that begin one line later or earlier."""
    for shift in (1, -1):
        yield Patch(Cause.LABELS, "labels", 0, shift, {"labels": {"shift": shift}})


def list_presets(job: Mapping[str, Any]) -> Iterator[tuple[Patch, ...]]:
    """What makes of a job's port each other published one: a patch for every rule that differs."""
    for preset in PRESETS:
        other = {**job, "port": {"preset": preset, "rules": {}}}
        patches = tuple(compare_ports(other, job))
        if patches:
            yield patches
