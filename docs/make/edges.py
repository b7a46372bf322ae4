"""Examples on the edge in docs/numerics.md: what last bits do to them, from runs of this machine.

    python docs/make/edges.py            # run what is missing, and write the page
    python docs/make/edges.py --write    # the page alone

What the runs say is kept in docs/numerics.json, and every number of the page is made from that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edges_cells import BASES, FACTORS, REFERENCE, list_names, write_project
from numerics_page import write_page
from scipy.stats import binomtest

from harness.explain.margins import LOGITS
from harness.records.record import read_records
from harness.summary.reading import read_summary
from harness.system.cache import find_cache

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "numerics.json"
PAGE = ROOT / "docs" / "numerics.md"
MODEL = "tiny-vgg-face"
LISTS = ("fragile", "default")
PASSES = ("original", "attribute")
TRACED = "pytorch"  # the cell whose examples are traced, too: hundreds of passes written down
COULD_NOT_RUN = 2
WAYS = {"margins": (), "trace": ("--trace",)}
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5)
WIDE = 1000.0  # times the noise within which a margin's density is taken to be even
Data = dict[str, Any]
Records = dict[str, dict[str, Mapping[str, Any]]]


def main() -> int:
    """Run, explain, keep what came out, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--run", action="append", default=[], metavar="LIST=FOLDER", help="a run that there is"
    )
    parser.add_argument("--write", action="store_true", help="write the page alone")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not options.write:
        given = {name: Path(folder) for name, _, folder in (one.partition("=") for one in options.run)}
        results["edges"] = measure(find_cache(ROOT) / "edges-measured", given)
    text = json.dumps(results, indent=1, sort_keys=True)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    PAGE.write_text(write_page(json.loads(text)), encoding="utf-8")
    return 0


def measure(project: Path, given: Mapping[str, Path]) -> Data:
    """Everything that the page says, from runs in a project of its own."""
    write_project(ROOT / "environments", project)
    runs = {name: given.get(name) or run_list(project, name) for name in LISTS}
    records = {name: read_run(folder) for name, folder in runs.items()}
    return {
        "model": MODEL,
        "examples": {name: len(ones[REFERENCE]) for name, ones in records.items()},
        "cells": len(records["fragile"]),
        "diverging": {name: len(list_diverging(ones, ones)) for name, ones in records.items()},
        "kinds": count_diverging(records["fragile"]),
        "factors": [
            describe_factor(base, factor, records) for base, factors in FACTORS.items() for factor in factors
        ],
        "backends": [describe_pair(REFERENCE, base, records) for base in BASES],
        "explained": [explain_pair(project, runs["fragile"], *pair) for pair in list_pairs()],
        "executions": count_executions(runs["fragile"]),
        "foretold": [
            foretell(project, runs, records, cell, way)
            for cell in BASES
            for way in (WAYS if cell == TRACED else ("margins",))
        ],
        "noise": measure_noise(records["default"]),
        "margins": {
            "moved": describe_reaches(list(list_moved(records["default"]))),
            **{way: describe_reaches(ask_fragile(project, runs["default"], TRACED, way)) for way in WAYS},
        },
    }


def call(project: Path, *words: str) -> Data:
    """What a verb says as JSON; the script ends where it could not run."""
    command = [sys.executable, "-m", "harness", *words, "--json"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HARNESS_HOME": str(find_cache(ROOT))}
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, cwd=project, env=variables)
    if done.returncode == COULD_NOT_RUN:
        sys.exit(f"{' '.join(words)}: could not run here; the results stay as they were")
    return json.loads(done.stdout)


def run_list(project: Path, name: str) -> Path:
    """Folder of a run of a list; of real examples not on two threads, which takes long on a busy machine."""
    chosen = (
        [] if name == "fragile" else [f"--environment={one}" for one in list_names() if "threads" not in one]
    )
    found = call(project, "matrix", "--model", MODEL, "--examples", name, *chosen)
    return project / "reports" / str(found["run"])


def read_run(folder: Path) -> Records:
    """Every cell's records by example."""
    return {
        path.name: {str(one["example"]): one for one in read_records(path)}
        for path in sorted((folder / "cells").iterdir())
    }


