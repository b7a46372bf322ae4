"""Stages for what is explained: one example of every group is traced, and its ladder written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from harness.core.errors import InputError
from harness.explain.causes import Explanation, Stage
from harness.explain.counterfactual import Answers
from harness.explain.graft import begin_grafts, find_flips
from harness.explain.ladder import Looks, build_ladder, find_first, look_at
from harness.explain.ladders import LADDERS, Ladder, read_ladders, write_ladder
from harness.explain.pair import Pair
from harness.system.drafts import write_atomically

MOST_LADDERS = 12  # of a pair of cells
FACTS = ("parameters", "witnesses", "order")  # stages that are a cell's, and so the same of all its examples
BEFORE = ("file", "pixels", "input")  # what is hashed of every example, and comes before those
Key = tuple[str, tuple[str, str]]
"""An example, and two cells."""


def climb_pairs(
    folder: Path, pairs: Sequence[Pair], found: Sequence[Explanation], answers: Answers
) -> dict[Key, Stage]:
    """The stages at which sides part, for one example of every group; ladders go to `ladders.jsonl`.

    Where nothing can be traced here, there are none.
    """
    known = {(one.example, one.cells): one for one in recall_ladders(folder)}
    count, stages = len(known), dict[Key, Stage]()
    for pair in pairs:
        groups = choose_examples(pair, found)
        stages.update(recall_stages(pair, groups, known))
        chosen = [one for one in groups if (one, pair.names) not in known]
        looks = look_at(pair, chosen, answers, begin_grafts, own=False) if chosen else None
        if looks is not None:
            find_flips(pair, chosen, looks, answers)
            known.update({(one, pair.names): build_ladder(pair, one, looks) for one in chosen})
            stages.update(find_stages(pair, chosen, looks))
        stages.update(spread_facts(pair, found, stages))
    if len(known) > count:
        write_ladders(folder, list(known.values()))
    return stages


def spread_facts(pair: Pair, found: Sequence[Explanation], stages: Mapping[Key, Stage]) -> dict[Key, Stage]:
    """A cell's stage, for all of the pair's examples whose inputs have the same hashes in both cells.

    What comes before it is equal there, and the stage itself is no example's: so it is measured for each.
    """
    facts = [one for (_, cells), one in stages.items() if cells == pair.names and is_fact(one)]
    if not facts:
        return {}
    examples = [one.example for one in found if one.cells == pair.names]
    return {
        (one, pair.names): facts[0]
        for one in examples
        if (one, pair.names) not in stages and has_same_input(pair, one)
    }


def is_fact(stage: Stage) -> bool:
    """Whether a stage is that of a cell, not of an example."""
    return stage.stage.partition(" ")[0] in FACTS


def has_same_input(pair: Pair, example: str) -> bool:
    """Whether both sides have read, decoded and prepared an example to the same bits."""
    ours, theirs = (one.records[example].get("hashes") or {} for one in (pair.a, pair.b))
    return all(ours.get(name) is not None and ours[name] == theirs.get(name) for name in BEFORE)


def recall_ladders(folder: Path) -> list[Ladder]:
    """The ladders that a run has; InputError, with what to do, where their file is damaged."""
    try:
        return read_ladders(folder)
    except InputError as error:
        raise InputError(f"{error}; move the file away, and explain the run again") from error


def recall_stages(pair: Pair, examples: Sequence[str], known: Mapping[Key, Ladder]) -> dict[Key, Stage]:
    """The stages that ladders of earlier have."""
    found = {
        (one, pair.names): read_stage(known[one, pair.names])
        for one in examples
        if (one, pair.names) in known
    }
    return {key: stage for key, stage in found.items() if stage is not None}


def read_stage(ladder: Ladder) -> Stage | None:
    """The first stage of a ladder that is beyond noise, or differs in what is no number."""
    for one in ladder.stages:
        if (one.ratio or 0.0) > 1 or (one.error is None and one.a != one.b):
            return Stage(one.stage, one.error, one.noise, one.ratio)
    return None


def choose_examples(pair: Pair, found: Sequence[Explanation]) -> list[str]:
    """The first example of every group of a pair's explanations."""
    groups: dict[str, str] = {}
    for one in found:
        if one.cells == pair.names:
            groups.setdefault(f"{one.verdict} {msgspec.to_builtins(one.causes)}", one.example)
    return list(groups.values())[:MOST_LADDERS]


def find_stages(pair: Pair, examples: Sequence[str], looks: Looks) -> dict[Key, Stage]:
    """The first stage beyond noise of each example that has one."""
    found = {(one, pair.names): find_first(pair, one, looks) for one in examples}
    return {key: stage for key, stage in found.items() if stage is not None}


def write_ladders(folder: Path, ladders: Sequence[Ladder]) -> None:
    """Write all ladders of a run; InputError where the disk is full."""
    path = folder / LADDERS
    try:
        write_atomically(path, "".join(map(write_ladder, ladders)))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); make room, explain again") from error


def add_stages(found: Sequence[Explanation], stages: Mapping[Key, Stage]) -> list[Explanation]:
    """Explanations with the stages that were measured; one that was inferred from logits gives way."""
    return [add_stage(one, stages.get((one.example, one.cells))) for one in found]


def add_stage(one: Explanation, stage: Stage | None) -> Explanation:
    """An explanation with its stage."""
    inferred = one.stage is None or one.stage.stage.startswith("logits_")
    return msgspec.structs.replace(one, stage=stage) if inferred and stage is not None else one
