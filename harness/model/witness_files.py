"""Witness sets of a model: a file for each attribute, and the port that a set was made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ami.port import ATTRIBUTES, PRESETS
from harness.core.documents import is_file
from harness.core.errors import InputError

# Witness files are named after their attribute, in each port's own way.
NAMES = {"notebook": "{}_witness.txt", "pytorch-port": "{}_neurons.txt"}
Candidates = Mapping[str, Sequence[Path]]
"""attribute -> where its file may be, the best place first."""


@dataclass(frozen=True)
class WitnessFiles:
    """The files of a set that are there; `lacks` says what to do about the others.

    `port` is the preset that it was made for, None where it serves all.
    """

    files: Mapping[str, Path]
    port: str | None = None
    lacks: str = ""


def find_set(
    candidates: Candidates, port: str | None, place: Path, suggest: Callable[[Sequence[Path]], str]
) -> WitnessFiles:
    """The first file there is for each attribute; `suggest` says how absent ones may be had."""
    files, lacks = {}, ""
    for attribute in ATTRIBUTES:
        present = [one for one in candidates[attribute] if is_file(one)]
        files.update({attribute: present[0]} if present else {})
        if not present and not lacks:
            wanted = " or ".join(str(one) for one in candidates[attribute]) or "nothing"
            lacks = (
                f"{place}: no witnesses of {attribute} ({wanted} expected); hand in a folder with --witnesses"
                f"{suggest(candidates[attribute])}"
            )
    return WitnessFiles(files, port, lacks)


def find_folder_sets(folder: Path, place: Path) -> tuple[WitnessFiles, ...]:
    """Sets in a folder: one in each port's form that has all its files, or else one of whatever there is."""
    forms = {
        port: {attribute: [folder / name.format(attribute)] for attribute in ATTRIBUTES}
        for port, name in NAMES.items()
    }
    found = [find_set(candidates, port, place, lambda _: "") for port, candidates in forms.items()]
    whole = tuple(one for one in found if not one.lacks)
    both = {attribute: [one[attribute][0] for one in forms.values()] for attribute in ATTRIBUTES}
    return whole or (find_set(both, None, place, lambda _: ""),)


def check_sets(sets: Sequence[WitnessFiles], place: Path) -> None:
    """InputError for a set of a port that does not exist, and where no set has all its files."""
    for one in sets:
        if one.port not in (None, *PRESETS):
            raise InputError(
                f"{place}: witnesses_of.{one.port}: no such port; there are {', '.join(PRESETS)}"
            )
    if all(one.lacks for one in sets):
        raise InputError(sets[0].lacks)


def choose_set(sets: Sequence[WitnessFiles], port: str) -> WitnessFiles:
    """The set that a port runs with: its own, one for all, or another's; InputError where it lacks a file."""
    ranked = [[one for one in sets if one.port == owner] for owner in (port, None)]
    chosen = next(one for one in (*ranked[0], *ranked[1], *sets))
    if chosen.lacks:
        raise InputError(chosen.lacks)
    return chosen


def note_others(sets: Sequence[WitnessFiles], ports: Sequence[str]) -> list[str]:
    """What to say of ports that run with another port's set."""
    return [
        f"port {port} runs with the witness set of port {chosen.port} ({chosen.files['leye'].parent});"
        f" its own goes into --witnesses, or into model.toml as [witnesses_of.{port}]"
        for port in ports
        if (chosen := choose_set(sets, port)).port not in (None, port)
    ]
