"""The state of a net, and which layers run in it: `include` and `exclude` rules, as Caffe evaluates them.

The rules are those of Caffe 1.0's `src/caffe/net.cpp`, `Net::FilterNet` and `Net::StateMeetsRule`. What a
file's own `state` counts for is said there by the constructor of `Net` that reads a file: phase and level are
replaced, stages are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.core.errors import InputError

TEST, PHASES = 1, ("TRAIN", "TEST")
MOST_LEVEL = (1 << 31) - 1
MOST_TRIED = 20


@dataclass(frozen=True)
class State:
    """What a net is told beside its file: level, and stages, sorted and each once. The phase is TEST."""

    level: int = 0
    stages: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"level": self.level, "stages": list(self.stages)}


@dataclass(frozen=True)
class Situation:
    """A state with the phase and the file's own stages."""

    phase: int
    level: int
    stages: frozenset[str]


def make_state(level: int | None, stages: Sequence[str] | None) -> State:
    """A state from what was given, in whatever order; InputError for a level that Caffe cannot hold."""
    if level is not None and not -MOST_LEVEL <= level <= MOST_LEVEL:
        raise InputError(f"level {level}: must be from {-MOST_LEVEL} to {MOST_LEVEL}")
    return State(level or 0, tuple(sorted(set(stages or ()))))


def find_situation(net: Any, state: State) -> Situation:
    """What holds when Caffe reads a file: phase and level are the caller's, the file's stages stay."""
    return Situation(TEST, state.level, frozenset((*net.state.stage, *state.stages)))


def is_included(layer: Any, situation: Situation) -> bool:
    """Whether a layer is in the net; InputError where Caffe itself ends."""
    if layer.include and layer.exclude:
        raise InputError(f"layer {layer.name}: has rules of both kinds, include and exclude; keep one kind")
    if layer.include:
        return any(meets_rule(situation, rule) for rule in layer.include)
    return not any(meets_rule(situation, rule) for rule in layer.exclude)


def meets_rule(situation: Situation, rule: Any) -> bool:
    """Whether a rule's phase, levels, all of its stages and none of its not_stages hold."""
    return not (
        (rule.HasField("phase") and rule.phase != situation.phase)
        or (rule.HasField("min_level") and situation.level < rule.min_level)
        or (rule.HasField("max_level") and situation.level > rule.max_level)
        or any(stage not in situation.stages for stage in rule.stage)
        or any(stage in situation.stages for stage in rule.not_stage)
    )


def check_state(layers: Sequence[Any], state: State) -> None:
    """Refuse a stage or a level that no rule asks for: it would be misspelt, and nobody would know."""
    known = list_stages(layers)
    for stage in state.stages:
        if stage not in known:
            there = f"they ask for {', '.join(known)}" if known else "they ask for none"
            raise InputError(f"no rule of its layers asks for stage {stage!r}; {there}")
    levels = any(rule.HasField(name) for rule in list_rules(layers) for name in ("min_level", "max_level"))
    if state.level and not levels:
        raise InputError(f"no rule of its layers asks for a level; leave level {state.level} out")


def list_rules(layers: Sequence[Any]) -> Iterator[Any]:
    """Every rule of every layer."""
    for layer in layers:
        yield from layer.include
        yield from layer.exclude


def list_stages(layers: Sequence[Any]) -> list[str]:
    """Stages that rules ask for, each once."""
    rules = list_rules(layers)
    return sorted({stage for rule in rules for stage in (*rule.stage, *rule.not_stage)})


def suggest_stages(layers: Sequence[Any], situation: Situation) -> str:
    """What to try where a network is none: stages that its rules ask for and that it was not given."""
    missing = [stage for stage in list_stages(layers) if stage not in situation.stages]
    return f"; rules of its layers ask for stages: {', '.join(missing)} (--stage)" if missing else ""


def describe_replaced(net: Any, layers: Sequence[Any], situation: Situation) -> str | None:
    """What to say where a file's own level or phase, which Caffe replaces, would give other layers."""
    own = Situation(
        net.state.phase if net.state.HasField("phase") else situation.phase,
        net.state.level if net.state.HasField("level") else situation.level,
        situation.stages,
    )
    changed = sum(is_included(layer, own) != is_included(layer, situation) for layer in layers)
    if not changed:
        return None
    return (
        f"its state says {describe_situation(own)}, but {describe_situation(situation)} is run, since Caffe"
        f" replaces both when it reads a file; {changed} of its layers depend on that (--level sets a level)"
    )


def describe_missing(layers: Sequence[Any], situation: Situation) -> str | None:
    """What to say where stages that rules ask for, and that were not given, would give other layers."""
    missing = {}
    for stage in list_stages(layers)[:MOST_TRIED]:
        other = replace(situation, stages=situation.stages | {stage})
        changed = sum(is_included(layer, other) != is_included(layer, situation) for layer in layers)
        if changed:
            missing[stage] = changed
    if not missing:
        return None
    counts = ", ".join(f"{stage} ({count})" for stage, count in missing.items())
    return f"stages that were not given would give other layers: {counts} (--stage)"


def describe_situation(situation: Situation) -> str:
    """`phase TEST, level 0`."""
    return f"phase {PHASES[situation.phase]}, level {situation.level}"
