"""Whether changes account for all that a cell said: its logits, too, also where the sides agree."""

from __future__ import annotations

from collections.abc import Sequence

from harness.explain.counterfactual import Answers, Data, Question, Side
from harness.explain.likeness import NOISE, find_median, measure_answer
from harness.explain.patches import as_patch, merge_patches

SHARE = 0.75  # of agreeing examples whose logits have to be met: a last bit may move a few far
ROOM = 3.0  # times what other last bits move an example's logits
MOST_NOISE = 0.02  # of the largest logit: an example that last bits move farther tells nothing
LAST_BITS: tuple[Data, ...] = (
    {"port": {"arithmetic": "exact"}},
    {"port": {"arithmetic": "term-by-term"}},
    {"batch_size": 1},
)
"""Changes of last bits alone: how far they move an example's logits is the noise that it has."""


def list_unmet(
    side: Side, data: Data, other: Side, examples: Sequence[str], agreeing: Sequence[str], answers: Answers
) -> set[str]:
    """The examples of which a side with a change has not the other's logits within noise.

    All of them where it has not those of agreeing examples, either.
    """
    question = Question(side, [data], [*examples, *agreeing])
    answers.ask([question])
    errors = {
        one: measure_answer(answers.find(question, data, one), other.records[one])
        for one in question.examples
    }
    if find_median(errors.values()) > NOISE:  # last bits move a few examples, and never most of them
        return set(examples)
    far = [one for one, error in errors.items() if error > NOISE]
    noise = measure_noise(side, data, far, answers) if far else {}
    far = [one for one in far if errors[one] > min(noise[one], MOST_NOISE)]
    missed = set(far) & set(agreeing)
    return set(examples) if len(missed) > (1 - SHARE) * len(agreeing) else set(far) & set(examples)


def measure_noise(side: Side, data: Data, examples: Sequence[str], answers: Answers) -> dict[str, float]:
    """How far other last bits move the logits that a side has with a change, with room to spare."""
    shaken = [merge_patches([as_patch(data), as_patch(one)]) for one in LAST_BITS]
    question = Question(side, [data, *shaken], examples)
    answers.ask([question])
    return {one: ROOM * measure_moves(question, shaken, one, answers) for one in examples}


def measure_moves(question: Question, shaken: Sequence[Data], example: str, answers: Answers) -> float:
    """The farthest that any of these changes moves an example's logits; 0 where none can be tried."""
    still = answers.find(question, question.patches[0], example)
    found = [answers.find(question, one, example) for one in shaken]
    return max((measure_answer(one, still) for one in found if one and still), default=0.0)
