"""Counterfactuals: what a cell answers with patches set, many patches and examples in one execution."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import InputError
from harness.explain.causes import Tuple
from harness.plan.environments import Environment
from harness.records.record import walk_records

if TYPE_CHECKING:
    from harness.explain.errands import Errand
    from harness.explain.ladder import Looks
    from harness.explain.noise import Algorithm
    from harness.explain.sound import Sound

TASK = "counterfactuals"
Record = Mapping[str, Any]
Data = Mapping[str, Any]
"""A patch as plain data; an empty one leaves the job as it is."""
AS_IT_IS: Data = {}


@dataclass(frozen=True)
class Side:
    """One cell of a pair: its label in the run, where it runs, its job, and its records by example.

    `cell` is what its `cell.json` says, `execution` which execution its records are of. `trace` is
    the folder of a trace from elsewhere, of a side that is not run here.
    """

    label: str
    environment: Environment
    job: Mapping[str, Any]
    records: Mapping[str, Record]
    cell: Mapping[str, Any] = field(default_factory=dict)
    execution: str | None = None
    trace: Path | None = None

    def read_tuple(self, example: str) -> Tuple:
        """What the cell said of an example in the run."""
        found = take_tuple(self.records[example])
        assert found is not None  # examples without a tuple are not compared
        return found


@dataclass(frozen=True)
class Question:
    """Patches and examples to be tried in a cell's environment, or in a changed copy of it.

    `only` are, patch by patch, the examples that each is wanted on; all of them without it. Where it
    `is_brief`, answers say what a rate counts, and no logits.
    """

    side: Side
    patches: Sequence[Data]
    examples: Sequence[str]
    environment: Environment | None = None
    only: Sequence[Sequence[str]] | None = None
    is_brief: bool = False

    @property
    def place(self) -> Environment:
        """The environment in which they are tried."""
        return self.environment or self.side.environment


@dataclass(frozen=True)
class Failure:
    """Why an execution came to nothing, and whether this machine cannot do it at all."""

    reason: str
    is_unavailable: bool = False


Found = Path | Failure
"""The folder of what a cell left, or why there is none."""
RunAll = Callable[[Sequence[Question], "Sequence[Errand]"], Sequence[Found]]
"""Runs a cell for every question and for every errand, all side by side."""

ReadOrders = Callable[[Sequence[Environment]], Sequence[Found]]
"""Runs a cell in every environment that reads in which order it adds up each layer."""


@dataclass
class Answers:
    """All that was tried so far; nothing is tried twice.

    `executions` counts the worker's starts, `settings` the patches that were walked; `worker` is the hash of
    the code that answers. `folders` has what the first execution in a place left, `errands` what those came
    to that were run, by what tells them apart. `auditor` is the environment that audits, in float64, where
    there is one, and `looks` what was seen so. `network` is the model's neutral folder, and `made` the folder
    for files that patches name: both only where cells are run.
    `sound` are cells that agree with the reference on all examples, `calibrated` is what was seen of them.
    `find_file` says where an example's file is, and `decoded` counts by pair of how many a libjpeg was told.
    `read_orders` reads in which order environments add up, and `partings` is what was said of that, by pair.
    """

    run: RunAll
    worker: str | None = None
    known: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    errands: dict[str, Found] = field(default_factory=dict)
    auditor: Environment | None = None
    looks: dict[tuple[str, str], Looks] = field(default_factory=dict)
    network: Path | None = None
    find_file: Callable[[str], Path | None] = lambda _: None
    decoded: dict[tuple[str, str], int] = field(default_factory=dict)
    made: Path | None = None
    sound: Sequence[Side] = ()
    calibrated: dict[Algorithm, Sound] = field(default_factory=dict)
    read_orders: ReadOrders | None = None
    partings: dict[tuple[str, str], str | None] = field(default_factory=dict)
    executions: int = 0
    settings: int = 0

    def ask(self, questions: Sequence[Question], errands: Sequence[Errand] = ()) -> list[Failure | None]:
        """Have what is not known yet tried, side by side, and errands run beside it.

        Why a question got no answer; what errands come to is in `errands`.
        """
        narrowed = [self.find_open(one) for one in questions]
        wanted = [one for one in narrowed if one.patches]
        away = {one.key: one for one in errands if one.key not in self.errands}
        results = iter(self.run(wanted, list(away.values())) if wanted or away else ())
        failures = [self.take(one, next(results)) if one.patches else None for one in narrowed]
        self.errands.update(zip(away, results, strict=True))
        self.executions += len(away)
        return failures

    def find_open(self, question: Question) -> Question:
        """Of a question what was not tried yet."""
        place, only = key_place(question), question.only or [question.examples] * len(question.patches)
        open_ones: dict[str, tuple[Data, list[str]]] = {}
        for data, examples in zip(question.patches, only, strict=True):
            text = write_data(data)
            missing = [one for one in examples if (place, text, one) not in self.known]
            if missing:
                open_ones[text] = data, missing
        wanted = {one for _, examples in open_ones.values() for one in examples}
        return replace(
            question,
            patches=[data for data, _ in open_ones.values()],
            examples=[one for one in question.examples if one in wanted],
            only=[examples for _, examples in open_ones.values()],
        )

    def take(self, question: Question, result: Found) -> Failure | None:
        """Take down the answers of an execution; why there are none."""
        self.executions += 1
        self.settings += len(question.patches)
        if isinstance(result, Failure):
            return result
        place, texts = key_place(question), [write_data(one) for one in question.patches]
        self.folders.setdefault(place, result)
        for record in walk_records(result):
            number = record.get("patch")
            if not isinstance(number, int) or not 0 <= number < len(texts):
                raise InputError(f"{result}: holds an answer to no patch; clear the store, and explain again")
            self.known[place, texts[number], str(record.get("example"))] = record
        return None

    def find(self, question: Question, data: Data, example: str) -> Record | None:
        """The answer to a patch; None where it was refused, or not tried."""
        found = self.known.get((key_place(question), write_data(data), example))
        return None if found is None or take_tuple(found) is None else found

    def find_tuple(self, question: Question, data: Data, example: str) -> Tuple | None:
        """The tuple that a patch gives."""
        found = self.find(question, data, example)
        return None if found is None else take_tuple(found)


def list_patches(question: Question) -> list[dict[str, Any]]:
    """A question's patches as the worker takes them, each with its examples where these are not all."""
    only = question.only or [question.examples] * len(question.patches)
    return [
        dict(data) if len(examples) == len(question.examples) else {**data, "only": sorted(examples)}
        for data, examples in zip(question.patches, only, strict=True)
    ]


def key_place(question: Question) -> str:
    """What tells a cell in an environment from others."""
    return f"{question.side.label} {question.place.name}"


def write_data(data: Data) -> str:
    """A patch as text."""
    return json.dumps(data, sort_keys=True)


def take_tuple(record: Record) -> Tuple | None:
    """Gold, Original, Attribute of an answer; None where it holds none."""
    found = tuple(record.get(name) for name in ("gold", "original", "attribute"))
    is_sound = all(isinstance(one, int) and not isinstance(one, bool) for one in found)
    return (int(found[0]), int(found[1]), int(found[2])) if is_sound else None  # type: ignore[arg-type]
