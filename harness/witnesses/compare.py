"""Two witness sets compared: entries lost and added by blob, and how near the median each of them was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.ami.port import ATTRIBUTES
from harness.core.errors import InputError
from harness.plan.store import EXECUTION
from harness.witnesses.margins import Margin, find_margin, measure_shift, read_margin
from harness.witnesses.sets import WitnessSet

SAME, DIFFER, COULD_NOT_RUN = 0, 1, 2
COMPARED = ("environment", "backend", "decoder", "batch_size")


@dataclass(frozen=True)
class Change:
    """An entry that one set has and the other has not.

    `before` and `after` are its margins in both sets, in the pair that decides it where it is no witness;
    None without evidence of both, or where the sets follow from other pairs.
    """

    attribute: str
    blob: str
    channel: int
    kind: Literal["lost", "added"]
    before: Margin | None
    after: Margin | None
    pair: str | None


@dataclass(frozen=True)
class BlobCount:
    """Entries of one attribute in one blob; `shift` is the largest change of a distance from its median."""

    attribute: str
    blob: str
    first: int
    second: int
    kept: int
    shift: float | None


@dataclass(frozen=True)
class Comparison:
    """What two sets have in common and what not; `unpaired` attributes are in one of them alone."""

    first: str
    second: str
    counts: tuple[BlobCount, ...]
    changes: tuple[Change, ...]
    unpaired: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 the same, 1 different, 2 where an attribute could not be compared."""
        if self.unpaired:
            return COULD_NOT_RUN
        return DIFFER if self.changes else SAME


def compare_sets(first: WitnessSet, second: WitnessSet, attributes: Sequence[str] = ()) -> Comparison:
    """Compare two sets, or some of their attributes; InputError where there is nothing to compare."""
    check_sets(first, second, attributes)
    wanted = [one for one in ATTRIBUTES if not attributes or one in attributes]
    shared = [one for one in wanted if one in first.witnesses and one in second.witnesses]
    if not shared:
        raise InputError(
            f"{first.name} and {second.name} have no attribute in common; there is nothing to compare"
        )
    changes = tuple(change for one in shared for change in find_changes(first, second, one))
    if not changes:
        check_executions(first, second)
    return Comparison(
        first=first.name,
        second=second.name,
        counts=tuple(count for one in shared for count in count_blobs(first, second, one)),
        changes=changes,
        unpaired=tuple(list_unpaired(first, second, wanted)),
        notes=tuple(list_differences(first, second)),
    )


def check_executions(first: WitnessSet, second: WitnessSet) -> None:
    """Refuse to call the sets of one execution the same; an extraction that was reused is none of its own."""
    executions = [(one.cell or {}).get(EXECUTION) for one in (first, second)]
    if executions[0] is not None and executions[0] == executions[1]:
        raise InputError(
            f"{second.name} is a copy of {first.name}: both are of one execution, which agrees with itself;"
            " extract anew with --fresh"
        )


def list_unpaired(first: WitnessSet, second: WitnessSet, attributes: Sequence[str]) -> Iterator[str]:
    """Attributes that only one of the sets has, in a line for each set."""
    for one, other in ((first, second), (second, first)):
        alone = [name for name in attributes if name in one.witnesses and name not in other.witnesses]
        if alone:
            yield f"{', '.join(alone)} in {one.name} alone"


def check_sets(first: WitnessSet, second: WitnessSet, attributes: Sequence[str]) -> None:
    """Refuse unknown attributes, a set beside itself, and sets of different networks."""
    for attribute in attributes:
        if attribute not in ATTRIBUTES:
            raise InputError(f"--attribute {attribute}: unknown; there are {', '.join(ATTRIBUTES)}")
    if first.folder.resolve() == second.folder.resolve():
        raise InputError(f"{first.folder}: is given twice; name two witness sets")
    shapes = [[(blob.name, blob.shape) for blob in one.network.blobs] for one in (first, second)]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{first.name} is of network {first.network.name}, {second.name} of {second.network.name} with"
            " other blobs; their witnesses have nothing in common"
        )


def count_blobs(first: WitnessSet, second: WitnessSet, attribute: str) -> Iterator[BlobCount]:
    """Counts of every blob that has entries in either set, in network order."""
    for blob in list_blobs(first, second, attribute):
        one, two = (Counter(each.witnesses[attribute].get(blob, ())) for each in (first, second))
        yield BlobCount(
            attribute=attribute,
            blob=blob,
            first=one.total(),
            second=two.total(),
            kept=(one & two).total(),
            shift=find_shift(first, second, f"{attribute}/{blob}"),
        )


