"""The task `predict`: which patches account for what a partial trace holds, value by value.

Of every patch that account begins at one stage, where that is asked for: what misses it there accounts for
nothing. What meets it is held against all other values, too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np

from harness.backends import find_backend
from harness.core.documents import check_fields
from harness.core.errors import InputError, RefusedError
from harness.core.examples import Example, find_files, hash_bytes, hash_file, list_examples
from harness.core.network import Network
from harness.core.network_files import read_network, read_weights
from harness.core.traces import INDEX, Trace, list_arrays, read_trace
from harness.worker.cell import describe_cell, hash_job, report_progress, take_timings, verify_weights
from harness.worker.changes import change_parameters
from harness.worker.held import hold_against, make_finding, say
from harness.worker.job import Job
from harness.worker.loading import check_detector
from harness.worker.patches import change_gold, check_patch
from harness.worker.predicted import (
    STORED,
    ZERO,
    Case,
    Dump,
    Rules,
    prepare_pixels,
    reach_plain,
    reach_steered,
    widen,
)
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.stages import Stage, list_stages
from harness.worker.tasks.counterfactuals import check_trial
from harness.worker.tasks.judge import list_witnesses
from harness.worker.trials import Trial, plan_trials
from harness.worker.truth import Truth

DETAILS = {
    "trace": "a text",
    "patches": "a list",
    "at": "a text",
    "limit": "a number",
    "rounding": "a list of names",
}
ROUNDING = ("winograd", "last_bits")
DEVIATIONS, SMALLEST = 6.0, 1e-30
FEW = 5  # channels that are named
PIXELS, TUPLE = "pixels", "tuple"


@dataclass(frozen=True)
class Wish:
    """Where a patch has to account for a value first, how many deviations are noise, and how others round."""

    at: Optional[str]
    limit: float
    rounding: Sequence[str]


def run_job(job: Job) -> Dict[str, Any]:
    """Try every patch on what a partial trace holds; what `cell.json` is to say."""
    started = time.perf_counter()
    details = job.data.get("details")
    check_fields(details, DETAILS, "job: details", optional=["at", "limit", "rounding"])
    assert details is not None
    check_detector(job)
    trace, patches = read_partial(job, Path(details["trace"])), list(details["patches"])
    for number, patch in enumerate(patches):
        check_patch(patch, f"job: details: patch {number}")
    wish = read_wish(details)
    backend, network, parameters = find_backend(job.backend), read_network(job.network), verify_weights(job)
    (example,) = choose_example(job, trace, network)
    trials = plan_trials(job, network, patches)
    loaded = time.perf_counter()
    key = hash_bytes(" ".join([hash_job(job), *hash_trace(trace)]).encode())
    done = keep_whole_batches(job.output, key, [[example.id]] * len(trials))
    report_progress(done, len(trials))
    dump, weights = read_dump(trace, example), read_weights(job.network, network)
    for number, trial in enumerate(trials[done:], start=done + 1):
        append_batch(job.output, key, [try_trial(trial, weights, (dump, example, trace), wish)])
        report_progress(number, len(trials))
    timings = take_timings(started, loaded, examples=len(trials), resumed=done)
    files = {name: one["sha256"] for name, one in list_witnesses(job).items()}
    return describe_cell(job, backend.versions(), {"parameters": parameters, "witnesses": files}, timings)


def read_wish(details: Mapping[str, Any]) -> Wish:
    """What is asked of every patch; InputError for a way of rounding that there is not."""
    rounding = list(details.get("rounding", []))
    for name in rounding:
        if name not in ROUNDING:
            raise InputError(f"job: details: rounding {name!r}; there are {', '.join(ROUNDING)}")
    return Wish(details.get("at"), float(details.get("limit", 0.0)), rounding)


def read_partial(job: Job, folder: Path) -> Trace:
    """A partial trace; InputError where it is of another model."""
    trace, own = read_trace(folder), str(job.data["model"].get("name", ""))
    if trace.index["model"] != own:
        raise InputError(f"{folder}: is of model {trace.index['model']!r}, not of {own!r}")
    return trace


def choose_example(job: Job, trace: Trace, network: Network) -> List[Example]:
    """The one example that a partial trace is of; InputError where the job has none of its name."""
    listed = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    found = [one for one in listed if one.id in trace.examples]
    if len(found) != 1:
        raise InputError(f"{trace.folder}: is of {len(found)} of the job's examples; dump one")
    return list(find_files(found, job.files))


def hash_trace(trace: Trace) -> List[str]:
    """Hashes of a trace's files."""
    return [hash_file(trace.folder / INDEX), *(hash_file(trace.find_archive(one)) for one in trace.examples)]


def read_dump(trace: Trace, example: Example) -> Dump:
    """All that a partial trace holds of an example."""
    names = list_arrays(trace.find_archive(example.id), trace.folder)
    stored = {str(name): str(kind) for name, kind in dict(trace.index.get("stored") or {}).items()}
    return Dump({name: trace.read_any(example.id, name) for name in names}, stored)


def try_trial(trial: Trial, weights: Mapping[str, np.ndarray], what: Any, wish: Wish) -> Dict[str, Any]:
    """What one patch comes to at every stage, or why this job cannot take it."""
    dump, example, trace = what
    record: Dict[str, Any] = {"example": example.id, "patch": trial.index}
    try:
        check_trial(trial)
        if "network" in trial.patch:
            weights = read_weights(trial.job.network, read_network(trial.job.network))
        changed = change_parameters("reference", trial.network, weights, trial.patch)
        rules = Rules(trial, changed, *(name in wish.rounding for name in ROUNDING))
        said = trace.examples[example.id]
        stages = list(hold_stages(Case(rules, dump, example), said, wish))
    except (InputError, RefusedError) as error:
        return {**record, "refused": str(error)}
    return {**record, "stages": stages}


