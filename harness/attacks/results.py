"""What an attack came to: its counts, and the file that tells them."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.ami.cases import CASES
from harness.attacks.folder import read_entries, write_examples, write_facts
from harness.attacks.sources import Sources
from harness.attacks.tasks import AttackPlan


@dataclass(frozen=True)
class Clocks:
    """A moment on the wall clock and on the processor's, in seconds."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Produced:
    """How an attack ended: the counts, in all and by way where there are several, and where it lies.

    `cases` are how many attempts AmI answered how, for attacks on it; empty for others. Both kinds of
    seconds are of the last start alone.
    """

    folder: Path
    counts: dict[str, int]
    cases: dict[str, int]
    ways: dict[str, dict[str, int]]
    refused: tuple[str, ...]
    resumed: int
    seconds: float
    processor_seconds: float


def count_outcomes(entries: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many attempts ended how."""
    return Counter(entry["outcome"] for entry in entries)


def finish(
    folder: Path,
    facts: Mapping[str, Any],
    plan: AttackPlan,
    sources: Sources,
    keep: int | None,
    resumed: int,
    started: Clocks,
) -> Produced:
    """Write the list of what is kept and the counts."""
    entries = read_entries(folder)
    deceived = [entry for entry in entries if entry["outcome"] == "kept"]
    write_examples(folder, deceived[:keep])
    counts = {
        "sources": len(sources.sources) + len(sources.refused),
        "refused": len(sources.refused),
        "misclassified": plan.misclassified,
        "at_target": plan.at_target,
        **tally(entries),
        "kept": len(deceived[:keep]),
    }
    names = list({json_key(entry["parameters"]): None for entry in entries})
    ways = {
        name: tally([entry for entry in entries if json_key(entry["parameters"]) == name])
        for name in names
        if len(names) > 1
    }
    seconds = round(time.monotonic() - started.wall, 2)
    processor_seconds = round(time.process_time() - started.processor, 2)
    produced = Produced(
        folder, counts, count_cases(entries), ways, sources.refused, resumed, seconds, processor_seconds
    )
    ended = {key: value for key, value in dataclasses.asdict(produced).items() if key != "folder"}
    write_facts(folder, {**facts, "status": "done", **ended})
    return produced


def count_cases(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many records are each of the five cases, where they are AmI's."""
    found = Counter(entry["case"] for entry in entries if "case" in entry)
    return {case: found[case] for case in CASES} if found else {}


def tally(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Attempts, those that deceive as stored, those lost in storing, and those that never did."""
    found = count_outcomes(entries)
    return {
        "attempted": len(entries),
        "succeeded": found["kept"],
        "lost_in_storing": found["lost"],
        "failed": found["failed"],
    }


def json_key(parameters: Mapping[str, Any]) -> str:
    """A way's name in reports: its parameters."""
    return ", ".join(f"{key} {value}" for key, value in parameters.items())
