"""Witnesses in one environment: a job that names pairs of mutated images in, a record a blob out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Sequence

import numpy as np

from harness.ami.extraction import last_hidden, measure_differences, read_hidden, select_witnesses
from harness.backends import find_backend
from harness.core.documents import NAME, check_fields
from harness.core.errors import InputError
from harness.core.examples import Example, read_examples
from harness.core.network_files import network_to_json, read_network, read_weights
from harness.core.walk import Executor
from harness.worker.cell import describe_cell, hash_job, report_progress, take_timings, verify_weights
from harness.worker.job import Job
from harness.worker.prepare import prepare_example
from harness.worker.records import BATCHES, RECORDS, append_batch, cut_file

MUTATIONS = ("substitution", "preservation")


@dataclass
class Extractor:
    """A loaded network, the base's blobs on it, and how far the work is; `hashes` are those of all inputs."""

    job: Job
    executor: Executor
    examples: Mapping[str, Example]
    base: Dict[str, np.ndarray] = field(default_factory=dict)
    hashes: Dict[str, Dict[str, str]] = field(default_factory=dict)

    def read_inputs(self, names: Sequence[str]) -> np.ndarray:
        """Network inputs (N, C, H, W) of some examples."""
        batch = [prepare_example(self.job, self.examples[name]) for name in names]
        self.hashes.update({one.example.id: one.hashes for one in batch})
        return np.stack([one.value for one in batch])


def run_job(job: Job) -> Dict[str, Any]:
    """Write a record for every attribute and blob; what `cell.json` is to say."""
    started = time.perf_counter()
    backend, network = find_backend(job.backend), read_network(job.network)
    last_hidden(network)
    listed = read_examples(job.examples, network.logits.shape[0], job.examples_sha256, job.files)
    examples = {one.id: one for one in listed}
    base, pairs = check_extraction(job, examples)
    parameter_hashes = verify_weights(job)
    executor = backend.load(network, read_weights(job.network, network), job.settings)
    loaded = time.perf_counter()
    extractor = Extractor(job, executor, examples)
    extractor.base.update(read_hidden(executor, extractor.read_inputs([base])))
    for name in (RECORDS, BATCHES):
        cut_file(job.output / name, 0)
    for attribute, names in pairs.items():
        append_batch(job.output, hash_job(job), make_records(extractor, attribute, names))
    timings = take_timings(started, loaded, examples=len(examples))
    hashes = {"parameters": parameter_hashes, "inputs": extractor.hashes}
    cell = describe_cell(job, backend.versions(), hashes, timings)
    return {**cell, "network": network_to_json(network)}


def check_extraction(job: Job, examples: Mapping[str, Example]) -> Any:
    """The base and each attribute's pairs; InputError where one is not among the examples or unpaired."""
    extraction: Any = job.data.get("extraction")
    check_fields(extraction, {"base": NAME, "pairs": "a table"}, "job: extraction")
    base, pairs = extraction["base"], extraction["pairs"]
    for attribute, one in pairs.items():
        check_fields(one, dict.fromkeys(MUTATIONS, "a list of names"), f"job: extraction: {attribute}")
    named = [base, *(name for one in pairs.values() for kind in MUTATIONS for name in one[kind])]
    missing = [name for name in named if name not in examples]
    if missing:
        raise InputError(f"job: extraction: {missing[0]!r} is not among the examples")
    for attribute, one in pairs.items():
        counts = [len(one[kind]) for kind in MUTATIONS]
        if counts[0] != counts[1] or not counts[0]:
            raise InputError(f"job: extraction: {attribute} has {counts[0]} and {counts[1]} images, no pairs")
    if not pairs:
        raise InputError("job: extraction: has no attribute")
    return base, pairs


def make_records(
    extractor: Extractor, attribute: str, names: Mapping[str, Sequence[str]]
) -> Iterator[Dict[str, Any]]:
    """One attribute's witnesses and differences (pair by pair), a record a blob."""
    substituted, preserved = (measure_images(extractor, names[kind]) for kind in MUTATIONS)
    for blob in substituted:
        check_finite(attribute, blob, substituted[blob], preserved[blob])
        yield {
            "attribute": attribute,
            "blob": blob,
            "witnesses": select_witnesses(substituted[blob], preserved[blob]),
            "substitution": substituted[blob].tolist(),
            "preservation": preserved[blob].tolist(),
        }


def measure_images(extractor: Extractor, names: Sequence[str]) -> Dict[str, np.ndarray]:
    """Differences (N, C) of some examples to the base, by blob, computed batch by batch."""
    parts: Dict[str, List[np.ndarray]] = {blob: [] for blob in extractor.base}
    size = extractor.job.batch_size
    for start in range(0, len(names), size):
        inputs = extractor.read_inputs(names[start : start + size])
        for blob, values in measure_differences(extractor.executor, extractor.base, inputs).items():
            parts[blob].append(values)
        report_progress(len(extractor.hashes), len(extractor.examples))
    return {blob: np.concatenate(rows) for blob, rows in parts.items()}


def check_finite(attribute: str, blob: str, *differences: np.ndarray) -> None:
    """Refuse differences that have no median."""
    if not all(np.isfinite(values).all() for values in differences):
        raise InputError(f"{attribute}, blob {blob}: its values are no finite numbers; check the weights")
