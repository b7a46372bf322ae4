"""docs/numerics.md: in which order environments add up, and what that predicts, from runs of this machine.

    python docs/make/numerics.py                  # all environments, containers where there is Docker
    python docs/make/numerics.py --run FOLDER     # of a run that `harness numerics --replay` has read
    python docs/make/numerics.py --write          # the page alone

What the run says is kept in docs/numerics.json, and every number of the page is made from that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from numerics_page import write_page

from harness.summary.reading import read_summary

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "numerics.json"
PAGE = ROOT / "docs" / "numerics.md"
GROUPS = ("docker", "winograd", "inside", "isa", "threads", "graph")
EXAMPLES = 40
COULD_NOT_RUN = 2


def main() -> int:
    """Run, read, keep what came out, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--group", action="append", help="environments to read")
    parser.add_argument("--run", type=Path, help="a run that was read before")
    parser.add_argument("--write", action="store_true", help="write the page alone")
    options = parser.parse_args()
    os.chdir(ROOT)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not options.write:
        folder = options.run or run_groups(options.group or GROUPS)
        if folder is None:
            print("could not run here; results stay as they were (`harness doctor` says why)")
            return COULD_NOT_RUN
        results["orders"] = read_run(folder)
    text = json.dumps(results, indent=1, sort_keys=True)
    RESULTS.write_text(f"{text}\n", encoding="utf-8")
    PAGE.write_text(write_page(json.loads(text)), encoding="utf-8")
    return 0


def run_groups(groups: Any) -> Path | None:
    """Folder of a run of some groups, read; None where it cannot run here."""
    examples = [f"--example=benign-{number:04}" for number in range(1, EXAMPLES + 1)]
    chosen = [f"--group={one}" for one in groups]
    matrix = [sys.executable, "-m", "harness", "matrix", *chosen, *examples, "--json"]
    done = subprocess.run(matrix, check=False, stdout=subprocess.PIPE)
    try:
        folder = ROOT / "reports" / str(json.loads(done.stdout)["run"])
    except (KeyError, ValueError):
        return None
    read = [sys.executable, "-m", "harness", "numerics", str(folder), "--most", str(EXAMPLES), "--replay"]
    return None if subprocess.run(read, check=False).returncode else folder


def read_run(folder: Path) -> dict[str, Any]:
    """What the page says of a run."""
    summary = read_summary(folder)
    if summary.numerics is None:
        sys.exit(f"{folder}: was not read; `harness numerics --replay` does it")
    return {"model": summary.model, **summary.numerics.model_dump(mode="json")}


if __name__ == "__main__":
    sys.exit(main())
