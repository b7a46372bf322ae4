"""Where a run's examples lie: the lists that its cells' jobs name, as far as they are still there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.documents import is_file
from harness.core.errors import InputError
from harness.core.examples import Example, list_examples
from harness.core.limits import MAX_RUN_BYTES
from harness.diff.cells import name_job
from harness.records.cell import CELL, CellJob
from harness.records.run import RUN_FILE
from harness.system.documents import read_shape, take_shape

MOST_LIST_BYTES = 64_000_000
ANY_CLASS = 2**62  # golds were checked when the list was run


@dataclass(frozen=True)
class ExampleList:
    """One list of examples: its place and hash, what its arrays hold, the model's mean (B, G, R), scale."""

    path: Path
    sha256: str | None
    npy: str | None
    mean: tuple[float, float, float]
    scale: float = 1.0


@dataclass(frozen=True)
class ListedExample:
    """An example and the list that has it."""

    example: Example
    origin: ExampleList


def find_example_lists(runs: Sequence[Path]) -> list[ExampleList]:
    """The lists of some runs' cells, each once."""
    jobs = (job for run in runs for job in list_jobs(run))
    return list(dict.fromkeys(origin for origin in map(read_example_list, jobs) if origin))


def list_jobs(run: Path) -> list[CellJob]:
    """Jobs of a run's cells, from whichever file names them; those that cannot be read are left out."""
    cells = read_object(run / RUN_FILE, run).get("cells")
    if not isinstance(cells, list):
        paths = [run / CELL, *sorted(run.glob(f"cells/*/{CELL}"))]
        cells = [read_object(path, run) for path in paths]
    jobs = (take_job(cell.get("job")) for cell in cells if isinstance(cell, dict))
    return [job for job in jobs if job is not None]


def read_object(path: Path, run: Path) -> dict[str, Any]:
    """The object of a JSON file of a run; empty where there is none that can be read."""
    try:
        return read_shape(path, dict[str, Any], MAX_RUN_BYTES, within=run)
    except InputError:
        return {}


def take_job(job: Any) -> CellJob | None:
    """A job; None where it is none."""
    try:
        return take_shape(job, CellJob, "job")
    except InputError:
        return None


def read_example_list(job: CellJob) -> ExampleList | None:
    """The list that a job names; None where it names none."""
    examples, preprocess = job.examples, job.model.preprocess if job.model else None
    if examples is None or preprocess is None or preprocess.mean is None:
        return None
    mean = preprocess.mean if preprocess.channel_order == "bgr" else preprocess.mean[::-1]
    return ExampleList(Path(examples.path), examples.sha256, examples.npy, mean, preprocess.scale or 1.0)


def find_listed_examples(origins: Sequence[ExampleList]) -> dict[str, ListedExample]:
    """Every example of the lists that are still there and as they were, by its id; the first list wins."""
    found: dict[str, ListedExample] = {}
    for origin in origins:
        if not is_readable(origin.path, MOST_LIST_BYTES):
            continue
        try:
            examples = list_examples(origin.path, ANY_CLASS, origin.sha256)
        except InputError:
            continue
        for example in examples:
            found.setdefault(example.id, ListedExample(example, origin))
    return found


def is_readable(path: Path, most_bytes: int) -> bool:
    """Whether a path is an ordinary file of no more than so many bytes."""
    return is_file(path) and path.stat().st_size <= most_bytes


def read_run_request(run: Path) -> Mapping[str, Any]:
    """What was asked for when a run was made; empty where that is not known."""
    request = read_object(run / RUN_FILE, run).get("request")
    return request if isinstance(request, dict) else {}


def find_owners(labels: Iterable[str], runs: Sequence[Path]) -> dict[str, Path | None]:
    """The run of each cell, by its label (ID or ID@RUN); None where that is not clear."""
    held = [(run, [name_job(job) for job in list_jobs(run)]) for run in runs]
    return {label: find_owner(label, held) for label in labels}


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
