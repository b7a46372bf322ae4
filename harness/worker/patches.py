"""Patches: small changes of a job, each of which makes a job of its own that is tried beside it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from harness.core.documents import NAME, check_fields
from harness.core.errors import InputError

PATCH = {
    "port": "a table",
    "parameters": "a table",
    "preprocess": "a table",
    "npy": NAME,
    "decoder": NAME,
    "batch_size": "a whole number",
    "precision": NAME,
    "settings": "a table",
    "witnesses": "a table",
    "network": "a table",
    "weights": "a table",
    "flatten": NAME,
    "pooling": NAME,
    "rounding": "a table",
    "labels": "a table",
    "only": "a list of names",
}
NETWORK = {"path": "a text", "caffemodel": "a text", "prototxt": "a text"}
LABELS = {"shift": "a whole number", "order": "a list"}
STARTED_WITH = ("threads", "device")  # settings of a process, which other environments have


def read_patches(details: Any) -> List[Dict[str, Any]]:
    """The patches of a job's details; InputError unless their keys and kinds are those that there are."""
    check_fields(
        details, {"patches": "a list", "brief": "a truth value"}, "job: details", defaulted=["brief"]
    )
    patches: List[Dict[str, Any]] = details["patches"]
    if not patches:
        raise InputError("job: details: 'patches' has no patch; name one, {} for the job as it is")
    for number, patch in enumerate(patches):
        check_patch(patch, f"job: details: patch {number}")
    return patches


def check_patch(patch: Any, place: str) -> None:
    """InputError for a key that there is not, or a value that is not of its kind."""
    check_fields(patch, PATCH, place, defaulted=list(PATCH))
    check_keys(patch, PATCH, place)
    for key, fields in (("network", NETWORK), ("labels", LABELS)):
        if key in patch:
            check_fields(patch[key], fields, f"{place}: {key}", defaulted=list(fields))
            check_keys(patch[key], fields, f"{place}: {key}")
    if not all(type(one) is int and one >= 0 for one in patch.get("labels", {}).get("order", [])):
        raise InputError(f"{place}: labels: 'order' must be a list of classes, which are whole numbers")
    if "network" in patch and "path" not in patch["network"]:
        raise InputError(f"{place}: network: has no 'path'")


def check_keys(data: Mapping[str, Any], fields: Mapping[str, str], place: str) -> None:
    """InputError for a key that there is not."""
    for key in data:
        if key not in fields:
            raise InputError(f"{place}: {str(key)[:50]!r} is no key; there are {', '.join(fields)}")


def apply_patch(data: Mapping[str, Any], patch: Mapping[str, Any]) -> Dict[str, Any]:
    """The job that judges as the patch says, as plain data; InputError for what a process cannot change."""
    port, settings = data["port"], {**patch.get("settings", {})}
    for key in STARTED_WITH:
        if key in settings:
            raise InputError(f"settings: {key} is what a process starts with; try another environment")
    if "precision" in patch:
        settings["precision"] = patch["precision"]
    changed = {
        **data,
        "port": {**port, "rules": {**port["rules"], **patch.get("port", {})}},
        "parameters": {**data["parameters"], **patch.get("parameters", {})},
        "settings": {**data["settings"], **settings},
        "model": change_model(data["model"], patch),
        "examples": {**data["examples"], **pick(patch, ("npy",))},
        **pick(patch, ("decoder", "batch_size")),
    }
    return {**{key: value for key, value in changed.items() if key != "details"}, "task": "judge"}


def change_model(model: Mapping[str, Any], patch: Mapping[str, Any]) -> Dict[str, Any]:
    """A job's model as a patch says; another network comes without the files of this one."""
    changed = {
        **model,
        "preprocess": {**model["preprocess"], **patch.get("preprocess", {})},
        "witnesses": {**model["witnesses"], **patch.get("witnesses", {})},
    }
    if "network" in patch:
        other = patch["network"]
        changed.update(
            network=other["path"], caffemodel=other.get("caffemodel"), prototxt=other.get("prototxt")
        )
    return changed


def pick(table: Mapping[str, Any], keys: Sequence[str]) -> Dict[str, Any]:
    """Those of some keys that a table has."""
    return {key: table[key] for key in keys if key in table}


def change_gold(gold: int, labels: Mapping[str, Any]) -> int:
    """The class that another list of labels has in a class's place: `shift` places on, or as `order` says."""
    order = labels.get("order")
    place = gold if order is None else order[gold] if gold < len(order) else gold
    return int(place) + int(labels.get("shift", 0))