def hold_stages(case: Case, said: Mapping[str, Any], wish: Wish) -> Iterator[Dict[str, Any]]:
    """Findings of all stages; of the one that is asked for alone, where that is missed."""
    stages = list(list_stages(case))
    first = next((one for one in stages if one.array == wish.at), None)
    if wish.at is not None and first is None and wish.at not in (PIXELS, TUPLE):
        return
    if first is not None:
        finding = hold_stage(case, first)
        if finding["what"] or (finding["deviations"] or 0.0) > wish.limit:
            yield finding
            return
    if PIXELS in case.dump.arrays:
        yield hold_pixels(case)
    yield from (hold_stage(case, one) for one in stages)
    if said.get("gold") is not None or said.get("original") is not None:
        yield hold_tuple(case, said)


def hold_stage(case: Case, stage: Stage) -> Dict[str, Any]:
    """A value that the trace holds against the one that rules give."""
    found, truth = case.dump.arrays[stage.array], stage.predict()
    facts = {"stage": stage.name, "array": stage.array, "source": stage.source, "layers": list(stage.layers)}
    if found.shape != truth.value.shape:
        what = f"is of shape {found.shape}; by the rules {truth.value.shape}"
        return {**facts, **say(what)}
    unit = STORED.get(case.dump.stored.get(stage.array, ""), 0.0)
    truth = widen(truth, unit * abs(truth.value)) if unit else truth
    with np.errstate(all="ignore"):
        finding = hold_against(found, truth)
    return {
        **facts,
        **finding,
        "fits": measure_fit(found, truth),
        "channels": list_channels(found, truth),
        "spread": measure_spread(truth),
        "note": note_zero(case, stage),
    }


def measure_spread(truth: Truth) -> Optional[float]:
    """One deviation, relative to the value's size: where it is large, a value that fits says little."""
    size, off = (float(np.sqrt((np.nan_to_num(one) ** 2).mean())) for one in (truth.value, truth.scale))
    return off / size if size and np.isfinite(off / size) else None


def mark_channels(found: np.ndarray, truth: Truth) -> np.ndarray:
    """Which channels are off by more than rounding."""
    error = abs(found.astype(np.float64) - truth.value).reshape(len(found), -1)
    limit = 2 * DEVIATIONS * np.maximum(truth.scale.reshape(len(found), -1), SMALLEST)
    off: np.ndarray = ~(error <= limit).all(axis=1)
    return off


def measure_fit(found: np.ndarray, truth: Truth) -> float:
    """The share of channels that are as they should be."""
    return 1.0 - float(mark_channels(found, truth).mean())


def list_channels(found: np.ndarray, truth: Truth) -> Optional[List[int]]:
    """The channels that are off alone; None where most are, or none."""
    if found.ndim not in (1, 3) or len(found) < 2:
        return None
    others = np.flatnonzero(mark_channels(found, truth))
    return [int(one) for one in others] if 0 < len(others) <= min(FEW, len(found) // 2) else None


def note_zero(case: Case, stage: Stage) -> Optional[str]:
    """`zero` where a visit's deviation is 0 but for last bits."""
    for held, truths in case.visits.items():
        if stage.name.startswith(f"steered {held.blob} "):
            mean, deviation = (float(truths[part].value[0]) for part in ("mean", "deviation"))
            return "zero" if deviation <= ZERO * abs(mean) else None
    return None


def hold_pixels(case: Case) -> Dict[str, Any]:
    """The pixels that the trace holds against those that the example's file holds."""
    found, own = case.dump.arrays[PIXELS], prepare_pixels(case)
    facts = {"stage": PIXELS, "array": PIXELS, "source": "", "layers": []}
    if found.shape != own.shape:
        return {**facts, **say(f"are of shape {found.shape}; the file's {own.shape}")}
    error = abs(found.astype(np.float64) - own.astype(np.float64))
    if not error.any():
        return {**facts, **make_finding(0.0, 0.0)}
    share = float((error > 0).mean())
    return {**facts, **say(f"differ by up to {error.max():g} levels, in {share:.1%} of them")}


def hold_tuple(case: Case, said: Mapping[str, Any]) -> Dict[str, Any]:
    """The tuple that is said of the example against the list's Gold, and the logits that the trace holds."""
    labels = case.rules.trial.patch.get("labels") or {}
    gold = change_gold(case.example.gold, labels) if case.example.gold is not None else None
    wrong = []
    for name, own in (("gold", gold), *list_winners(case)):
        if said.get(name) is not None and own is not None and said[name] != own:
            wrong.append(f"{name} {said[name]}, by the rules {own}")
    return {"stage": TUPLE, "array": TUPLE, "source": "", "layers": [], **say("; ".join(wrong) or None)}


def list_winners(case: Case) -> Iterator[Any]:
    """The class that the logits of each pass say: the trace's, or those that follow from what it holds."""
    last = len(case.rules.blobs) - 1
    yield "original", int(np.argmax(reach_plain(case, last).value))
    yield "attribute", int(np.argmax(reach_steered(case, case.steps[-1]).value))
