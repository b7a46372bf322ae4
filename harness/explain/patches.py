"""Patches: small changes of a cell's job, each of which is a cause if it suffices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.ami.port import ATTRIBUTES, port_to_json, read_port
from harness.explain.causes import PREPROCESS, RULES, SETTINGS, Cause, Named
from harness.worker.job import MODEL_FILES

PARAMETERS = {"alpha": Cause.ALPHA, "beta": Cause.BETA, "epsilon": Cause.EPSILON}
TOGETHER = {"listing": "order"}  # rules that say nothing alone, and what they go with
INPUT_RULES = ("channel_order", "mean", "value_range", "fit", "resize", "resize_when", "npy", "quantise")
STARTED_WITH = ("threads", "device")  # settings that a worker cannot change while it runs
OF_ALL_BACKENDS = ("precision",)  # the others say nothing of a backend that has no such choice


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


def as_patch(data: Mapping[str, Any]) -> Patch:
    """Plain data as a patch to merge with others."""
    return Patch(Cause.UNKNOWN, "", None, None, data)


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
        *compare_settings(a, b),
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
    """Conventions of arrays, decoder, batch size, and the network with its weights."""
    ours, theirs = list_rest(a), list_rest(b)
    for factor, cause in REST.items():
        if ours[factor] != theirs[factor] and ours[factor] is not None:
            yield Patch(cause, factor, theirs[factor], ours[factor], {factor: ours[factor]}, is_input=True)
    first, second = a["model"], b["model"]
    if hash_network(a) != hash_network(b):
        data = {"path": first["network"], **{key: first[key] for key in MODEL_FILES if first.get(key)}}
        yield Patch(
            Cause.WEIGHTS, "network", second["network"], first["network"], {"network": data}, is_input=True
        )


def hash_network(job: Mapping[str, Any]) -> Any:
    """What tells a job's network from others; its folder has another name inside a container."""
    return job.get("hashes", {}).get("network") or job["model"]["network"]


REST = {"npy": Cause.NPY_CONVENTION, "decoder": Cause.DECODER, "batch_size": Cause.NUMERICS}


def list_rest(job: Mapping[str, Any]) -> dict[str, Any]:
    """Those parts of a job by their names in a patch."""
    return {
        "npy": job["examples"].get("npy"),
        "decoder": job["decoder"],
        "batch_size": job["batch_size"],
    }


def compare_settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Patch]:
    """Settings of the backend, but for those that a process starts with; of two backends, those of all."""
    ours, theirs = a["settings"], b["settings"]
    names = [name for name in ours if name in theirs and name not in STARTED_WITH]
    for name in names if a["backend"] == b["backend"] else OF_ALL_BACKENDS:
        if ours.get(name) != theirs.get(name):
            cause, data = SETTINGS.get(name, Cause.NUMERICS), {"settings": {name: ours[name]}}
            yield Patch(cause, f"settings.{name}", theirs[name], ours[name], data, is_input=True)