def list_blobs(first: WitnessSet, second: WitnessSet, attribute: str) -> list[str]:
    """Blobs with entries in either set, in network order."""
    found = {*first.witnesses[attribute], *second.witnesses[attribute]}
    return [blob.name for blob in first.network.blobs if blob.name in found]


def find_shift(first: WitnessSet, second: WitnessSet, place: str) -> float | None:
    """The largest change of a channel's distance from its median between two sets with evidence."""
    if not has_evidence(first, place) or not has_evidence(second, place):
        return None
    if list_pairs(first, place.partition("/")[0]) != list_pairs(second, place.partition("/")[0]):
        return None
    assert first.evidence is not None
    assert second.evidence is not None
    return measure_shift(first.evidence, second.evidence, place)


def has_evidence(one: WitnessSet, place: str) -> bool:
    """Whether a set comes with the differences of `ATTRIBUTE/BLOB`."""
    return one.evidence is not None and f"{place}/substitution" in one.evidence


def find_changes(first: WitnessSet, second: WitnessSet, attribute: str) -> Iterator[Change]:
    """Entries lost and added, by blob in network order and channel."""
    for blob in list_blobs(first, second, attribute):
        one, two = (Counter(each.witnesses[attribute].get(blob, ())) for each in (first, second))
        for channel in sorted((one - two).elements()):
            yield describe_change(first, second, attribute, blob, channel, "lost")
        for channel in sorted((two - one).elements()):
            yield describe_change(first, second, attribute, blob, channel, "added")


def describe_change(
    first: WitnessSet,
    second: WitnessSet,
    attribute: str,
    blob: str,
    channel: int,
    kind: Literal["lost", "added"],
) -> Change:
    """One change with its margins in both sets, in the pair that decides it where it is no witness."""
    place = f"{attribute}/{blob}"
    if find_shift(first, second, place) is None:
        return Change(attribute, blob, channel, kind, None, None, None)
    without, beside = (second, first) if kind == "lost" else (first, second)
    assert without.evidence is not None
    assert beside.evidence is not None
    decisive = find_margin(without.evidence, place, channel)
    other = read_margin(beside.evidence, place, channel, decisive.mutation, decisive.pair)
    before, after = (other, decisive) if kind == "lost" else (decisive, other)
    return Change(attribute, blob, channel, kind, before, after, name_pair(first, attribute, decisive.pair))


def name_pair(one: WitnessSet, attribute: str, pair: int) -> str:
    """Name of the other face of a pair, or its number where the set does not say."""
    names = list_pairs(one, attribute)
    return names[pair] if pair < len(names) else f"pair {pair}"


def list_pairs(one: WitnessSet, attribute: str) -> list[str]:
    """Names of the other faces of an attribute's pairs; none where the set does not say."""
    if one.cell is None:
        return []
    names = one.cell["job"]["extraction"]["pairs"].get(attribute, {}).get("substitution", [])
    return [str(name).split("/", 2)[-1] for name in names]


def list_differences(first: WitnessSet, second: WitnessSet) -> Iterator[str]:
    """What else differs between two extractions: images, pixels, weights, and what ran them."""
    if first.cell is None or second.cell is None:
        bare = " and ".join(one.name for one in (first, second) if one.cell is None)
        yield f"{bare}: no extraction's cell.json beside the sets, so nothing is known of images and weights"
        return
    one, two = first.cell, second.cell
    yield from compare_inputs(one["hashes"].get("inputs", {}), two["hashes"].get("inputs", {}))
    if one["hashes"].get("parameters") != two["hashes"].get("parameters"):
        yield "the weights differ"
    jobs = [{**each["job"], **each["job"]["settings"]} for each in (one, two)]
    for key in (*COMPARED, *one["job"]["settings"]):
        if jobs[0].get(key) != jobs[1].get(key):
            yield f"{key}: {jobs[0].get(key)} against {jobs[1].get(key)}"


def compare_inputs(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    """How many images differ, and at which stage first."""
    if set(one) != set(two):
        yield f"the sets follow from other images ({len(one)} against {len(two)})"
        return
    words = {
        "file": "images are other files",
        "pixels": "images were decoded to other pixels",
        "input": "images were prepared differently",
    }
    for stage, text in words.items():
        count = sum(one[name].get(stage) != two[name].get(stage) for name in one)
        if count:
            yield f"{count} of {len(one)} {text}"
            return


def find_farthest(changes: Sequence[Change]) -> float | None:
    """The largest distance from the median, on either side, among changes that have margins."""
    found = [abs(one.distance) for change in changes for one in (change.before, change.after) if one]
    return float(np.max(found)) if found else None
