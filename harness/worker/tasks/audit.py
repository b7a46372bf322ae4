"""The task `audit`: another environment's trace held against the rules, stage by stage.

Every stage is computed anew, in float64, from what the trace itself had before it. So an error is found where
it is made, and nowhere that it is only passed on. By which rules is the job's to say.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from harness.ami.detection import choose_blobs, order_visits
from harness.ami.preprocess import prepare_array, prepare_image
from harness.ami.steering import Steering, plan_steering
from harness.ami.witnesses import concatenate_witnesses
from harness.backends import find_backend
from harness.core.documents import check_fields
from harness.core.errors import InputError, RefusedError
from harness.core.examples import Example, hash_bytes, hash_file, list_examples
from harness.core.network import Network
from harness.core.network_files import read_network, read_weights
from harness.core.traces import INDEX, Trace, name_plain, name_steered, read_trace
from harness.worker.cell import describe_cell, hash_job, report_progress, take_timings, verify_weights
from harness.worker.held import hold_against, say
from harness.worker.job import Job, read_job
from harness.worker.lineage import follow_pass
from harness.worker.loading import check_detector
from harness.worker.patches import apply_patch
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.tasks.graft import choose_examples
from harness.worker.tasks.judge import list_witnesses, read_job_witnesses
from harness.worker.truth import Judge, compute_blobs, find_resolution, take_given
from harness.worker.visited import PARTS, Visited

DETAILS = {"trace": "a text", "sha256": "a text", "patch": "a table"}
DOUBLE = 2.0**-53  # the unit roundoff of float64, in which the truth itself is computed
UNITS = {"float32": 2.0**-24, "float64": DOUBLE}
COLUMNS = ("mean", "deviation", "minimum")  # one number a visit; other parts have one a channel

Check = Callable[[str], Dict[str, Any]]
"""What is found at a stage of an example."""
Stages = Sequence[Tuple[str, Check]]


@dataclass(frozen=True)
class Audit:
    """A trace, and what it is held against: rules, the network that they walk, its parameters, the visits."""

    job: Job
    trace: Trace
    network: Network
    weights: Mapping[str, np.ndarray]
    visits: Sequence[Steering]
    examples: Mapping[str, Example]
    cache: Dict[Tuple[str, str], np.ndarray] = field(default_factory=dict)

    @property
    def blobs(self) -> List[str]:
        """The walk's blobs, from the input to the logits."""
        last = self.network.index(self.network.logits.name)
        return [blob.name for blob in self.network.blobs[: last + 1]]

    def read(self, example: str, name: str, shape: Sequence[int]) -> np.ndarray:
        """An array of the trace, read once as long as it is one example's turn."""
        key = (example, name)
        if key not in self.cache:
            for other in [one for one in self.cache if one[0] != example]:
                del self.cache[other]
            self.cache[key] = self.trace.read_raw(example, name, shape)
        return self.cache[key]

    def judge(self, values: np.ndarray) -> Judge:
        """By what precision and algorithm values are judged that the trace has."""
        return Judge(self.weights, find_unit(values), may_tile(self.trace.index))


def run_job(job: Job) -> Dict[str, Any]:
    """Hold a trace against the rules; what `cell.json` is to say."""
    started = time.perf_counter()
    details = job.data.get("details")
    check_fields(details, DETAILS, "job: details", optional=["patch", "sha256"])
    assert details is not None
    backend, parameters = find_backend(job.backend), verify_weights(job)
    audit = open_audit(job, details, details.get("patch") or {})
    stages = list_stages(audit)
    loaded = time.perf_counter()
    batches = [[name] * len(stages) for name in audit.examples]
    key = hash_audit(job, audit)
    done = keep_whole_batches(job.output, key, batches)
    report_progress(done, len(batches))
    for place, name in enumerate(list(audit.examples)[done:], start=done + 1):
        append_batch(job.output, key, audit_example(stages, name))
        report_progress(place, len(batches))
    timings = take_timings(started, loaded, examples=len(batches), resumed=done)
    hashes = {
        "parameters": parameters,
        "witnesses": {name: one["sha256"] for name, one in list_witnesses(job).items()},
    }
    return describe_cell(job, backend.versions(), hashes, timings)


def open_audit(job: Job, details: Mapping[str, Any], patch: Mapping[str, Any]) -> Audit:
    """A trace and what it is held against; InputError where it is of another model, or of no example here."""
    check_detector(job)
    folder = Path(details["trace"])
    trace = read_trace(folder, details.get("sha256"))
    rules = read_job(apply_patch(job.data, patch)) if patch else job
    network = read_network(rules.network)
    own = str(job.data["model"].get("name", ""))
    if trace.index["model"] != own:
        raise InputError(f"{folder}: is of model {trace.index['model']!r}, not of {own!r}")
    listed = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    chosen = set(choose_examples(job, trace, listed))
    witnesses = {name: read_job_witnesses(one, network) for name, one in list_witnesses(rules).items()}
    walked, entries = choose_blobs(network, concatenate_witnesses(witnesses, rules.port), rules.port)
    visits = order_visits(walked, plan_steering(walked, entries, rules.port), rules.port)
    weights = read_weights(rules.network, network)
    return Audit(rules, trace, walked, weights, visits, {one.id: one for one in listed if one.id in chosen})


