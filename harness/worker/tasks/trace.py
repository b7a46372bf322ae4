"""The task `trace`: every value of both passes over some examples, an archive of arrays each.

The logits are those of passes that nobody watches. For the values between, the same passes are walked again
blob by blob, and what that comes to is held against them: a framework may join layers that it takes at once.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np

from harness.ami.detection import Detector, run_both
from harness.ami.port import port_to_json
from harness.backends import find_backend
from harness.core.decode import decode_array, decode_image
from harness.core.documents import check_fields, read_json_lines
from harness.core.errors import InputError
from harness.core.examples import (
    Example,
    find_files,
    hash_bytes,
    hash_file,
    list_examples,
    read_file,
)
from harness.core.limits import MAX_BATCH_BYTES
from harness.core.network_files import read_network
from harness.core.traces import SCHEMA, name_plain, name_steered, write_arrays, write_index
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
from harness.worker.recorder import Arrays, list_blobs, record_plain, record_steered
from harness.worker.records import RECORDS, append_batch, keep_whole_batches
from harness.worker.tasks.judge import list_witnesses, make_record, refuse_example

DETAILS = {"examples": "a list of names", "limit_bytes": "a whole number"}
LIMIT_BYTES = 500_000_000  # of one example, before it is compressed; full-size VGG-Face takes 160 MB
SLUG = 60


def run_job(job: Job) -> Dict[str, Any]:
    """Trace the examples that the job names; what `cell.json` is to say."""
    started = time.perf_counter()
    wanted, limit = read_details(job)
    backend, network = find_backend(job.backend), read_network(job.network)
    examples = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    batches = form_batches(examples, job.batch_size, wanted)
    parameters = verify_weights(job)
    detector = load_detector(job, network)
    check_size(detector, limit)
    loaded = time.perf_counter()
    done = keep_traced(job, [name for batch in batches for name in batch.kept])
    trace_batches(job, detector, batches, done)
    hashes = {
        "parameters": parameters,
        "witnesses": {name: one["sha256"] for name, one in list_witnesses(job).items()},
    }
    timings = take_timings(started, loaded, examples=len(wanted), resumed=done)
    cell = describe_cell(job, backend.versions(), hashes, timings)
    write_index(job.output, describe_trace(job, detector, cell))
    return cell


def read_details(job: Job) -> Tuple[List[str], int]:
    """Ids of the examples, and how many bytes one may take."""
    details = job.data.get("details")
    check_fields(details, DETAILS, "job: details", defaulted=["limit_bytes"])
    assert details is not None
    if not details["examples"]:
        raise InputError("job: details: 'examples' names none; name those to trace")
    return list(dict.fromkeys(details["examples"])), details.get("limit_bytes", LIMIT_BYTES)


def check_size(detector: Detector, limit: int) -> None:
    """InputError where an example's values are more than may be written."""
    executor, network = detector.executor, detector.executor.network
    visited = {steering.blob for steering in detector.visits}
    itemsize = executor.to_numpy(executor.to_native(np.zeros((1, 1)))).dtype.itemsize
    shapes = {name: network.blobs[network.index(name)].shape for name in list_blobs(executor)}
    values = sum(int(np.prod(shape)) * (3 if name in visited else 2) for name, shape in shapes.items())
    values += 2 * int(np.prod(network.input.shape)) + 2 * network.logits.shape[0]
    values += sum(4 * shapes[name][0] + 3 for name in visited)  # sums, who is weakened, factors in float64
    if values * itemsize > limit:
        raise InputError(
            f"job: a trace of one example takes {values * itemsize} bytes, and {limit} are the limit;"
            " raise limit_bytes"
        )


def keep_traced(job: Job, names: Sequence[str]) -> int:
    """How many examples are traced already; the records of what comes after the first damaged one are cut."""
    done = keep_whole_batches(job.output, hash_job(job), [[name] for name in names])
    sound = 0
    for record in read_records(job.output)[:done]:
        path = job.output / str(record.get("archive"))
        if "refused" not in record and not (path.is_file() and hash_file(path) == record["sha256"]):
            break
        sound += 1
    return keep_whole_batches(job.output, hash_job(job), [[name] for name in names[:sound]])


def read_records(output: Path) -> List[Dict[str, Any]]:
    """The records that were written."""
    return [record for _, record in read_json_lines(output / RECORDS, MAX_BATCH_BYTES, within=output)]


