"""Deviations that are 0 but for last bits: which last bits a library has decides, and none promises any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof, Tuple
from harness.explain.counterfactual import Answers, Record
from harness.explain.factors import WHOLE, find_place, list_bridges
from harness.explain.likeness import measure_pass
from harness.explain.pair import Pair, explain
from harness.explain.patches import read_rules
from harness.explain.rest import name_library
from harness.explain.sentences import tell_deviation
from harness.explain.setup import LAST_BITS
from harness.explain.shake import find_met

SMALL = 1e-6  # of the mean: float32's last bits make deviations of up to a few 1e-7
TOLERANT: dict[str, Any] = {"port": {"zero_sigma": "relative"}}


def settle_libraries(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The same for cells of different libraries, where no one setting stands for all last bits.

    Where more of their environments differs than the image, say, it is for bridges to tell what counts.
    """
    ours, theirs = pair.a.environment, pair.b.environment
    is_alone = not pair.declared and len(list(list_bridges(pair.a, pair.b))) == 1
    if ours.backend != theirs.backend or (find_place(ours, theirs) is not None and is_alone):
        yield from settle_deviations(pair, examples, answers)


def settle_deviations(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples on which both sides answer alike once a deviation near 0 counts as 0 on both."""
    for example, result in find_settled(pair, examples, answers).items():
        named = Named(Cause.NUMERICS.value, *name_library(pair))
        sentence = tell_deviation(str(find_small(pair, example)), pair.names, result)
        yield explain(pair, example, "proven", [named], sentence, proof=Proof("undone", pair.b.label, result))


def find_settled(pair: Pair, examples: Sequence[str], answers: Answers) -> dict[str, Tuple]:
    """The tuples that both sides have once a deviation near 0 counts as 0 on both, where they agree so."""
    near = [one for one in examples if find_small(pair, one) is not None]
    if not near or are_alike(pair):
        return {}
    if not is_tested_exactly(pair) or any(one.cause not in LAST_BITS for one in pair.declared):
        return {}
    return find_met(pair, (TOLERANT, TOLERANT), near, answers)


def are_alike(pair: Pair) -> bool:
    """Whether both sides are made alike, to the bits of their plain passes: then no last bits part them."""
    ours, theirs = pair.a.environment, pair.b.environment
    if pair.declared or any(getattr(ours, name) != getattr(theirs, name) for name in WHOLE):
        return False
    shared = [one for one in pair.a.records if one in pair.b.records]
    return not any(list_bridges(pair.a, pair.b)) and all(
        measure_pass(pair.a.records[one], pair.b.records[one], "original") == 0 for one in shared
    )


def is_tested_exactly(pair: Pair) -> bool:
    """Whether both sides compare deviations with 0 itself."""
    return all(read_rules(one.job)["zero_sigma"] == "exact" for one in (pair.a, pair.b))


def find_small(pair: Pair, example: str) -> str | None:
    """The blob whose deviation is 0 but for last bits on either side; None where there is none."""
    found = [read_ratio(one.records[example]) for one in (pair.a, pair.b)]
    return next((blob for blob, ratio in found if ratio is not None and ratio <= SMALL), None)


def read_ratio(record: Record) -> tuple[str, float | None]:
    """The blob of an answer's smallest deviation, and what part of the mean it is."""
    found = record.get("sigma_ratio")
    if not isinstance(found, (list, tuple)) or len(found) != 2 or not isinstance(found[1], (int, float)):
        return "", None
    return str(found[0]), float(found[1])
