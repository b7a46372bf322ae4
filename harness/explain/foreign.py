"""A trace from another machine as one side of an explanation: what it says is all there is of that side."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.traces import INDEX, Trace, list_arrays, name_steered, read_trace
from harness.explain.blame import blame_side, find_leaving, show_leaving
from harness.explain.causes import Cause, Explanation, Named, Proof, Stage
from harness.explain.combine import match_combined
from harness.explain.counterfactual import Answers, Side, take_tuple
from harness.explain.graft import Flip, find_flips
from harness.explain.ladder import Looks, find_first, find_hashed, find_own, look_at
from harness.explain.match import match_known
from harness.explain.pair import Pair, Strategy, explain
from harness.explain.rest import HASHED, WORDS, name_library, name_unknown, read_hashes
from harness.explain.run import PastRun, read_side
from harness.explain.sentences import tell_grafted, tell_hashes
from harness.explain.undo import drop_impossible, make_way, search_way
from harness.plan.environments import Environment
from harness.system.invocation import name_place, write_command
from harness.worker.job import read_job

MOST_AGREEING = 12
OWN = ("backend", "settings", "batch_size", "decoder")
"""What of a job a trace says under the job's own names."""
SAID = {
    "parameters": (Cause.WEIGHTS, "parameters"),
    "witnesses": (Cause.WITNESS_SET, "witnesses"),
    "order": (Cause.LISTING_ORDER, "visits"),
}
"""Stages at which a trace's own index says what is other there."""


def read_foreign(
    run: PastRun,
    label: str,
    folder: Path,
    wanted: Sequence[str],
    environments: Mapping[str, Environment],
) -> Pair:
    """A run's cell, and a trace of the same model; InputError where no example of it diverges."""
    trace = read_trace(folder)
    names = [one for one in trace.examples if not wanted or any(fnmatchcase(one, glob) for glob in wanted)]
    ours = read_side(run, label, names, environments)
    check_trace(trace, ours, names)
    theirs = make_side(trace, ours)
    known = [one for one in names if take_tuple(ours.records[one]) and take_tuple(theirs.records[one])]
    if not known:
        raise InputError(f"{folder / INDEX}: says no tuple of {', '.join(names)}; trace again")
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
    if trace.is_partial:
        raise InputError(f"{trace.folder}: is of a dump, of which arrays are absent; name it with --foreign")
    if trace.index["model"] != model:
        raise InputError(f"{trace.folder}: is of model {trace.index['model']!r}, not of {model!r}")
    if not names:
        raise InputError(f"{trace.folder}: has none of these examples; it has {', '.join(trace.examples)}")
    for name in names:
        check_example(trace, ours, name)


def check_example(trace: Trace, ours: Side, name: str) -> None:
    """InputError for an example that is none here, was another file there, or whose arrays are not whole."""
    if name not in ours.records:
        raise InputError(f"{trace.folder}: example {name!r} is none of {ours.label}'s")
    files = [(one.get("hashes") or {}).get("file") for one in (trace.examples[name], ours.records[name])]
    if all(files) and files[0] != files[1]:
        raise InputError(f"{trace.folder}: example {name!r} was another file there; trace this one")
    archive = trace.find_archive(name)
    if hash_file(archive) != trace.examples[name]["sha256"]:
        raise InputError(f"{archive}: is not what was traced; copy it again, or trace that example again")
    check_arrays(trace, name)


def check_arrays(trace: Trace, name: str) -> None:
    """InputError for an archive that lacks a blob, or whose plain pass holds what is no finite number.

    The steered pass is left to whoever looks at its stages: by some rules its values are no numbers.
    """
    archive, blobs = trace.find_archive(name), list(trace.blobs)
    if not blobs:
        raise InputError(f"{trace.folder / INDEX}: names no blobs; trace again")
    trace.read_pixels(name)
    for blob in blobs:
        trace.read_plain(name, blob)
    for which in ("plain", "steered"):
        trace.read_raw(name, f"logits/{which}", trace.blobs[blobs[-1]])
    held = set(list_arrays(archive, trace.folder))
    for blob in blobs:
        if not held & {name_steered(blob), f"{name_steered(blob)}/after"}:
            raise InputError(f"{archive}: has no array {name_steered(blob)!r}; trace that example again")


