"""The task `judge`: every batch walked plain and steered, a record an example."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from harness.ami.cases import name_case
from harness.ami.detection import Answer, read_answers
from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import read_witnesses
from harness.backends import find_backend
from harness.core.documents import NAME, check_fields
from harness.core.errors import InputError
from harness.core.examples import (
    Example,
    hash_bytes,
    list_examples,
    read_bytes,
)
from harness.core.network import Network
from harness.core.network_files import (
    read_network,
    read_weights,
)
from harness.core.walk import Executor
from harness.detectors import DEFAULT, find_detector
from harness.detectors.detection import Detect, Detection, Setup
from harness.worker.batches import Batch, find_batches
from harness.worker.cell import (
    describe_cell,
    hash_job,
    report_progress,
    take_timings,
    verify_weights,
)
from harness.worker.job import Job
from harness.worker.prepare import Prepared, Refusal, admit_example, hash_array
from harness.worker.records import append_batch, keep_whole_batches


def run_job(job: Job) -> Dict[str, Any]:
    """Judge every example; what `cell.json` is to say."""
    started = time.perf_counter()
    backend, module = find_backend(job.backend), find_detector(read_detector(job))
    network = read_network(job.network)
    listed = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    batches = find_batches(job, listed)
    files = list_witnesses(job)
    witnesses = {name: read_job_witnesses(one, network) for name, one in files.items()}
    parameter_hashes = verify_weights(job)
    load = partial(load_network, job, network)
    detect = module.build(Setup(network, load, witnesses, job.port, job.parameters))
    loaded = time.perf_counter()
    done = keep_whole_batches(job.output, hash_job(job), [batch.kept for batch in batches])
    run_batches(job, detect, batches, done)
    timings = take_timings(started, loaded, examples=count_kept(batches), resumed=count_kept(batches[:done]))
    hashes = {
        "parameters": parameter_hashes,
        "witnesses": {name: one["sha256"] for name, one in files.items()},
    }
    return {**describe_cell(job, backend.versions(), hashes, timings), "steering": "walked"}


def read_detector(job: Job) -> str:
    """Name of the detector that the job asks for."""
    check_fields(job.data, {"detector": NAME}, "job", defaulted=["detector"])
    return str(job.data.get("detector", DEFAULT))


def load_network(job: Job, network: Network, walked: Network) -> Executor:
    """An executor of the network as a detector walks it, on the network's own weights."""
    weights = read_weights(job.network, network)
    executor: Executor = find_backend(job.backend).load(walked, weights, job.settings)
    return executor


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


def count_kept(batches: Sequence[Batch]) -> int:
    """How many records batches give."""
    return sum(len(batch.kept) for batch in batches)


def run_batches(job: Job, detect: Detect, batches: Sequence[Batch], done: int) -> None:
    """Walk the batches after the first `done`; a broken cell keeps the batches it has."""
    job_hash, kept, total = hash_job(job), count_kept(batches[:done]), count_kept(batches)
    report_progress(kept, total)
    for batch in batches[done:]:
        admitted = [admit_example(job, example) for example in batch.examples]
        records = (one for one in judge_batch(detect, admitted) if one["example"] in batch.kept)
        append_batch(job.output, job_hash, records)
        kept += len(batch.kept)
        report_progress(kept, total)


def judge_batch(detect: Detect, batch: Sequence[Union[Prepared, Refusal]]) -> Iterator[Dict[str, Any]]:
    """Records of one batch, those of refused examples at their places."""
    judged = judge_inputs(detect, [one for one in batch if isinstance(one, Prepared)])
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


def judge_inputs(detect: Detect, batch: Sequence[Prepared]) -> Iterator[Dict[str, Any]]:
    """Records of examples with a network input."""
    if not batch:
        return
    started = time.perf_counter()
    detections = detect(np.stack([one.value for one in batch]))
    seconds = round((time.perf_counter() - started) / len(batch), 5)
    if len(detections) != len(batch):
        raise InputError(f"the detector answered {len(detections)} of {len(batch)} inputs; correct it")
    for one, detection in zip(batch, detections):
        yield {**make_record(one, detection), **detection.more, "seconds": seconds}


def make_record(prepared: Prepared, detection: Detection) -> Dict[str, Any]:
    """What a cell says about one example, whatever its detector."""
    example, (original, attribute) = prepared.example, read_both(detection)
    return {
        **name_example(example),
        **({"npy": prepared.npy} if prepared.npy else {}),
        "original": original.winner,
        "attribute": attribute.winner,
        "case": name_case(example.gold, original.winner, attribute.winner),
        "detected": detection.detected,
        "margin_original": original.margin,
        "margin_attribute": attribute.margin,
        "score": detection.score,
        "top5_original": pairs(original),
        "top5_attribute": pairs(attribute),
        "hashes": {
            **prepared.hashes,
            "logits_original": hash_array(detection.original),
            "logits_attribute": hash_array(detection.attribute),
        },
    }


def read_both(detection: Detection) -> List[Answer]:
    """Original's and Attribute's answer."""
    return [read_answers(logits[None])[0] for logits in (detection.original, detection.attribute)]


def pairs(answer: Answer) -> List[List[Optional[float]]]:
    """Five best [class, logit]."""
    return [[winner, logit] for winner, logit in answer.top5]
