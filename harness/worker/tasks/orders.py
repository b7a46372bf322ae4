"""The task `orders`: in which order this environment adds up each layer, read from masked inputs.

The job's network has the model's shapes, and one number as every weight. A layer is walked by itself, from
the blob before it to its own, as in any pass that stops at blobs.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from harness.backends import find_backend
from harness.core.documents import check_fields
from harness.core.errors import InputError
from harness.core.network import (
    Blob,
    Convolution,
    InnerProduct,
    Layer,
    Lrn,
    Network,
    Pooling,
    Softmax,
)
from harness.core.network_files import read_network, read_weights
from harness.core.walk import Executor, walk
from harness.worker.cell import describe_cell, hash_job, report_progress, take_timings, verify_weights
from harness.worker.job import Job
from harness.worker.masks import Bench, make_parameter
from harness.worker.orders import NoPlainSumError, hash_bits, read_order
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.sums import Sum
from harness.worker.tasks.judge import load_network
from harness.worker.trees import read_trees

DETAILS = {"trees": "a truth value"}


def run_job(job: Job) -> Dict[str, Any]:
    """Read every blob's order; what `cell.json` is to say."""
    started = time.perf_counter()
    backend, network = find_backend(job.backend), read_network(job.network)
    parameters = verify_weights(job)
    check_parameters(job, network)
    wants_trees = read_details(job)
    executor = load_network(job, network, network)
    blobs = list_rounded(network)
    loaded = time.perf_counter()
    done = keep_whole_batches(job.output, hash_job(job), [[stop.name] for _, stop, _ in blobs])
    report_progress(done, len(blobs))
    known: Dict[str, Dict[str, Any]] = {}
    for number, (start, stop, layer) in enumerate(blobs[done:], start=done + 1):
        shape = describe_shape(start, stop)
        if shape not in known:
            known[shape] = read_blob(executor, job.batch_size, (start, stop), layer, trees=wants_trees)
        record = {"example": stop.name, "layer": layer.name, **known[shape]}
        append_batch(job.output, hash_job(job), [record])
        report_progress(number, len(blobs))
    timings = take_timings(started, loaded, blobs=len(blobs), resumed=done)
    return describe_cell(job, backend.versions(), {"parameters": parameters}, timings)


def read_details(job: Job) -> bool:
    """Whether the whole order of every layer is wanted."""
    details = job.data.get("details", {})
    check_fields(details, DETAILS, "job: details", optional=list(DETAILS))
    return bool(details.get("trees"))


def check_parameters(job: Job, network: Network) -> None:
    """InputError where the network's parameters are not those that orders are read with."""
    for name, values in read_weights(job.network, network).items():
        if not np.array_equal(values, make_parameter(name, values.shape)):
            raise InputError(f"job: parameter {name} is not the one that orders are read with; start again")


def list_rounded(network: Network) -> List[Tuple[Blob, Blob, Layer]]:
    """The blobs up to the logits in which anything is rounded, each with the one before and the layer."""
    last = network.index(network.logits.name)
    pairs = zip(network.blobs[:last], network.blobs[1 : last + 1])
    found = [(start, stop, find_rounding(stop)) for start, stop in pairs]
    return [(start, stop, layer) for start, stop, layer in found if layer is not None]


def find_rounding(blob: Blob) -> Optional[Layer]:
    """The first of a blob's layers that rounds."""
    return next((layer for layer in blob.layers if rounds(layer)), None)


def rounds(layer: Layer) -> bool:
    """Whether a layer computes numbers that it was not given."""
    if isinstance(layer, Pooling):
        return layer.method != "max"
    return isinstance(layer, (Convolution, InnerProduct, Lrn, Softmax))


def describe_shape(start: Blob, stop: Blob) -> str:
    """What is computed between two blobs, but for names: equal ones are read once."""
    plain = [
        (type(layer).__name__, dataclasses.replace(layer, name="", bottom="", top=""))
        for layer in stop.layers
    ]
    return f"{start.shape} {plain}"


def read_blob(
    executor: Executor, batch_size: int, ends: Tuple[Blob, Blob], layer: Layer, *, trees: bool = False
) -> Dict[str, Any]:
    """What is found out of one blob; of layers without weights, and of no plain sums, hashed bits alone."""
    start, stop = ends

    def ask(values: np.ndarray) -> np.ndarray:
        native = executor.to_native(values)
        return executor.to_numpy(walk(executor, native, start=start.name, stop=stop.name))

    precision = executor.to_numpy(executor.to_native(np.zeros((1, 1)))).dtype
    told = {"kind": type(layer).__name__}
    if not isinstance(layer, (Convolution, InnerProduct)):
        bench = Bench(Sum(InnerProduct("", "", "", 1), start, stop), ask, batch_size, precision)
        return {**told, "precision": precision.name, "plain": False, "why": None, "bits": hash_bits(bench)}
    bench = Bench(Sum(layer, start, stop), ask, batch_size, precision)
    order = read_order(bench)
    more = read_program(bench) if trees and order["plain"] else {}
    return {**told, **order, **more, "bits": hash_bits(bench)}


def read_program(bench: Bench) -> Dict[str, Any]:
    """A layer's whole order, or orders, by channels; or why it cannot be read."""
    try:
        return {"programs": read_trees(bench)}
    except NoPlainSumError as error:
        return {"obstacle": str(error)}