def hash_audit(job: Job, audit: Audit) -> str:
    """Hash of a job and of the trace's files, so that no record is kept of another trace at its place."""
    files = [audit.trace.folder / INDEX, *(audit.trace.find_archive(name) for name in audit.examples)]
    return hash_bytes(" ".join([hash_job(job), *map(hash_file, files)]).encode())


def audit_example(stages: Stages, example: str) -> Iterator[Dict[str, Any]]:
    """A record for every stage of one example."""
    for stage, check in stages:
        yield {"example": example, "stage": stage, **check(example)}


def list_stages(audit: Audit) -> Stages:
    """All stages of any example, in the order in which they follow from each other."""
    shapes = {blob.name: blob.shape for blob in audit.network.blobs if blob.name in audit.blobs}
    stages: List[Tuple[str, Check]] = [("input", partial(check_input, audit))]
    if shapes != dict(audit.trace.blobs):
        return [*stages, ("blobs", partial(tell, compare_blobs(shapes, audit.trace.blobs)))]
    stages += [
        ("parameters", partial(tell, compare_parameters(audit))),
        ("witnesses", partial(tell, compare_witnesses(audit))),
        ("order", partial(tell, compare_order(audit))),
        *list_plain(audit),
        ("logits plain", partial(check_logits, audit, "plain", name_plain(audit.blobs[-1]))),
        *list_steered(audit),
        ("logits steered", partial(check_logits, audit, "steered", name_steered(audit.blobs[-1]))),
        ("tuple", partial(check_tuple, audit)),
    ]
    return stages


def tell(what: Optional[str], _example: str) -> Dict[str, Any]:
    """What is the same for every example."""
    return say(what)


def compare_blobs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Which blob one side's walk alone has."""
    name, shape = min({*ours.items()} ^ {*theirs.items()})
    return f"{name} {tuple(shape)} is on one side alone"


def compare_parameters(audit: Audit) -> Optional[str]:
    """Which parameters have another hash in the trace."""
    hashes = verify_weights(audit.job)
    theirs = audit.trace.index["hashes"].get("parameters") or {}
    others = [name for name, digest in hashes.items() if theirs.get(name, digest) != digest]
    return ", ".join(others) or None


def list_visited(audit: Audit) -> List[Mapping[str, Any]]:
    """The trace's visits in their order."""
    visits = audit.trace.index.get("visits", [])
    for one in visits:
        check_fields(one, {"blob": "a text", "entries": "a list", "rounds": "a list"}, "trace.json: visits")
    return list(visits)


def compare_witnesses(audit: Audit) -> Optional[str]:
    """Which blobs' witness entries are others, but for their order."""
    theirs = {one["blob"]: Counter(map(str, one["entries"])) for one in list_visited(audit)}
    ours = {one.blob: Counter(map(str, one.entries)) for one in audit.visits}
    return ", ".join(blob for blob in {**ours, **theirs} if ours.get(blob) != theirs.get(blob)) or None


def compare_order(audit: Audit) -> Optional[str]:
    """In which order blobs are visited there, where that is not by the rules."""
    theirs, ours = [one["blob"] for one in list_visited(audit)], [one.blob for one in audit.visits]
    return None if theirs == ours else f"{', '.join(theirs)}; by the rules {', '.join(ours)}"


def check_input(audit: Audit, example: str) -> Dict[str, Any]:
    """The network's input, of the trace's pixels."""
    pixels, job = audit.trace.read_pixels(example), audit.job
    found = audit.read(example, "input", audit.network.input.shape)
    try:
        if audit.examples[example].is_array:
            npy = audit.examples[example].npy or job.npy
            value = prepare_array(pixels, str(npy), job.preprocess, job.port)
        else:
            value = prepare_image(pixels, job.preprocess, job.port)
    except RefusedError as error:
        return say(str(error))
    return hold_against(found, take_given(value), find_resolution(value, find_unit(found)))


def list_plain(audit: Audit) -> Iterator[Tuple[str, Check]]:
    """Every blob of the plain pass."""
    for start, stop in zip(audit.blobs, audit.blobs[1:]):
        names = (name_plain(start), name_plain(stop))
        yield f"plain {stop}", partial(check_blobs, audit, (start, stop), names)


def check_blobs(audit: Audit, ends: Tuple[str, str], names: Tuple[str, str], example: str) -> Dict[str, Any]:
    """A blob of an earlier one, both of the trace."""
    given, found = (audit.read(example, name, audit.trace.blobs[blob]) for name, blob in zip(names, ends))
    with np.errstate(all="ignore"):
        blobs, judge = audit.network.span(*ends), audit.judge(found)
        truth = compute_blobs(blobs, take_given(given), judge)
        exact = not truth.scale.any()  # it chooses among what it is given
        return hold_against(found, truth, find_resolution(given, judge.unit) if exact else 0.0)


