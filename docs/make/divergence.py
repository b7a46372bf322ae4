"""The README's picture: one framework, one model, the same faces, and two orders of four witness files.

python docs/make/divergence.py
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "divergence.svg"
PAIR = ("local-onnxruntime", "local-listing-nose-first")
WIDTH = 104  # columns: GitHub shows a page of about 830 pixels, and what is wider gets small
ROWS = 8
COULD_NOT_RUN = 2


def run_pair() -> Path:
    """Folder of a run of the two environments; ends the program where nothing could be judged."""
    words = [word for name in PAIR for word in ("--environment", name)]
    command = [sys.executable, "-m", "harness", "matrix", "--json", *words]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE)
    if done.returncode == COULD_NOT_RUN:
        sys.exit(f"{PICTURE.relative_to(ROOT)} stays as it was; `harness doctor` says what is missing")
    return ROOT / "reports" / str(json.loads(done.stdout)["run"])


def draw_pair(run: Path) -> str:
    """What `harness diff RUN --pair …` shows, with the first divergences alone, as SVG."""
    from harness.plan.environments import read_environments
    from harness.plan.register import read_register
    from harness.report.terminal import print_summary
    from harness.verdict.compare import CellSelection, compare_runs

    folder = ROOT / "environments"
    register = read_register(folder, read_environments(folder))
    summary = compare_runs([str(run)], ROOT / "reports", register, CellSelection((), None, PAIR))
    console = Console(file=io.StringIO(), width=WIDTH, record=True, highlight=False)
    print_summary(summary, None, console, ROWS)
    return console.export_svg(title=f"harness diff RUN --pair {' '.join(PAIR)}", unique_id="divergence")


def main() -> None:
    """Run, draw, and remove the run."""
    os.chdir(ROOT)
    run = run_pair()
    lines = [line.rstrip() for line in draw_pair(run).splitlines()]
    PICTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.rmtree(run)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
