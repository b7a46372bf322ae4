"""What the orchestrator costs: a warm matrix, and cells beside each other against their processor time."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EPSILON = 1.15


def main() -> None:
    """Run one selection of environments three times: to make what it needs, timed, and warm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", action="append", help="name or glob; default: the default group")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    selection = [word for name in options.environment or () for word in ("--environment", name)]
    run_matrix(selection)
    # Another epsilon in the last place is another key, so that every cell runs, in environments that exist.
    fresh = [*selection, "--epsilon", str(EPSILON + 1e-9 * (time.time_ns() % 1000 + 1))]
    measured = {**describe_cells(*run_matrix(fresh)), "warm_seconds": round(run_matrix(fresh)[0], 2)}
    print(json.dumps(measured, indent=1) if options.json else describe(measured))


def run_matrix(arguments: list[str]) -> tuple[float, list[dict[str, Any]]]:
    """Wall seconds of `harness matrix`, and the `cell.json` of each of its cells."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "harness", "matrix", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    seconds = time.perf_counter() - start
    run = ROOT / "reports" / json.loads(done.stdout)["run"]
    return seconds, [json.loads(path.read_text()) for path in sorted(run.glob("cells/*/cell.json"))]


def describe_cells(seconds: float, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """The cells' own times against the wall time of all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    timings = {cell["job"]["environment"]: cell["timings"] for cell in cells}
    processor = sum(one["processor_seconds"] for one in timings.values())
    return {
        "cells": len(cells),
        "cores": cores,
        "wall_seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "wall_over_ideal": round(seconds / (processor / cores), 2),
        "wall_less_workers": round(seconds - sum(one["worker_seconds"] for one in timings.values()), 2),
        "worker_seconds": {name: one["worker_seconds"] for name, one in timings.items()},
    }


def describe(measured: dict[str, Any]) -> str:
    """The same as text."""
    own = ", ".join(f"{name} {seconds:.1f}" for name, seconds in measured["worker_seconds"].items())
    return (
        f"{measured['cells']} cells on {measured['cores']} cores: {measured['wall_seconds']} s wall,"
        f" {measured['processor_seconds']} s of processor time in the workers,"
        f" {measured['wall_over_ideal']} times processor time / cores (aim 1.15)\n"
        f"workers' own seconds: {own}; one after the other they leave {measured['wall_less_workers']} s\n"
        f"the same again, from the store: {measured['warm_seconds']} s"
    )


if __name__ == "__main__":
    main()
