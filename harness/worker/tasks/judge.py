"""The task `judge`: every batch walked plain and steered, a record an example."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from harness.ami.cases import name_case
from harness.ami.detection import (
    Answer,
    Detector,
    build_detector,
    choose_blobs,
    read_answers,
    run_plain,
    run_steered,
    score_detection,
)
from harness.ami.port import ATTRIBUTES
from harness.ami.statistics import Statistics, find_smallest, is_certain, measure_ratio
from harness.ami.steering import Hook, Steering
from harness.ami.witnesses import concatenate_witnesses, read_witnesses
from harness.backends import find_backend
from harness.core.documents import NAME, check_fields
from harness.core.errors import InputError
from harness.core.examples import (
    Example,
    find_files,
    hash_bytes,
    list_examples,
    read_bytes,
)
from harness.core.network import Network
from harness.core.network_files import (
    read_network,
    read_weights,
)
from harness.worker.batches import Batch, form_batches
from harness.worker.cell import (
    check_weights,
    describe_cell,
    hash_job,
    report_progress,
)
from harness.worker.job import Job
from harness.worker.prepare import Prepared, Refusal, admit_example, hash_array
from harness.worker.records import append_batch, keep_whole_batches


def run_job(job: Job) -> Dict[str, Any]:
    """Judge every example; what `cell.json` is to say."""
    started = time.perf_counter()
    backend = find_backend(job.backend)
    network = read_network(job.network)
    batches = read_batches(job, network.logits.shape[0])
    files = list_witnesses(job)
    witnesses = {name: read_job_witnesses(one, network) for name, one in files.items()}
    parameter_hashes = check_weights(job)
    walked, entries = choose_blobs(network, concatenate_witnesses(witnesses, job.port), job.port)
    executor = backend.load(walked, read_weights(job.network, network), job.settings)
    detector = build_detector(executor, entries, job.port, job.parameters)
    loaded = time.perf_counter()
    done = keep_whole_batches(job.output, hash_job(job), [batch.kept for batch in batches])
    run_batches(job, detector, batches, done)
    finished = time.perf_counter()
    timings = {
        "load_seconds": round(loaded - started, 4),
        "run_seconds": round(finished - loaded, 4),
        "worker_seconds": round(time.perf_counter() - started, 4),
        "examples": count_kept(batches),
        "resumed": count_kept(batches[:done]),
    }
    hashes = {
        "parameters": parameter_hashes,
        "witnesses": {name: one["sha256"] for name, one in files.items()},
    }
    return {**describe_cell(job, backend.versions(), hashes, timings), "steering": "walked"}


def list_witnesses(job: Job) -> Dict[str, Dict[str, str]]:
    """Path and hash of the four attributes' witness files; InputError where the job does not name them."""
    named = job.data["model"].get("witnesses") or {}
    check_fields(named, dict.fromkeys(ATTRIBUTES, "a table"), "job: model: witnesses")
    for name in ATTRIBUTES:
        check_fields(named[name], {"path": "a text", "sha256": NAME}, f"job: model: witnesses: {name}")
    return {name: named[name] for name in ATTRIBUTES}


def read_job_witnesses(file: Mapping[str, str], network: Network) -> Dict[str, Tuple[int, ...]]:
    """One attribute's witnesses, from a file of the hash that the job says."""
    path = Path(file["path"])
    if hash_bytes(read_bytes(path)) != file["sha256"]:
        raise InputError(f"{path}: its hash is not the job's {file['sha256'][:12]}…; it was changed since")
    return read_witnesses(path, network)


def read_batches(job: Job, classes: int) -> List[Batch]:
    """The batches to walk, every file of theirs present and of its hash."""
    listed = form_batches(list_examples(job.examples, classes, job.examples_sha256), job.batch_size, job.only)
    return [Batch(find_files(batch.examples, job.files), batch.kept) for batch in listed]


def count_kept(batches: Sequence[Batch]) -> int:
    """How many records batches give."""
    return sum(len(batch.kept) for batch in batches)


