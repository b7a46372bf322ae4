"""One cell: read a job, walk every batch plain and steered, write records as they come."""

from __future__ import annotations

import json
import sys
import time
import traceback
from dataclasses import dataclass
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
from harness.ami.port import port_to_json
from harness.ami.preprocess import prepare_array, prepare_image
from harness.ami.statistics import Statistics, find_smallest, is_certain, measure_ratio
from harness.ami.steering import Steering, Watch
from harness.ami.witnesses import Witnesses, concatenate_witnesses, read_witnesses
from harness.backends import find_backend
from harness.core.decode import decode_array, decode_image
from harness.core.errors import InputError, RefusedError, explain_refusal
from harness.core.examples import (
    Example,
    find_files,
    hash_bytes,
    hash_file,
    list_examples,
    read_bytes,
    read_file,
)
from harness.core.network import Network
from harness.core.network_files import (
    MADE_ANEW,
    NETWORK_FILE,
    hash_layers,
    list_files,
    read_network,
    read_notes,
    read_weights,
)
from harness.core.text import store_data
from harness.worker.batches import Batch, form_batches
from harness.worker.fingerprint import hash_code, read_peak_memory, take_fingerprint
from harness.worker.job import Job, load_job, read_job
from harness.worker.records import append_batch, keep_whole_batches


@dataclass(frozen=True)
class Prepared:
    """One example's network input (C, H, W), the hashes of what it came from, and what its array holds."""

    example: Example
    value: np.ndarray
    hashes: Dict[str, str]
    npy: Optional[str] = None


@dataclass(frozen=True)
class Refusal:
    """An example whose file cannot be used, and why."""

    example: Example
    reason: str


def main(paths: Sequence[Path]) -> int:
    """Run the job file that is named; 0 done, 2 whatever kept it from being done."""
    if len(paths) != 1:
        print("usage: python -m harness.worker JOB.json", file=sys.stderr)
        return 2
    try:
        data = load_job(paths[0])
    except InputError as error:
        print(f"harness.worker: {error}", file=sys.stderr)
        return 2
    try:
        write_cell(Path(data["output"]), do_job(read_job(data)))
    except InputError as error:
        return fail_job(data, str(error))
    except OSError as error:
        return fail_job(data, explain_refusal(error))
    except Exception as error:  # noqa: BLE001 - frameworks raise whatever they like
        traceback.print_exc()  # standard error is the cell's log
        return fail_job(data, f"the worker broke: {type(error).__name__}: {error}")
    return 0


def fail_job(data: Mapping[str, Any], reason: str) -> int:
    """Say why a job was not done, on standard error and in `cell.json`; the exit code."""
    print(f"harness.worker: {reason}", file=sys.stderr)
    write_cell(Path(data["output"]), {"schema": 1, "status": "failed", "error": reason, "job": data})
    return 2


def write_cell(output: Path, cell: Mapping[str, Any]) -> None:
    """Write `cell.json` into the output folder."""
    try:
        text = json.dumps(store_data(cell), indent=1, sort_keys=True, allow_nan=False)
        (output / "cell.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        print(f"harness.worker: {output / 'cell.json'}: cannot be written ({error})", file=sys.stderr)


def do_job(job: Job) -> Dict[str, Any]:
    """Do what the job asks for; what `cell.json` is to say."""
    from harness.worker.extract import extract_job  # it prepares its images as this module does

    check_planned(job)
    return run_job(job) if job.extraction is None else extract_job(job)


def check_planned(job: Job) -> None:
    """InputError where this code or the network is not what the job was planned with."""
    found = hash_made_of(job)
    for name, digest in job.hashes.items():
        if found[name] != digest:
            raise InputError(
                f"its {name} has the hash {found[name][:12]}, not the planned {digest[:12]}; it was changed"
                f" since: {MADE_ANEW}"
            )


def hash_made_of(job: Job) -> Dict[str, str]:
    """Hashes of this code and of the network, as they are now."""
    return {"worker": hash_code(), "network": hash_file(job.network / NETWORK_FILE)}


def run_job(job: Job) -> Dict[str, Any]:
    """Judge every example; what `cell.json` is to say."""
    started = time.perf_counter()
    backend = find_backend(job.backend)
    network = read_network(job.network)
    batches = read_batches(job, network.logits.shape[0])
    witnesses = read_job_witnesses(job, network)
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
        "witnesses": {name: entry["sha256"] for name, entry in job.witnesses.items()},
    }
    return {**describe_cell(job, backend.versions(), hashes, timings), "steering": "walked"}


