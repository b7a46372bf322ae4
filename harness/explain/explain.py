"""From a run to its explanations: pair by pair, strategy by strategy, written down as they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.core.documents import parse_json, read_chunks
from harness.core.errors import InputError, name_file
from harness.explain.blame import blame_stages
from harness.explain.bridges import cross_bridges
from harness.explain.causes import CAUSES, SCHEMA, Explanation, Stage
from harness.explain.climb import add_stages, climb_pairs, recall_ladders
from harness.explain.combine import match_combined
from harness.explain.control import check_control, run_again
from harness.explain.counterfactual import Answers
from harness.explain.decoders import tell_decoders
from harness.explain.deviation import settle_deviations, settle_libraries
from harness.explain.match import match_known
from harness.explain.orders import tell_orders
from harness.explain.pair import Pair, Strategy
from harness.explain.rest import name_hashes, name_ties, name_unknown
from harness.explain.shake import settle_arithmetic, shake_batches
from harness.explain.tracing import check_tracing
from harness.explain.undo import list_first, undo_declared
from harness.system.documents import take_shape
from harness.system.drafts import write_atomically

STRATEGIES: tuple[Strategy, ...] = (
    check_control,
    settle_libraries,
    undo_declared,
    cross_bridges,
    settle_deviations,
    match_known,
    settle_arithmetic,
    shake_batches,
    match_combined,
    check_tracing,
    blame_stages,
    name_hashes,
    name_ties,
    name_unknown,
)
"""Tried in this order, each on the examples that those before it could not explain."""

Key = tuple[str, tuple[str, str], tuple[str | None, str | None]]


@dataclass(frozen=True)
class Progress:
    """How far an explanation is: divergences explained, of how many, and what it took."""

    done: int
    total: int
    executions: int


Tell = Callable[[Progress], None]


def explain_pairs(
    folder: Path,
    pairs: Sequence[Pair],
    answers: Answers,
    tell: Tell,
    strategies: Sequence[Strategy] = STRATEGIES,
) -> list[Explanation]:
    """Explain every divergence that the run's `causes.jsonl` does not explain yet; all explanations.

    What is there already is looked at with the rest: of several sets the one that suffices on most examples
    is named, so that fewer of them could be told another cause. The store has what was run for it.
    """
    known = keep_explained(folder / CAUSES)
    recall_ladders(folder)  # what is damaged is said before anything is run for it
    total = sum(len(pair.diverging) for pair in pairs)
    found: list[Explanation] = []
    for pair in pairs:
        kept = [known[key] for key in map(pair_key(pair), pair.diverging) if key in known]
        found.extend(kept)
        tell(Progress(len(found), total, answers.executions))
        done = {one.example for one in kept}
        is_open = len(done) < len(pair.diverging)
        for one in explain_pair(pair, pair.diverging, answers, strategies) if is_open else ():
            if one.example in done:
                continue
            append_line(folder / CAUSES, one)
            found.append(one)
            tell(Progress(len(found), total, answers.executions))
    return keep_stages(folder / CAUSES, found, climb_pairs(folder, pairs, found, answers))


def keep_stages(
    path: Path, found: Sequence[Explanation], stages: Mapping[tuple[str, tuple[str, str]], Stage]
) -> list[Explanation]:
    """Explanations with stages that were measured, in their file, too."""
    if stages:
        write_atomically(path, "".join(map(write_line, add_stages(list(read_lines(path)), stages))))
    return add_stages(found, stages)


def explain_pair(
    pair: Pair, examples: Sequence[str], answers: Answers, strategies: Sequence[Strategy]
) -> Iterator[Explanation]:
    """Explanations of a pair's examples, as they are found."""
    left = list(examples)
    if left:
        run_again(pair, left, answers, list_first(pair))
    for strategy in strategies:
        for found in strategy(pair, tuple(left), answers):
            left.remove(found.example)
            yield tell_decoders(pair, tell_orders(pair, finish(pair, found), answers), answers)


def finish(pair: Pair, found: Explanation) -> Explanation:
    """An explanation; of an example that stays unknown, what gives its tuple back and not its logits."""
    known = pair.partial.get(found.example)
    if found.verdict != "unknown" or known is None:
        return found
    return msgspec.structs.replace(known, stage=found.stage, untested=found.untested)


def pair_key(pair: Pair) -> Callable[[str], Key]:
    """What an explanation of a pair's example is known by."""
    return lambda example: (example, pair.names, (pair.a.execution, pair.b.execution))


def key_line(one: Explanation) -> Key:
    """The same of an explanation."""
    return one.example, one.cells, one.executions


def keep_explained(path: Path) -> dict[Key, Explanation]:
    """Explanations that are there already; a line that a killed process left half is cut off.

    InputError, with the line, for a file that is none of this version.
    """
    try:
        found = list(read_lines(path)) if path.exists() else []
        write_atomically(path, "".join(map(write_line, found)))
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); make room, or copy the run"
        ) from error
    return {key_line(one): one for one in found}


def list_current(folder: Path, executions: Mapping[str, str | None]) -> list[Explanation]:
    """All that a run's `causes.jsonl` says of the cells' executions that it has, the latest of each."""
    path = folder / CAUSES
    found = {key_line(one): one for one in read_lines(path)} if path.exists() else {}
    return [
        one
        for one in found.values()
        if all(name in executions for name in one.cells)
        and one.executions == tuple(executions[name] for name in one.cells)
    ]


def read_lines(path: Path) -> Iterator[Explanation]:
    """All whole lines of a file of explanations."""
    number = 0
    for lines in read_chunks(path):
        for line in lines:
            number += 1
            if line.endswith(b"\n"):
                place = f"{path}:{number}"
                yield read_line(line, place)


def read_line(line: bytes, place: str) -> Explanation:
    """A line's explanation; InputError, with what to do, for one that is damaged or of another version."""
    data: Any = None
    try:
        data = parse_json(line, place)
        return take_shape(data, Explanation, place)
    except InputError as error:
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema not in (None, SCHEMA):
            raise InputError(
                f"{place}: is of version {schema}, this harness writes {SCHEMA}; move the file away, and"
                " explain the run again"
            ) from error
        raise InputError(f"{error}; move the file away, and explain the run again") from error


def write_line(one: Explanation) -> str:
    """An explanation as a line."""
    return msgspec.json.encode(one).decode() + "\n"


def append_line(path: Path, one: Explanation) -> None:
    """Add an explanation to a file, at once; InputError where the disk is full."""
    try:
        with name_file(path), path.open("ab") as file:
            file.write(write_line(one).encode())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); what was explained before is kept"
        ) from error
