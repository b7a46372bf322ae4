"""What a worker is started with: threads, variables, packages, an image, in a copy of an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.explain.causes import Explanation, Named, Proof
from harness.explain.counterfactual import Answers, Question
from harness.explain.deviation import find_settled
from harness.explain.factors import PLACES, Bridge, copy_environment, list_bridges
from harness.explain.likeness import NOISE, is_alike, measure_answer
from harness.explain.minimise import Factors, Minimal, Tried, minimise_all
from harness.explain.pair import Pair, explain
from harness.explain.patches import Patch, merge_patches
from harness.explain.sentences import tell_undone
from harness.explain.undo import count_sets, prefer_often

MOST_BRIDGES = 12


@dataclass(frozen=True)
class Crossing:
    """What is set on the second side of a pair: bridges in copies of its environment, patches there."""

    pair: Pair
    bridges: Mapping[str, Bridge]
    patches: Mapping[str, Patch]

    def ask(self, factors: Factors, examples: Sequence[str]) -> Question:
        """The question what the second cell answers with the first one's values of some factors."""
        pair, crossed = self.pair, factors & set(self.bridges)
        copy = copy_environment(pair.a.environment, pair.b.environment, crossed) if crossed else None
        return Question(pair.b, [self.merge(factors)], examples, copy)

    def merge(self, factors: Factors) -> dict[str, Any]:
        """The patch that goes with some factors."""
        return merge_patches([one for name, one in self.patches.items() if name in factors])

    def name(self, factors: Factors) -> list[Named]:
        """These factors as causes."""
        named = [one.name_undone() for name, one in self.patches.items() if name in factors]
        return [*named, *(one.name() for name, one in self.bridges.items() if name in factors)]


def cross_bridges(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples that turn in a copy of the second environment with some of the first one's values.

    With them go declared differences, as far as they are needed: the smallest set of both is named.
    """
    bridges = find_bridges(pair)
    chosen = choose_crossed(pair, bridges, examples, answers) if bridges else []
    if not chosen:
        return
    crossing = Crossing(pair, bridges, {one.factor: one for one in pair.list_differences()})

    def try_sets(wanted: Mapping[str, Sequence[Factors]]) -> Mapping[str, Tried]:
        return try_crossed(crossing, wanted, answers)

    found = minimise_all(dict.fromkeys(chosen, (*crossing.patches, *bridges)), try_sets)
    often = count_sets(found.values())
    for example, minimal in found.items():
        if minimal is not None:
            yield tell_bridge(crossing, example, prefer_often(minimal, often))


def find_bridges(pair: Pair) -> dict[str, Bridge]:
    """What can be set in a copy of the second environment; what cannot is noted as not tested."""
    bridges = {one.factor: one for one in list_bridges(pair.a, pair.b)}
    ours, theirs = pair.a.environment, pair.b.environment
    if ours.backend != theirs.backend:
        pair.untested.append("backend (no environment has both)")
        why = "another backend has its own"
    elif len(bridges) > MOST_BRIDGES:
        why = f"more than {MOST_BRIDGES} differ"
    else:
        return bridges
    pair.untested.extend(f"{name} ({why})" for name in bridges)
    return {}


def choose_crossed(
    pair: Pair, bridges: Mapping[str, Bridge], examples: Sequence[str], answers: Answers
) -> list[str]:
    """The examples of which bridges may tell.

    In another image anything may be otherwise, not numbers' last bits alone. So it is tried on examples of
    which it is known that nothing but last bits parts the sides.
    """
    if not set(bridges) & set(PLACES):
        return list(examples)
    settled = find_settled(pair, examples, answers)
    ours, theirs = pair.a.records, pair.b.records
    return [
        one
        for one in examples
        if one in settled or (not pair.declared and measure_answer(ours[one], theirs[one]) <= NOISE)
    ]


def try_crossed(
    crossing: Crossing, wanted: Mapping[str, Sequence[Factors]], answers: Answers
) -> dict[str, Tried]:
    """Whether the first side's tuple and logits come out, with every set of factors, side by side."""
    sets = list(dict.fromkeys(one for ones in wanted.values() for one in ones))
    questions = {
        one: crossing.ask(one, [name for name, ones in wanted.items() if one in ones]) for one in sets
    }
    note_failures(crossing, ask_together(list(questions.items()), answers))
    records = crossing.pair.a.records
    return {
        example: {
            one: is_alike(answers.find(questions[one], crossing.merge(one), example), records[example])
            for one in ones
        }
        for example, ones in wanted.items()
    }


def ask_together(
    questions: Sequence[tuple[Factors, Question]], answers: Answers
) -> Iterator[tuple[Factors, str]]:
    """Ask with one execution a copy; the factors of copies that could not run, and why."""
    places: dict[str, list[tuple[Factors, Question]]] = {}
    for factors, question in questions:
        places.setdefault(question.place.name, []).append((factors, question))
    merged = [merge_questions([one for _, one in ones]) for ones in places.values()]
    for ones, failure in zip(places.values(), answers.ask(merged), strict=True):
        if failure is not None:
            yield min((factors for factors, _ in ones), key=len), failure.reason


def merge_questions(ones: Sequence[Question]) -> Question:
    """Questions in one place as one."""
    first, examples = ones[0], list(dict.fromkeys(name for one in ones for name in one.examples))
    patches = [one.patches[0] for one in ones]
    return Question(first.side, patches, examples, first.environment, only=[one.examples for one in ones])


def note_failures(crossing: Crossing, failures: Iterator[tuple[Factors, str]]) -> None:
    """Say of a factor that could not be tried alone why not."""
    for factors, reason in failures:
        alone = factors & set(crossing.bridges)
        if len(alone) == 1:
            crossing.pair.untested.append(f"{''.join(alone)} ({reason})")


def tell_bridge(crossing: Crossing, example: str, found: Minimal) -> Explanation:
    """The explanation that a set of factors is, of which one at least is an environment's."""
    pair, result = crossing.pair, crossing.pair.a.read_tuple(example)
    named, place = crossing.name(found.factors), crossing.ask(found.factors, [example]).place
    return explain(
        pair,
        example,
        "proven",
        named,
        tell_undone(named, pair.names, result),
        also=[crossing.name(one) for one in found.also],
        proof=Proof("bridge", place.name, result),
        settings=found.tried,
    )