def check_logits(audit: Audit, which: str, watched: str, example: str) -> Dict[str, Any]:
    """Logits of the pass that nobody watched against those of the one that was: the same bits, or near."""
    shape = audit.trace.blobs[audit.blobs[-1]]
    logits, again = (audit.read(example, name, shape) for name in (f"logits/{which}", watched))
    finding = hold_against(again, take_given(logits))
    if int(np.argmax(logits)) != int(np.argmax(again)):
        return {**finding, "what": f"class {np.argmax(again)} when watched, {np.argmax(logits)} when not"}
    return {**finding, "bound": None, "ratio": None, "noise": None, "deviations": None}


def list_steered(audit: Audit) -> Iterator[Tuple[str, Check]]:
    """Every value of the steered pass: those computed from another blob's, and the parts of every visit."""
    ours, theirs = {one.blob: one for one in audit.visits}, list_visited(audit)
    for held in follow_pass(audit.network, [one["blob"] for one in theirs]):
        source = held.find_source()
        if held.edited:
            told = next(one for one in theirs if one["blob"] == held.blob)
            yield from list_parts(audit, held.blob, ours.get(held.blob), told)
        elif held.name and source is not None and source.name:
            stage = f"steered {held.blob}{' before' if held.name.endswith('/before') else ''}"
            ends, names = (source.blob, held.blob), (source.name, held.name)
            yield stage, partial(check_blobs, audit, ends, names)


def list_parts(
    audit: Audit, blob: str, steering: Optional[Steering], told: Mapping[str, Any]
) -> Iterator[Tuple[str, Check]]:
    """The parts of one visit."""
    if steering is None:
        yield f"steered {blob}", partial(tell, "is visited, and not by the rules")
        return
    yield f"steered {blob} strengthened", partial(tell, compare_rounds(steering, told))
    for part, find in PARTS:
        yield f"steered {blob} {part}", partial(check_part, audit, steering, part, find)


def compare_rounds(steering: Steering, told: Mapping[str, Any]) -> Optional[str]:
    """Which channels are strengthened another number of times."""
    ours = Counter(str(channel) for one in steering.rounds for channel in one)
    theirs = Counter(str(channel) for one in told["rounds"] if isinstance(one, list) for channel in one)
    others = [name for name in {**ours, **theirs} if ours[name] != theirs[name]]
    return (
        "; ".join(f"channel {name}: {theirs[name]} times, {ours[name]} by the rules" for name in others[:5])
        or None
    )


def check_part(
    audit: Audit, steering: Steering, part: str, find: Callable[[Visited], Any], example: str
) -> Dict[str, Any]:
    """One part of a visit, of the trace's own parts before it."""
    visit = read_visit(audit, steering, example)
    found = visit.parts[part]
    with np.errstate(all="ignore"):
        truth = find(visit)
        finding = hold_against(found, truth, visit.resolve(part))
    if part == "weakened" and finding["error"]:
        others = np.flatnonzero(found != truth.value).tolist()
        return {**finding, "what": f"weakens {len(others)} other channels: {', '.join(map(str, others[:5]))}"}
    if part == "deviation" and (float(found[0]) == 0) != (float(truth.value[0]) == 0):
        return {**finding, "note": "zero"}
    return finding


def read_visit(audit: Audit, steering: Steering, example: str) -> Visited:
    """A visit as the trace has it."""
    shape = audit.trace.blobs[steering.blob]
    parts = {}
    for part in ("before", *(name for name, _ in PARTS)):
        whole = shape if part in ("before", "after") else (1,) if part in COLUMNS else shape[:1]
        parts[part] = audit.read(example, f"{name_steered(steering.blob)}/{part}", whole)
    port = audit.job.port
    return Visited(steering, port, audit.job.parameters, find_unit(parts["before"]), parts)


def check_tuple(audit: Audit, example: str) -> Dict[str, Any]:
    """What is said of both passes' logits."""
    shape, record = audit.trace.blobs[audit.blobs[-1]], audit.trace.examples[example]
    logits = [audit.read(example, f"logits/{which}", shape) for which in ("plain", "steered")]
    ours = (audit.examples[example].gold, *(int(np.argmax(one)) for one in logits))
    theirs = tuple(record.get(name) for name in ("gold", "original", "attribute"))
    return say(None if ours == theirs else f"{theirs}, by the logits {ours}")


def find_unit(values: np.ndarray) -> float:
    """The unit roundoff of values, and of the truth that they are held against."""
    return UNITS[values.dtype.name] + DOUBLE


def may_tile(index: Mapping[str, Any]) -> bool:
    """Whether whoever made a trace may convolve by Winograd's algorithm: OpenCV, and graphics cards."""
    settings = index.get("settings") or {}
    by_opencv = index.get("backend") == "opencv" and settings.get("winograd", True)
    return bool(by_opencv) or str(settings.get("device", "cpu")).startswith("cuda")
