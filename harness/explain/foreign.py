"""A trace from another machine as one side of an explanation: what it says is all there is of that side."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.traces import INDEX, Trace, read_trace
from harness.explain.causes import Cause, Explanation, Named
from harness.explain.counterfactual import Answers, Side, take_tuple
from harness.explain.ladder import find_first, find_own, look_at
from harness.explain.match import match_known
from harness.explain.pair import Pair, Strategy, explain
from harness.explain.rest import name_library, name_unknown
from harness.explain.run import PastRun, read_side
from harness.explain.undo import drop_impossible, make_way, search_way
from harness.plan.environments import Environment
from harness.system.invocation import name_place, write_command

MOST_AGREEING = 12
OWN = ("backend", "settings", "batch_size", "decoder")
"""What of a job a trace says under the job's own names."""


def read_foreign(
    run: PastRun,
    label: str,
    folder: Path,
    wanted: Sequence[str],
    environments: Mapping[str, Environment],
) -> Pair:
    """A run's cell, and a trace of the same model; InputError where no example of it diverges."""
    trace = read_trace(folder)
    names = [one for one in trace.examples if not wanted or one in wanted]
    ours = read_side(run, label, names, environments)
    check_trace(trace, ours, names)
    theirs = make_side(trace, ours)
    known = [one for one in names if take_tuple(ours.records[one]) and take_tuple(theirs.records[one])]
    diverging = [one for one in known if ours.read_tuple(one) != theirs.read_tuple(one)]
    if not diverging:
        raise InputError(
            f"{folder}: {label} agrees with it on {', '.join(names)}; there is nothing to explain"
        )
    agreeing = [one for one in known if one not in diverging][:MOST_AGREEING]

    def show(example: str) -> str:
        return write_command(
            "explain", name_place(run.folder), "--example", example, "--cell", label, "--trace", str(folder)
        )

    return Pair(ours, theirs, diverging, agreeing, show, labels=run.labels)


def check_trace(trace: Trace, ours: Side, names: Sequence[str]) -> None:
    """InputError for a trace of another model, of no example that is wanted, or of other files."""
    model = str(ours.job["model"].get("name", ""))
    if trace.index["model"] != model:
        raise InputError(f"{trace.folder}: is of model {trace.index['model']!r}, not of {model!r}")
    if not names:
        raise InputError(f"{trace.folder}: has none of these examples; it has {', '.join(trace.examples)}")
    for name in names:
        if name not in ours.records:
            raise InputError(f"{trace.folder}: example {name!r} is none of {ours.label}'s")


def make_side(trace: Trace, ours: Side) -> Side:
    """A trace's side: its job as far as it says, and what it said of its examples."""
    index, job = trace.index, copy.deepcopy(dict(ours.job))
    job.update({key: index[key] for key in OWN if key in index})
    job["port"] = {"preset": "notebook", "rules": dict(index["port"])}
    job["parameters"] = dict(index["parameters"])
    job["model"]["preprocess"] = dict(index.get("preprocess") or job["model"]["preprocess"])
    label = f"{index.get('environment') or 'trace'}@{trace.folder.name}"
    environment = ours.environment.model_copy(update={"name": label})
    records = {name: dict(one) for name, one in trace.examples.items()}
    return Side(label, environment, job, records, {}, hash_file(trace.folder / INDEX), trace.folder)


def do_declared(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """The trace's declared values, set on the cell that is here, give the trace's tuple."""
    if examples and pair.returned:
        drop_impossible(pair, "done", examples[0], answers)
        yield from search_way(pair, make_way("done", pair, examples), examples, answers)


def compare_stages(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """What the stages tell: nothing can be undone in a trace, so that no verdict is more than consistent."""
    looks = look_at(pair, examples, answers) if examples else None
    for example in examples if looks is not None else ():
        assert looks is not None
        own = [(side, find_own(side, example, looks)) for side in (pair.b, pair.a)]
        leaves = next(((side, found[0]) for side, found in own if found is not None), None)
        if leaves is not None:
            side, stage = leaves
            sentence = (
                f"{side.label} leaves its own rules at {stage.stage}; nothing that was tried does the same."
            )
            yield explain(pair, example, "unknown", [], sentence, stage=stage)
        elif find_first(pair, example, looks) is None:
            named = Named(Cause.NUMERICS.value, *name_library(pair))
            sentence = f"{' and '.join(pair.names)} keep to the same rules within rounding at every stage."
            yield explain(pair, example, "consistent", [named], sentence)


FOREIGN: tuple[Strategy, ...] = (do_declared, match_known, compare_stages, name_unknown)
"""What can be tried of a side that is a trace."""
