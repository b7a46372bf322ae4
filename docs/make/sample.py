"""The sample report: four faces and all that was made of them, in the environments that options choose.

    python docs/make/sample.py --group table5

The folder keeps the list of examples and all forms of the report; cells with their records stay out, and so
does whatever names the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.summary.document import Summary

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "models" / "tiny-vgg-face" / "examples"
SAMPLE = ROOT / "reports" / "sample"
LIST = SAMPLE / "examples.jsonl"
FACES = ("benign-0005", "benign-0017", "benign-0029", "benign-0041")
PICTURES = 24  # of the examples with the smallest margins; they are most of the page's size
LADDER_BYTES = 40_000  # of the largest groups
COULD_NOT_RUN = 2


def choose_examples() -> None:
    """Write the list; its files are named from where it lies."""
    folder = os.path.relpath(EXAMPLES, SAMPLE).replace(os.sep, "/")
    lines = (EXAMPLES / "all.jsonl").read_text(encoding="utf-8").splitlines()
    found = [one for one in map(json.loads, lines) if one["source"] in FACES]
    chosen = [{**one, "file": f"{folder}/{one['file']}"} for one in found]
    SAMPLE.mkdir(parents=True, exist_ok=True)
    LIST.write_text("".join(f"{json.dumps(one)}\n" for one in chosen), encoding="utf-8")


def run_matrix(options: list[str]) -> Path:
    """Folder of a run of the list; ends the program where nothing could be judged."""
    place = LIST.relative_to(ROOT).as_posix()
    command = [sys.executable, "-m", "harness", "matrix", "--json", "--explain", "--examples", place]
    done = subprocess.run([*command, *options], cwd=ROOT, check=False, stdout=subprocess.PIPE)
    if done.returncode == COULD_NOT_RUN:
        sys.exit("the sample stays as it was; without containers, choose local environments as options")
    return ROOT / "reports" / str(json.loads(done.stdout)["run"])


def keep_report(run: Path) -> None:
    """Write the report's forms beside the list, as if it had been made there."""
    from harness.report.html.write import Budget, write_html
    from harness.report.write import FORMS, HTML, write_form
    from harness.summary.reading import read_summary
    from harness.system.invocation import name_place

    summary = forget_run(read_summary(run), name_place(run))
    for name, render in FORMS.items():
        write_form(SAMPLE / name, render(summary, SAMPLE))
    write_html(SAMPLE / HTML, summary, [run], Budget(pictures=PICTURES, ladder_bytes=LADDER_BYTES))


def forget_run(summary: Summary, place: str) -> Summary:
    """A summary whose commands name the latest run: that of the sample is nowhere else."""
    if summary.causes is None:
        return summary
    groups = tuple(
        one.model_copy(update={"command": one.command.replace(place, "latest")})
        for one in summary.causes.groups
    )
    return summary.model_copy(update={"causes": summary.causes.model_copy(update={"groups": groups})})


def main() -> None:
    """Make the sample anew."""
    os.chdir(ROOT)
    choose_examples()
    run = run_matrix(sys.argv[1:])
    keep_report(run)
    shutil.rmtree(run)
    size = sum(path.stat().st_size for path in SAMPLE.iterdir())
    print(f"{SAMPLE.relative_to(ROOT)}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
