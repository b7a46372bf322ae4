"""Trials: the patches of a job, each with what it walks, in an order in which they share most work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from harness.ami.detection import choose_blobs, order_visits
from harness.ami.steering import Steering, plan_steering
from harness.ami.witnesses import concatenate_witnesses
from harness.core.errors import InputError
from harness.core.examples import Example
from harness.core.network import Network
from harness.core.network_files import read_network
from harness.worker.batches import Batch, find_batches
from harness.worker.changes import KEYS
from harness.worker.job import Job, read_job
from harness.worker.passes import INPUT_RULES, sign_visits
from harness.worker.patches import apply_patch
from harness.worker.pooling import Sizes, change_pooling
from harness.worker.tasks.judge import list_witnesses, read_job_witnesses


@dataclass(frozen=True)
class Trial:
    """A patch as a job of its own: the network that it walks, its visits, and what others share with it.

    Where `refused` says why the job cannot take the patch, the rest is the unpatched job's.
    """

    index: int
    patch: Mapping[str, Any]
    job: Job
    network: Network
    visits: Tuple[Steering, ...] = ()
    executor_key: str = ""
    input_key: str = ""
    signs: Tuple[str, ...] = ()
    covered: Sizes = field(default_factory=dict)
    refused: Optional[str] = None


@dataclass(frozen=True)
class Chunk:
    """One trial on one batch, whose records are appended together; `kept` are the examples it is tried on."""

    trial: Trial
    batch: Batch
    kept: Sequence[str]


def plan_trials(job: Job, network: Network, patches: Sequence[Mapping[str, Any]]) -> List[Trial]:
    """A trial of every patch; InputError where it is the job itself that cannot be done."""
    trials = []
    for index, patch in enumerate(patches):
        try:
            trials.append(build_trial(read_job(apply_patch(job.data, patch)), index, patch))
        except InputError as error:
            trials.append(refuse_trial(Trial(index, patch, job, network), error))
    return trials


def refuse_trial(trial: Trial, error: InputError) -> Trial:
    """A trial and why it cannot be made; raises it where nothing is patched, for then the job is wrong."""
    if not trial.patch:
        raise error
    return replace(trial, refused=str(error))


def build_trial(changed: Job, index: int, patch: Mapping[str, Any]) -> Trial:
    """A trial of the patched job."""
    network, port = read_network(changed.network), changed.port
    files = list_witnesses(changed)
    witnesses = {name: read_job_witnesses(one, network) for name, one in files.items()}
    walked, entries = choose_blobs(network, concatenate_witnesses(witnesses, port), port)
    walked, covered = change_pooling(walked, patch.get("pooling", "ceil"))
    visits = order_visits(walked, plan_steering(walked, entries, port), port)
    made = (str(changed.network), changed.settings, port.blob_value, {key: patch.get(key) for key in KEYS})
    rules = [getattr(port, name) for name in INPUT_RULES]
    return Trial(
        index,
        patch,
        changed,
        walked,
        visits,
        executor_key=repr(made),
        input_key=repr((rules, changed.preprocess, changed.decoder, changed.npy)),
        signs=sign_visits(walked, visits, port, changed.parameters),
        covered=covered,
    )


def list_chunks(trials: Sequence[Trial], examples: Sequence[Example]) -> List[Chunk]:
    """Every trial on every batch: one executor after the other, batch by batch, what is alike together."""
    first: Dict[str, int] = {}
    for one in trials:
        first.setdefault(one.executor_key, one.index)
    ordered = sorted(
        trials, key=lambda one: (first[one.executor_key], one.job.batch_size, one.input_key, one.signs)
    )
    batches: Dict[int, List[Batch]] = {}
    chunks: List[Chunk] = []
    for (_, size), alike in groupby(ordered, key=lambda one: (one.executor_key, one.job.batch_size)):
        together = list(alike)
        if size not in batches:
            batches[size] = find_batches(together[0].job, examples)
        made = (Chunk(one, batch, choose_kept(one, batch)) for batch in batches[size] for one in together)
        chunks += [chunk for chunk in made if chunk.kept]
    return chunks


def choose_kept(trial: Trial, batch: Batch) -> Sequence[str]:
    """Of a batch's examples those that a trial is wanted on: all, unless its patch names some."""
    only = trial.patch.get("only")
    return batch.kept if only is None else [name for name in batch.kept if name in only]


def count_lines(chunks: Sequence[Chunk]) -> int:
    """How many records chunks give."""
    return sum(len(chunk.kept) for chunk in chunks)
