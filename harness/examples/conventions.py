"""What stored arrays hold: named or to be found, and held against their values and their clean images.

Values alone rarely tell RGB from BGR; that takes the clean image that an array was made from. What nothing
tells apart is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.arrays import Preprocess
from harness.core.errors import InputError, RefusedError
from harness.core.examples import BENIGN, is_array_file
from harness.examples.evidence import Evidence, describe_numbers, join_names, name_first, weigh_array

AUTO = "auto"
HAND_IN = f"hand in the clean images of their names (--examples {BENIGN}=DIR)"


@dataclass(frozen=True)
class Settled:
    """Entries whose arrays may hold what is said or found, those refused, and what is to be said."""

    entries: tuple[dict[str, Any], ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """What arrays were found to hold, and why some are refused, both by their ids, and what is to be said."""

    known: Mapping[str, str]
    refused: Mapping[str, str]
    notes: tuple[str, ...] = ()


def settle_conventions(
    entries: Sequence[Mapping[str, Any]], preprocess: Preprocess, npy: str | None
) -> Settled:
    """Hold every array against what its entry, or else `npy`, says that it holds; find it out for `auto`.

    One attack's arrays are taken to hold the same. InputError where nothing tells what any array of an attack
    holds. Arrays of which nothing is said are left as they are.
    """
    clean = {
        one["source"]: Path(one["file"])
        for one in entries
        if one["attack"] == BENIGN and not is_array_file(Path(one["file"]))
    }
    arrays = [{**one, "npy": one.get("npy") or npy} for one in entries if is_array_file(Path(one["file"]))]
    known: dict[str, str] = {}
    refused: dict[str, str] = {}
    notes: list[str] = []
    for attack in dict.fromkeys(one["attack"] for one in arrays):
        members = [one for one in arrays if one["attack"] == attack and one["npy"]]
        for judged in judge_attack(members, clean, preprocess):
            known.update(judged.known)
            refused.update(judged.refused)
            notes.extend(judged.notes)
    settled = [
        {**one, "npy": known[one["id"]]} if one["id"] in known else dict(one)
        for one in entries
        if one["id"] not in refused
    ]
    return Settled(tuple(settled), tuple(refused.values()), tuple(notes))


def judge_attack(
    entries: Sequence[Mapping[str, Any]], clean: Mapping[str, Path], preprocess: Preprocess
) -> list[Judgement]:
    """What is found of one attack's arrays: of those that say what they hold, and of those that are asked."""
    weighed, unread = weigh_arrays(entries, clean, preprocess)
    named = [one for one in weighed if one.entry["npy"] != AUTO]
    asked = [one for one in weighed if one.entry["npy"] == AUTO]
    judged = [Judgement({}, unread)]
    for claim in dict.fromkeys(one.entry["npy"] for one in named):
        held = [one for one in named if one.entry["npy"] == claim]
        judged.append(judge_claim(claim, held, preprocess))
    if asked:
        judged.append(find_conventions(asked, weighed))
    return judged


def weigh_arrays(
    entries: Sequence[Mapping[str, Any]], clean: Mapping[str, Path], preprocess: Preprocess
) -> tuple[list[Evidence], dict[str, str]]:
    """Evidence on arrays, and why some are none; those that are said to hold something the workers refuse."""
    weighed, unread = [], {}
    for entry in entries:
        try:
            weighed.append(weigh_array(entry, clean, preprocess))
        except RefusedError as error:
            if entry["npy"] == AUTO:
                unread[entry["id"]] = f"{entry['file']}: {error}"
    return weighed, unread


def judge_claim(claim: str, arrays: Sequence[Evidence], preprocess: Preprocess) -> Judgement:
    """Which of an attack's arrays cannot hold what all are said to hold, or may hold what such ones do."""
    first = name_first(claim, preprocess)
    wrong = [one for one in arrays if first not in one.fitting]
    refused = {one.entry["id"]: explain_contradiction(claim, first, one) for one in wrong}
    for one in arrays:
        beside = [other for other in wrong if set(other.fitting) & set(one.fitting)]
        if beside and one not in wrong:
            refused[one.entry["id"]] = explain_company(claim, one, beside[0])
    kept = [one for one in arrays if one.entry["id"] not in refused]
    counts = Counter(name_grounds(one, first) for one in kept)
    return Judgement({}, refused, list_notes(claim, kept, {claim: len(kept)}, counts))


