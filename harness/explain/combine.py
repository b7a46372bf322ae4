"""What takes longer to find: a fitted parameter, or two undeclared changes together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from harness.explain.causes import Cause, Explanation
from harness.explain.counterfactual import Answers, Failure, Question, Record
from harness.explain.errands import run_errands, trace
from harness.explain.fit import fit_parameters
from harness.explain.inputs import fit_inputs
from harness.explain.likeness import NOISE, find_median, read_top
from harness.explain.match import (
    GAIN,
    Candidate,
    Match,
    Probe,
    apply_data,
    choose_best,
    gold_differs,
    judge,
    list_candidates,
    match_by,
    measure,
    measure_plain,
)
from harness.explain.pair import Pair
from harness.explain.patches import Patch

FEW, MOST_PAIRS = 2, 1000  # examples that pairs of changes are tried on, and how many pairs
MOST_TRACED = 3  # examples whose inputs are looked at


def match_combined(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples that a fitted parameter, or two changes of the catalogue, account for."""
    return match_by(find_combined, pair, examples, answers)


def find_combined(probe: Probe, answers: Answers) -> list[Match]:
    """Likewise a value of a parameter, or two changes."""
    if gold_differs(probe):
        return []
    known = list_candidates(probe)
    question = probe.ask(answers, [(), *known])
    return find_fitted(probe, question, answers) or find_pairs(probe, known, question, answers)


def find_pairs(probe: Probe, known: Sequence[Candidate], question: Question, answers: Answers) -> list[Match]:
    """Two changes: of the input, which plain logits tell, and of the steering; or two of the steering."""
    singles = [one for one in known if len(one) == 1]
    steering = list_distinct(probe, singles, question, answers)
    pairs: list[Candidate]
    if measure_plain(probe, question, (), answers) <= NOISE:
        pairs = list_pairs(steering)
        probe = replace(probe, diverging=probe.diverging[:FEW], agreeing=probe.agreeing[:1])
    else:
        traced = find_traced(probe, answers)
        alone = judge(probe, probe.ask(answers, [(), *traced]), traced, answers) if traced else []
        if choose_best(alone):
            return choose_best(alone)
        inputs = traced or find_inputs(probe, singles, question, answers)
        pairs = [(*one, *other) for one in inputs for other in steering]
    if not pairs:
        return []
    return choose_best(judge(probe, probe.ask(answers, [(), *pairs]), pairs, answers))


def list_distinct(
    probe: Probe, singles: Sequence[Candidate], question: Question, answers: Answers
) -> list[Candidate]:
    """Changes of the steering that change something, one of each that change the same."""
    distinct: dict[tuple[Any, ...], Candidate] = {}
    for candidate in [(), *singles]:
        if not candidate or not (candidate[0].is_input or candidate[0].cause is Cause.LABELS):
            found = (answers.find(question, probe.merge(candidate), one) for one in probe.diverging)
            distinct.setdefault(tuple(sign_answer(one) for one in found), candidate)
    return [candidate for candidate in distinct.values() if candidate]


def sign_answer(record: Record | None) -> Any:
    """What two answers have in common that are the same but for last bits."""
    if record is None:
        return None
    return tuple(
        (number, value and float(f"{value:.3g}")) for number, value in read_top(record, "attribute").items()
    )


def list_pairs(steering: Sequence[Candidate]) -> list[Candidate]:
    """Two changes of different factors each."""
    pairs: list[Candidate] = [
        (one, other)
        for (one,), (other,) in combinations(steering, 2)
        if one.factor != other.factor and not (one.data.get("port") and shares_rule(one, other))
    ]
    return pairs if len(pairs) <= MOST_PAIRS else []


def shares_rule(one: Patch, other: Patch) -> bool:
    """Whether two changes set one rule."""
    return bool(set(one.data.get("port", {})) & set(other.data.get("port", {})))


def find_inputs(
    probe: Probe, singles: Sequence[Candidate], question: Question, answers: Answers
) -> list[Candidate]:
    """The changes of the input, at most two, whose plain logits are the second side's."""
    before = measure_plain(probe, question, (), answers)
    errors = {
        number: measure_plain(probe, question, one, answers)
        for number, one in enumerate(singles)
        if one[0].is_input
    }
    near = sorted((error, number) for number, error in errors.items() if error <= min(NOISE, GAIN * before))
    return [singles[number] for _, number in near[:2]]


def find_traced(probe: Probe, answers: Answers) -> list[Candidate]:
    """Changes of the input, with a mean and a scale of any value, that the second side's trace tells of."""
    side, examples = probe.pair.b, probe.diverging[:MOST_TRACED]
    if not any(has_other_input(probe.pair, one) for one in examples):
        return []
    folder = side.trace or run_errands(answers, [trace(side, examples)])[0]
    if isinstance(folder, Failure):
        return []
    found = fit_inputs(apply_data(probe.pair.a.job, probe.base), folder, examples)
    return [tuple(found)] if found else []


def has_other_input(pair: Pair, example: str) -> bool:
    """Whether both sides read the same pixels, and do not make the same input of them."""
    ours, theirs = (one.records[example].get("hashes") or {} for one in (pair.a, pair.b))
    return bool(ours.get("pixels")) and ours["pixels"] == theirs.get("pixels") and ours != theirs


def find_fitted(probe: Probe, question: Question, answers: Answers) -> list[Match]:
    """Alpha, beta or epsilon of a value that is not in the catalogue."""
    if measure_plain(probe, question, (), answers) > NOISE:
        return []

    def measure_all(patches: Sequence[Patch]) -> list[float]:
        asked = probe.ask(answers, [(one,) for one in patches], probe.diverging)
        return [
            find_median(measure(probe, asked, (patch,), one, answers) for one in probe.diverging)
            for patch in patches
        ]

    fitted = [(one,) for one in fit_parameters(apply_data(probe.pair.a.job, probe.base), measure_all)]
    asked = probe.ask(answers, [(), *fitted])
    return choose_best(judge(probe, asked, fitted, answers))
