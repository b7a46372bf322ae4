"""Run folders with made-up cells, for tests of what reads them."""

import copy
import json

from tuple_records import make_record

from harness.core.examples import hash_file

FINGERPRINT = {
    "os": "Debian GNU/Linux 12 (bookworm)",
    "libc": "glibc 2.36",
    "kernel": "Linux 6.1",
    "machine": "x86_64",
    "cpu": {"model": "Some CPU", "flags": ["avx", "avx2", "constant_tsc", "sse2"]},
    "python": "3.11.2",
    "numpy": "2.1.0",
    "versions": {"torch": "2.5", "torch build": "MKL 2024; CPU capability usage: AVX2"},
    "threads": 1,
    "variables": {"OMP_NUM_THREADS": "1"},
    "packages": {"attrs": "25.1", "numpy": "2.1.0", "pillow": "11.0", "torch": "2.5"},
}


def make_cell(environment, **more):
    """What a done cell's `cell.json` holds."""
    return {
        "schema": 1,
        "status": "done",
        "error": None,
        "job": {
            "schema": 1,
            "cell": f"m/{environment}",
            "environment": environment,
            "backend": "pytorch",
            "settings": {"precision": "float32", "threads": 1},
            "batch_size": 8,
            "decoder": "pillow",
            "model": {"name": "m", "network": "/somewhere", "preprocess": {"mean": [1, 2, 3]}},
            "examples": {"path": "/somewhere/list.jsonl", "sha256": "e" * 64, "npy": None},
            "port": {"preset": "notebook", "rules": {}},
            "parameters": {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
            "output": "/somewhere/else",
        },
        "fingerprint": copy.deepcopy(FINGERPRINT),
        "hashes": {
            "parameters": {"conv1.weight": "a" * 64, "conv1.bias": "b" * 64},
            "witnesses": {"nose": "c" * 64},
            "examples": "e" * 64,
            "layers": "d" * 64,
            "worker": "f" * 64,
        },
        "timings": {"run_seconds": 1.5, "load_seconds": 0.5, "examples": 2},
        "peak_memory_bytes": 1000,
        "steering": "walked",
        **more,
    }


def write_cell(folder, cell, records):
    """A cell's folder."""
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text(json.dumps(cell))
    (folder / "records.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    return folder


def write_run(folder, records, ids=("x", "y"), **more):
    """A run's folder with records for each of its cells, and what its file says of those it lacks."""
    for name, ones in records.items():
        write_cell(folder / "cells" / name, make_cell(name), ones)
    listed = [{"environment": name, "status": "done", "reason": None} for name in records]
    run = {"schema": 1, "run": folder.name, "examples": {"ids": list(ids)}, "reference": "a", "cells": listed}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({**run, **more}))
    return folder


def make_records(*attributes):
    """Records of examples x, y, … with these Attributes."""
    return [make_record(name, 1, 1, attribute) for name, attribute in zip("xyz", attributes)]


def write_sums(folder):
    """Checksums of a cell's files as they are now."""
    sums = {name: hash_file(folder / name) for name in ("cell.json", "records.jsonl")}
    (folder / "checksums.json").write_text(json.dumps(sums))
