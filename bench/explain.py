"""What explaining costs: one divergence, a hundred, all of a run with waterfalls; and a run without it.

Each is a whole command, from its start to its end, with what it writes into reports; `start-up` is what
`harness --help` takes of that. A divergence that no single factor explains takes more than another, so that
several are explained, one by one: `one` is the median of them, `slowest one` the longest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.matrix import EPSILON, ROOT

GROUP = "table5-local"
PAIR = ("local-onnxruntime", "local-port")
ONES, MANY = 5, 100
AIMS = {"one": 5.0, "hundred": 60.0, "all": 300.0}


@dataclass(frozen=True)
class Cost:
    """Seconds of a command: on the wall, and of processors in it and in all that it started."""

    wall: float
    processor: float


def main() -> None:
    """Run a group whose environments exist, and explain it three times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    measured = measure()
    print(json.dumps(measured, indent=1) if options.json else describe(measured))


def measure() -> dict[str, Any]:
    """All costs, of cells that are in no store: another epsilon in the last place is another key."""
    call(["matrix", "--group", GROUP, "--json"])
    fresh = ["--epsilon", str(EPSILON + 1e-9 * (time.time_ns() % 1000 + 1))]
    run, plain = call(["matrix", "--group", GROUP, "--json", *fresh])
    folder = ROOT / "reports" / json.loads(run)["run"]
    names = list_diverging(json.loads(run))
    _, start = call(["--help"])
    costs = {"run without --explain": plain, "start-up": start}
    found = {}
    ones = sorted((explain(folder, [one]) for one in names[:: len(names) // ONES][:ONES]), key=find_wall)
    found["one"], costs["one"] = ones[len(ones) // 2]
    found["slowest one"], costs["slowest one"] = ones[-1]
    (folder / "causes.jsonl").unlink()
    found["hundred"], costs["hundred"] = explain(folder, names[1 : 1 + MANY])
    (folder / "causes.jsonl").unlink()
    found["all"], costs["all"] = call(["explain", str(folder), "--json"])
    found["again"], costs["again"] = call(["explain", str(folder), "--json"])
    told = {name: json.loads(text) for name, text in found.items()}
    causes = told["all"]
    return {
        "seconds": {name: [round(cost.wall, 2), round(cost.processor, 2)] for name, cost in costs.items()},
        "divergences": len(json.loads(run)["divergences"]),
        "explained": causes["explained"],
        "executions": {name: one["executions"] for name, one in told.items()},
        "waterfalls": len(causes["waterfalls"]),
    }


def find_wall(found: tuple[str, Cost]) -> float:
    """Seconds on the wall."""
    return found[1].wall


def list_diverging(summary: dict[str, Any]) -> list[str]:
    """Examples on which the two environments of PAIR have other tuples."""
    found = summary["divergences"]
    return [one["example"] for one in found if len({tuple(one["tuples"][name]) for name in PAIR}) > 1]


def explain(folder: Path, examples: Sequence[str]) -> tuple[str, Cost]:
    """What explaining some divergences of PAIR prints and costs."""
    words = [word for name in examples for word in ("--example", name)]
    return call(["explain", str(folder), "--json", "--cells", *PAIR, *words])


def call(arguments: Sequence[str]) -> tuple[str, Cost]:
    """What `harness` prints, and what it costs."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "harness", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.decode()[-2000:]}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout.decode(), Cost(wall, used)


def describe(measured: dict[str, Any]) -> str:
    """The same as text."""
    lines = [
        f"{name}: {wall} s, {processor} s of processor time{describe_aim(name)}"
        f"{describe_starts(measured, name)}"
        for name, (wall, processor) in measured["seconds"].items()
    ]
    ratio = measured["seconds"]["all"][1] / measured["seconds"]["run without --explain"][1]
    told = "all: {explained} explanations of {divergences} divergences with {waterfalls} waterfalls"
    told = told.format(**measured)
    return "\n".join([*lines, f"{told}, {ratio:.1f} x the processor time of the run"])


def describe_starts(measured: dict[str, Any], name: str) -> str:
    """How many workers were started for it."""
    found = measured["executions"].get(name)
    return "" if found is None else f", {found} executions"


def describe_aim(name: str) -> str:
    """What a cost may be on two cores."""
    return f" (aim {AIMS[name]:.0f} s)" if name in AIMS else ""


if __name__ == "__main__":
    main()
