"""Two cells and the examples on which they diverge: what every strategy of explaining works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.explain.causes import Explanation, Named, Proof, Stage, Verdict
from harness.explain.counterfactual import Answers, Record, Side
from harness.explain.patches import Patch, list_declared, merge_patches


@dataclass
class Pair:
    """Two cells, `a` the baseline's side, the examples on which they diverge, and some on which they agree.

    `declared` are the differences of their jobs, set on `b`. `untested` names factors that nothing here can
    try. `shown` gives the command that explains an example again; `labels` name the classes.
    `partial` has, by example, explanations that give back the tuple and not the logits. `is_watchable` is
    false as soon as tracing was seen to change what it watches: then traces tell nothing.
    """

    a: Side
    b: Side
    diverging: Sequence[str]
    agreeing: Sequence[str]
    shown: Callable[[str], str]
    declared: tuple[Patch, ...] = ()
    returned: tuple[Patch, ...] = ()
    untested: list[str] = field(default_factory=list)
    labels: Sequence[str] = ()
    partial: dict[str, Explanation] = field(default_factory=dict)
    is_watchable: bool = True

    def __post_init__(self) -> None:
        self.declared = tuple(self.list_differences())
        self.returned = tuple(one for one in list_declared(self.b.job, self.a.job) if not self.is_idle(one))

    def list_differences(self) -> list[Patch]:
        """All differences of the jobs, set on `b`, whatever the environment of `b` has the means for."""
        return [one for one in list_declared(self.a.job, self.b.job) if not self.is_idle(one)]

    def is_idle(self, patch: Patch) -> bool:
        """Whether a declared difference is none here: of decoders that gave the same pixels of every file."""
        shared = [one for one in self.a.records if one in self.b.records]
        return patch.factor == "decoder" and all(
            (ours := read_pixels(self.a.records[one])) is not None
            and ours == read_pixels(self.b.records[one])
            for one in shared
        )

    @property
    def names(self) -> tuple[str, str]:
        """Both labels."""
        return self.a.label, self.b.label

    @property
    def undoing(self) -> dict[str, Any]:
        """All declared differences as one patch onto `b`."""
        return merge_patches(self.declared)

    @property
    def doing(self) -> dict[str, Any]:
        """All declared differences as one patch onto `a`."""
        return merge_patches(self.returned)

    def find_other(self, side: Side) -> Side:
        """The side that this one is not."""
        return self.b if side is self.a else self.a

    def list_onto(self, side: Side) -> dict[str, Any]:
        """All declared differences as one patch onto a side."""
        return self.doing if side is self.a else self.undoing

    def name_partial(self, example: str) -> list[Named]:
        """What gives an example's tuple back, and not the logits; whatever does has to be named beside."""
        return list(self.partial[example].causes) if example in self.partial else []


def read_pixels(record: Record) -> str | None:
    """The hash of an answer's pixels; None where it has none."""
    found = (record.get("hashes") or {}).get("pixels")
    return found if isinstance(found, str) else None


Strategy = Callable[[Pair, Sequence[str], Answers], Iterator[Explanation]]
"""Explains those of some examples that it can."""


def explain(
    pair: Pair,
    example: str,
    verdict: Verdict,
    causes: Sequence[Named],
    sentence: str,
    *,
    also: Sequence[Sequence[Named]] = (),
    proof: Proof | None = None,
    stage: Stage | None = None,
    settings: int = 0,
) -> Explanation:
    """An explanation of one example."""
    first = pair.a.records[example]
    return Explanation(
        example=example,
        source=first.get("source"),
        attack=first.get("attack"),
        cells=pair.names,
        tuples=(pair.a.read_tuple(example), pair.b.read_tuple(example)),
        verdict=verdict,
        causes=list(causes),
        also=[list(one) for one in also],
        proof=proof,
        stage=stage,
        untested=list(dict.fromkeys(pair.untested)),
        sentence=sentence,
        command=pair.shown(example),
        executions=(pair.a.execution, pair.b.execution),
        settings=settings,
    )
