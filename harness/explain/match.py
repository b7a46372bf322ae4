"""Blind: which undeclared change of the first side gives the second one's tuples and logits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof
from harness.explain.counterfactual import Answers, Question
from harness.explain.known import list_known, list_presets
from harness.explain.likeness import NOISE, find_median, is_same_tuple, measure_answer, measure_pass
from harness.explain.pair import Pair, explain
from harness.explain.patches import Patch, as_patch, merge_patches
from harness.explain.sentences import tell_matched
from harness.explain.undo import is_bound

MOST_PROBES, MOST_AGREEING = 10, 4
GAIN = 0.1  # of the difference without a change: what is left with the right one
AGREEING_SHARE = 0.75
MOST_ALSO = 5
ROUNDS = 3
SETTLED = 1e-5  # of the largest logit: below it there is nothing to look for
SAME_BITS = -6  # powers of ten below which float32 tells nothing

Candidate = tuple[Patch, ...]


@dataclass(frozen=True)
class Probe:
    """What changes are tried on: diverging and agreeing examples, over the second side's declared values."""

    pair: Pair
    base: Mapping[str, Any]
    diverging: tuple[str, ...]
    agreeing: tuple[str, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.diverging, *self.agreeing)

    def merge(self, candidate: Candidate) -> dict[str, Any]:
        """A change over the declared values."""
        return merge_patches([as_patch(self.base), *candidate])

    def ask(
        self, answers: Answers, candidates: Sequence[Candidate], examples: Sequence[str] = ()
    ) -> Question:
        """Have changes tried in the first side's environment."""
        data = list(map(self.merge, candidates))
        question = Question(self.pair.a, data, examples or self.examples)
        answers.ask([question])
        return question


@dataclass(frozen=True)
class Match:
    """How well a change accounts for the second side: on which diverging examples, and how near."""

    candidate: Candidate
    matched: frozenset[str]
    share: float
    error: float


Find = Callable[[Probe, Answers], list[Match]]
"""Finds changes that account for the second side."""


