"""A dump's arrays tied to what they are: by a mapping, else by name, else by shape and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_TABLE_BYTES
from harness.dumps.files import Dumped
from harness.dumps.layouts import FAR, LAYOUTS, Reading, choose_reading, list_readings, measure
from harness.dumps.targets import INPUT, PIXELS, TUPLE, Targets
from harness.system.documents import parse_toml

LAYOUT = "layout"
SAME = 1e-5  # of a value: two blobs that hold the same are one, whichever is meant
STILL_FINITE = (INPUT, PIXELS, TUPLE, "plain/")
Known = Callable[[str], "np.ndarray | None"]
"""Takes the name of a trace's array; its values in the reference, None where that has none."""


@dataclass(frozen=True)
class Tied:
    """An array of a trace, of which array of the dump it is, how that is known, and in which layout."""

    target: str
    name: str
    how: str
    layout: str
    values: np.ndarray
    kind: str

    def describe(self) -> dict[str, Any]:
        """What is said and kept of it."""
        facts = {"value": self.target, "array": self.name, "by": self.how, "layout": self.layout or None}
        return {**facts, "kind": self.kind, "shape": list(self.values.shape)}


@dataclass
class Ties:
    """What was tied, and of what was not, why.

    `layout` is that of all maps as somebody said, `usual` that of all those whose shapes tell.
    """

    place: str
    targets: Targets
    known: Known
    layout: str | None = None
    usual: str | None = None
    tied: dict[str, Tied] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def add(self, target: str, one: Dumped, how: str, reading: Reading) -> None:
        """Tie an array; InputError where another one is tied to the same."""
        if target in self.tied:
            other = self.tied[target].name
            if np.array_equal(reading.values, self.tied[target].values):
                self.left[one.name] = f"is the same as {other}"
                return
            raise InputError(
                f"{self.place}: {other!r} and {one.name!r} are both {target}; name one of them with --names"
            )
        check_finite(target, one, self.place)
        self.tied[target] = Tied(target, one.name, how, reading.layout, reading.values, one.kind)


def check_finite(target: str, one: Dumped, place: str) -> None:
    """InputError for values that are no finite numbers where no rule makes such."""
    wrong = int(np.count_nonzero(~np.isfinite(one.values)))
    if wrong and target.startswith(STILL_FINITE):
        raise InputError(
            f"{place}: {one.name}: holds {wrong} values that are no finite numbers; nothing follows from it"
        )


def read_names(path: Path, targets: Targets) -> tuple[dict[str, str], str | None]:
    """Name in the dump by array of a trace, and the layout that the file sets; InputError for other keys."""
    data = parse_toml(read_bytes(path, MAX_TABLE_BYTES), str(path))
    layout, found = data.pop(LAYOUT, None), dict[str, str]()
    if layout is not None and layout not in list(LAYOUTS):
        raise InputError(f"{path}: layout = {layout!r}: choose one of {', '.join(LAYOUTS)}")
    for key, name in data.items():
        target = targets.read_name(key)
        if target is None:
            raise InputError(f"{path}: {key}: is no value of a pass; there are {name_values(targets)}")
        if not isinstance(name, str):
            raise InputError(f'{path}: {key}: must be a name in the dump, {key} = "NAME"')
        if target in found:
            raise InputError(f"{path}: {key}: {target} is named twice; remove one")
        found[target] = name
    return found, layout


def name_values(targets: Targets) -> str:
    """What a name can stand for."""
    blobs = list(targets.shapes)
    some = ", ".join([*blobs[1:3], "…", *blobs[-1:]])
    return f"input, pixels, tuple, logits, logits/steered, BLOB, steered/BLOB, sums/BLOB, of blobs {some}"


