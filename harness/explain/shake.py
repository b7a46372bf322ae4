"""Numerics proven: a change of last bits alone turns one tuple into the other, or makes both the same.

Sums without rounding settle who lies above a mean, and leave a deviation that one library computes as 0 and
another as 1e-7 of the mean: that is for `deviation` to settle, and neither does what the other can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof, Tuple
from harness.explain.counterfactual import Answers, Data, Question, Record, take_tuple
from harness.explain.likeness import NOISE, is_alike, measure_pass
from harness.explain.pair import Pair, explain
from harness.explain.patches import as_patch, merge_patches, read_rules
from harness.explain.sentences import tell_exact, tell_shaken

BATCHES = (1, 2, 4)
EXACT = {"port": {"arithmetic": "exact"}}
ROUNDED = ("numpy", "torch", "term-by-term")


def shake_batches(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples whose tuple is the first side's where the second walks another number at a time.

    That is rounding only where the plain pass stays within noise; images that leak into each other's
    places go when one is walked at a time, too.
    """
    own = pair.b.job["batch_size"]
    sizes = [size for size in BATCHES if size != own]
    data = {size: merge_data(pair.undoing, {"batch_size": size}) for size in (own, *sizes)}
    question = Question(pair.b, list(data.values()), examples)
    if not examples or answers.ask([question])[0] is not None:
        return
    for example in examples:
        wanted, record = pair.a.read_tuple(example), pair.a.records[example]
        usual, *others = (answers.find(question, data[size], example) for size in (own, *sizes))
        tried = zip(sizes, others, strict=True)
        found = [size for size, one in tried if is_alike(one, record) and is_rounded(one, usual)]
        if found:
            named = Named(Cause.NUMERICS.value, "batch_size", found[0], own)
            proof = Proof("control", pair.b.label, wanted)
            causes = [*(one.name_undone() for one in pair.declared if one.factor != "batch_size"), named]
            sentence = tell_shaken(pair.b.label, own, pair.b.read_tuple(example), found[0], wanted)
            yield explain(pair, example, "proven", causes, sentence, proof=proof)


def is_rounded(one: Record | None, other: Record | None) -> bool:
    """Whether two plain passes, which nothing steers, differ by no more than rounding makes of them."""
    return one is not None and other is not None and measure_pass(one, other, "original") <= NOISE


def settle_arithmetic(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples on which both sides agree as soon as witnesses' sums are added up without rounding."""
    rules = {side.label: read_rules(side.job)["arithmetic"] for side in (pair.a, pair.b)}
    if not examples or not set(rules.values()) <= set(ROUNDED):
        return
    met = find_met(pair, (EXACT, merge_data(pair.undoing, EXACT)), examples, answers)
    named = Named(Cause.NUMERICS.value, "deviation", rules[pair.a.label], rules[pair.b.label])
    causes = [*(one.name_undone() for one in pair.declared if one.factor != "port.arithmetic"), named]
    for example, result in met.items():
        proof = Proof("control", pair.b.label, result)
        yield explain(pair, example, "proven", causes, tell_exact(pair.names, result), proof=proof)


def find_met(
    pair: Pair, data: tuple[Data, Data], examples: Sequence[str], answers: Answers
) -> dict[str, Tuple]:
    """The tuples that both sides have with a patch each, where tuple and logits are the same so."""
    ours, theirs = (Question(side, [one], examples) for side, one in zip((pair.a, pair.b), data, strict=True))
    answers.ask([ours, theirs])
    found = {}
    for example in examples:
        first = answers.find(ours, data[0], example)
        result = take_tuple(first) if first is not None else None
        if (
            first is not None
            and result is not None
            and is_alike(answers.find(theirs, data[1], example), first)
        ):
            found[example] = result
    return found


def merge_data(data: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Two patches as one."""
    return merge_patches([as_patch(data), as_patch(more)])
