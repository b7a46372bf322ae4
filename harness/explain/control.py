"""Controls: a cell that is run again has to answer as before, or nothing else is claimed of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.core.errors import InputError
from harness.diff.fingerprints import compare_cells
from harness.explain.causes import Cause, Explanation, Named, Proof, Verdict
from harness.explain.counterfactual import (
    AS_IT_IS,
    Answers,
    Data,
    Question,
    Record,
    Side,
    key_place,
    take_tuple,
    write_data,
)
from harness.explain.ladder import list_traces
from harness.explain.likeness import NOISE, is_same_tuple, measure_answer
from harness.explain.pair import Pair, explain
from harness.explain.sentences import tell_unstable
from harness.records.cell import read_cell


def check_control(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples on which a cell that was run again has another tuple than in the run, or other logits."""
    for example in examples:
        for side in (pair.b, pair.a):
            again = answers.find(Question(side, (AS_IT_IS,), (example,)), AS_IT_IS, example)
            if again is not None and is_unstable(again, side.records[example]):
                check_code(side, answers)
                check_surroundings(side, answers)
                yield tell_control(pair, side, example, again)
                break


def is_unstable(again: Record, said: Record) -> bool:
    """Whether a second answer has another tuple than the first, or logits that differ beyond noise."""
    return not is_same_tuple(again, said) or measure_answer(again, said) > NOISE


def tell_control(pair: Pair, side: Side, example: str, again: Record) -> Explanation:
    """The explanation that a cell which disagrees with itself is; proven where its tuple turned."""
    said, result = side.read_tuple(example), take_tuple(again)
    assert result is not None  # an answer without one is not found
    error = measure_answer(again, side.records[example])
    sentence = tell_unstable(side.label, said, result, error)
    named = Named(Cause.NONDETERMINISM.value, "execution", list(said), list(result))
    verdict: Verdict = "consistent" if result == said else "proven"
    return explain(pair, example, verdict, [named], sentence, proof=Proof("control", side.label, result))


def check_code(side: Side, answers: Answers) -> None:
    """InputError where other code than the run's answers otherwise: that is no nondeterminism."""
    was = (side.job.get("hashes") or {}).get("worker")
    if answers.worker is not None and was != answers.worker:
        raise InputError(
            f"{side.label}: answers otherwise than in the run, which was made by another version of the"
            " harness; run it again, and explain that run"
        )


def check_surroundings(side: Side, answers: Answers) -> None:
    """InputError where a cell that answers otherwise ran on another machine now, or with other libraries."""
    folder = answers.folders.get(key_place(Question(side, (), ())))
    was = {key: side.cell.get(key) for key in ("job", "fingerprint")}
    if folder is None or not was["fingerprint"]:
        return
    now = {**was, "fingerprint": read_cell(folder).get("fingerprint")}
    changed = [one for one in compare_cells(was, now) if one.matters]
    if changed:
        first, more = changed[0], f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise InputError(
            f"{side.label}: answers otherwise than in the run, which found other surroundings ({first.what}:"
            f" {first.baseline or 'none'} then, {first.here or 'none'} now{more}); run it again, and explain"
            " that run"
        )


def run_again(pair: Pair, diverging: Sequence[str], answers: Answers, first: Sequence[Data]) -> None:
    """Have both cells run again on examples, with what is to be tried first on `b`.

    A single divergence is traced beside it, for it is looked at in any case, whatever explains it.
    InputError where neither can be run here.
    """
    asked = [(pair.b, [AS_IT_IS, *first]), (pair.a, [AS_IT_IS])]
    asked = [one for one in asked if one[0].trace is None]
    traces = list_traces(pair, diverging).values() if len(pair.diverging) == 1 and answers.auditor else ()
    failures = answers.ask([ask_again(pair, *one, diverging) for one in asked], list(traces))
    for (side, _), failure in zip(asked, failures, strict=True):
        if failure is not None:
            pair.untested.append(f"{side.label}: {failure.reason}")
    reasons = [failure.reason for failure in failures if failure is not None]
    if len(reasons) == len(failures):
        raise InputError(f"{pair.b.label}: cannot be run again here ({reasons[0]})")


def ask_again(pair: Pair, side: Side, patches: Sequence[Data], diverging: Sequence[str]) -> Question:
    """A side's first question: all declared differences together are tried where the sides agree, too."""
    whole, both = write_data(pair.undoing), [*diverging, *pair.agreeing]
    only = [both if one and write_data(one) == whole else diverging for one in patches]
    return Question(side, patches, both if both in only else diverging, only=only)
