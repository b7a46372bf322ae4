"""The task `blobs`: a hash of every blob of the plain pass over each example, and no more.

Hashes tell which environments give equal bits, and from which blob on. A zero is hashed as one, whatever its
sign: no later value depends on it. With a trace, each blob is computed once more from the trace's value of
the one before, so that environments whose bits have parted can still be held against each other.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np

from harness.backends import find_backend
from harness.core.documents import check_fields
from harness.core.examples import find_files, list_examples
from harness.core.network_files import read_network
from harness.core.traces import Trace, read_trace
from harness.core.walk import Executor, walk
from harness.worker.batches import Batch, form_batches
from harness.worker.cell import describe_cell, hash_job, report_progress, take_timings, verify_weights
from harness.worker.job import Job
from harness.worker.prepare import Prepared, Refusal, admit_example, hash_array
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.tasks.judge import load_network, refuse_example

DETAILS = {"trace": "a text"}
DIGITS = 16


def run_job(job: Job) -> Dict[str, Any]:
    """Hash the blobs of the job's examples; what `cell.json` is to say."""
    started = time.perf_counter()
    backend, network = find_backend(job.backend), read_network(job.network)
    examples = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    batches = form_batches(examples, job.batch_size, job.only)
    parameters = verify_weights(job)
    executor = load_network(job, network, network)
    trace = read_given(job)
    loaded = time.perf_counter()
    done = keep_whole_batches(job.output, hash_job(job), [batch.kept for batch in batches])
    total, kept = sum(len(batch.kept) for batch in batches), sum(len(batch.kept) for batch in batches[:done])
    report_progress(kept, total)
    for batch in batches[done:]:
        admitted = [admit_example(job, one) for one in find_files(batch.examples, job.files)]
        append_batch(job.output, hash_job(job), hash_batch(executor, batch, admitted, trace))
        kept += len(batch.kept)
        report_progress(kept, total)
    timings = take_timings(started, loaded, examples=kept)
    return describe_cell(job, backend.versions(), {"parameters": parameters}, timings)


def read_given(job: Job) -> Optional[Trace]:
    """The trace whose values are gone on from, where the job names one."""
    details = job.data.get("details", {})
    check_fields(details, DETAILS, "job: details", optional=list(DETAILS))
    return read_trace(Path(details["trace"])) if details.get("trace") else None


def hash_batch(
    executor: Executor,
    batch: Batch,
    admitted: Sequence[Union[Prepared, Refusal]],
    trace: Optional[Trace],
) -> List[Dict[str, Any]]:
    """Records of a batch's kept examples."""
    prepared = [one for one in admitted if isinstance(one, Prepared)]
    hashes = hash_pass(executor, np.stack([one.value for one in prepared])) if prepared else []
    if trace is not None:
        names = [one.example.id for one in prepared]
        hashes = [{**one, "layers": more} for one, more in zip(hashes, hash_layers(executor, trace, names))]
    rows = iter(hashes)
    records = [
        {"example": one.example.id, **next(rows)} if isinstance(one, Prepared) else refuse_example(one)
        for one in admitted
    ]
    return [one for one in records if one["example"] in batch.kept]


def hash_pass(executor: Executor, inputs: np.ndarray) -> List[Dict[str, Any]]:
    """For each input, hashes of all blobs, and whether the pass that nobody watches ends in the same bits."""
    network = executor.network
    names = [blob.name for blob in network.blobs[: network.index(network.logits.name) + 1]]
    found: List[Dict[str, str]] = [{} for _ in inputs]

    def take(name: str, value: Any) -> None:
        for hashes, row in zip(found, executor.to_numpy(value)):
            hashes[name] = hash_value(row)

    watched = executor.to_numpy(walk(executor, executor.to_native(inputs), watch=take, watched=names))
    alone = executor.to_numpy(walk(executor, executor.to_native(inputs)))
    return [
        {"blobs": hashes, "same": hash_value(one) == hash_value(other)}
        for hashes, one, other in zip(found, watched, alone)
    ]


def hash_layers(executor: Executor, trace: Trace, examples: Sequence[str]) -> List[Dict[str, str]]:
    """For each example, hashes of all blobs, each made from the trace's value of the one before.

    Examples that were not traced are walked beside the others, as zeros: a batch stays as large as it is.
    """
    network = executor.network
    found: List[Dict[str, str]] = [{} for _ in examples]
    last = network.index(network.logits.name)
    for start, stop in zip(network.blobs[:last], network.blobs[1 : last + 1]):
        values = np.zeros((len(examples), *start.shape), np.float32)
        for row, name in enumerate(examples):
            if name in trace.examples:
                values[row] = trace.read_plain(name, start.name)
        top = executor.to_numpy(walk(executor, executor.to_native(values), start=start.name, stop=stop.name))
        for hashes, row_value in zip(found, top):
            hashes[stop.name] = hash_value(row_value)
    return found


def hash_value(value: np.ndarray) -> str:
    """Hash of one example's value."""
    return hash_array(value + value.dtype.type(0))[:DIGITS]
