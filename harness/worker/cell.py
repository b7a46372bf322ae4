"""What every job does around its task: hashes checked, progress told, `cell.json` written."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, Mapping

from harness.ami.port import port_to_json
from harness.core.errors import InputError
from harness.core.examples import (
    hash_bytes,
    hash_file,
)
from harness.core.network_files import (
    MADE_ANEW,
    NETWORK_FILE,
    hash_layers,
    list_files,
    read_network,
    read_notes,
    read_weights,
)
from harness.core.text import store_data
from harness.worker.fingerprint import hash_code, read_peak_memory, take_fingerprint
from harness.worker.job import Job


def fail_job(data: Mapping[str, Any], reason: str) -> int:
    """Say why a job was not done, on standard error and in `cell.json`; the exit code."""
    print(f"harness.worker: {reason}", file=sys.stderr)
    write_cell(Path(data["output"]), {"schema": 1, "status": "failed", "error": reason, "job": data})
    return 2


def write_cell(output: Path, cell: Mapping[str, Any]) -> None:
    """Write `cell.json` into the output folder."""
    try:
        text = json.dumps(store_data(cell), indent=1, sort_keys=True, allow_nan=False)
        (output / "cell.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        print(f"harness.worker: {output / 'cell.json'}: cannot be written ({error})", file=sys.stderr)


def check_planned(job: Job) -> None:
    """InputError where this code or the network is not what the job was planned with."""
    found = hash_made_of(job)
    for name, digest in job.hashes.items():
        if found[name] != digest:
            raise InputError(
                f"its {name} has the hash {found[name][:12]}, not the planned {digest[:12]}; it was changed"
                f" since: {MADE_ANEW}"
            )


def hash_made_of(job: Job) -> Dict[str, str]:
    """Hashes of this code and of the network, as they are now."""
    return {"worker": hash_code(), "network": hash_file(job.network / NETWORK_FILE)}


def describe_cell(
    job: Job, versions: Mapping[str, str], hashes: Mapping[str, Any], timings: Mapping[str, Any]
) -> Dict[str, Any]:
    """What `cell.json` says of any job that was done."""
    return {
        "schema": 1,
        "status": "done",
        "error": None,
        "job": dict(job.data),
        "port": port_to_json(job.port),
        "fingerprint": take_fingerprint(versions, job.settings.threads),
        "hashes": {
            **hashes,
            "examples": job.examples_sha256,
            "layers": hash_layers(read_network(job.network)),
            **hash_made_of(job),
        },
        "timings": {**timings, "processor_seconds": round(time.process_time(), 4)},
        "peak_memory_bytes": read_peak_memory(),
    }


def take_timings(started: float, loaded: float, **counts: int) -> Dict[str, Any]:
    """What loading, running and all of a task took, by the clock `perf_counter`, and how much it did."""
    finished = time.perf_counter()
    return {
        "load_seconds": round(loaded - started, 4),
        "run_seconds": round(finished - loaded, 4),
        "worker_seconds": round(finished - started, 4),
        **counts,
    }


def verify_weights(job: Job) -> Dict[str, str]:
    """Hash of every parameter; InputError where a file is not what the conversion read or wrote."""
    network, notes = read_network(job.network), read_notes(job.network)
    files, hashes = list_files(job.network, network), {}
    for name, values in read_weights(job.network, network).items():
        hashes[name] = hash_bytes(values.data)
        if hashes[name] != notes["parameters"].get(name, {}).get("sha256"):
            raise InputError(f"{files[name]}: its hash is not the one in network.json; {MADE_ANEW}")
    caffemodel = job.settings.caffemodel
    if caffemodel and hash_file(Path(caffemodel)) != notes["sources"].get("caffemodel"):
        raise InputError(f"{caffemodel}: was changed since it was converted; start again")
    return hashes


def hash_job(job: Job) -> str:
    """Hash of everything that a job says but where its output goes."""
    data = {key: value for key, value in job.data.items() if key != "output"}
    return hash_bytes(json.dumps(data, sort_keys=True).encode())


def report_progress(done: int, total: int) -> None:
    """One progress line on standard output."""
    print(json.dumps({"event": "progress", "done": done, "total": total}), flush=True)
