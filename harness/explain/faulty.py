"""A side whose trace leaves its own rules at layers with parameters: which other ones it computes with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from harness.core.network import Convolution, InnerProduct, Network, Pooling
from harness.core.network_files import read_network, read_weights
from harness.core.traces import read_trace
from harness.explain.causes import Cause, Explanation, Named, Proof, Stage
from harness.explain.counterfactual import Answers, Data, Question, Side
from harness.explain.errands import run_errands, trace
from harness.explain.graft import LARGE
from harness.explain.ladder import Looks
from harness.explain.layers import Fitted, fit_layer
from harness.explain.likeness import NOISE, is_same_tuple, measure_answer
from harness.explain.made import make_network
from harness.explain.noise import Finding
from harness.explain.pair import Pair, explain
from harness.explain.sentences import join_phrases, show_tuple
from harness.worker.rounding import ROUNDERS

MOST_TRACED = 40  # examples of a small network, from which a layer's parameters are solved
MOST_SOLVED = 3  # layers; of more the first one alone, which tells what kind of fault it is
GAIN = 0.1  # of the logits' difference that other parameters may leave
HALF = 0.01  # of a value: half precision is off by less
OWN_FILE = "by the file"


@dataclass(frozen=True)
class Faulty:
    """Blobs at which a side leaves its own rules, what their layers were fitted with, and how far off.

    `is_all` is there where it keeps to its rules at every other stage; `is_refuted`, where no parameters at
    all make one of these layers what it is.
    """

    side: Side
    blobs: tuple[str, ...]
    fitted: tuple[Fitted | None, ...]
    relative: float
    is_all: bool
    is_refuted: bool = False

    @property
    def words(self) -> str:
        """What each layer computes with."""
        return "; ".join(
            f"{blob} {'with others' if one is None else one.words}"
            for blob, one in zip(self.blobs, self.fitted, strict=True)
        )

    def name(self, pair: Pair) -> Named:
        """It as a cause."""
        factor = f"weights.{self.blobs[0]}" if len(self.blobs) == 1 else "weights"
        words = self.words.partition(" ")[2] if len(self.blobs) == 1 else self.words
        values = (OWN_FILE, words) if self.side is pair.b else (words, OWN_FILE)
        return Named(Cause.WEIGHTS.value, factor, *values)


def name_layers(
    pair: Pair, side: Side, stages: dict[str, Stage], examples: Sequence[str], looks: Looks, answers: Answers
) -> Iterator[Explanation]:
    """Explanations by a side's other parameters, of examples that were looked at (`stages`) and of others."""
    faulty = find_faulty(pair, side, list(stages), looks, answers)
    if faulty is None:
        return
    if not all(faulty.fitted):
        rounded = list(name_rounded(pair, faulty, stages, examples, answers))
        yield from rounded
        examples = [one for one in examples if one not in {done.example for done in rounded}]
    if faulty.is_refuted:
        return
    alike = set(try_fitted(pair, faulty, examples, answers)) if all(faulty.fitted) else set()
    named, other = faulty.name(pair), pair.find_other(side)
    is_so = all(is_evident(pair, faulty, one, looks) for one in stages)  # of those that nobody looked at, too
    said = f"{side.label} computes {faulty.words}, which no file says"
    for example in examples:
        result = side.read_tuple(example)
        causes = [*pair.name_partial(example), named]
        if example in alike:
            answer = f"{other.label} has the tuple {show_tuple(result)} and the logits of {side.label}"
            sentence = f"{said}; with such parameters {answer}."
            proof = Proof("done", other.label, result, len(alike) - 1)
            yield explain(pair, example, "proven", causes, sentence, proof=proof, stage=stages.get(example))
        elif is_evident(pair, faulty, example, looks) if example in stages else is_so:
            sentence = f"{said}; it keeps to its rules at every other stage."
            yield explain(pair, example, "consistent", causes, sentence, stage=stages.get(example))


