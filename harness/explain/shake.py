"""Numerics proven: a change of last bits alone turns one tuple into the other, or makes both the same.

Sums without rounding settle who lies above a mean, and leave a deviation that one library computes as 0 and
another as 1e-7 of the mean: that is for `deviation` to settle, and neither does what the other can.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof, Tuple
from harness.explain.counterfactual import Answers, Data, Question, take_tuple
from harness.explain.likeness import is_alike
from harness.explain.pair import Pair, explain
from harness.explain.patches import as_patch, merge_patches, read_rules
from harness.explain.sentences import tell_exact, tell_shaken

BATCHES = (1, 2, 4)
EXACT = {"port": {"arithmetic": "exact"}}
ROUNDED = ("numpy", "torch", "term-by-term")


def shake_batches(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples whose tuple is the first side's where the second walks another number at a time."""
    own = pair.b.job["batch_size"]
    sizes = [size for size in BATCHES if size != own]
    data = {size: merge_data(pair.undoing, {"batch_size": size}) for size in sizes}
    question = Question(pair.b, list(data.values()), examples)
    if not examples or answers.ask([question])[0] is not None:
        return
    for example in examples:
        wanted, record = pair.a.read_tuple(example), pair.a.records[example]
        found = [size for size in sizes if is_alike(answers.find(question, data[size], example), record)]
        if found:
            named = Named(Cause.NUMERICS.value, "batch_size", found[0], own)
            proof = Proof("control", pair.b.label, wanted)
            causes = [*(one.name_undone() for one in pair.declared if one.factor != "batch_size"), named]
            sentence = tell_shaken(pair.b.label, own, pair.b.read_tuple(example), found[0], wanted)
            yield explain(pair, example, "proven", causes, sentence, proof=proof)


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
