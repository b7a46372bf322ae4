"""What is left after all patches: sides that part by rounding alone, or one that leaves its own rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof, Stage
from harness.explain.counterfactual import Answers, Question, Side
from harness.explain.graft import Flip, begin_grafts, find_flips
from harness.explain.ladder import Looks, find_hashed, find_own, look_at
from harness.explain.likeness import NOISE, is_same_tuple, measure_answer
from harness.explain.noise import Finding
from harness.explain.pair import Pair, explain
from harness.explain.rest import name_library
from harness.explain.sentences import show_tuple

MOST_LOOKS = 12  # examples of a pair that are traced
GAIN = 0.1  # of the logits' difference that a change may leave
FACTORS: tuple[tuple[str, Any, Any, Cause, dict[str, Any]], ...] = (
    ("weights", "float32", "float16", Cause.WEIGHTS, {"cast": "float16"}),
    ("weights", "float32", "bfloat16", Cause.WEIGHTS, {"cast": "bfloat16"}),
    ("weights", "with biases", "without biases", Cause.WEIGHTS, {"zero": "bias"}),
    ("weights", "in order", "outputs reversed", Cause.WEIGHTS, {"reverse": "outputs"}),
    ("weights", "in order", "inputs reversed", Cause.WEIGHTS, {"reverse": "inputs"}),
)
"""What is known to happen to one layer's parameters."""


def blame_stages(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """Examples of which traces tell: numerics where both sides keep to their rules, or who does not."""
    chosen = examples[:MOST_LOOKS]
    looks = look_at(pair, chosen, answers, begin_grafts) if chosen and pair.is_watchable else None
    if looks is None:
        return
    flips = find_flips(pair, chosen, looks, answers)
    told: list[tuple[Side, Stage, Finding]] = []
    for example in chosen:
        found = [(side, find_own(side, example, looks)) for side in (pair.b, pair.a)]
        leaves = [(side, *one) for side, one in found if one is not None]
        if leaves and leaves[0][1].stage in TOLD:
            told.append(leaves[0])
            yield blame_told(pair, example, *leaves[0])
        elif leaves:
            yield blame_side(pair, example, *leaves[0][:2], answers)
        elif not pair.declared and is_by_rounding(pair, example, flips) and are_calibrated(pair, looks):
            yield name_rounding(pair, example, flips[example], looks)
    for example in examples[MOST_LOOKS:] if len(told) == len(chosen) else ():  # it is so of every example
        yield blame_told(pair, example, *told[0])


def is_by_rounding(pair: Pair, example: str, flips: Mapping[str, Flip]) -> bool:
    """Whether both sides set out from one input, and a layer turns the tuple, not the input."""
    return example in flips and bool(flips[example].last) and find_hashed(pair, example) is None


def are_calibrated(pair: Pair, looks: Looks) -> bool:
    """Whether it is known of both sides how much noise there is at every stage."""
    return all(
        looks.find(side, side, example)
        and all(
            looks.envelopes[side.label].find_limit(one["stage"]) is not None
            for one in looks.find(side, side, example)
        )
        for side in (pair.a, pair.b)
        for example in looks.audits[side.label, side.label]
    )


def name_rounding(pair: Pair, example: str, flip: Flip, looks: Looks) -> Explanation:
    """Both sides keep to the same rules but for rounding, and what one of them rounds flips the tuple."""
    at = f"{flip.kind} {flip.first}"
    stage = next(
        (
            looks.envelopes[pair.b.label].measure(one)
            for one in looks.find(pair.b, pair.b, example)
            if one["stage"] in (at, f"{at} before")
        ),
        Stage(at),
    )
    zero = [one["stage"] for one in looks.find(pair.b, pair.b, example) if one.get("note") == "zero"]
    why = f", for a deviation is 0 but for last bits ({zero[0]})" if zero else ""
    result = pair.a.read_tuple(example)
    sentence = (
        f"{pair.names[0]} and {pair.names[1]} keep to the same rules within rounding at every stage{why};"
        f" with {pair.names[0]}'s values of {flip.first} in the {flip.kind} pass, and not with those of"
        f" {flip.last}, the tuple of {pair.names[1]} is {show_tuple(result)} too."
    )
    named = Named(Cause.NUMERICS.value, *name_library(pair))
    proof = Proof("graft", pair.b.label, result)
    return explain(pair, example, "proven", [named], sentence, proof=proof, stage=stage)


TOLD = {"witnesses": Cause.WITNESS_SET, "order": Cause.LISTING_ORDER}
"""Stages of which a side's own trace says what it does, whatever its files say."""
WORDS = {"witnesses": "other witnesses", "order": "other visits"}


def blame_told(pair: Pair, example: str, side: Side, stage: Stage, finding: Finding) -> Explanation:
    """A side whose own trace says that it visits other channels, or in another order, than its files say."""
    what = str(finding.get("what") or "")
    values = ("by its files", what) if side is pair.b else (what, "by its files")
    named = Named(TOLD[stage.stage].value, stage.stage, *values)
    sentence = f"{side.label} has {WORDS[stage.stage]} than its files say: {what}."
    return explain(pair, example, "consistent", [named], sentence, stage=stage)


def blame_side(pair: Pair, example: str, side: Side, stage: Stage, answers: Answers) -> Explanation:
    """A side that leaves its own rules, by a change of a layer's parameters or by nothing that is known."""
    layer = stage.stage.removeprefix("plain ") if stage.stage.startswith("plain ") else None
    found = try_layer(pair, example, side, layer, answers) if layer else None
    if found is not None:
        named, result = found
        other = pair.b if side is pair.a else pair.a
        sentence = (
            f"{side.label} has other weights in {layer} ({named.b} against {named.a}), which no file says;"
            f" with them {other.label} has the tuple {show_tuple(result)} and the logits of {side.label}."
        )
        if side is pair.a:
            named = Named(named.cause, named.factor, named.b, named.a)
        proof = Proof("done", other.label, result)
        return explain(pair, example, "proven", [named], sentence, proof=proof, stage=stage)
    by = f", by {stage.ratio:.3g} times the noise there" if stage.ratio is not None else ""
    sentence = (
        f"{side.label} leaves its own rules at {stage.stage}{by}, and nothing that was tried does the same."
    )
    return explain(pair, example, "unknown", [], sentence, stage=stage)


def try_layer(
    pair: Pair, example: str, side: Side, layer: str, answers: Answers
) -> tuple[Named, tuple[int, int, int]] | None:
    """The change of one layer's parameters that gives a side's tuple and logits in the other side."""
    other = pair.b if side is pair.a else pair.a
    if other.trace is not None:
        return None
    base = pair.doing if other is pair.a else pair.undoing
    patches = [base, *({**base, "weights": {**data, "layers": [layer]}} for *_, data in FACTORS)]
    question = Question(other, patches, (example,))
    answers.ask([question])
    record = side.records[example]
    found = [answers.find(question, patch, example) for patch in patches]
    errors = [measure_answer(one, record) for one in found]
    limit = min(NOISE, GAIN * errors[0])
    good = [
        (error, number)
        for number, (error, one) in enumerate(zip(errors[1:], found[1:], strict=True))
        if error <= limit and is_same_tuple(one, record)
    ]
    if not good:
        return None
    _, was, sets, cause, _ = FACTORS[min(good)[1]]
    return Named(cause.value, f"weights.{layer}", was, sets), side.read_tuple(example)