def match_known(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples that a change of the catalogue accounts for."""
    return match_by(find_known, pair, examples, answers)


def match_by(find: Find, pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples that changes account for; those that are left may have another."""
    left = list(examples)
    for _ in range(ROUNDS):
        probe = make_probe(pair, left, answers)
        is_open = probe is not None and (gold_differs(probe) or not is_settled(probe, answers))
        found = find_reduced(find, probe, answers) if probe is not None and is_open else []
        explained = list(tell_matches(probe, found, left, answers)) if probe is not None and found else []
        yield from explained
        left = [one for one in left if one not in {done.example for done in explained}]
        if not explained or not left:
            return


def find_reduced(find: Find, probe: Probe, answers: Answers) -> list[Match]:
    """Changes that account for the second side, each without what it does not need."""
    return [reduce_match(probe, one, answers) for one in find(probe, answers)]


def make_probe(pair: Pair, examples: Sequence[str], answers: Answers) -> Probe | None:
    """Examples to try changes on, over as many declared values as the first side takes; None without any."""
    chosen = tuple(spread(examples, MOST_PROBES))
    agreeing = tuple(spread(pair.agreeing, MOST_AGREEING))
    if not chosen:
        return None
    for patches in (pair.returned, [one for one in pair.returned if not is_bound(one)], []):
        probe = Probe(pair, merge_patches(patches), chosen, agreeing)
        question = probe.ask(answers, [()])
        if any(answers.find(question, probe.merge(()), one) for one in chosen):
            return probe
    return None


def spread(names: Sequence[str], most: int) -> list[str]:
    """So many of some names, evenly spread."""
    step = max(1, -(-len(names) // most))
    return list(names[::step])


def find_known(probe: Probe, answers: Answers) -> list[Match]:
    """The changes of the catalogue that account best for the second side; none where none does."""
    known = list_candidates(probe)
    question = probe.ask(answers, [(), *known])
    return choose_best(judge(probe, question, known, answers, labels_alone=gold_differs(probe)))


def is_settled(probe: Probe, answers: Answers) -> bool:
    """Whether the declared values alone leave nothing but last bits."""
    question = probe.ask(answers, [()])
    return find_median(measure(probe, question, (), one, answers) for one in probe.diverging) <= SETTLED


def list_candidates(probe: Probe) -> list[Candidate]:
    """Every single change of the catalogue, and each other published port as a whole."""
    job = apply_data(probe.pair.a.job, probe.base)
    arrays = any("npy" in probe.pair.b.records[one] for one in probe.examples)
    singles = [(one,) for one in list_known(job, has_arrays=arrays, labels=probe.pair.labels)]
    return [*singles, *list_presets(job)]


def apply_data(job: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """A job with what a patch sets of its port, parameters and preprocessing."""
    changed = copy.deepcopy(dict(job))
    changed["port"]["rules"] = {**changed["port"]["rules"], **data.get("port", {})}
    changed["parameters"].update(data.get("parameters", {}))
    changed["model"]["preprocess"].update(data.get("preprocess", {}))
    changed["examples"].update({key: data[key] for key in ("npy",) if key in data})
    changed.update({key: data[key] for key in ("decoder", "batch_size") if key in data})
    return changed


def gold_differs(probe: Probe) -> bool:
    """Whether it is the gold label in which the sides differ."""
    pair = probe.pair
    return any(pair.a.read_tuple(one)[0] != pair.b.read_tuple(one)[0] for one in probe.diverging)


def judge(
    probe: Probe,
    question: Question,
    candidates: Sequence[Candidate],
    answers: Answers,
    *,
    labels_alone: bool = False,
) -> list[Match]:
    """How well each change accounts for the second side; where gold differs, changes of labels alone."""
    chosen = [one for one in candidates if not labels_alone or one[0].cause is Cause.LABELS]
    before = {one: measure(probe, question, (), one, answers) for one in probe.diverging}
    return [judge_candidate(probe, question, one, answers, before, labels_alone) for one in chosen]


def judge_candidate(
    probe: Probe,
    question: Question,
    candidate: Candidate,
    answers: Answers,
    before: Mapping[str, float],
    labels_alone: bool,
) -> Match:
    """On which examples a change gives the second side's tuple, and logits far nearer than without it."""
    errors = {one: measure(probe, question, candidate, one, answers) for one in probe.examples}
    limits = {one: NOISE if labels_alone else min(NOISE, GAIN * value) for one, value in before.items()}
    if all(one.cause is Cause.ARITHMETIC for one in candidate):  # last bits, which any library has of its own
        limits = dict.fromkeys(errors, 0.0)
    like = [one for one, error in errors.items() if error <= limits.get(one, NOISE)]
    records = probe.pair.b.records
    data = probe.merge(candidate)
    same = {one for one in like if is_same_tuple(answers.find(question, data, one), records[one])}
    matched = frozenset(same & set(probe.diverging))
    share = len(same & set(probe.agreeing)) / len(probe.agreeing) if probe.agreeing else 1.0
    return Match(candidate, matched, share, find_median(errors[one] for one in matched))


def measure(probe: Probe, question: Question, candidate: Candidate, example: str, answers: Answers) -> float:
    """How far the answer with a change is from the second side's."""
    found = answers.find(question, probe.merge(candidate), example)
    return measure_answer(found, probe.pair.b.records[example])


def choose_best(matches: Sequence[Match]) -> list[Match]:
    """The change that accounts for most, and those that account for the same as well; none without any."""
    good = [one for one in matches if one.matched and one.share >= AGREEING_SHARE]
    ranked = sorted(good, key=rank_match)
    return [one for one in ranked if rank_match(one)[:2] == rank_match(ranked[0])[:2]]


def reduce_match(probe: Probe, match: Match, answers: Answers) -> Match:
    """A match without those of its changes that it is as good without; pairs have none of them."""
    while len(match.candidate) > 2:
        shorter = [tuple(one for one in match.candidate if one is not left) for left in match.candidate]
        found = judge(probe, probe.ask(answers, [(), *shorter]), shorter, answers)
        good = [one for one in found if one.matched >= match.matched and one.share >= match.share]
        if not good:
            break
        match = min(good, key=rank_match)
    return match


def rank_match(match: Match) -> tuple[int, int, int]:
    """More examples first, then logits nearer by a power of ten, then fewer changes."""
    nearness = -99 if match.error == 0 else round(math.log10(match.error))
    return -len(match.matched), max(nearness, SAME_BITS), len(match.candidate)


def measure_plain(probe: Probe, question: Question, candidate: Candidate, answers: Answers) -> float:
    """Median difference of plain logits."""
    data, records = probe.merge(candidate), probe.pair.b.records
    found = {one: answers.find(question, data, one) for one in probe.examples}
    return find_median(
        math.inf if record is None else measure_pass(record, records[one], "original")
        for one, record in found.items()
    )


def tell_matches(
    probe: Probe, found: Sequence[Match], examples: Sequence[str], answers: Answers
) -> Iterator[Explanation]:
    """Explanations of all examples that the best change accounts for."""
    pair, best = probe.pair, found[0]
    candidates = [one.candidate for one in found[: 1 + MOST_ALSO]]
    whole = replace(probe, diverging=tuple(examples), agreeing=())
    question = whole.ask(answers, [(), *candidates])
    labels_alone = best.candidate[0].cause is Cause.LABELS
    first, *others = judge(whole, question, candidates, answers, labels_alone=labels_alone)
    declared = [Named(one.cause.value, one.factor, one.was, one.sets) for one in pair.returned if probe.base]
    for example in examples:
        if example in first.matched:
            yield tell_match(
                pair, example, first, [one for one in others if example in one.matched], declared
            )


def tell_match(
    pair: Pair, example: str, match: Match, others: Sequence[Match], declared: Sequence[Named]
) -> Explanation:
    """The explanation that a change is."""
    said = pair.name_partial(example)
    causes = [*said, *(one.name_done() for one in match.candidate)]
    result, beside = pair.b.read_tuple(example), max(0, len(declared) - len(said))
    return explain(
        pair,
        example,
        "proven",
        causes,
        tell_matched(causes, pair.names, result, beside=beside, said=len(said)),
        also=[[one.name_done() for one in other.candidate] for other in others],
        proof=Proof("done", pair.a.label, result, len(match.matched) - 1),
    )
