"""A `cell.json`: what a cell was asked to do, where, and how that ended, as every version wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from harness.core.documents import call_document, check_entries
from harness.core.errors import InputError
from harness.core.limits import MAX_CELL_BYTES, MAX_PARAMETERS
from harness.detectors import DEFAULT
from harness.system.documents import Integer, Name, read_shape, take_shape

CELL = "cell.json"
ADVICE = "run it again"
Table = dict[str, Any]
Texts = dict[str, str]
Parameters = Annotated[dict[Name, float], msgspec.Meta(max_length=MAX_PARAMETERS)]
Replicate = Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class JobPort(msgspec.Struct, frozen=True):
    """The port of a job: its preset, and the rules that are not the preset's."""

    preset: Name = "unknown"
    rules: Table | None = None


class NamedFile(msgspec.Struct, frozen=True):
    """A file, and its hash when the job was made."""

    path: str
    sha256: str | None = None


class JobPreprocess(msgspec.Struct, frozen=True):
    """How a model's inputs are made of pictures; `mean` is in `channel_order`."""

    mean: tuple[float, float, float] | None = None
    channel_order: Literal["bgr", "rgb"] = "bgr"
    scale: float = 1.0
    height: Integer | None = None
    width: Integer | None = None
    resize: Name | None = None


class JobState(msgspec.Struct, frozen=True):
    """The state of a network that Caffe's rules choose its layers by."""

    level: Integer | None = None
    stages: list[str] | None = None


class JobModel(msgspec.Struct, frozen=True):
    """The model of a job; `witnesses` are by attribute. Jobs had no `state` once."""

    name: Name | None = None
    network: str | None = None
    caffemodel: str | None = None
    prototxt: str | None = None
    state: JobState | None = None
    preprocess: JobPreprocess | None = None
    witnesses: dict[Name, NamedFile] | None = None


class JobExamples(msgspec.Struct, frozen=True):
    """The examples of a job: their list, the folder of their files, and which of them are wanted."""

    path: str
    sha256: str | None = None
    npy: Name | None = None
    files: str | None = None
    only: list[str] | None = None


class ExtractionPairs(msgspec.Struct, frozen=True):
    """Mutated images of one attribute, by their names."""

    substitution: Annotated[list[Name], msgspec.Meta(min_length=1)]
    preservation: Annotated[list[Name], msgspec.Meta(min_length=1)]


class JobExtraction(msgspec.Struct, frozen=True):
    """What images witnesses are extracted from."""

    pairs: dict[Name, ExtractionPairs]
    base: Name | None = None


class JobDeclared(msgspec.Struct, frozen=True):
    """What the environment's file said that a worker is started with; packages are `NAME==VERSION`."""

    launcher: Name | None = None
    image: Name | None = None
    python: Name | None = None
    packages: list[Name] = []
    variables: Texts = {}


class CellJob(msgspec.Struct, frozen=True):
    """What a cell's worker was asked to do.

    Jobs had no `replicate` before environments could be repeated, no `hashes` of the network and the worker's
    code before these were checked, no `task` when having an `extraction` told it, no `detector` when there
    was AmI alone, and no `declared` before it was held against the environment's file. `details` are for one
    task. The job of an imported log has names, a port and parameters alone.
    """

    schema: Literal[1] = 1
    task: Name | None = None
    cell: Name = ""
    environment: Name = ""
    replicate: Replicate = 1
    backend: Name = "unknown"
    settings: Table | None = None
    batch_size: Integer | None = None
    decoder: Name | None = None
    detector: Name = DEFAULT
    hashes: Texts | None = None
    model: JobModel | None = None
    examples: JobExamples | None = None
    port: JobPort | None = None
    parameters: Parameters | None = None
    declared: JobDeclared | None = None
    extraction: JobExtraction | None = None
    details: Table | None = None
    output: str | None = None


class Processor(msgspec.Struct, frozen=True):
    """A processor's model, and its instruction sets among other flags."""

    model: str | None = None
    flags: list[str] = []


