"""`python -m faults --count N`: drawn faults, explained blind, and their table."""

import sys
import tempfile
import time
from pathlib import Path

from faults.models import MODELS
from faults.page import RESULTS
from faults.study import Order, read_lines, run_study
from faults.table import judge, list_wrong, make_table, show_sets, show_table


def add_options(parser):
    """The options of drawn faults."""
    parser.add_argument("--count", type=int, help="explain so many drawn faults, not the fixed ones")
    parser.add_argument("--seed", type=int, default=1, help="what faults are drawn from")
    parser.add_argument("--only", type=int, help="the number of one drawn fault, to plant it again")
    parser.add_argument("--kinds", nargs="*", default=(), help="kinds to draw; all of them without any")
    parser.add_argument("--models", nargs="*", default=tuple(MODELS), help="models to plant them beside")
    parser.add_argument("--pairs", action="store_true", help="two faults at once")
    parser.add_argument("--clean", action="store_true", help="two environments without a fault")
    parser.add_argument("--singles", action="store_true", help="one fault at a time, as without it")
    parser.add_argument("--keep", action="store_true", help="keep results in docs/faults.jsonl")
    parser.add_argument("--page", action="store_true", help="write docs/faults.md from what was kept")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument(
        "--results", type=Path, help="a file that has a line each; what it has is not run again"
    )


def study(options):
    """Explain drawn faults and print their table; 1 where one was proven and wrong."""
    what = "clean" if options.clean else "pairs" if options.pairs else "singles"
    order = Order(
        what, options.count or 1, options.seed, tuple(options.kinds), tuple(options.models), options.only
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        path = options.results or (RESULTS if options.keep else None) or Path(folder) / "results.jsonl"
        for number, line in enumerate(run_study(Path(folder), order, path, options.jobs), start=1):
            print_line(line, number, time.monotonic() - started)
        lines = [one for one in read_lines(path) if (one["what"], one["seed"]) == (what, order.seed)]
    print(show_table(make_table(lines)), *list_wrong(lines), sep="\n")
    return int(any(judge(line) in ("proven wrong", "broke") for line in lines))


def print_line(line, number, seconds):
    """One fault, as it is done."""
    print(
        f"{line['number']:5} {judge(line):12} {' + '.join(line['kinds'])} [{line['model']} {line['backend']}]"
        f" {show_sets(line)} {' '.join(line.get('values', ()))} {line['seconds']:.0f} s;"
        f" {100 * seconds / number:.0f} s a hundred",
        flush=True,
        file=sys.stderr,
    )
