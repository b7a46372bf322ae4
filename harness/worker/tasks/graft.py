"""The task `graft`: passes that go on, from one blob, with the value that another environment had there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Union

import numpy as np

from harness.ami.detection import Detector, list_edits, run_both
from harness.ami.steering import Steering
from harness.backends import find_backend
from harness.core.documents import NAME, check_fields
from harness.core.errors import InputError
from harness.core.examples import Example, find_files, list_examples
from harness.core.network import Network
from harness.core.network_files import read_network
from harness.core.traces import Trace, read_trace
from harness.core.walk import walk
from harness.detectors.ami import decide
from harness.worker.batches import Batch, form_batches
from harness.worker.cell import (
    describe_cell,
    hash_job,
    report_progress,
    take_timings,
    verify_weights,
)
from harness.worker.job import Job
from harness.worker.loading import load_detector
from harness.worker.prepare import Prepared, Refusal, admit_example
from harness.worker.recorder import list_blobs
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.tasks.judge import list_witnesses, make_record, refuse_example

DETAILS = {"trace": "a text", "sha256": "a text", "grafts": "a list"}
GRAFT = {"pass": NAME, "blob": NAME}
PASSES = ("plain", "steered", "both")
INPUT = "input"


@dataclass(frozen=True)
class Graft:
    """Which pass goes on from which blob with the foreign value; `index` is its place in the job's list."""

    index: int
    kind: str
    blob: str


@dataclass(frozen=True)
class Chunk:
    """One graft on one batch, whose records are appended together."""

    batch: Batch
    graft: Graft


@dataclass
class Bench:
    """A batch, its admitted examples, and its logits without any graft."""

    detector: Detector
    trace: Trace
    admitted: Sequence[Union[Prepared, Refusal]]
    prepared: Sequence[Prepared]
    kept: Sequence[str]
    plain: np.ndarray
    steered: np.ndarray

    def list_asked(self) -> List[str]:
        """The examples with a network input that are asked for."""
        return [one.example.id for one in self.prepared if one.example.id in self.kept]


def run_job(job: Job) -> Dict[str, Any]:
    """Answer every graft for every example; what `cell.json` is to say."""
    started = time.perf_counter()
    details = job.data.get("details")
    check_fields(details, DETAILS, "job: details", optional=["sha256"])
    assert details is not None
    backend, network = find_backend(job.backend), read_network(job.network)
    trace = read_trace(Path(details["trace"]), details.get("sha256"))
    examples = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    batches = form_batches(examples, job.batch_size, choose_examples(job, trace, examples))
    parameters = verify_weights(job)
    detector = load_detector(job, network)
    check_model(job, trace, detector)
    grafts = read_grafts(job, detector.executor.network)
    chunks = [Chunk(batch, graft) for batch in batches for graft in grafts]
    loaded = time.perf_counter()
    done = keep_whole_batches(job.output, hash_job(job), [chunk.batch.kept for chunk in chunks])
    run_chunks(job, detector, trace, chunks, done)
    timings = take_timings(started, loaded, examples=count_lines(chunks), resumed=count_lines(chunks[:done]))
    hashes = {
        "parameters": parameters,
        "witnesses": {name: one["sha256"] for name, one in list_witnesses(job).items()},
    }
    return describe_cell(job, backend.versions(), hashes, timings)


def read_grafts(job: Job, network: Network) -> List[Graft]:
    """The grafts that a job asks for; InputError for a pass or a blob that there is not."""
    grafts = []
    for index, data in enumerate(job.data["details"]["grafts"]):
        place = f"job: details: graft {index}"
        check_fields(data, GRAFT, place)
        if data["pass"] not in PASSES:
            raise InputError(f"{place}: pass = {data['pass']!r}; choose one of {', '.join(PASSES)}")
        blob = network.input.name if data["blob"] == INPUT else data["blob"]
        if network.index(blob) > network.index(network.logits.name):
            raise InputError(f"{place}: blob {blob!r} comes after the logits; name one before")
        grafts.append(Graft(index, data["pass"], blob))
    if not grafts:
        raise InputError("job: details: 'grafts' has no graft; name one")
    return grafts


def choose_examples(job: Job, trace: Trace, examples: Sequence[Example]) -> List[str]:
    """Ids of the examples to answer for; InputError where the trace has other ones, or other files."""
    listed = {one.id: one for one in examples}
    wanted = job.only if job.only is not None else [name for name in trace.examples if name in listed]
    for name in wanted:
        trace.find_archive(name)
        if name in listed and trace.examples[name]["hashes"].get("file") != listed[name].sha256:
            raise InputError(f"{trace.folder}: example {name!r} was another file there; trace this one")
    if not wanted:
        raise InputError(f"{trace.folder}: has a trace of none of the job's examples; trace one there")
    return list(wanted)