def run_batches(job: Job, detector: Detector, batches: Sequence[Batch], done: int) -> None:
    """Walk the batches after the first `done`; a broken cell keeps the batches it has."""
    job_hash, kept, total = hash_job(job), count_kept(batches[:done]), count_kept(batches)
    report_progress(kept, total)
    for batch in batches[done:]:
        admitted = [admit_example(job, example) for example in batch.examples]
        records = (one for one in judge_batch(detector, admitted) if one["example"] in batch.kept)
        append_batch(job.output, job_hash, records)
        kept += len(batch.kept)
        report_progress(kept, total)


def judge_batch(detector: Detector, batch: Sequence[Union[Prepared, Refusal]]) -> Iterator[Dict[str, Any]]:
    """Records of one batch, those of refused examples at their places."""
    judged = judge_inputs(detector, [one for one in batch if isinstance(one, Prepared)])
    for one in batch:
        yield next(judged) if isinstance(one, Prepared) else refuse_example(one)


def refuse_example(refusal: Refusal) -> Dict[str, Any]:
    """What a cell says of an example that it could not use: no tuple, and why."""
    return {**name_example(refusal.example), "refused": refusal.reason}


def name_example(example: Example) -> Dict[str, Any]:
    """How every record begins."""
    return {
        "example": example.id,
        "source": example.source,
        "attack": example.attack,
        "gold": example.gold,
    }


def judge_inputs(detector: Detector, batch: Sequence[Prepared]) -> Iterator[Dict[str, Any]]:
    """Records of examples with a network input."""
    if not batch:
        return
    blobs: List[Tuple[str, np.ndarray]] = []
    started = time.perf_counter()
    inputs = np.stack([one.value for one in batch])
    plain, steered = run_both(detector, inputs, partial(note_ratios, detector, blobs))
    seconds = round((time.perf_counter() - started) / len(batch), 5)
    answers, ratios = zip(read_answers(plain), read_answers(steered)), find_smallest(blobs, len(batch))
    for one, rows, pair, ratio in zip(batch, zip(plain, steered), answers, ratios):
        yield {**make_record(one, rows, pair), "sigma_ratio": ratio and list(ratio), "seconds": seconds}


def note_ratios(
    detector: Detector, blobs: List[Tuple[str, np.ndarray]], steering: Steering, measured: Statistics
) -> None:
    """Add a steered blob's deviations over means (N,), unless these are 0 whatever the arithmetic."""
    if not is_certain(steering.entries):
        blobs.append((steering.blob, measure_ratio(detector.executor, measured, detector.port)))


def run_both(
    detector: Detector, inputs: np.ndarray, hook: Optional[Hook] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Plain and steered logits, (N, classes) each, of inputs (N, C, H, W); `hook` as in `run_steered`."""
    executor = detector.executor
    value = executor.to_native(inputs)
    plain = executor.to_numpy(run_plain(executor, value))
    return plain, executor.to_numpy(run_steered(detector, value, hook))


def make_record(
    prepared: Prepared, logits: Tuple[np.ndarray, np.ndarray], answers: Tuple[Answer, Answer]
) -> Dict[str, Any]:
    """What a cell says about one example."""
    example, (plain, steered), (original, attribute) = prepared.example, logits, answers
    return {
        **name_example(example),
        **({"npy": prepared.npy} if prepared.npy else {}),
        "original": original.winner,
        "attribute": attribute.winner,
        "case": name_case(example.gold, original.winner, attribute.winner),
        "detected": original.winner != attribute.winner,
        "margin_original": original.margin,
        "margin_attribute": attribute.margin,
        "score": score_detection(original.winner, steered),
        "top5_original": pairs(original),
        "top5_attribute": pairs(attribute),
        "hashes": {
            **prepared.hashes,
            "logits_original": hash_array(plain),
            "logits_attribute": hash_array(steered),
        },
    }


def pairs(answer: Answer) -> List[List[Optional[float]]]:
    """Five best [class, logit]."""
    return [[winner, logit] for winner, logit in answer.top5]