def take_tuple(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Gold, Original, Attribute."""
    return tuple(record[name] for name in ("gold", "original", "attribute"))


def list_diverging(records: Records, cells: Sequence[str] | Records) -> list[str]:
    """The examples on which some cells do not all say the same."""
    names = list(cells)
    return [
        name for name in records[names[0]] if len({take_tuple(records[cell][name]) for cell in names}) > 1
    ]


def count_diverging(records: Records) -> Data:
    """Of each kind of edge how many examples diverge, of how many."""
    kinds = {name: str(one["attack"]).removeprefix("edge-") for name, one in records[REFERENCE].items()}
    diverging = Counter(kinds[name] for name in list_diverging(records, records))
    return {kind: [diverging[kind], number] for kind, number in Counter(kinds.values()).items()}


def describe_factor(base: str, factor: str, records: Mapping[str, Records]) -> Data:
    """How often a factor flips a tuple of a backend."""
    return {"factor": factor, **describe_pair(base, f"{base}-{factor}", records)}


def describe_pair(first: str, second: str, records: Mapping[str, Records]) -> Data:
    """How often two cells do not say the same, on each list, and on each kind of edge."""
    found = {
        name: list_diverging(ones, (first, second))
        for name, ones in records.items()
        if {first, second} <= set(ones)
    }
    edges = records["fragile"][REFERENCE]
    kinds = Counter(str(edges[name]["attack"]).removeprefix("edge-") for name in found["fragile"])
    return {
        "cells": [first, second],
        "kinds": dict(kinds),
        **{name: measure_share(len(one), len(records[name][REFERENCE])) for name, one in found.items()},
    }


def measure_share(hits: int, of: int) -> list[float]:
    """Hits, of how many, and the exact 95 % interval (Clopper and Pearson); none where there is nothing."""
    if not of:
        return [hits, of]
    interval = binomtest(hits, of).proportion_ci(method="exact")
    return [hits, of, float(interval.low), float(interval.high)]


def list_pairs() -> Iterator[tuple[str, str]]:
    """The pairs of cells that are explained."""
    for base, factors in FACTORS.items():
        yield from ((base, f"{base}-{factor}") for factor in factors)
    yield from ((REFERENCE, base) for base in BASES)


def explain_pair(project: Path, folder: Path, first: str, second: str) -> Data:
    """What `harness explain` says of a pair of cells on the edge."""
    diverging = list_diverging(read_run(folder), (first, second))
    if not diverging:
        return {"cells": [first, second], "diverging": 0, "verdicts": {}, "factors": {}}
    found = call(project, "explain", str(folder), "--cells", first, second, "--no-waterfall")
    groups = [one for one in found["groups"] if set(one["cells"]) == {first, second}]
    verdicts, factors = Counter[str](), Counter[str]()
    for one in groups:
        verdicts[one["verdict"]] += one["count"]
        named = " + ".join(cause["factor"] for cause in one["causes"]) or "none"
        factors[f"{one['verdict']}: {named}"] += one["count"]
    return {
        "cells": [first, second],
        "diverging": len(diverging),
        "verdicts": dict(verdicts),
        "factors": dict(factors),
    }


def count_executions(folder: Path) -> int:
    """How many cells a run's explanations took, all starts together."""
    causes = read_summary(folder).causes
    return causes.executions if causes else 0


def ask_fragile(project: Path, folder: Path, cell: str, way: str) -> list[Data]:
    """What `harness fragile` says of all examples of a run, from one cell."""
    words = ("fragile", str(folder), "--cell", cell, "--most", "1000", *WAYS[way])
    return list(call(project, *words)["fragile"])


def foretell(
    project: Path, runs: Mapping[str, Path], records: Mapping[str, Records], cell: str, way: str
) -> Data:
    """Precision and recall of what one cell says is near to flip, against what any cell says otherwise."""
    named, flips, total = set[tuple[str, str]](), set[tuple[str, str]](), 0
    for name, folder in runs.items():
        said = ask_fragile(project, folder, cell, way)
        named |= {(name, str(one["example"])) for one in said if one["reach"] < 1}
        flips |= {(name, example) for example in list_diverging(records[name], records[name])}
        total += len(records[name][cell])
    kinds = Counter(
        records["fragile"][cell][one]["attack"] for name, one in flips - named if name == "fragile"
    )
    return {
        "cell": cell,
        "way": way,
        "examples": total,
        "precision": measure_share(len(named & flips), len(named)),
        "recall": measure_share(len(named & flips), len(flips)),
        "missed": {str(kind).removeprefix("edge-"): number for kind, number in kinds.items()},
    }


def measure_noise(records: Records) -> Data:
    """How far margins of real examples lie from the reference's, over the largest logit, in all cells."""
    found: dict[str, list[float]] = {}
    beyond = set[str]()
    for cell in set(records) - {REFERENCE}:
        for name, truth in records[REFERENCE].items():
            apart = max(measure_apart(records[cell][name], truth, which) for which in PASSES)
            found.setdefault(cell, []).append(apart)
            beyond |= {name} if apart > LOGITS else set()
    return {
        "largest": max(map(max, found.values())),
        "median": float(np.median([one for ones in found.values() for one in ones])),
        "cells": {cell: max(ones) for cell, ones in found.items()},
        "limit": LOGITS,
        "beyond": measure_share(len(beyond), len(records[REFERENCE])),
    }


def measure_apart(record: Mapping[str, Any], truth: Mapping[str, Any], which: str) -> float:
    """How far a pass's margin is from the reference's, over its largest logit."""
    size = max(abs(value) for _, value in truth[f"top5_{which}"])
    return float(abs(record[f"margin_{which}"] - truth[f"margin_{which}"]) / size)


def list_moved(records: Records) -> Iterator[Data]:
    """Of every example its margin over the most that any cell moved it, the pass where that is least."""
    for name, truth in records[REFERENCE].items():
        reaches = []
        for which in PASSES:
            margins = [ones[name][f"margin_{which}"] for ones in records.values()]
            most = max(abs(one - truth[f"margin_{which}"]) for one in margins)
            reaches.append((truth[f"margin_{which}"] / most if most else np.inf, which, most))
        reach, which, most = min(reaches)
        yield {"example": name, "reach": reach, "why": f"{which.title()}'s margin, which moved by {most:.2g}"}


def describe_reaches(said: Sequence[Data]) -> Data:
    """Distances over noise: quantiles, how many within it, and what an even density makes of those near."""
    reaches = np.array([one["reach"] for one in said])
    near = measure_share(int((reaches < WIDE).sum()), len(reaches))
    return {
        "quantiles": {str(one): float(np.quantile(reaches, one)) for one in QUANTILES},
        "within": measure_share(int((reaches < 1).sum()), len(reaches)),
        "wide": WIDE,
        "near": near,
        "rate": [near[0] / near[1] / WIDE, near[2] / WIDE, near[3] / WIDE],
        "nearest": {key: said[int(reaches.argmin())][key] for key in ("example", "why", "reach")},
    }


if __name__ == "__main__":
    sys.exit(main())