def check_model(job: Job, trace: Trace, detector: Detector) -> None:
    """InputError where a trace is of another model, or of other blobs than this walk has."""
    own, network = str(job.data["model"].get("name", "")), detector.executor.network
    if trace.index["model"] != own:
        raise InputError(f"{trace.folder}: is of model {trace.index['model']!r}, not of {own!r}")
    blobs = {name: network.blobs[network.index(name)].shape for name in list_blobs(detector.executor)}
    if blobs != dict(trace.blobs):
        name, shape = min({*blobs.items()} ^ {*trace.blobs.items()})
        raise InputError(
            f"{trace.folder}: is of a walk over other blobs ({name} {shape} is on one side alone); trace the"
            " same network, with the same blob_value"
        )


def count_lines(chunks: Sequence[Chunk]) -> int:
    """How many records chunks give."""
    return sum(len(chunk.batch.kept) for chunk in chunks)


def run_chunks(job: Job, detector: Detector, trace: Trace, chunks: Sequence[Chunk], done: int) -> None:
    """Answer what is left after the first `done` chunks."""
    kept, total = count_lines(chunks[:done]), count_lines(chunks)
    report_progress(kept, total)
    for _, same in groupby(chunks[done:], key=lambda chunk: id(chunk.batch)):
        together = list(same)
        bench = prepare_bench(job, detector, trace, together[0].batch)
        for chunk in together:
            append_batch(job.output, hash_job(job), answer_graft(bench, chunk.graft))
            kept += len(chunk.batch.kept)
            report_progress(kept, total)


def prepare_bench(job: Job, detector: Detector, trace: Trace, batch: Batch) -> Bench:
    """A batch and its logits without any graft."""
    admitted = [admit_example(job, one) for one in find_files(batch.examples, job.files)]
    prepared = [one for one in admitted if isinstance(one, Prepared)]
    if not prepared:
        return Bench(detector, trace, admitted, prepared, batch.kept, np.empty(0), np.empty(0))
    logits = run_both(detector, np.stack([one.value for one in prepared]))
    return Bench(detector, trace, admitted, prepared, batch.kept, *logits)


def answer_graft(bench: Bench, graft: Graft) -> List[Dict[str, Any]]:
    """Records of one graft on a batch's kept examples, those of refused ones at their places."""
    plain, steered = bench.plain, bench.steered
    if bench.list_asked() and graft.kind in ("plain", "both"):
        plain = graft_plain(bench, graft.blob)
    if bench.list_asked() and graft.kind in ("steered", "both"):
        steered = graft_steered(bench, graft.blob)
    rows = iter(zip(plain, steered))
    records: List[Mapping[str, Any]] = [
        make_record(one, decide(*next(rows), None)) if isinstance(one, Prepared) else refuse_example(one)
        for one in bench.admitted
    ]
    return [
        {"example": one["example"], "graft": graft.index, **one}
        for one in records
        if one["example"] in bench.kept
    ]


def graft_plain(bench: Bench, blob: str) -> np.ndarray:
    """Logits (N, classes) of the plain pass from a blob on."""
    executor = bench.detector.executor
    return executor.to_numpy(walk(executor, put_foreign(bench, blob, "plain"), start=blob))


def graft_steered(bench: Bench, blob: str) -> np.ndarray:
    """Logits (N, classes) of the steered pass behind a blob; what was done up to it is the other side's."""
    executor, network = bench.detector.executor, bench.detector.executor.network
    chosen = {one.blob for one in find_effective(network, bench.detector.visits)}
    edits = [
        edit
        for edit in list_edits(bench.detector)
        if edit[0] in chosen and network.index(edit[0]) > network.index(blob)
    ]
    edits.sort(key=lambda edit: network.index(edit[0]))
    return executor.to_numpy(walk(executor, put_foreign(bench, blob, "steered"), edits, start=blob))


def find_effective(network: Network, visits: Sequence[Steering]) -> List[Steering]:
    """The visits whose steering is not lost, as no later one lies before them, in network order."""
    found: List[Steering] = []
    for steering in reversed(visits):
        if not found or network.index(steering.blob) < network.index(found[0].blob):
            found.insert(0, steering)
    return found


def put_foreign(bench: Bench, blob: str, kind: str) -> Any:
    """A batch's native value at a blob: the other side's for the examples that are asked for.

    The rest have the first one's. They are there for their number alone, and what a row comes to depends on
    none beside it, so that nothing is walked for them.
    """
    read = bench.trace.read_plain if kind == "plain" else bench.trace.read_steered
    found = {name: read(name, blob) for name in bench.list_asked()}
    first = next(iter(found.values()))
    values = np.stack([found.get(one.example.id, first) for one in bench.prepared])
    return bench.detector.executor.to_native(values)
