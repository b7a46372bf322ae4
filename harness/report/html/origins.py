"""Where a run's examples lie: the lists that its cells' jobs name, as far as they are still there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from harness.core.documents import is_file
from harness.core.errors import InputError
from harness.core.examples import Example, list_examples
from harness.core.limits import MAX_RUN_BYTES
from harness.plan.identity import Identity, write_identity
from harness.system.documents import Integer, Name, Shape, read_shape, take_shape

MOST_LIST_BYTES = 64_000_000
ANY_CLASS = 2**62  # golds were checked when the list was run


class JobPreprocess(msgspec.Struct):
    """A job's `preprocess`, as far as pictures of its inputs depend on it."""

    mean: tuple[float, float, float]
    channel_order: Literal["bgr", "rgb"] = "bgr"
    scale: float = 1.0


class JobModel(msgspec.Struct):
    """A job's model."""

    preprocess: JobPreprocess


class JobExamples(msgspec.Struct):
    """A job's list of examples."""

    path: str
    sha256: str | None = None
    npy: Name | None = None


class ListJob(msgspec.Struct):
    """A job that names a list."""

    examples: JobExamples
    model: JobModel


class NamedJob(msgspec.Struct):
    """A job that names its cell."""

    environment: Name
    replicate: Integer = 1


@dataclass(frozen=True)
class Origin:
    """One list of examples: its place and hash, what its arrays hold, the model's mean (B, G, R), scale."""

    path: Path
    sha256: str | None
    npy: str | None
    mean: tuple[float, float, float]
    scale: float = 1.0


@dataclass(frozen=True)
class Found:
    """An example and the list that has it."""

    example: Example
    origin: Origin


def find_origins(runs: Sequence[Path]) -> list[Origin]:
    """The lists of some runs' cells, each once."""
    jobs = (job for run in runs for job in list_jobs(run))
    return list(dict.fromkeys(origin for origin in map(read_origin, jobs) if origin))


def list_jobs(run: Path) -> list[Any]:
    """Jobs of a run's cells, from whichever file names them; none where neither can be read."""
    cells = read_object(run / "run.json", run).get("cells")
    if not isinstance(cells, list):
        paths = [run / "cell.json", *sorted(run.glob("cells/*/cell.json"))]
        cells = [read_object(path, run) for path in paths]
    return [cell.get("job") for cell in cells if isinstance(cell, dict)]


def read_object(path: Path, run: Path) -> dict[str, Any]:
    """The object of a JSON file of a run; empty where there is none that can be read."""
    try:
        return read_shape(path, dict[str, Any], MAX_RUN_BYTES, within=run)
    except InputError:
        return {}


def take_job(job: Any, shape: type[Shape]) -> Shape | None:
    """What is wanted of a job; None where it does not say that."""
    try:
        return take_shape(job, shape, "job")
    except InputError:
        return None


def read_origin(job: Any) -> Origin | None:
    """The list that a job names; None where it names none."""
    told = take_job(job, ListJob)
    if told is None:
        return None
    examples, preprocess = told.examples, told.model.preprocess
    mean = preprocess.mean if preprocess.channel_order == "bgr" else preprocess.mean[::-1]
    return Origin(Path(examples.path), examples.sha256, examples.npy, mean, preprocess.scale or 1.0)


def find_examples(origins: Sequence[Origin]) -> dict[str, Found]:
    """Every example of the lists that are still there and as they were, by its id; the first list wins."""
    found: dict[str, Found] = {}
    for origin in origins:
        if not is_readable(origin.path, MOST_LIST_BYTES):
            continue
        try:
            examples = list_examples(origin.path, ANY_CLASS, origin.sha256)
        except InputError:
            continue
        for example in examples:
            found.setdefault(example.id, Found(example, origin))
    return found


def is_readable(path: Path, most_bytes: int) -> bool:
    """Whether a path is an ordinary file of no more than so many bytes."""
    return is_file(path) and path.stat().st_size <= most_bytes


def read_request(run: Path) -> Mapping[str, Any]:
    """What was asked for when a run was made; empty where that is not known."""
    request = read_object(run / "run.json", run).get("request")
    return request if isinstance(request, dict) else {}


def find_owners(labels: Iterable[str], runs: Sequence[Path]) -> dict[str, Path | None]:
    """The run of each cell, by its label (ID or ID@RUN); None where that is not clear."""
    held = [
        (run, [name_cell(one) for job in list_jobs(run) if (one := take_job(job, NamedJob))]) for run in runs
    ]
    return {label: find_owner(label, held) for label in labels}


def name_cell(job: NamedJob) -> str:
    """Id of a job's cell."""
    return write_identity(Identity(job.environment, replicate=job.replicate))


def find_owner(label: str, held: Sequence[tuple[Path, Collection[Any]]]) -> Path | None:
    """The one run that has a cell of this id, and the end of whose path its label has."""
    name, _, tail = label.partition("@")
    owners = [
        run
        for run, names in held
        if name in names and (not tail or f"/{run.resolve().as_posix()}".endswith(f"/{tail}"))
    ]
    return owners[0] if len(owners) == 1 else None


def find_compared(folder: Path, run: str, reports: Path) -> list[Path]:
    """Folders of the runs that a report is about: its own, or those of a comparison that are still there."""
    if (folder / "cells").is_dir():
        return [folder]
    return [reports / name for name in run.split() if (reports / name).is_dir()]