def tie_dump(
    path: Path, arrays: Sequence[Dumped], targets: Targets, known: Known, names: Path | None = None
) -> Ties:
    """What each array of a dump is; InputError where none can be told, or a mapping names what is not there.

    `known` are the reference's values, against which values are held that no name tells.
    """
    mapping, layout = ({}, None) if names is None else read_names(names, targets)
    ties, here = Ties(str(path), targets, known, layout), {one.name: one for one in arrays}
    ties.usual = None if layout else find_usual(ties, arrays, mapping)
    for target, name in mapping.items():
        if name not in here:
            raise InputError(f"{names}: {target} = {name!r}: is not in {path}; there are {list_some(here)}")
        tie_by_name(ties, target, here.pop(name), "mapping")
    for target, ones in list_named(targets, list(here.values())).items():
        for one in ones:
            here.pop(one.name)
        tie_latest(ties, target, ones)
    tie_by_value(ties, list(here.values()))
    if not ties.tied:
        raise InputError(
            f"{path}: none of its arrays can be told ({tell_left(ties)}); name them with --names"
        )
    return ties


def find_usual(ties: Ties, arrays: Sequence[Dumped], mapping: Mapping[str, str]) -> str | None:
    """The layout of all maps whose names and shapes leave no choice; None where they do not agree."""
    named = {name: target for target, name in mapping.items()}
    found = set[str]()
    for one in arrays:
        target = named.get(one.name) or ties.targets.read_name(one.name)
        shape = None if target is None else ties.targets.find_shape(target)
        readings = [] if shape is None else list_readings(one.values, shape, f"{ties.place}: {one.name}")
        kinds = {item.layout for item in readings} - {""}
        found |= {"nhwc"} if kinds == {"nhwc", "whcn"} else kinds if len(kinds) == 1 else set()
    return found.pop() if len(found) == 1 else None


def narrow(ties: Ties, readings: Sequence[Reading]) -> list[Reading]:
    """Readings in the layout that is said, or else in the usual one where there are several."""
    chosen = [item for item in readings if not ties.layout or item.layout in ("", ties.layout)]
    usual = [item for item in chosen if item.layout == ties.usual]
    return usual if len(chosen) > 1 and usual else chosen


def list_some(names: Mapping[str, Any]) -> str:
    """The first few names."""
    ones = list(names)
    return ", ".join(ones[:8]) + (" …" if len(ones) > 8 else "")


def tell_left(ties: Ties) -> str:
    """Why the first few are not told."""
    return "; ".join(f"{name}: {why}" for name, why in list(ties.left.items())[:3])


def list_named(targets: Targets, arrays: Sequence[Dumped]) -> dict[str, list[Dumped]]:
    """Arrays by what their names stand for."""
    found: dict[str, list[Dumped]] = {}
    for one in arrays:
        target = targets.read_name(one.name)
        if target is not None:
            found.setdefault(target, []).append(one)
    return found


def tie_latest(ties: Ties, target: str, ones: Sequence[Dumped]) -> None:
    """Tie what has a blob's name or its layers': of several layers' values the last one's is the blob's."""
    last = max(ties.targets.rank(one.name) for one in ones)
    for one in ones:
        if ties.targets.rank(one.name) < last:
            ties.left[one.name] = f"is not the last value that {target} has"
        elif last == 0 and is_before_relu(ties, target, one):
            ties.left[one.name] = (
                "is nearer to what it should be once its negative values are 0; dump its ReLU's"
            )
        else:
            tie_by_name(ties, target, one, "name")


def is_before_relu(ties: Ties, target: str, one: Dumped) -> bool:
    """Whether an array by a blob's name is what its ReLU reads, as hooks on convolutions see it."""
    blob, known = target.removeprefix("plain/"), ties.known(target)
    if known is None or blob not in ties.targets.shapes or not ties.targets.has_relu(blob):
        return False
    readings = narrow(ties, list_readings(one.values, known.shape, f"{ties.place}: {one.name}"))
    errors = [(measure(np.maximum(item.values, 0), known), measure(item.values, known)) for item in readings]
    return any(after <= FAR * before < np.inf for after, before in errors)


def tie_by_name(ties: Ties, target: str, one: Dumped, how: str) -> None:
    """Tie an array whose name says what it is; InputError where its shape does not fit."""
    shape, place = ties.targets.find_shape(target), f"{ties.place}: {one.name}"
    if shape is None:
        ties.add(target, one, how, read_pixels(one, place))
        return
    readings = list_readings(one.values, shape, place) or list_floored(one.values, shape)
    readings = narrow(ties, readings)
    if not readings:
        raise InputError(
            f"{place}: is of shape {one.values.shape}, and {target} of {tuple(shape)}; dump that, or name"
            " another with --names"
        )
    reading = choose_reading(readings, ties.known(target))
    if reading is None:
        raise InputError(
            f"{place}: may be {' or '.join(item.layout for item in readings)}, and its values do not tell;"
            f' say {LAYOUT} = "{readings[0].layout}" in a file for --names'
        )
    ties.add(target, one, how, reading)


