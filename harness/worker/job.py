"""The job file: everything that a cell is, spelled out."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from harness.ami.errors import InputError
from harness.ami.port import ATTRIBUTES, Port, read_port
from harness.ami.preprocess import NPY_CONVENTIONS, Preprocess, read_preprocess
from harness.ami.steering import Parameters, check_parameters
from harness.backends import Settings

SCHEMA = 1
MODEL_FILES = ("prototxt", "caffemodel")  # of the model, for backends that read Caffe's own files


@dataclass(frozen=True)
class Job:
    """A checked job; `data` is the file as it was read.

    With `only`, records of these examples alone are asked for, as they are when all are run.
    With `extraction`, it is witnesses that are asked for, and not answers: there it says which example is the
    `base`, and which ones are each attribute's `pairs`.
    """

    data: Mapping[str, Any]
    backend: str
    settings: Settings
    batch_size: int
    decoder: str
    network: Path
    preprocess: Preprocess
    witnesses: Mapping[str, Mapping[str, str]]
    examples: Path
    examples_sha256: str
    files: Optional[Path]
    npy: Optional[str]
    port: Port
    parameters: Parameters
    output: Path
    only: Optional[Sequence[str]] = None
    extraction: Optional[Mapping[str, Any]] = None


def load_job(path: Path) -> Dict[str, Any]:
    """The job file as plain data."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no job ({error})") from error
    if not isinstance(data, dict) or "output" not in data:
        raise InputError(f"{path}: is no job; it has no 'output'")
    return data


def read_job(data: Mapping[str, Any]) -> Job:
    """Check a job; InputError names the key that is missing or wrong."""
    if data.get("schema") != SCHEMA:
        raise InputError(f"job: schema {data.get('schema')!r}; this worker reads {SCHEMA}")
    try:
        model, examples, extraction = data["model"], data["examples"], data.get("extraction")
        job = Job(
            data=data,
            backend=data["backend"],
            settings=read_settings({**data["settings"], **{key: model.get(key) for key in MODEL_FILES}}),
            batch_size=data["batch_size"],
            decoder=data["decoder"],
            network=Path(model["network"]),
            preprocess=read_preprocess(model["preprocess"]),
            witnesses={} if extraction else {name: model["witnesses"][name] for name in ATTRIBUTES},
            examples=Path(examples["path"]),
            examples_sha256=examples["sha256"],
            files=Path(examples["files"]) if examples.get("files") else None,
            npy=examples.get("npy"),
            port=read_port(data["port"]["preset"], data["port"]["rules"]),
            parameters=Parameters(**data["parameters"]),
            output=Path(data["output"]),
            only=examples.get("only"),
            extraction=extraction,
        )
    except KeyError as error:
        raise InputError(f"job: key {error} is missing") from error
    except TypeError as error:
        raise InputError(f"job: {error}") from error
    check_job(job)
    return job


def check_job(job: Job) -> None:
    """Refuse values out of range."""
    check_parameters(job.parameters)
    if not isinstance(job.batch_size, int) or job.batch_size < 1:
        raise InputError(f"job: batch_size = {job.batch_size!r}; must be a whole number of at least 1")
    only = [] if job.only is None else job.only
    if not isinstance(only, list) or not all(isinstance(name, str) for name in only):
        raise InputError(f"job: only = {only!r}; must be a list of ids")
    if job.npy is not None and job.npy not in NPY_CONVENTIONS:
        raise InputError(f"job: npy convention {job.npy!r}; choose one of {', '.join(NPY_CONVENTIONS)}")


def read_settings(data: Mapping[str, Any]) -> Settings:
    """Backend settings from plain data; InputError for an unknown key."""
    known = [field.name for field in dataclasses.fields(Settings)]
    for key in data:
        if key not in known:
            raise InputError(f"settings: unknown key {key!r}; there are {', '.join(known)}")
    settings = Settings(**data)
    if not isinstance(settings.threads, int) or settings.threads < 1:
        raise InputError(f"settings: threads = {settings.threads!r}; must be a whole number of at least 1")
    return settings
