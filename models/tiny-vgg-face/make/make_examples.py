"""Make every bundled example anew, and say what came out differently.

    python models/tiny-vgg-face/make/make_examples.py [--check]

Other processors and versions round differently, and an attack amplifies that. Exit code: 0 the same, 1
different, 2 could not run. An interrupted start goes on at the attack where it was.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from attacks import make_attacks
from examples import EXAMPLES, make_examples, render_clean
from export import FOLDER, record_facts
from jpeg import make_copies
from PIL import Image, UnidentifiedImageError

from harness.core.errors import InputError
from harness.system.cache import find_cache
from harness.system.project import find_root


@dataclass(frozen=True)
class Change:
    """A file that differs: it is new, gone, or changed in some way."""

    file: str
    kind: Literal["new", "gone", "changed"]
    how: str = ""


def compare_folders(made: Path, present: Path) -> list[Change]:
    """Every file that is not the same in both."""
    first, second = list_files(made), list_files(present)
    found = [Change(name, "gone") for name in sorted(second - first)]
    found += [Change(name, "new") for name in sorted(first - second)]
    for name in sorted(first & second):
        if (made / name).read_bytes() != (present / name).read_bytes():
            found.append(Change(name, "changed", describe_change(made / name, present / name)))
    return found


def list_files(folder: Path) -> set[str]:
    """Paths of all files in a folder, from it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def describe_change(made: Path, present: Path) -> str:
    """How two versions of a file differ."""
    if made.suffix == ".jsonl":
        lines = [Counter(path.read_text(encoding="utf-8").splitlines()) for path in (made, present)]
        return f"{(lines[0] - lines[1]).total()} lines of {lines[0].total()}"
    try:
        first, second = (read_pixels(path) for path in (made, present))
    except UnidentifiedImageError:
        return "no image"
    if first.shape != second.shape:
        return f"{first.shape} instead of {second.shape}"
    apart = np.abs(first - second)
    if not apart.any():
        return "the same pixels, packed differently"
    return f"{(apart.max(-1) > 0).mean():.1%} of the pixels, by up to {apart.max()} levels"


def read_pixels(path: Path) -> np.ndarray:
    """Pixels (H, W, 3) of an image file."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), int)


def replace_folder(made: Path, present: Path, changes: list[Change]) -> None:
    """Bring every change into the bundle."""
    for change in changes:
        target = present / change.file
        if change.kind == "gone":
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / change.file, target)


def make_all(made: Path, work: Path) -> dict[str, Any]:
    """Every bundled example in a folder; the counts."""
    torch.set_num_threads(1)
    facts = make_examples(made)
    make_copies(made)
    return {**facts, **make_attacks(made, work, render_clean(), show_progress)}


def show_progress(name: str, done: int, total: int) -> None:
    """A line on standard error."""
    print(f"{name}: {done} of up to {total}", file=sys.stderr)


def describe(changes: list[Change], files: int) -> str:
    """What differs, a line a file, and how many do."""
    lines = [f"{one.kind}: {one.file}{': ' + one.how if one.how else ''}" for one in changes]
    counts = Counter(one.kind for one in changes)
    same = files - counts["new"] - counts["changed"]
    totals = ", ".join(f"{counts[kind]} {kind}" for kind in ("changed", "new", "gone"))
    return "\n".join([*lines, f"{same} of {files} files came out the same; {totals}"])


def main() -> int:
    """Make, compare, and unless that is all, replace."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare alone; leave the bundle as it is")
    arguments = parser.parse_args()
    work = find_cache(find_root()) / "make-examples"
    made = work / "bundle"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        facts = make_all(made, work)
    except InputError as error:
        print(f"make_examples: {error}", file=sys.stderr)
        return 2
    changes = compare_folders(made, EXAMPLES)
    print(describe(changes, len(list_files(made))))
    if not arguments.check:
        replace_folder(made, EXAMPLES, changes)
        record_facts(FOLDER, "examples", facts)
    shutil.rmtree(work)
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
