"""The README's picture: one framework, one model, the same faces, two orders of four witness files, and why.

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
NAMES = ("local-reference-float64", "local-onnxruntime", "local-listing-nose-first")
WIDTH = 104  # columns: GitHub shows a page of about 830 pixels, and what is wider gets small
ROWS = 6
COULD_NOT_RUN = 2


def run_matrix() -> Path:
    """Folder of a run of the environments; ends the program where nothing could be judged."""
    words = [word for name in NAMES for word in ("--environment", name)]
    command = [sys.executable, "-m", "harness", "matrix", "--explain", "--json", *words]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE)
    if done.returncode == COULD_NOT_RUN:
        sys.exit(f"{PICTURE.relative_to(ROOT)} stays as it was; `harness doctor` says what is missing")
    return ROOT / "reports" / str(json.loads(done.stdout)["run"])


def draw_run(run: Path) -> str:
    """What a run with `--explain` shows, with the first divergences alone, as SVG."""
    from harness.report.terminal import print_summary
    from harness.summary.reading import read_summary

    console = Console(file=io.StringIO(), width=WIDTH, record=True, highlight=False)
    print_summary(read_summary(run), None, console, ROWS)
    return console.export_svg(
        title=f"harness matrix --explain, of {', '.join(NAMES)}", unique_id="divergence"
    )


def main() -> None:
    """Run, draw, and remove the run."""
    os.chdir(ROOT)
    run = run_matrix()
    lines = [line.rstrip() for line in draw_run(run).splitlines()]
    PICTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.rmtree(run)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
