"""The task `counterfactuals`: every patch of a job tried on every example, a record each.

What patches have in common is done once: an input for all that prepare it alike, a plain pass for all that
have one network and one input, and a steered pass as far as two of them do the same. Patches of one
executor follow each other, so that there is never a second one in memory.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from harness.ami.detection import Detector, run_plain
from harness.ami.statistics import check_arithmetic, find_smallest
from harness.backends import find_backend
from harness.core.errors import InputError
from harness.core.examples import Example, list_examples
from harness.core.network import Network
from harness.core.network_files import read_network, read_weights
from harness.core.walk import Executor
from harness.detectors.ami import decide
from harness.worker.cell import describe_cell, hash_job, report_progress, take_timings, verify_weights
from harness.worker.changes import change_parameters
from harness.worker.job import Job
from harness.worker.loading import check_detector
from harness.worker.passes import Passes, Signs
from harness.worker.patches import change_gold, read_patches
from harness.worker.pooling import CroppingExecutor
from harness.worker.prepare import Prepared, Refusal, admit_example
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.rounding import RoundingExecutor
from harness.worker.tasks.judge import list_witnesses, make_record, refuse_example
from harness.worker.trials import Chunk, Trial, count_lines, list_chunks, plan_trials, refuse_trial

Record = Dict[str, Any]
BRIEF = ("example", "patch", "gold", "original", "attribute", "detected", "refused")


@dataclass
class Walks:
    """One executor, an input of one batch, its plain logits, and the steered passes over it."""

    executor: Executor
    admitted: Sequence[Union[Prepared, Refusal]]
    plain: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    passes: Passes = field(default_factory=lambda: Passes(None))

    @property
    def prepared(self) -> List[Prepared]:
        """The examples with a network input."""
        return [one for one in self.admitted if isinstance(one, Prepared)]


def run_job(job: Job) -> Dict[str, Any]:
    """Try every patch on every example; what `cell.json` is to say."""
    started = time.perf_counter()
    patches = read_patches(job.data.get("details"))
    check_detector(job)
    backend, network = find_backend(job.backend), read_network(job.network)
    examples = list_examples(job.examples, network.logits.shape[0], job.examples_sha256)
    parameter_hashes = verify_weights(job)
    chunks = list_chunks(plan_trials(job, network, patches), examples)
    done = keep_whole_batches(job.output, hash_job(job), [chunk.kept for chunk in chunks])
    loaded = time.perf_counter()
    run_chunks(job, chunks, done)
    timings = take_timings(started, loaded, examples=count_lines(chunks), resumed=count_lines(chunks[:done]))
    files = list_witnesses(job)
    hashes = {
        "parameters": parameter_hashes,
        "witnesses": {name: one["sha256"] for name, one in files.items()},
    }
    return describe_cell(job, backend.versions(), hashes, timings)


def run_chunks(job: Job, chunks: Sequence[Chunk], done: int) -> None:
    """Try what is left after the first `done` chunks."""
    job_hash, kept, total = hash_job(job), count_lines(chunks[:done]), count_lines(chunks)
    brief = job.data["details"].get("brief", False)
    report_progress(kept, total)
    for chunk, records in try_chunks(chunks[done:]):
        wanted = [one for one in records if one["example"] in chunk.kept]
        append_batch(job.output, job_hash, [shorten(one) for one in wanted] if brief else wanted)
        kept += len(wanted)
        report_progress(kept, total)


def shorten(record: Record) -> Record:
    """What a rate counts of a record: hundreds of patches fill a disk with the rest."""
    return {name: record[name] for name in BRIEF if name in record}


def try_chunks(chunks: Sequence[Chunk]) -> Iterator[Tuple[Chunk, List[Record]]]:
    """Records of each chunk; an executor is loaded when the first chunk that needs it comes up."""
    for _, alike in groupby(chunks, key=lambda one: (one.trial.executor_key, one.trial.refused)):
        executor: Optional[Executor] = None
        for _, same in groupby(alike, key=lambda one: (id(one.batch), one.trial.input_key)):
            together = list(same)
            walks: Optional[Walks] = None
            for place, chunk in enumerate(together):
                later = [one.trial.signs for one in together[place + 1 :]]
                try:
                    check_trial(chunk.trial)
                    executor = executor or load_executor(chunk.trial)
                    walks = walks or walk_plain(executor, chunk)
                    yield chunk, list(judge_trial(walks, chunk.trial, later))
                except InputError as error:
                    yield chunk, refuse_chunk(refuse_trial(chunk.trial, error), chunk.batch.examples)


def check_trial(trial: Trial) -> None:
    """InputError for a trial that was refused when it was planned."""
    if trial.refused is not None:
        raise InputError(trial.refused)


def refuse_chunk(trial: Trial, examples: Sequence[Example]) -> List[Record]:
    """Records of a batch that say why a patch cannot be tried on it."""
    return [name_trial(refuse_example(Refusal(one, str(trial.refused))), trial) for one in examples]


def load_executor(trial: Trial) -> Executor:
    """The executor of a trial, with the parameters as it has them."""
    job = trial.job
    if "network" in trial.patch:
        verify_weights(job)
    weights = read_weights(job.network, read_network(job.network))
    changed = change_parameters(job.backend, trial.network, weights, trial.patch)

    def load(network: Network) -> Executor:
        executor: Executor = find_backend(job.backend).load(network, changed, job.settings)
        return executor

    executor = CroppingExecutor(trial.network, trial.covered, load) if trial.covered else load(trial.network)
    rounding = trial.patch.get("rounding")
    return executor if rounding is None else RoundingExecutor(executor, rounding)


def walk_plain(executor: Executor, chunk: Chunk) -> Walks:
    """A batch's inputs as a trial prepares them, and their plain logits."""
    walks = Walks(executor, [admit_example(chunk.trial.job, one) for one in chunk.batch.examples])
    if walks.prepared:
        value = executor.to_native(np.stack([one.value for one in walks.prepared]))
        walks.plain = executor.to_numpy(run_plain(executor, value))
        walks.passes = Passes(value)
    return walks


def judge_trial(walks: Walks, trial: Trial, later: Sequence[Signs]) -> Iterator[Record]:
    """Records of one trial on a batch, those of refused examples at their places."""
    judged = judge_inputs(walks, trial, later)
    for one in walks.admitted:
        record = next(judged) if isinstance(one, Prepared) else refuse_example(change_labels(one, trial))
        yield name_trial(record, trial)


def judge_inputs(walks: Walks, trial: Trial, later: Sequence[Signs]) -> Iterator[Record]:
    """Records of the examples with a network input."""
    if not walks.prepared:
        return
    check_arithmetic(walks.executor, trial.job.port)
    detector = Detector(walks.executor, trial.visits, trial.job.port, trial.job.parameters)
    steered, blobs = walks.passes.run(detector, trial.signs, later)
    for one, *found in zip(walks.prepared, walks.plain, steered, find_smallest(blobs, len(steered))):
        finding = decide(*found)
        yield {**make_record(change_labels(one, trial), finding), **finding.more}


def change_labels(one: Any, trial: Trial) -> Any:
    """An example with the gold label that it has by the trial's list of labels."""
    if "labels" not in trial.patch:
        return one
    return replace(
        one, example=replace(one.example, gold=change_gold(one.example.gold, trial.patch["labels"]))
    )


def name_trial(record: Record, trial: Trial) -> Record:
    """A record with its patch's place among the patches, after the example's id."""
    return {"example": record["example"], "patch": trial.index, **record}
