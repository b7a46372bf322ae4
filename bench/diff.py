"""Time and memory of comparisons: runs read from files, and a million examples from columns."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from harness.diff.cells import CellResult
from harness.diff.columns import Columns, find_detected, stack_names
from harness.plan.register import Register
from harness.records.record import STAGES
from harness.summary.document import CellSummary, Summary
from harness.verdict.judge import RunDescription, make_summary
from harness.worker.fingerprint import read_peak_memory

ROOT = Path(__file__).resolve().parents[1]
FILES = (6_705, 12)
COLUMNS = (1_000_000, 10)
SHARES = (0.04, 1.0)
CLASSES = 2622
TARGET_FILE_SECONDS = 1.0
TARGET_COLUMN_SECONDS = 20.0
TARGET_COLUMN_BYTES = 4e9


@dataclass(frozen=True)
class Made:
    """A made-up cell: tuples (n, 3), margins (n, 2), and hashes of every stage (n, 5)."""

    tuples: np.ndarray
    margins: np.ndarray
    hashes: np.ndarray


def main() -> None:
    """Measure both, each in a process of its own, whose peak memory is its own, on one thread."""
    parser = argparse.ArgumentParser(prog="python -m bench.diff", description=__doc__)
    parser.add_argument("--part", choices=sorted(PARTS), help="only one of them, in this process")
    parser.add_argument(
        "--diverging", type=float, nargs="+", default=SHARES, metavar="SHARE",
        help="shares of the examples on which no two cells say the same (default: 0.04 and 1)",
    )  # fmt: skip
    options = parser.parse_args()
    if options.part:
        for share in options.diverging:
            PARTS[options.part](share)
        return
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for part, share in product(PARTS, options.diverging):
        command = [sys.executable, "-m", "bench.diff", "--part", part, "--diverging", str(share)]
        subprocess.run(command, check=True, cwd=ROOT, env=one_thread)


@dataclass(frozen=True)
class Cost:
    """Seconds that something took: by the clock, and of one processor."""

    wall: float
    processor: float


def measure_files(share: float) -> None:
    """Runs on disk, with the fingerprints and the sizes of records that real cells have."""
    from harness.diff.columns import read_columns
    from harness.verdict.compare import CellSelection, compare_runs

    examples, environments = FILES
    register = Register(reference="cell-00", default="d", groups={})
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as temporary:
        run = write_run(Path(temporary) / "run", examples, environments, share)
        folders = sorted((run / "cells").iterdir())
        size = sum(path.stat().st_size for path in run.rglob("records.jsonl"))
        plain = measure(lambda: [parse_plainly(folder) for folder in folders])
        reading = measure(lambda: [read_columns(folder) for folder in folders])
        whole = measure(lambda: compare_runs([str(run)], run, register, CellSelection()))
    print(f"{describe_size(FILES, share)}, {size / 1e6:.0f} MB of records")
    print_cost("json.loads alone", plain)
    print_cost("read as columns", reading, f"{plain.processor / reading.processor:.1f} x as fast")
    print_cost("read and compared", whole, f"{whole.processor / TARGET_FILE_SECONDS:.2f} of the aim")


def measure_columns(share: float) -> None:
    """Everything but reading."""
    results = make_results(*COLUMNS, share)
    held = read_peak_memory() or 0
    header = RunDescription("bench", "0", "m", "cell-00", {}, 0.0)
    summaries: list[Summary] = []
    cost = measure(lambda: summaries.append(make_summary(header, results, ())), repeats=1)
    peak = read_peak_memory() or 0
    print(f"{describe_size(COLUMNS, share)}: {len(summaries[0].divergences):,}")
    print_cost("compared", cost, f"{cost.processor / TARGET_COLUMN_SECONDS:.2f} of the aim")
    print(f"  memory             {peak / 1e9:6.2f} GB, {peak / TARGET_COLUMN_BYTES:.2f} of the aim ", end="")
    print(f"(columns alone {held / 1e9:.2f} GB)")


def describe_size(size: tuple[int, int], share: float) -> str:
    """What was compared."""
    return f"{size[0]:,} examples x {size[1]} cells, {share:.0%} of the examples diverging"


def print_cost(what: str, cost: Cost, words: str = "") -> None:
    """One line of the result; ratios are of processor seconds, which others on the machine disturb less."""
    tail = f"; {words}" if words else ""
    print(f"  {what:<18} {cost.wall:6.2f} s, {cost.processor:6.2f} s of a processor{tail}")


def measure(act: Callable[[], Any], repeats: int = 3) -> Cost:
    """The cheapest of a few times; the others had company."""
    costs = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        act()
        costs.append(Cost(time.perf_counter() - wall, time.process_time() - processor))
    return min(costs, key=lambda cost: cost.processor)


def parse_plainly(folder: Path) -> list[Any]:
    """A cell's records as the standard library reads them."""
    with (folder / "records.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def make_cell(examples: int, seed: int, share: float) -> Made:
    """A cell that says what all do, but for a share of the examples, of which no two cells say the same."""
    everybody, own = np.random.default_rng(0), np.random.default_rng(seed)
    tuples = everybody.integers(CLASSES, size=(examples, 3))
    tuples[::2] = tuples[::2, :1]
    margins = everybody.random((examples, 2)) * 8
    hashes = everybody.integers(1, 2**63, size=(examples, len(STAGES))).astype(np.uint64)
    if seed:
        rows = everybody.random(examples) < share
        tuples[rows, 2] = (tuples[rows, 2] + seed) % CLASSES
        hashes[:, 3:] += np.uint64(seed)
    return Made(tuples, margins + own.random((examples, 2)) * 1e-5, hashes)


def name_examples(examples: int) -> tuple[list[str], list[str], list[str]]:
    """Ids, sources and attacks: half of them benign, each the source of an attack."""
    ids = [f"{'benign' if number % 2 else 'fgsm'}-{number // 2:07d}" for number in range(examples)]
    sources = [f"benign-{number // 2:07d}" for number in range(examples)]
    return ids, sources, ["benign" if number % 2 else "fgsm" for number in range(examples)]


def make_results(examples: int, environments: int, share: float) -> list[CellResult]:
    """Cells with columns."""
    names = [stack_names(some) for some in name_examples(examples)]
    results = []
    for seed in range(environments):
        made = make_cell(examples, seed, share)
        columns = Columns(
            *names,
            tuples=made.tuples,
            detected=find_detected(made.tuples),
            margins=made.margins,
            scores=made.margins[:, 0],
            hashes=made.hashes,
        )
        results.append(CellResult(describe_cell(f"cell-{seed:02d}"), columns))
    return results


def describe_cell(name: str) -> CellSummary:
    """A cell that is done."""
    return CellSummary(
        environment=name, cell=f"m/{name}", status="done", backend="reference", port="notebook", parameters={}
    )


def write_run(folder: Path, examples: int, environments: int, share: float) -> Path:
    """A run's folder."""
    ids, sources, attacks = name_examples(examples)
    for seed in range(environments):
        name, made = f"cell-{seed:02d}", make_cell(examples, seed, share)
        cell = folder / "cells" / name
        cell.mkdir(parents=True)
        (cell / "cell.json").write_text(json.dumps(describe_file(name, seed)))
        with (cell / "records.jsonl").open("w", encoding="utf-8") as file:
            for row in range(examples):
                file.write(json.dumps(make_record(made, row, ids[row], sources[row], attacks[row])) + "\n")
    run = {"schema": 1, "examples": {"ids": ids}, "cells": []}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def make_record(made: Made, row: int, example: str, source: str, attack: str) -> dict[str, Any]:
    """A record with all that a worker writes."""
    gold, original, attribute = made.tuples[row].tolist()
    best = [[place, 17.123456789012345 - place] for place in range(5)]
    digits = [f"{value:016x}" * 4 for value in made.hashes[row].tolist()]
    return {
        "example": example, "source": source, "attack": attack,
        "gold": gold, "original": original, "attribute": attribute, "case": "X-Y-Z", "detected": True,
        "margin_original": float(made.margins[row, 0]), "margin_attribute": float(made.margins[row, 1]),
        "score": 1.2345678901234567, "top5_original": best, "top5_attribute": best,
        "hashes": dict(zip(STAGES, digits, strict=True)),
        "seconds": 0.01234,
    }  # fmt: skip


def describe_file(name: str, seed: int) -> dict[str, Any]:
    """A `cell.json` whose versions and image packages are not another cell's."""
    packages = {f"package-{number}": f"{number}.{seed}" for number in range(300)}
    fingerprint = {
        "versions": {"torch": f"2.{seed}"},
        "threads": 1 + seed,
        "cpu": {"flags": [f"flag{number}" for number in range(90)]},
        "packages": dict(list(packages.items())[:40]),
        "image": {"id": name, "packages": {"debian": packages}},
    }
    job = {"cell": f"m/{name}", "environment": name, "backend": "pytorch", "port": {"preset": "notebook"}}
    return {
        "schema": 1,
        "status": "done",
        "job": job,
        "fingerprint": fingerprint,
        "execution": f"{seed:032x}",
    }


PARTS = {"files": measure_files, "columns": measure_columns}

if __name__ == "__main__":
    main()
