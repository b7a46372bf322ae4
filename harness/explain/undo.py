"""Declared differences undone: the smallest set of the other side's values that gives the other's tuple."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.explain.account import list_unmet
from harness.explain.causes import Explanation, Named, Proof, Tuple
from harness.explain.counterfactual import Answers, Question, Side
from harness.explain.minimise import Factors, Minimal, Tried, list_first_sets, minimise_all
from harness.explain.pair import Pair, explain
from harness.explain.patches import Patch, merge_patches
from harness.explain.sentences import tell_partial, tell_undone

Direction = Literal["undone", "done"]
DIRECTIONS: tuple[Direction, ...] = ("undone", "done")
BOUND = ("decoder", "network", "port.arithmetic")
"""What an environment may lack the means for, beside settings."""


@dataclass(frozen=True)
class Way:
    """Declared patches onto one side, and the tuples of the other, which they are to give."""

    kind: Direction
    side: Side
    patches: Mapping[str, Patch]
    wanted: Mapping[str, Tuple]

    def merge(self, factors: Factors) -> dict[str, Any]:
        """The patch that sets some factors."""
        return merge_patches([self.patches[name] for name in self.patches if name in factors])

    def name(self, factors: Factors) -> list[Named]:
        """These factors as causes."""
        chosen = [self.patches[name] for name in self.patches if name in factors]
        if self.kind == "undone":
            return [one.name_undone() for one in chosen]
        return [Named(one.cause.value, one.factor, one.was, one.sets) for one in chosen]


def list_first(pair: Pair) -> list[dict[str, Any]]:
    """What a search begins with: each declared difference undone alone, all, and all but each.

    Those that depend on an environment's means are tried alone: all others together do not need them.
    """
    sure = {one.factor: one for one in pair.declared if not is_bound(one)}
    sets = list_first_sets(tuple(sure)) if sure else []
    merged = [merge_patches([sure[name] for name in sure if name in one]) for one in sets]
    return [*merged, *(dict(one.data) for one in pair.declared if is_bound(one))]


def is_bound(patch: Patch) -> bool:
    """Whether it depends on an environment whether a patch can be set there."""
    return patch.factor.startswith("settings.") or patch.factor in BOUND


def undo_declared(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The first side's declared values on the second; where that cannot be, the other way round."""
    left = list(examples)
    for kind in DIRECTIONS:
        if not left:
            return
        drop_impossible(pair, kind, left[0], answers)
        for found in search_way(pair, make_way(kind, pair, left), left, answers):
            left.remove(found.example)
            yield found


def drop_impossible(pair: Pair, kind: Direction, example: str, answers: Answers) -> None:
    """Leave out the differences that the side on which they are to be set cannot have."""
    side, patches = (pair.b, pair.declared) if kind == "undone" else (pair.a, pair.returned)
    bound = [one for one in patches if is_bound(one)]
    question = Question(side, [one.data for one in bound], (example,))
    answers.ask([question])
    away = [one.factor for one in bound if answers.find(question, one.data, example) is None]
    kept = tuple(one for one in patches if one.factor not in away)
    if kind == "undone":
        pair.declared = kept
        pair.untested.extend(away)
    else:
        pair.returned = kept


def make_way(kind: Direction, pair: Pair, examples: Sequence[str]) -> Way:
    """Patches and wanted tuples of a direction."""
    side, other = (pair.b, pair.a) if kind == "undone" else (pair.a, pair.b)
    patches = pair.declared if kind == "undone" else pair.returned
    wanted = {example: other.read_tuple(example) for example in examples}
    return Way(kind, side, {one.factor: one for one in patches}, wanted)


def search_way(pair: Pair, way: Way, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """Explanations of the examples that some set of factors turns.

    Where something else moves the logits, too, they are kept as partial: another strategy may find it.
    """
    if not way.patches or not examples:
        return

    def try_sets(wanted: Mapping[str, Sequence[Factors]]) -> Mapping[str, Tried]:
        return try_factors(way, wanted, answers)

    found = minimise_all(dict.fromkeys(examples, tuple(way.patches)), try_sets)
    often = count_sets(found.values())
    turned = {example: minimal for example, minimal in found.items() if minimal is not None}
    unmet = list_unmet_by(pair, way, list(turned), answers) if turned else set()
    for example, minimal in turned.items():
        least, is_all = prefer_often(minimal, often), example not in unmet
        told = tell_way(pair, way, example, least, answers, is_all=is_all)
        if is_all:
            pair.partial.pop(example, None)
            yield told
        else:
            pair.partial.setdefault(example, told)


def list_unmet_by(pair: Pair, way: Way, examples: Sequence[str], answers: Answers) -> set[str]:
    """The examples of which all declared differences together do not give the other side's logits."""
    other = pair.a if way.kind == "undone" else pair.b
    whole = way.merge(frozenset(way.patches))
    return list_unmet(way.side, whole, other, examples, pair.agreeing, answers)


def count_sets(found: Iterable[Minimal | None]) -> Counter[Factors]:
    """On how many examples each smallest set suffices."""
    return Counter(one for minimal in found if minimal for one in (minimal.factors, *minimal.also))


def prefer_often(minimal: Minimal, often: Mapping[Factors, int]) -> Minimal:
    """Of several smallest sets the one that suffices on most examples: one may turn a tuple by chance."""
    ones = sorted((minimal.factors, *minimal.also), key=lambda one: -often[one])
    return replace(minimal, factors=ones[0], also=tuple(ones[1:]))


def try_factors(way: Way, wanted: Mapping[str, Sequence[Factors]], answers: Answers) -> dict[str, Tried]:
    """Whether each set of factors gives the other side's tuple, tried in one execution."""
    sets = list(dict.fromkeys(one for ones in wanted.values() for one in ones))
    data = {one: way.merge(one) for one in sets}
    only = [tuple(name for name, ones in wanted.items() if one in ones) for one in sets]
    question = Question(way.side, list(data.values()), list(wanted), only=only)
    answers.ask([question])
    return {
        example: {
            one: answers.find_tuple(question, data[one], example) == way.wanted[example] for one in ones
        }
        for example, ones in wanted.items()
    }


def tell_way(
    pair: Pair, way: Way, example: str, minimal: Minimal, answers: Answers, *, is_all: bool
) -> Explanation:
    """The explanation that a smallest set is; proven where declared differences account for the logits."""
    causes, data, result = way.name(minimal.factors), way.merge(minimal.factors), way.wanted[example]
    question = Question(way.side, (data,), (example,))
    results = {one: answers.find_tuple(question, data, one) for one in way.wanted if one != example}
    others = sum(found == way.wanted[one] for one, found in results.items())
    names = pair.names if way.kind == "undone" else pair.names[::-1]
    told = causes if way.kind == "undone" else [Named(one.cause, one.factor, one.b, one.a) for one in causes]
    return explain(
        pair,
        example,
        "proven" if is_all else "consistent",
        causes,
        tell_undone(told, names, result) if is_all else tell_partial(told, names, result),
        also=[way.name(one) for one in minimal.also],
        proof=Proof(way.kind, way.side.label, result, others),
        settings=minimal.tried,
    )