def find_faulty(
    pair: Pair, side: Side, examples: Sequence[str], looks: Looks, answers: Answers
) -> Faulty | None:
    """At which blobs a side leaves its rules, fitted; None where there are none, or nothing is known here."""
    if answers.network is None or answers.made is None:
        return None
    beyond = list_beyond(side, examples, looks)
    network = read_network(answers.network)
    weighted = list_weighted(network)
    places = {one["stage"]: find_blob(one["stage"]) for one in beyond}
    blobs = [name for name in weighted if name in places.values()]
    if not blobs:
        return None
    folder, traced = trace_more(pair, side, examples, looks, answers)
    held, weights = read_trace(folder), read_weights(answers.network, network)
    tried = blobs if len(blobs) <= MOST_SOLVED else blobs[:1]
    found = {one: fit_layer(network, weights, one, held, traced) for one in tried}
    fitted = tuple(found[one][0] if one in found else None for one in blobs)
    relative = max(float(one.get("relative") or 0.0) for one in beyond)
    is_all = all(name in weighted for name in places.values())
    is_wrong = any(is_refuted for _, is_refuted in found.values())
    return Faulty(side, tuple(blobs), fitted, relative, is_all, is_wrong)


def list_beyond(side: Side, examples: Sequence[str], looks: Looks) -> list[Finding]:
    """Where a side leaves its own rules on some examples."""
    envelope = looks.envelopes[side.label]
    return [one for name in examples for one in looks.find(side, side, name) if envelope.is_beyond(one)]


def name_pools(
    pair: Pair,
    side: Side,
    stages: Mapping[str, Stage],
    examples: Sequence[str],
    looks: Looks,
    answers: Answers,
) -> Iterator[Explanation]:
    """Explanations of a side that leaves its own rules at pools and nowhere else."""
    blobs = read_network(answers.network).blobs if answers.network is not None else ()
    pools = [one.name for one in blobs if one.layers and isinstance(one.layers[0], Pooling)]
    places = {find_blob(one["stage"]) for one in list_beyond(side, list(stages), looks)}
    if not places or not places <= set(pools):
        return
    found = tuple(name for name in pools if name in places)
    faulty = Faulty(side, found, (None,) * len(found), math.inf, is_all=True)
    values = ("by the rules", "otherwise") if side is pair.b else ("otherwise", "by the rules")
    named = Named(Cause.POOLING.value, f"pooling.{found[0]}" if len(found) == 1 else "pooling", *values)
    sentence = (
        f"{side.label} pools to {join_phrases(found)} otherwise than the rules, and keeps to all others."
    )
    evident = [one for one in stages if is_evident(pair, faulty, one, looks)]
    for example in examples if len(evident) == len(stages) else evident:
        causes = [*pair.name_partial(example), named]
        yield explain(pair, example, "consistent", causes, sentence, stage=stages.get(example))


def find_blob(stage: str) -> str:
    """The blob whose layers make a stage's value; nothing of a stage that no layer makes."""
    kind, _, rest = stage.partition(" ")
    return rest.removesuffix(" before") if kind in ("plain", "steered") else ""


def list_weighted(network: Network) -> list[str]:
    """The blobs that layers with parameters make."""
    return [
        one.name
        for one in network.blobs
        if one.layers and isinstance(one.layers[0], (Convolution, InnerProduct))
    ]


def trace_more(
    pair: Pair, side: Side, examples: Sequence[str], looks: Looks, answers: Answers
) -> tuple[Path, list[str]]:
    """A trace of more examples, so that there are equations enough; of a large network of no more."""
    folder = looks.traces[side.label]
    is_large = sum(map(math.prod, read_trace(folder).blobs.values())) > LARGE
    wanted = list(dict.fromkeys([*examples, *pair.diverging, *pair.agreeing]))[:MOST_TRACED]
    if is_large or side.trace is not None:
        return folder, list(examples)
    (found,) = run_errands(answers, [trace(side, wanted)])
    return (found, wanted) if isinstance(found, Path) else (folder, list(examples))


