"""What a worker is started with: another's threads, variables, packages in a copy of an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.explain.causes import Cause, Explanation, Named, Proof
from harness.explain.counterfactual import Answers, Question
from harness.explain.minimise import Factors, Minimal, Tried, minimise_all
from harness.explain.pair import Pair, explain
from harness.explain.sentences import tell_undone
from harness.plan.environments import Environment

WHOLE = ("backend", "launcher", "image", "python")  # of an environment, with which all else would change
MOST_BRIDGES = 12


@dataclass(frozen=True)
class Bridge:
    """One factor of an environment: its name, its value on either side, and where it stands."""

    factor: str
    a: Any
    b: Any

    def name(self) -> Named:
        """As a cause."""
        return Named(Cause.NUMERICS.value, self.factor, self.a, self.b)


def cross_bridges(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The examples that turn in a copy of the second environment with some of the first one's values."""
    ours, theirs = pair.a.environment, pair.b.environment
    pair.untested.extend(name for name in WHOLE if getattr(ours, name) != getattr(theirs, name))
    bridges = {one.factor: one for one in list_bridges(ours, theirs)}
    examples = [one for one in examples if one not in pair.partial]  # their tuple is back without any
    if not examples or not bridges or pair.untested or len(bridges) > MOST_BRIDGES:
        pair.untested.extend(bridges if pair.untested or len(bridges) > MOST_BRIDGES else ())
        return

    def try_sets(wanted: Mapping[str, Sequence[Factors]]) -> Mapping[str, Tried]:
        return try_copies(pair, bridges, wanted, answers)

    for example, found in minimise_all(dict.fromkeys(examples, tuple(bridges)), try_sets).items():
        if found is not None:
            yield tell_bridge(pair, bridges, example, found)


def list_bridges(a: Environment, b: Environment) -> Iterator[Bridge]:
    """In what two environments differ that a worker is started with."""
    if a.settings.threads != b.settings.threads:
        yield Bridge("settings.threads", a.settings.threads, b.settings.threads)
    for name in dict.fromkeys([*a.variables, *b.variables]):
        if a.variables.get(name) != b.variables.get(name):
            yield Bridge(f"variables.{name}", a.variables.get(name), b.variables.get(name))
    if sorted(a.packages) != sorted(b.packages):
        ours, theirs = set(a.packages), set(b.packages)
        yield Bridge("packages", sorted(ours - theirs), sorted(theirs - ours))


def copy_environment(a: Environment, b: Environment, factors: Factors) -> Environment:
    """The second environment with some factors of the first one."""
    variables = dict(b.variables)
    changed: dict[str, Any] = {"name": f"{b.name}~{'~'.join(sorted(factors))}"}
    for factor in factors:
        table, _, name = factor.partition(".")
        if table == "settings":
            changed["settings"] = b.settings.model_copy(update={name: getattr(a.settings, name)})
        elif table == "packages":
            changed["packages"] = a.packages
        elif name in a.variables:
            variables[name] = a.variables[name]
        else:
            variables.pop(name, None)
    return b.model_copy(update={**changed, "variables": variables})


def try_copies(
    pair: Pair, bridges: Mapping[str, Bridge], wanted: Mapping[str, Sequence[Factors]], answers: Answers
) -> dict[str, Tried]:
    """Whether the first side's tuple comes out, in a copy for every set of factors, side by side."""
    data = pair.undoing
    sets = list(dict.fromkeys(one for ones in wanted.values() for one in ones))
    copies = {
        one: copy_environment(pair.a.environment, pair.b.environment, one & set(bridges)) for one in sets
    }
    questions = {one: Question(pair.b, [data], list(wanted), copies[one]) for one in sets}
    failures = answers.ask(list(questions.values()))
    pair.untested.extend(
        f"{'+'.join(sorted(one))} ({failure.reason})"
        for one, failure in zip(sets, failures, strict=True)
        if failure is not None and len(one) == 1
    )
    return {
        example: {
            one: answers.find_tuple(questions[one], data, example) == pair.a.read_tuple(example)
            for one in ones
        }
        for example, ones in wanted.items()
    }


def tell_bridge(pair: Pair, bridges: Mapping[str, Bridge], example: str, found: Minimal) -> Explanation:
    """The explanation that a set of an environment's factors is, beside the declared differences."""
    causes = [bridges[name].name() for name in bridges if name in found.factors]
    named = [*(one.name_undone() for one in pair.declared), *causes]
    result = pair.a.read_tuple(example)
    copy = copy_environment(pair.a.environment, pair.b.environment, found.factors)
    return explain(
        pair,
        example,
        "proven",
        named,
        tell_undone(named, pair.names, result),
        also=[[bridges[name].name() for name in sorted(one)] for one in found.also],
        proof=Proof("bridge", copy.name, result),
        settings=found.tried,
    )