def trace_batches(job: Job, detector: Detector, batches: Sequence[Batch], done: int) -> None:
    """Trace what is left after the first `done` examples, each in the batch that it has when all are run."""
    total, number = sum(len(batch.kept) for batch in batches), 0
    report_progress(done, total)
    for batch in batches:
        first, number = number, number + len(batch.kept)
        if number <= done:
            continue
        found = find_files(batch.examples, job.files)
        records = trace_batch(job, detector, Batch(found, batch.kept[max(0, done - first) :]))
        for place, record in enumerate(records, start=max(first, done) + 1):
            append_batch(job.output, hash_job(job), [record])
            report_progress(place, total)


def trace_batch(job: Job, detector: Detector, batch: Batch) -> Iterator[Dict[str, Any]]:
    """Records of the kept examples of one batch, whose archives are written first."""
    admitted = [admit_example(job, one) for one in batch.examples]
    prepared = [one for one in admitted if isinstance(one, Prepared)]
    walked = Walked(detector, prepared) if prepared else None
    rows = iter(range(len(prepared)))
    for one in admitted:
        row = next(rows) if isinstance(one, Prepared) else None
        if one.example.id not in batch.kept:
            continue
        if isinstance(one, Prepared) and walked is not None and row is not None:
            yield trace_example(job, walked, one, row)
        elif isinstance(one, Refusal):
            yield refuse_example(one)


class Walked:
    """A batch, and its logits when nobody watches."""

    def __init__(self, detector: Detector, prepared: Sequence[Prepared]) -> None:
        inputs = np.stack([one.value for one in prepared])
        self.detector, self.value = detector, detector.executor.to_native(inputs)
        self.plain, self.steered = run_both(detector, inputs)


def trace_example(job: Job, walked: Walked, one: Prepared, row: int) -> Dict[str, Any]:
    """Record of one example, whose archive it writes."""
    plain, steered = walked.plain[row], walked.steered[row]
    arrays: Arrays = {
        "pixels": read_pixels(job, one.example),
        "input": one.value,
        **record_plain(walked.detector.executor, walked.value, row),
        "logits/plain": plain,
        **record_steered(walked.detector, walked.value, row),
        "logits/steered": steered,
    }
    path = job.output / name_archive(one.example.id)
    write_arrays(path, arrays)
    return {
        **make_record(one, decide(plain, steered, None)),
        "archive": path.name,
        "bytes": path.stat().st_size,
        "sha256": hash_file(path),
        **compare_logits(walked.detector.executor.network.logits.name, arrays),
    }


def compare_logits(blob: str, arrays: Arrays) -> Dict[str, Any]:
    """Whether each pass came to the same bits when it was watched, and what classes it came to."""
    watched = {"plain": arrays[name_plain(blob)], "steered": arrays[name_steered(blob)]}
    same = {name: found.tobytes() == arrays[f"logits/{name}"].tobytes() for name, found in watched.items()}
    return {"same": same, "watched": [int(np.argmax(found)) for found in watched.values()]}


def read_pixels(job: Job, example: Example) -> np.ndarray:
    """What an example's file holds, before anything is done to it."""
    data = read_file(example)
    return decode_array(data) if example.is_array else decode_image(data, job.decoder)


def name_archive(example: str) -> str:
    """Name of an example's archive, which every file system takes and no other example has."""
    slug = re.sub("[^A-Za-z0-9_-]", "_", example)[:SLUG]
    return f"{slug}-{hash_bytes(example.encode('utf-8', 'surrogateescape'))[:12]}.npz"


def describe_trace(job: Job, detector: Detector, cell: Dict[str, Any]) -> Dict[str, Any]:
    """What `trace.json` says."""
    executor, data = detector.executor, job.data
    network = executor.network
    blobs = [network.blobs[network.index(name)] for name in list_blobs(executor)]
    visits = [
        {"blob": one.blob, "entries": list(one.entries), "rounds": [list(round_) for round_ in one.rounds]}
        for one in detector.visits
    ]
    return {
        "schema": SCHEMA,
        "model": str(data["model"].get("name", "")),
        "environment": data.get("environment"),
        "backend": job.backend,
        "settings": data["settings"],
        "batch_size": job.batch_size,
        "decoder": job.decoder,
        "preprocess": data["model"]["preprocess"],
        "blobs": [{"name": blob.name, "shape": list(blob.shape)} for blob in blobs],
        "visits": visits,
        "hashes": cell["hashes"],
        "port": port_to_json(job.port),
        "parameters": data["parameters"],
        "examples": read_records(job.output),
    }
