"""Cells that agree on every tuple, looked at all the same: the first stage at which their passes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.explain.causes import Stage
from harness.explain.climb import recall_ladders, write_ladders
from harness.explain.counterfactual import Answers
from harness.explain.ladder import Looks, build_ladder, find_first, look_at
from harness.explain.likeness import measure_answer
from harness.explain.pair import Pair
from harness.system.numbers import count

MOST_LOOKS = 3  # examples of a pair


@dataclass(frozen=True)
class Parting:
    """Two cells of the same tuples, and the first stage beyond noise: of which example, if of any."""

    cells: tuple[str, str]
    sentence: str
    example: str | None = None
    stage: Stage | None = None


def find_partings(folder: Path, pairs: Sequence[Pair], answers: Answers) -> list[Parting]:
    """What each of some pairs that agree differs in; ladders go to the run's `ladders.jsonl`."""
    return [part_pair(folder, pair, answers) for pair in pairs]


def part_pair(folder: Path, pair: Pair, answers: Answers) -> Parting:
    """The same of one pair; nothing is run for cells whose logits are the same bits."""
    same = f"{pair.names[0]} and {pair.names[1]} have the same tuples"
    examples = choose_examples(pair)
    if not examples:
        return Parting(pair.names, f"{same}, and the same logits bit for bit; nothing was traced.")
    looks = look_at(pair, examples, answers, own=False)
    if looks is None:
        why = f" ({'; '.join(pair.untested)})" if pair.untested else ""
        return Parting(pair.names, f"{same}; their passes cannot be traced here{why}.")
    keep_ladders(folder, pair, examples, looks)
    found = ((one, find_first(pair, one, looks)) for one in examples)
    example, stage = next(((one, stage) for one, stage in found if stage is not None), (None, None))
    if stage is None:
        return Parting(
            pair.names, f"{same}; on {count(len(examples), 'example')} no stage parts beyond noise."
        )
    by = f", by {stage.ratio:.3g} times the noise there" if stage.ratio is not None else ""
    return Parting(pair.names, f"{same}, and part at {stage.stage}{by} ({example}).", example, stage)


def choose_examples(pair: Pair) -> list[str]:
    """The examples whose logits differ most, of those of which any bit does."""
    differing = [one for one in pair.agreeing if read_bits(pair, one, "a") != read_bits(pair, one, "b")]
    apart = {one: measure_answer(pair.a.records[one], pair.b.records[one]) for one in differing}
    return sorted(differing, key=lambda one: -apart[one])[:MOST_LOOKS]


def read_bits(pair: Pair, example: str, side: str) -> object:
    """Hashes of what a side read, prepared and computed."""
    return (pair.a if side == "a" else pair.b).records[example].get("hashes")


def keep_ladders(folder: Path, pair: Pair, examples: Sequence[str], looks: Looks) -> None:
    """Write the ladders of some examples with those that a run has."""
    known = {(one.example, one.cells): one for one in recall_ladders(folder)}
    known.update({(one, pair.names): build_ladder(pair, one, looks) for one in examples})
    write_ladders(folder, list(known.values()))