def try_fitted(pair: Pair, faulty: Faulty, examples: Sequence[str], answers: Answers) -> list[str]:
    """The examples of which the other side has tuple and logits with the parameters that were fitted."""
    assert answers.network is not None
    assert answers.made is not None
    side, other = faulty.side, pair.find_other(faulty.side)
    if other.trace is not None:
        return []
    fitted = [one for one in faulty.fitted if one is not None]
    arrays = {name: values for one in fitted for name, values in one.list_arrays().items()}
    shapes = read_network(answers.network).parameter_shapes()
    folder = make_network(
        answers.network, answers.made, {name: arrays[name] for name in shapes if name in arrays}
    )
    base = pair.list_onto(other)
    patch = {**base, "weights": {"from": str(folder), "layers": [one.layer for one in fitted]}}
    question = Question(other, (base, patch), examples)
    answers.ask([question])
    return list_alike(side, question, patch, answers)


def list_alike(side: Side, question: Question, patch: Data, answers: Answers) -> list[str]:
    """The examples of which a patch gives a side's tuple and logits, far nearer than the first one does."""
    return [
        one
        for one in question.examples
        if is_same_tuple(answers.find(question, patch, one), side.records[one])
        and measure_answer(answers.find(question, patch, one), side.records[one])
        <= min(
            NOISE, GAIN * measure_answer(answers.find(question, question.patches[0], one), side.records[one])
        )
    ]


def name_rounded(
    pair: Pair, faulty: Faulty, stages: dict[str, Stage], examples: Sequence[str], answers: Answers
) -> Iterator[Explanation]:
    """Explanations by layers that compute in another precision than the side says."""
    assert answers.network is not None
    side, other = faulty.side, pair.find_other(faulty.side)
    if other.trace is not None:
        return
    network = read_network(answers.network)
    layers = [network.blobs[network.index(blob)].layers[0].name for blob in faulty.blobs]
    base = pair.list_onto(other)
    patches = [
        {**base, "rounding": {"to": kind, "weights": both, "layers": layers}}
        for kind, both in product(ROUNDERS, (True, False))
    ]
    question = Question(other, (base, *patches), examples)
    answers.ask([question])
    found = {number: list_alike(side, question, one, answers) for number, one in enumerate(patches)}
    best = max(found, key=lambda number: len(found[number]))
    rounding = patches[best]["rounding"]
    words = f"{rounding['to']}{'' if rounding['weights'] else ' inputs'}"
    factor = f"precision.{faulty.blobs[0]}" if len(faulty.blobs) == 1 else "precision"
    values = ("float32", words) if side is pair.b else (words, "float32")
    named = Named(Cause.PRECISION.value, factor, *values)
    where = join_phrases(faulty.blobs) if len(layers) <= MOST_SOLVED else f"{len(layers)} layers"
    for example in found[best]:
        result = side.read_tuple(example)
        sentence = (
            f"{side.label} computes {where} in {words}, which no file says; so computed {other.label} has the"
            f" tuple {show_tuple(result)} and the logits of {side.label}."
        )
        proof = Proof("done", other.label, result, len(found[best]) - 1)
        causes = [*pair.name_partial(example), named]
        yield explain(pair, example, "proven", causes, sentence, proof=proof, stage=stages.get(example))


def is_evident(pair: Pair, faulty: Faulty, example: str, looks: Looks) -> bool:
    """Whether these layers alone can be it: the rest keeps to the rules, and rounding does no such thing.

    Grafted behind them, one side's values have to give that side's tuple.
    """
    if not faulty.is_all or not (any(faulty.fitted) or faulty.relative > HALF):
        return False
    flips = looks.flips.get(example, {})
    tuples = [flips.get((kind, faulty.blobs[-1])) for kind in ("steered", "plain")]
    return (pair.a if pair.b.trace is None else pair.b).read_tuple(example) in tuples