def explain_contradiction(claim: str, first: str, one: Evidence) -> str:
    """Why an array cannot hold what it is said to hold."""
    fits = f"what fits is {join_names(one.fitting)}: name it" if one.fitting else "nothing known fits"
    joint = ", or" if one.fitting else "; more may with clean images:"
    remedy = "" if one.distances else f"{joint} {HAND_IN}"
    return f"{one.entry['file']}: is said to hold {claim}, but {describe_numbers(one, first)}; {fits}{remedy}"


def explain_company(claim: str, one: Evidence, beside: Evidence) -> str:
    """Why an array is refused that may hold what it is said to hold."""
    return (
        f"{one.entry['file']}: is said to hold {claim}; {join_names(one.fitting)} fits, but"
        f" {beside.entry['file']} beside it, said to hold the same, cannot; name what each holds in a list"
        f" of examples, or {HAND_IN}"
    )


def name_grounds(one: Evidence, held: str) -> str:
    """What says that an array holds a convention, or which others nothing tells from it."""
    if one.only:
        return "by their sources" if one.near else "by their values"
    others = [name for name in one.fitting if name != held]
    return f"as named, not told from {join_names(others)}"


def find_conventions(asked: Sequence[Evidence], weighed: Sequence[Evidence]) -> Judgement:
    """What each array holds: the one convention that fits, or the one that those beside it hold."""
    chosen = choose_convention(asked, weighed)
    known, refused = {}, {}
    for one in asked:
        convention = one.only or chosen
        if convention in one.fitting:
            known[one.entry["id"]] = convention
        else:
            refused[one.entry["id"]] = f"{one.entry['file']}: {explain_doubt(one, chosen)}"
    kept = [one for one in asked if one.entry["id"] in known]
    grounds = Counter(name_grounds(one, "") if one.only else "as the rest" for one in kept)
    return Judgement(known, refused, list_notes(AUTO, kept, Counter(known.values()), grounds))


def choose_convention(asked: Sequence[Evidence], weighed: Sequence[Evidence]) -> str | None:
    """The one convention that an attack's arrays can hold, as far as it is one; None where they differ."""
    only = {one.only for one in weighed if one.only}
    if not only:
        first = asked[0]
        there = (
            "no clean image tells them apart" if first.distances else f"there is no clean image; {HAND_IN}"
        )
        raise InputError(
            f"--npy {AUTO}: nothing tells what the {len(asked)} arrays of {first.entry['attack']} hold; the"
            f" values of {first.entry['file']}, {first.low:.5g} to {first.high:.5g}, allow"
            f" {join_names(first.fitting)}, and {there}, or name the convention"
        )
    return only.pop() if len(only) == 1 else None


def explain_doubt(one: Evidence, chosen: str | None) -> str:
    """Why an array's convention is not known."""
    numbers = f"its values, {one.low:.5g} to {one.high:.5g}, allow {join_names(one.fitting)}"
    if chosen is None:
        return f"{numbers}, and the arrays beside it hold different things; name its convention"
    return f"{numbers}, and the arrays beside it hold {chosen}"


def list_notes(
    asked: str, kept: Sequence[Evidence], held: Mapping[str, int], grounds: Mapping[str, int]
) -> tuple[str, ...]:
    """Which conventions one attack's arrays hold, and what says so; nothing of none."""
    if not kept:
        return ()
    what = ", ".join(f"{count} {name}" for name, count in held.items())
    how = "; ".join(f"{count} {ground}" for ground, count in grounds.items())
    return (f"npy {asked}: {kept[0].entry['attack']}: {what} ({how})",)
