"""docs/table5.md: which causes make the patterns of the study's Table 5, written from runs of this machine.

    python docs/make/table5.py                            # both groups; table5 where there is Docker
    python docs/make/table5.py --group table5-local       # one; the other's results stay
    python docs/make/table5.py --run table5-local=FOLDER  # of a run that was explained before

What runs say is kept in docs/table5.json, and every number of the page is made from that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from scipy.stats import fisher_exact
from table5_page import GROUPS, write_page

from harness.ami.cases import name_case
from harness.evaluate.rates import measure_rate
from harness.summary.reading import read_summary

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "table5.json"
PAGE = ROOT / "docs" / "table5.md"
COULD_NOT_RUN = 2
Data = dict[str, Any]
Tuple3 = tuple[int, int, int]


def main() -> int:
    """Run, explain, keep what came out, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--group", action="append", choices=GROUPS)
    parser.add_argument("--run", action="append", default=[], metavar="GROUP=FOLDER")
    parser.add_argument("--published", type=Path, help="JSON file of the study's tables, read anew")
    parser.add_argument(
        "--write", action="store_true", help="write the page alone, from the results there are"
    )
    options = parser.parse_args()
    os.chdir(ROOT)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"groups": {}}
    if options.published:
        results["published"] = read_published(options.published)
    given = dict(one.split("=", 1) for one in options.run)
    wanted = () if options.write else options.group or tuple(given) or GROUPS
    for group in wanted:
        folder = Path(given[group]) if group in given else run_group(group)
        if folder is None:
            print(f"{group}: could not run here; its results stay as they were (`harness doctor` says why)")
        else:
            results["groups"][group] = read_run(folder)
    text = json.dumps(results, indent=1, sort_keys=True)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    PAGE.write_text(write_page(json.loads(text)), encoding="utf-8")
    return 0


def run_group(group: str) -> Path | None:
    """Folder of a run of a group with its causes; None where it cannot run here."""
    command = [sys.executable, "-m", "harness", "matrix", "--group", group, "--explain", "--json"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    if done.returncode == COULD_NOT_RUN:
        return None
    return ROOT / "reports" / str(json.loads(done.stdout)["run"])


def read_published(path: Path) -> Data:
    """What the study's table says, counted: cases, and pairs of columns that share an image."""
    table = json.loads(path.read_text(encoding="utf-8"))["table5_environments"]
    columns = {name: [read_tuple(text) for text, _ in rows] for name, rows in table.items()}
    cases = {name: dict(Counter(name_case(*one) for one in rows)) for name, rows in columns.items()}
    pairs = [compare_columns(*names, columns) for names in combinations(columns, 2)]
    return {"cases": cases, "pairs": pairs}


def read_tuple(text: str) -> Tuple3:
    """Gold, Original, Attribute."""
    gold, original, attribute = map(int, text.split("-"))
    return gold, original, attribute


def compare_columns(first: str, second: str, columns: Mapping[str, Sequence[Tuple3]]) -> Data:
    """How many images two columns share, by their Gold, and what becomes of those of one Original."""
    ours, theirs = ({one[0]: one for one in columns[name]} for name in (first, second))
    shared = [(ours[gold], theirs[gold]) for gold in ours if gold in theirs]
    same = [(a, b) for a, b in shared if a[1] == b[1]]
    detected = [sum(one[side][1] != one[side][2] for one in same) for side in (0, 1)]
    missed = [len(same) - number for number in detected]
    return {
        "cells": [first, second],
        "shared": len(shared),
        "same_original": len(same),
        "detected": detected,
        "p": float(fisher_exact([detected, missed]).pvalue),
        "patterns": count_patterns([(name_case(*a), name_case(*b)) for a, b in same if a != b]),
    }


def count_patterns(patterns: Sequence[tuple[str, str]]) -> list[list[Any]]:
    """How often each case became each other."""
    return [[first, second, count] for (first, second), count in sorted(Counter(patterns).items())]


def read_run(folder: Path) -> Data:
    """What the page says of a run."""
    summary = read_summary(folder)
    causes = summary.causes
    if causes is None:
        sys.exit(f"{folder}: has no causes; `harness explain` finds them")
    cells = [one for one in summary.cells if one.rates is not None]
    baseline = next(one for one in cells if one.environment == summary.baseline)
    return {
        "model": summary.model,
        "baseline": summary.baseline,
        "compared": summary.compared,
        "diverging": len(summary.divergences),
        "other_original": sum(
            any(one.tuples[name][1] != one.baseline[1] for name in one.departing)
            for one in summary.divergences
        ),
        "explained": {
            name: getattr(causes, name) for name in ("explained", "proven", "consistent", "unknown")
        },
        "executions": causes.executions,
        "cells": [describe_cell(one, baseline, summary) for one in cells],
        "patterns": list(list_patterns(summary, causes)),
        "waterfalls": [one.model_dump(mode="json") for one in causes.waterfalls],
    }


def describe_cell(cell: Any, baseline: Any, summary: Any) -> Data:
    """A cell's rates, cases, and on how many examples it departs from the baseline."""
    departs = sum(cell.environment in one.departing for one in summary.divergences)
    high = measure_rate(departs, summary.compared).high
    rates = {
        name: getattr(cell.rates, name).model_dump(include={"hits", "of", "rate", "low", "high"})
        for name in ("detection", "alarms")
    }
    return {
        "environment": cell.environment,
        "port": cell.port,
        "parameters": cell.parameters,
        "cases": cell.rates.cases,
        "is_alike": (cell.port, cell.parameters) == (baseline.port, baseline.parameters),
        "departs": departs,
        "departs_high": high,
        **rates,
    }


def list_patterns(summary: Any, causes: Any) -> Iterator[Data]:
    """Which case became which in which cell, how often, by what causes, with the first example."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for one in summary.divergences:
        for name in one.departing:
            key = name, name_case(*one.baseline), name_case(*one.tuples[name])
            found.setdefault(key, []).append(one)
    for (name, before, after), ones in sorted(found.items(), key=lambda item: (item[0][0], -len(item[1]))):
        sets = Counter(name_causes(causes.groups[one.groups[name]]) for one in ones if name in one.groups)
        yield {
            "cell": name,
            "from": before,
            "to": after,
            "count": len(ones),
            "example": ones[0].example,
            "tuples": [list(ones[0].baseline), list(ones[0].tuples[name])],
            "causes": [[list(names), number] for names, number in sets.most_common()],
        }


def name_causes(group: Any) -> tuple[str, ...]:
    """The causes of a group, each once."""
    return tuple(dict.fromkeys(one.cause for one in group.causes)) or ("unknown",)


if __name__ == "__main__":
    sys.exit(main())