def make_side(trace: Trace, ours: Side) -> Side:
    """A trace's side: its job as far as it says, and what it said of its examples.

    InputError where that is no job that anybody can have had.
    """
    index, job = trace.index, copy.deepcopy(dict(ours.job))
    job.update({key: index[key] for key in OWN if key in index})
    job["port"] = {"preset": "notebook", "rules": index["port"]}
    job["parameters"] = index["parameters"]
    job["model"]["preprocess"] = index.get("preprocess") or job["model"]["preprocess"]
    try:
        read_job(job)
    except InputError as error:
        raise InputError(f"{trace.folder / INDEX}: {error}; trace again") from error
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
    """What stages tell, and the layer at which the trace's values turn the tuple of the cell that is here.

    A graft shows where the sides part, and not why, so that no verdict comes of it alone.
    """
    looks = look_at(pair, examples, answers) if examples else None
    if looks is None:
        return
    flips = find_flips(pair, examples, looks, answers)
    leaving = {example: find_leaving(pair, example, looks) for example in examples}
    shown = dict(show_leaving(pair, leaving, examples, looks, answers))
    for example in examples:
        found = shown.get(example) or explain_stage(pair, example, looks)
        if found is not None:
            yield add_flip(pair, found, flips.get(example))


def explain_stage(pair: Pair, example: str, looks: Looks) -> Explanation | None:
    """What an example's audits tell; None where they are not there, or tell of no stage."""
    if not all(looks.find(side, side, example) for side in (pair.a, pair.b)):
        return None
    hashed = find_hashed(pair, example)
    if hashed is not None:
        named = Named(HASHED[hashed.stage].value, hashed.stage, *read_hashes(pair, example, hashed.stage))
        sentence = tell_hashes(WORDS[hashed.stage], pair.names)
        return explain(pair, example, "consistent", [named], sentence, stage=hashed)
    own = [(side, find_own(side, example, looks)) for side in (pair.b, pair.a)]
    leaves = next(((side, found[0]) for side, found in own if found is not None), None)
    if leaves is not None:
        return blame_trace(pair, example, leaves[1]) or blame_side(pair, example, *leaves)
    if find_first(pair, example, looks) is not None:
        return None
    named = Named(Cause.NUMERICS.value, *name_library(pair))
    sentence = f"{' and '.join(pair.names)} keep to the same rules within rounding at every stage."
    return explain(pair, example, "consistent", [named], sentence)


def blame_trace(pair: Pair, example: str, stage: Stage) -> Explanation | None:
    """The trace itself says that it is of other weights, witnesses or visits; None where it does not."""
    kind, _, what = stage.stage.partition(" ")
    if kind not in SAID:
        return None
    cause, words = SAID[kind]
    named = Named(cause.value, kind, "here", what or "there")
    sentence = f"{pair.b.label} has other {words} than {pair.a.label}{f' ({what})' if what else ''}."
    return explain(pair, example, "consistent", [named], sentence, stage=stage)


def add_flip(pair: Pair, one: Explanation, flip: Flip | None) -> Explanation:
    """An explanation with the layer that a graft names; what is proven otherwise stays as it is."""
    if flip is None or one.verdict == "proven":
        return one
    result = pair.b.read_tuple(one.example)
    sentence = f"{one.sentence} {tell_grafted(pair.names, (flip.kind, flip.last, flip.first), result)}"
    return msgspec.structs.replace(one, sentence=sentence, proof=Proof("graft", pair.a.label, result))


FOREIGN: tuple[Strategy, ...] = (do_declared, match_known, match_combined, compare_stages, name_unknown)
"""What can be tried of a side that is a trace."""
