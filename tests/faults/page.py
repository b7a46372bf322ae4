"""docs/faults.md: what was found of drawn faults, made from docs/faults.jsonl alone."""

from collections import Counter, defaultdict
from pathlib import Path

from faults.draw import KINDS
from faults.study import read_lines
from faults.table import judge, list_wrong, make_table, show_table

DOCS = Path(__file__).parents[2] / "docs"
RESULTS, PAGE = DOCS / "faults.jsonl", DOCS / "faults.md"
HEAD = """<!-- Made by `nox -s faults -- --page` from docs/faults.jsonl alone. -->
# Planted faults: how often the explainer is right

Faults are drawn at random, planted in a copy of the worker of which the environment's files say
nothing, and explained blind. A fault is a kind, with its parameters (which layer, which witness, which
mean, β, order …), beside a model: the bundled one, or one of four small ones of random weights, of
other depths, widths and sizes; in NumPy, and where its edits reach them in PyTorch, ONNX Runtime,
OpenVINO and OpenCV. One seed and number are one fault.

```console
$ nox -s faults -- --count 1000 --seed 1 --keep      # single faults; goes on where it was stopped
$ nox -s faults -- --pairs --count 200 --seed 1 --keep
$ nox -s faults -- --clean --count 300 --seed 1 --keep
$ nox -s faults -- --seed 1 --only 17                # one of them again
$ nox -s faults -- --page                            # this page, from what was kept
```

*Right*: every divergence has the fault's causes, all of them and no other. *Wrong*: some divergence has
another cause, first or beside the right ones; *proven and wrong*: with the verdict `proven`. *Unknown*:
no other cause is named, and of some divergences not all. Of a fault that stands for no cause (a blob
clipped, a pad off by one, softmax twice) it is right to name none, and the layer or the input at which
it is. Where no tuple changed, `explain --stages` is asked, and *of those seen* counts where it names a
stage. Intervals are exact (Clopper and Pearson), 95 %.
"""
TITLES = {
    "singles": "Single faults",
    "pairs": "Two faults at once",
    "clean": "Clean pairs",
}
NOTES = {
    "pairs": "Right: both are named on every divergence. Where one alone is named on some, `unknown`.\n",
    "clean": "Two environments of other libraries, batch sizes, threads, graph optimisation, Winograd,\n"
    "kernels or instructions, on witnesses of which last bits decide. Right: last bits are named, and\n"
    "nothing else but what the files declare (`algorithm`).\n",
}
TOLD_APART = """
## What cannot be told apart

- Softmax before the argmax changes no tuple: logits and stages differ, the answer cannot.
- A picture moved, its channels permuted or its levels clipped, a pad off by one, a blob clipped,
  negated or exchanged within a batch stand for no cause of the [list](causes.md): the stage is named,
  `unknown` said.
- Orders of listing that walk the blobs as the network does, deviations that are 0 anyway, kernels where
  nothing is resized and rules of witnesses that nobody lists twice change nothing at all.
- Of two faults, one can hide the other: what a constant answer leaves of the second is no evidence.
"""


def write_page(lines):
    """The page as text."""
    by_what = defaultdict(list)
    for line in lines:
        by_what[line["what"]].append(line)
    parts = [HEAD, *(write_part(what, by_what[what]) for what in TITLES if what in by_what), TOLD_APART]
    return "\n".join(parts)


def write_part(what, lines):
    """One table, with the seeds that were run, the time, and what was not right."""
    wrong, cost = list_wrong(lines), show_cost(lines)
    seeds = Counter(line["seed"] for line in lines)
    said = ", ".join(f"seed {seed}: {count}" for seed, count in sorted(seeds.items()))
    listed = (
        ["Not right:\n", *wrong] if wrong else ["Of those that changed a tuple none is wrong or unknown."]
    )
    left = [kind for kind in KINDS if what == "singles" and [kind] not in [line["kinds"] for line in lines]]
    listed += ["", f"Kinds of which none was run yet: {', '.join(left)}."] if left else []
    note = NOTES.get(what, "")
    table = show_table(make_table(lines))
    return "\n".join(
        [f"## {TITLES[what]}\n", note + f"Run: {said}. {cost}".rstrip() + "\n", table, "", *listed, ""]
    )


def show_cost(lines):
    """What a hundred took."""
    seconds = [line["cpu"] for line in lines if line.get("cpu")]
    if not seconds:
        return ""
    return f"A hundred take {100 * sum(seconds) / len(seconds):.0f} s of one core."


def write_results(lines):
    """Write the page."""
    PAGE.write_text(write_page(lines), encoding="utf-8")


def main():
    """Write the page from what was kept; 1 where something was proven and wrong."""
    lines = read_lines(RESULTS)
    write_results(lines)
    return int(any(judge(line) in ("proven wrong", "broke") for line in lines))
