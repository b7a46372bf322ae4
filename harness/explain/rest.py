"""What is left: numerics where logits agree within noise and a margin lies below it, or unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof, Stage, Verdict
from harness.explain.counterfactual import Answers, Side
from harness.explain.factors import describe_places, find_place
from harness.explain.likeness import NOISE, PASSES, Pass, measure_pass, read_top
from harness.explain.pair import Pair, explain
from harness.explain.sentences import tell_hashes, tell_tie, tell_unknown


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
    if ours.backend != theirs.backend:
        return "backend", ours.backend, theirs.backend
    place = find_place(ours, theirs)
    if place is not None:
        return place, *describe_places(place, pair.a, pair.b)
    return "environment", ours.name, theirs.name


HASHED = {"file": Cause.FILE_BYTES, "pixels": Cause.DECODER}
WORDS = {"file": "bytes of one file", "pixels": "pixels of one file"}


def name_hashes(pair: Pair, examples: Sequence[str], _answers: Answers) -> Iterator[Explanation]:
    """The examples whose file or pixels have other hashes; all of them where parameters do."""
    layers = list_other_layers(pair)
    for example in examples:
        stage = find_stage(pair, example)
        if stage in HASHED:
            hashes = read_hashes(pair, example, stage)
            named = name_decoders(pair) if stage == "pixels" else Named(HASHED[stage].value, stage, *hashes)
            verdict, sentence = CERTAINTY[stage], tell_hashes(WORDS[stage], pair.names)
        elif layers:
            named = Named(Cause.WEIGHTS.value, "parameters", layers, layers)
            verdict, sentence = "consistent", tell_hashes("parameters", pair.names, layers)
        else:
            continue
        proof = Proof("hash", pair.b.label)
        yield explain(
            pair, example, verdict, [named], sentence, proof=proof, stage=Stage(stage) if stage else None
        )


def name_decoders(pair: Pair) -> Named:
    """What reads images on both sides, as a cause."""
    return Named(Cause.DECODER.value, "decoder", *map(describe_decoder, (pair.a, pair.b)))


def describe_decoder(side: Side) -> str:
    """`pillow 13.0.0`; of a distribution's own, where that is."""
    name = str(side.job["decoder"])
    known = (side.cell.get("fingerprint") or {}).get("packages") or {}
    version = known.get(DECODERS.get(name, ""))
    return f"{name} {version}" if version else f"{name} of {side.environment.image or side.label}"


DECODERS = {"pillow": "pillow", "opencv": "opencv-python-headless", "libjpeg-9e": "jpeglib"}
"""Packages that decoders come with."""
CERTAINTY: dict[str, Verdict] = {"file": "proven", "pixels": "consistent"}


def list_other_layers(pair: Pair) -> list[str]:
    """Parameters whose hashes differ."""
    ours, theirs = ((side.cell.get("hashes") or {}).get("parameters") or {} for side in (pair.a, pair.b))
    return [name for name in ours if name in theirs and ours[name] != theirs[name]]


def find_stage(pair: Pair, example: str) -> str | None:
    """The first of file, pixels and input whose hashes differ; None where none is known to."""
    for stage in ("file", "pixels", "input"):
        ours, theirs = read_hashes(pair, example, stage)
        if ours and theirs and ours != theirs:
            return stage
    return None


def read_hashes(pair: Pair, example: str, stage: str) -> tuple[str, str]:
    """Beginnings of both sides' hashes of a stage; empty where they have none."""
    first, second = (
        str((side.records[example].get("hashes") or {}).get(stage, ""))[:12] for side in (pair.a, pair.b)
    )
    return first, second


def name_unknown(pair: Pair, examples: Sequence[str], _answers: Answers) -> Iterator[Explanation]:
    """Every example that nothing has explained, with the pass that differs first."""
    for example in examples:
        first, second = pair.a.records[example], pair.b.records[example]
        errors = {one: measure_pass(first, second, one) for one in PASSES}
        beyond = [one for one in PASSES if errors[one] > NOISE]
        early = find_stage(pair, example)
        stage = make_stage(beyond[0], errors[beyond[0]]) if beyond else None
        stage = Stage(early) if early else stage
        sentence = tell_unknown(pair.names, pair.untested)
        yield explain(pair, example, "unknown", [], sentence, stage=stage)


def make_stage(which: Pass, error: float) -> Stage:
    """The stage that a pass ends in; an infinite difference is none that JSON has."""
    known = error if error < float("inf") else None
    return Stage(f"logits_{which}", known, NOISE, known and known / NOISE)
