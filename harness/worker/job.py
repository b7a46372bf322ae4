"""The job file: everything that a cell is, spelled out, but for what one task alone asks for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

from harness.ami.port import Port, read_port
from harness.ami.steering import Parameters, check_parameters
from harness.backends import Settings
from harness.core.arrays import NPY_CONVENTIONS, Preprocess, read_preprocess
from harness.core.documents import NAME, check_fields, read_json, shorten
from harness.core.errors import InputError
from harness.core.limits import MAX_JOB_BYTES

SCHEMA = 1
JOB = {
    "task": NAME,
    "backend": NAME,
    "settings": "a table",
    "batch_size": "a whole number",
    "decoder": NAME,
    "model": "a table",
    "examples": "a table",
    "port": "a table",
    "parameters": "a table",
    "output": "a text",
    "hashes": "a table",
}
HASHES = {"worker": NAME, "network": NAME}
MODEL = {
    "network": "a text",
    "preprocess": "a table",
    "caffemodel": "a text",
    "prototxt": "a text",
    "state": "a table",
}
STATE = {"level": "a whole number", "stages": "a list of names"}
PREPROCESS = {
    "height": "a whole number",
    "width": "a whole number",
    "channel_order": NAME,
    "mean": "a list of numbers",
    "scale": "a number",
    "resize": NAME,
}
EXAMPLES = {"path": "a text", "sha256": NAME, "files": "a text", "npy": NAME, "only": "a list of names"}
PORT = {"preset": NAME, "rules": "a table"}
PARAMETERS = {"alpha": "a number", "beta": "a number", "epsilon": "a number"}
SETTINGS = {
    "threads": "a whole number",
    "precision": NAME,
    "device": NAME,
    "graph_optimisation": "a truth value",
    "tf32": "a truth value",
    "deterministic": "a truth value",
    "winograd": "a truth value",
    "caffemodel": "a text",
    "prototxt": "a text",
    **STATE,
}
MODEL_FILES = ("prototxt", "caffemodel")  # of the model, for backends that read Caffe's own files


@dataclass(frozen=True)
class Job:
    """A checked job; `data` is the file as it was read, of which the task reads what it alone knows.

    With `only`, records of these examples alone are asked for, as they are when all are run.
    `hashes` are those that the worker's code and `network.json` have to have.
    """

    data: Mapping[str, Any]
    task: str
    backend: str
    settings: Settings
    batch_size: int
    decoder: str
    network: Path
    preprocess: Preprocess
    examples: Path
    examples_sha256: str
    files: Optional[Path]
    npy: Optional[str]
    port: Port
    parameters: Parameters
    output: Path
    only: Optional[Sequence[str]] = None
    hashes: Mapping[str, str] = field(default_factory=dict)


def load_job(path: Path) -> Dict[str, Any]:
    """The job file as plain data."""
    data: Dict[str, Any] = read_json(path, MAX_JOB_BYTES, names=True)
    check_fields(data, {"output": JOB["output"]}, f"{path}: is no job")
    return data


def read_job(data: Mapping[str, Any]) -> Job:
    """Check a job; InputError names the key that is missing or wrong."""
    if data.get("schema") != SCHEMA:
        raise InputError(f"job: schema {shorten(repr(data.get('schema')))}; this worker reads {SCHEMA}")
    check_shape(data)
    try:
        model, examples = data["model"], data["examples"]
        job = Job(
            data=data,
            task=data["task"],
            backend=data["backend"],
            settings=read_settings({**data["settings"], **list_model_settings(model)}),
            batch_size=data["batch_size"],
            decoder=data["decoder"],
            network=Path(model["network"]),
            preprocess=read_preprocess(model["preprocess"]),
            examples=Path(examples["path"]),
            examples_sha256=examples["sha256"],
            files=Path(examples["files"]) if examples.get("files") else None,
            npy=examples.get("npy"),
            port=read_port(data["port"]["preset"], data["port"]["rules"]),
            parameters=Parameters(**data["parameters"]),
            output=Path(data["output"]),
            only=examples.get("only"),
            hashes=data.get("hashes", {}),
        )
    except KeyError as error:
        raise InputError(f"job: key {error} is missing") from error
    except TypeError as error:
        raise InputError(f"job: {error}") from error
    check_job(job)
    return job


def list_model_settings(model: Mapping[str, Any]) -> Dict[str, Any]:
    """What of a job's model is for backends that read Caffe's own files."""
    return {**{key: model.get(key) for key in MODEL_FILES}, **(model.get("state") or {})}


def check_shape(data: Mapping[str, Any]) -> None:
    """InputError for a key that is missing or of the wrong kind, wherever it is in the job."""
    check_fields(data, JOB, "job", optional=["hashes"])
    check_fields(data.get("hashes", {}), HASHES, "job: hashes", optional=list(HASHES))
    model = data["model"]
    check_fields(model, MODEL, "job: model", optional=["state", *MODEL_FILES])
    check_fields(model.get("state") or {}, STATE, "job: model: state", optional=list(STATE))
    check_fields(
        model["preprocess"],
        PREPROCESS,
        "job: model: preprocess",
        defaulted=["channel_order", "mean", "scale", "resize"],
    )
    check_fields(data["examples"], EXAMPLES, "job: examples", optional=["files", "npy", "only"])
    check_fields(data["port"], PORT, "job: port")
    check_fields(data["parameters"], PARAMETERS, "job: parameters", defaulted=list(PARAMETERS))


def check_job(job: Job) -> None:
    """Refuse values out of range."""
    check_parameters(job.parameters)
    if job.batch_size < 1:
        raise InputError(f"job: batch_size = {job.batch_size!r}; must be a whole number of at least 1")
    if job.npy is not None and job.npy not in NPY_CONVENTIONS:
        raise InputError(f"job: npy convention {job.npy!r}; choose one of {', '.join(NPY_CONVENTIONS)}")


def read_settings(data: Mapping[str, Any]) -> Settings:
    """Backend settings from plain data; InputError for an unknown key."""
    known = [field.name for field in dataclasses.fields(Settings)]
    for key in data:
        if key not in known:
            raise InputError(f"settings: unknown key {key!r}; there are {', '.join(known)}")
    check_fields(data, SETTINGS, "settings", optional=MODEL_FILES, defaulted=list(SETTINGS))
    settings = Settings(**{**data, "stages": tuple(data.get("stages", ()))})
    if settings.threads < 1:
        raise InputError(f"settings: threads = {settings.threads!r}; must be a whole number of at least 1")
    return settings
