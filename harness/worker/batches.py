"""Batches: which examples a backend walks together, and whose records are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, List, Optional, Sequence

from harness.core.errors import InputError
from harness.core.examples import Example, find_files
from harness.worker.job import Job


@dataclass(frozen=True)
class Batch:
    """Examples that are walked together, and the ids of those whose records are kept."""

    examples: Sequence[Example]
    kept: Sequence[str]


def find_batches(job: Job, listed: Sequence[Example]) -> List[Batch]:
    """The batches of a job to walk, every file of theirs present and of its hash."""
    batches = form_batches(listed, job.batch_size, job.only)
    return [Batch(find_files(batch.examples, job.files), batch.kept) for batch in batches]


def form_batches(
    examples: Sequence[Example], size: int, only: Optional[Collection[str]] = None
) -> List[Batch]:
    """Batches of a list, one after the other; with `only`, those that hold one of these examples.

    They stay whole: an example has the neighbours and the place that it has when the whole list is run, as
    frameworks may compute other last bits for another number of rows. InputError for an unknown id.
    """
    ids = [one.id for one in examples]
    unknown = sorted(set(only or ()) - set(ids))
    if unknown:
        raise InputError(f"job: example {unknown[0]!r} is not in the list")
    wanted = set(ids if only is None else only)
    batches = []
    for start in range(0, len(examples), size):
        kept = [name for name in ids[start : start + size] if name in wanted]
        if kept:
            batches.append(Batch(examples[start : start + size], kept))
    return batches