def list_floored(values: np.ndarray, shape: Sequence[int]) -> list[Reading]:
    """An array that lacks at most one row and one column of maps, as where pools round down."""
    if len(shape) != 3 or values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[0] != 1):
        return []
    maps = values[0] if values.ndim == 4 else values
    turned = [Reading(name, maps.transpose(LAYOUTS[name])) for name in ("nchw", "nhwc")]
    return [one for one in turned if is_floored(one.values.shape, shape)][:1]


def is_floored(found: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether maps are one row or column smaller."""
    return found[0] == shape[0] and all(
        0 <= own - one <= 1 for one, own in zip(found[1:], shape[1:], strict=True)
    )


def read_pixels(one: Dumped, place: str) -> Reading:
    """Pixels, rows of RGB levels."""
    values = one.values[0] if one.values.ndim == 4 and len(one.values) == 1 else one.values
    if values.ndim != 3 or values.shape[2] != 3:
        raise InputError(f"{place}: pixels are of shape {one.values.shape}, not (height, width, 3)")
    if values.dtype != np.uint8 and not (np.isfinite(values).all() and (values == values.round()).all()):
        raise InputError(f"{place}: holds values between levels, which no decoder gives; leave pixels out")
    return Reading("nhwc", values.astype(np.uint8))


def tie_by_value(ties: Ties, arrays: Sequence[Dumped]) -> None:
    """Tie what has no name to what it is by shape and value; what could be two things is left."""
    nearest: dict[str, list[tuple[Dumped, str, Reading]]] = {}
    for one in arrays:
        if one.values.dtype == np.uint8:
            ties.left[one.name] = "holds levels; if it is the pixels, name it so"
            continue
        found = find_nearest(ties, one)
        if isinstance(found, str):
            ties.left[one.name] = found
        else:
            nearest.setdefault(found[0], []).append((one, *found))
    for target, ones in nearest.items():
        if len(ones) == 1:
            one, _, reading = ones[0]
            ties.add(target, one, "value" if len(list_fits(ties, one)) > 1 else "shape", reading)
        for one, *_ in ones if len(ones) > 1 else ():
            others = " and ".join(repr(other.name) for other, *_ in ones)
            ties.left[one.name] = f"{others} are both nearest to {target}"


Fit = tuple[float, str, Reading]


def list_fits(ties: Ties, one: Dumped) -> list[Fit]:
    """What an array can be by its shape, the nearest by value first; two that hold the same are one."""
    fits: list[Fit] = []
    for target in ties.targets.list_values():
        known = ties.known(target)
        if target in ties.tied or known is None:
            continue
        readings = list_readings(one.values, known.shape, f"{ties.place}: {one.name}")
        reading = choose_reading(narrow(ties, readings), known)
        if reading is not None:
            fits.append((measure(reading.values, known), target, reading))
    fits.sort(key=lambda fit: fit[0])
    distinct: list[Fit] = []
    for fit in fits:
        if all(is_other(ties.known(fit[1]), ties.known(other[1])) for other in distinct):
            distinct.append(fit)
    return distinct


def is_other(values: np.ndarray | None, others: np.ndarray | None) -> bool:
    """Whether two blobs hold other values in the reference."""
    if values is None or others is None:
        return True
    return values.shape != others.shape or measure(values, others) > SAME


def find_nearest(ties: Ties, one: Dumped) -> tuple[str, Reading] | str:
    """What an array is, or why that cannot be told."""
    fits = list_fits(ties, one)
    if not fits:
        return f"is of shape {one.values.shape}, which no value that is left has"
    (error, target, reading), *others = fits
    if others and not error <= FAR * others[0][0]:
        return f"may be {target} ({error:.2g} off) or {others[0][1]} ({others[0][0]:.2g} off)"
    return target, reading