class CellImage(msgspec.Struct, frozen=True):
    """The image of a container, with its packages by the archive that they are from."""

    id: str | None = None
    tag: str | None = None
    architecture: str | None = None
    packages: dict[str, Texts] | None = None


class Fingerprint(msgspec.Struct, frozen=True):
    """Everything about a cell's surroundings that is known to change numbers."""

    os: str | None = None
    libc: str | None = None
    kernel: str | None = None
    machine: str | None = None
    cpu: Processor | None = None
    python: str | None = None
    numpy: str | None = None
    versions: Texts | None = None
    threads: Integer | None = None
    variables: Texts | None = None
    packages: Texts | None = None
    image: CellImage | None = None


class CellHashes(msgspec.Struct, frozen=True):
    """Hashes of all that a cell's records were made of; cells had none of `layers` and `network` once.

    `inputs` are those of an extraction's images, by their names and stages.
    """

    parameters: Texts | None = None
    witnesses: Texts | None = None
    inputs: dict[Name, Texts] | None = None
    examples: str | None = None
    layers: str | None = None
    network: str | None = None
    worker: str | None = None


class CellTimings(msgspec.Struct, frozen=True):
    """Seconds that a cell took, and how many of its examples another attempt had done before."""

    load_seconds: float | None = None
    run_seconds: float | None = None
    worker_seconds: float | None = None
    processor_seconds: float | None = None
    examples: Integer | None = None
    resumed: Integer | None = None


class ImportedLog(msgspec.Struct, frozen=True):
    """What is known of a log that was made a cell; `selection` is what its results have in common."""

    selection: Name | None = None
    ids: Name | None = None
    log: Texts | None = None
    images: Texts | None = None
    labels: Texts | None = None
    left_out: Integer | None = None
    attack: Name | None = None
    results: Integer | None = None
    other_lines: list[Table] | None = None
    running_rate: Table | None = None


class CellFile(msgspec.Struct, frozen=True):
    """A whole `cell.json`.

    `port` has every rule as it was settled, `steering` how the steered pass was made, `execution` what copies
    of one result share (cells had none once), `network` what an extraction ran on, `origin` where records
    come from that no worker has written.
    """

    status: Literal["done", "failed"]
    schema: Literal[1] = 1
    error: str | None = None
    job: CellJob | None = None
    port: Table | None = None
    fingerprint: Fingerprint | None = None
    hashes: CellHashes | None = None
    timings: CellTimings | None = None
    peak_memory_bytes: Integer | None = None
    steering: Name | None = None
    execution: Name | None = None
    network: Table | None = None
    origin: Name | None = None
    imported: ImportedLog | None = None


def read_cell(folder: Path) -> Table:
    """Plain data of a cell's `cell.json`; InputError where it is no such file of this version."""
    path = folder / CELL
    try:
        cell = read_shape(path, Table, MAX_CELL_BYTES, within=folder)
    except InputError as error:
        raise call_document(error, str(path), "is no cell of this version", "run the cell again") from error
    if cell.get("schema") != 1 or "status" not in cell:
        raise InputError(f"{path}: is no cell of this version; run the cell again")
    return cell


def take_cell(cell: Table, path: Path) -> CellFile:
    """What a `cell.json` says; InputError, with the key, where it is of another kind than it has to be."""
    try:
        told = take_shape(cell, CellFile, str(path))
        check_entries(list_compared(cell), str(path))
        return told
    except InputError as error:
        raise explain_cell(error, path) from error


def explain_cell(error: InputError, path: Path) -> InputError:
    """What a file is called that is no `cell.json`."""
    return call_document(error, str(path), "is no cell of this version", ADVICE)


def list_compared(cell: Table) -> Table:
    """What is compared entry by entry; a job's examples are not, of which it may name a million."""
    job = {key: value for key, value in (cell.get("job") or {}).items() if key != "examples"}
    return {"job": job, **{key: cell.get(key) for key in ("fingerprint", "hashes")}}
