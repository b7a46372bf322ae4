"""What is left: numerics where logits agree within noise and a margin lies below it, or unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Stage
from harness.explain.counterfactual import Answers
from harness.explain.likeness import NOISE, PASSES, Pass, measure_pass, read_top
from harness.explain.pair import Pair, explain
from harness.explain.sentences import tell_tie, tell_unknown


def name_ties(pair: Pair, examples: Sequence[str], _answers: Answers) -> Iterator[Explanation]:
    """The examples whose logits agree within noise, and whose best classes are nearer than they differ."""
    if pair.declared:
        return
    for example in examples:
        first, second = pair.a.records[example], pair.b.records[example]
        flipped = [one for one in PASSES if first.get(one) != second.get(one)]
        errors = {one: measure_pass(first, second, one) for one in flipped}
        if errors and all(errors[one] <= NOISE and is_tie(first, second, one) for one in flipped):
            which = max(flipped, key=errors.__getitem__)
            stage = Stage(f"logits_{which}", errors[which], NOISE, errors[which] / NOISE)
            sentence = tell_tie(pair.names, errors[which])
            causes = [Named(Cause.NUMERICS.value, *name_library(pair))]
            yield explain(pair, example, "consistent", causes, sentence, stage=stage)


def is_tie(first: Any, second: Any, which: Pass) -> bool:
    """Whether the two best classes are nearer to each other than both sides' logits are."""
    margins = [one.get(f"margin_{which}") for one in (first, second)]
    scale = max((abs(value) for value in read_top(first, which).values() if value is not None), default=1.0)
    known = [margin for margin in margins if margin is not None]
    return bool(known) and min(known) <= 2 * scale * max(measure_pass(first, second, which), 1e-9)


def name_library(pair: Pair) -> tuple[str, Any, Any]:
    """In what the two compute otherwise."""
    ours, theirs = pair.a.environment, pair.b.environment
    for name in ("backend", "launcher", "image"):
        if getattr(ours, name) != getattr(theirs, name):
            return name, getattr(ours, name), getattr(theirs, name)
    return "environment", ours.name, theirs.name


def name_unknown(pair: Pair, examples: Sequence[str], _answers: Answers) -> Iterator[Explanation]:
    """Every example that nothing has explained, with the pass that differs first."""
    for example in examples:
        first, second = pair.a.records[example], pair.b.records[example]
        errors = {one: measure_pass(first, second, one) for one in PASSES}
        beyond = [one for one in PASSES if errors[one] > NOISE]
        stage = beyond and make_stage(beyond[0], errors[beyond[0]])
        sentence = tell_unknown(pair.names, pair.untested)
        yield explain(pair, example, "unknown", [], sentence, stage=stage or None)


def make_stage(which: Pass, error: float) -> Stage:
    """The stage that a pass ends in; an infinite difference is none that JSON has."""
    known = error if error < float("inf") else None
    return Stage(f"logits_{which}", known, NOISE, known and known / NOISE)