def describe_cell(
    job: Job, versions: Mapping[str, str], hashes: Mapping[str, Any], timings: Mapping[str, Any]
) -> Dict[str, Any]:
    """What `cell.json` says of any job that was done."""
    return {
        "schema": 1,
        "status": "done",
        "error": None,
        "job": dict(job.data),
        "port": port_to_json(job.port),
        "fingerprint": take_fingerprint(versions, job.settings.threads),
        "hashes": {
            **hashes,
            "examples": job.examples_sha256,
            "layers": hash_layers(read_network(job.network)),
            **hash_made_of(job),
        },
        "timings": {**timings, "processor_seconds": round(time.process_time(), 4)},
        "peak_memory_bytes": read_peak_memory(),
    }


def read_job_witnesses(job: Job, network: Network) -> Witnesses:
    """The four attributes' witnesses, each file of the hash that the job says."""
    found = {}
    for attribute, entry in job.witnesses.items():
        path = Path(entry["path"])
        if hash_bytes(read_bytes(path)) != entry["sha256"]:
            raise InputError(
                f"{path}: its hash is not the job's {entry['sha256'][:12]}…; it was changed since"
            )
        found[attribute] = read_witnesses(path, network)
    return found


def check_weights(job: Job) -> Dict[str, str]:
    """Hash of every parameter; InputError where a file is not what the conversion read or wrote."""
    network, notes = read_network(job.network), read_notes(job.network)
    files, hashes = list_files(job.network, network), {}
    for name, values in read_weights(job.network, network).items():
        hashes[name] = hash_bytes(values.data)
        if hashes[name] != notes["parameters"].get(name, {}).get("sha256"):
            raise InputError(f"{files[name]}: its hash is not the one in network.json; {MADE_ANEW}")
    caffemodel = job.settings.caffemodel
    if caffemodel and hash_file(Path(caffemodel)) != notes["sources"].get("caffemodel"):
        raise InputError(f"{caffemodel}: was changed since it was converted; start again")
    return hashes


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


def hash_job(job: Job) -> str:
    """Hash of everything that a job says but where its output goes."""
    data = {key: value for key, value in job.data.items() if key != "output"}
    return hash_bytes(json.dumps(data, sort_keys=True).encode())


def report_progress(done: int, total: int) -> None:
    """One progress line on standard output."""
    print(json.dumps({"event": "progress", "done": done, "total": total}), flush=True)


def admit_example(job: Job, example: Example) -> Union[Prepared, Refusal]:
    """Network input of one example, or why its file cannot be used."""
    try:
        return load_example(job, example)
    except RefusedError as error:
        return Refusal(example, str(error))


def prepare_example(job: Job, example: Example) -> Prepared:
    """Network input of one example that has to be there; InputError names its file."""
    try:
        return load_example(job, example)
    except RefusedError as error:
        raise InputError(f"{example.path}: {error}") from error


def load_example(job: Job, example: Example) -> Prepared:
    """Network input of one example; RefusedError where its file cannot be used."""
    data, npy = read_file(example), (example.npy or job.npy) if example.is_array else None
    if not example.is_array:
        pixels = decode_image(data, job.decoder)
        value = prepare_image(pixels, job.preprocess, job.port)
    elif npy is None:
        raise InputError(
            f"{example.path}: is a .npy file, but what it holds is not said; name its convention with --npy"
        )
    else:
        pixels = decode_array(data)
        value = prepare_array(pixels, npy, job.preprocess, job.port)
    hashes = {"file": example.sha256, "pixels": hash_array(pixels), "input": hash_array(value)}
    return Prepared(example, value, hashes, npy)


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
    detector: Detector, inputs: np.ndarray, watch: Optional[Watch] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Plain and steered logits, (N, classes) each, of inputs (N, C, H, W); `watch` as in `run_steered`."""
    executor = detector.executor
    value = executor.to_native(inputs)
    plain = executor.to_numpy(run_plain(executor, value))
    return plain, executor.to_numpy(run_steered(detector, value, watch))


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


def hash_array(array: np.ndarray) -> str:
    """Hash of an array's kind, shape and values."""
    values = np.ascontiguousarray(array)
    return hash_bytes(f"{values.dtype.str}{values.shape}".encode() + values.tobytes())
