"""What is left after all patches: sides that part by rounding alone, or one that leaves its own rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.core.traces import read_trace
from harness.explain.causes import Cause, Explanation, Named, Proof, Stage
from harness.explain.counterfactual import Answers, Question, Side
from harness.explain.faulty import name_layers, name_pools
from harness.explain.graft import Flip, begin_grafts, find_flips
from harness.explain.ladder import Looks, find_hashed, find_own, look_at
from harness.explain.likeness import NOISE, is_same_tuple, measure_answer
from harness.explain.made import make_witnesses
from harness.explain.noise import Finding
from harness.explain.pair import Pair, explain
from harness.explain.rest import name_decoders, name_library
from harness.explain.sentences import show_tuple, tell_pixels

Leaving = tuple[Side, Stage, Finding]
"""A side that leaves its own rules, at which stage, and what was found there."""
MOST_LOOKS = 12  # examples of a pair that are traced
GAIN = 0.1  # of the logits' difference that other witnesses may leave


def blame_stages(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """Examples of which traces tell: numerics where both sides keep to their rules, or who does not."""
    chosen = examples[:MOST_LOOKS]
    looks = look_at(pair, chosen, answers, begin_grafts) if chosen and pair.is_watchable else None
    if looks is None:
        return
    flips = find_flips(pair, chosen, looks, answers)
    first = {example: find_leaving(pair, example, looks) for example in chosen}
    shown = dict(show_leaving(pair, first, examples, looks, answers))
    for example in chosen:
        leaves = first[example]
        if example in shown:
            yield shown[example]
        elif leaves is not None and leaves[1].stage in TOLD:
            yield blame_told(pair, example, *leaves)
        elif leaves is not None:
            yield blame_side(pair, example, *leaves[:2])
        else:
            yield from name_kept(pair, example, flips, looks)
    told = [one for one in first.values() if one is not None and one[1].stage in TOLD]
    for example in examples[MOST_LOOKS:]:
        if example in shown:
            yield shown[example]
        elif len(told) == len(chosen):  # it is so of every example
            yield blame_told(pair, example, *told[0])


def find_leaving(pair: Pair, example: str, looks: Looks) -> Leaving | None:
    """Which side leaves its own rules, and at which stage; the second one where both do."""
    found = [(side, find_own(side, example, looks)) for side in (pair.b, pair.a)]
    return next(((side, *one) for side, one in found if one is not None), None)


def show_leaving(
    pair: Pair, first: Mapping[str, Leaving | None], examples: Sequence[str], looks: Looks, answers: Answers
) -> Iterator[tuple[str, Explanation]]:
    """Explanations, by example, of a side that leaves its rules by witnesses or weights of its trace."""
    for side in (pair.b, pair.a):
        mine = {name: one[1] for name, one in first.items() if one is not None and one[0] is side}
        rest = [one for one in examples if one not in first] if len(mine) == len(first) else []
        told = {name: stage for name, stage in mine.items() if stage.stage == "witnesses"}
        plain = {name: stage for name, stage in mine.items() if stage.stage.startswith("plain ")}
        if told:
            for one in prove_witnesses(pair, side, told, [*told, *rest], looks, answers):
                yield one.example, one
        if plain:
            for one in name_layers(pair, side, plain, [*plain, *rest], looks, answers):
                yield one.example, one
            for one in name_pools(pair, side, plain, [*plain, *rest], looks, answers):
                yield one.example, one


def name_kept(pair: Pair, example: str, flips: Mapping[str, Flip], looks: Looks) -> Iterator[Explanation]:
    """What parts sides that both keep to their rules: other pixels, or what they round."""
    if is_by_pixels(pair, example, flips):
        yield name_decoder(pair, example)
    elif not pair.declared and is_by_rounding(pair, example, flips) and are_calibrated(pair, looks):
        yield name_rounding(pair, example, flips[example], looks)


def is_by_rounding(pair: Pair, example: str, flips: Mapping[str, Flip]) -> bool:
    """Whether both sides set out from one input, and a layer turns the tuple, not the input."""
    return example in flips and bool(flips[example].last) and find_hashed(pair, example) is None


def is_by_pixels(pair: Pair, example: str, flips: Mapping[str, Flip]) -> bool:
    """Whether the sides read other pixels of one file, and the input that comes of them turns the tuple."""
    stage = find_hashed(pair, example)
    read = all((side.records[example].get("hashes") or {}).get("file") for side in (pair.a, pair.b))
    is_input = example in flips and not flips[example].last
    return read and is_input and stage is not None and stage.stage == "pixels"


def name_decoder(pair: Pair, example: str) -> Explanation:
    """The second side has the first one's tuple as soon as it goes on from that one's pixels."""
    result, named = pair.a.read_tuple(example), name_decoders(pair)
    sentence = tell_pixels(pair.names, (str(named.a), str(named.b)), result)
    proof = Proof("graft", pair.b.label, result)
    return explain(pair, example, "proven", [named], sentence, proof=proof, stage=Stage("pixels"))


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


def prove_witnesses(
    pair: Pair,
    side: Side,
    stages: Mapping[str, Stage],
    examples: Sequence[str],
    looks: Looks,
    answers: Answers,
) -> Iterator[Explanation]:
    """The examples of which the other side has all that one says, with the witnesses of that one's trace."""
    other = pair.find_other(side)
    if answers.made is None or other.trace is not None:
        return
    patch = make_witnesses(read_trace(looks.traces[side.label]), answers.made)
    base = pair.list_onto(other)
    question = Question(other, (base, {**base, **patch}), examples)
    answers.ask([question])
    for example in examples:
        before, after = (answers.find(question, one, example) for one in question.patches)
        record, result = side.records[example], side.read_tuple(example)
        limit = min(NOISE, GAIN * measure_answer(before, record))
        if not is_same_tuple(after, record) or measure_answer(after, record) > limit:
            continue
        words = f"as in {Path(patch['witnesses']['leye']['path']).parent.name}"
        values = ("by its files", words) if side is pair.b else (words, "by its files")
        named = Named(Cause.WITNESS_SET.value, "witnesses", *values)
        sentence = (
            f"{side.label} has other witnesses than its files say; with those of its trace {other.label} has"
            f" the tuple {show_tuple(result)} and the logits of {side.label}."
        )
        causes, proof = [*pair.name_partial(example), named], Proof("done", other.label, result)
        yield explain(pair, example, "proven", causes, sentence, proof=proof, stage=stages.get(example))


def blame_side(pair: Pair, example: str, side: Side, stage: Stage) -> Explanation:
    """A side that leaves its own rules by nothing that is known."""
    by = f", by {stage.ratio:.3g} times the noise there" if stage.ratio is not None else ""
    sentence = (
        f"{side.label} leaves its own rules at {stage.stage}{by}, and nothing that was tried does the same."
    )
    return explain(pair, example, "unknown", [], sentence, stage=stage)
