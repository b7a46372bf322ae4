"""Planted faults explained: `python -m faults [NAME…]` the fixed ones, `--count N` so many drawn ones."""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from faults import page
from faults.catalogue import FAULTS
from faults.drawn import add_options, study
from faults.explained import explain_fault
from faults.project import write_project


def main():
    """Explain the faults that are asked for; 1 where one was explained otherwise."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("names", nargs="*", help="faults to plant; all of them without any")
    add_options(parser)
    options = parser.parse_args()
    if options.page:
        return page.main()
    if options.count is not None or options.only is not None:
        return study(options)
    chosen = [
        (number, one) for number, one in enumerate(FAULTS) if not options.names or one.name in options.names
    ]
    print(
        f"{'fault':28} {'expected':18} {'right':5} {'diverge':>7} {'runs':>4} {'seconds':>7} found",
        flush=True,
    )
    wrong, executions = 0, []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        project = write_project(Path(folder) / "project")
        for number, fault in chosen:
            found = explain_fault(project, fault, number)
            executions.append(found.executions)
            wrong += not print_found(found)
    print(
        f"{len(chosen) - wrong} of {len(chosen)} faults explained; median executions {median(executions):g}"
    )
    return min(wrong, 1)


def print_found(found):
    """A line of the table; whether it is right."""
    sets = "; ".join(
        f"{count} {verdict} {'+'.join(causes) or '-'}" for (verdict, causes), count in found.sets.items()
    )
    values = sorted({str(line["causes"][0]["b"]) for line in found.lines if line["causes"]})
    print(
        f"{found.fault.name:28} {'+'.join(found.fault.causes):18} {'yes' if found.is_right else 'NO':5}"
        f" {found.divergences:7} {found.executions:4} {found.seconds:7.1f} {sets or 'no divergence'}"
        f" [{' '.join(values)[:60]}]",
        flush=True,
    )
    return found.is_right


if __name__ == "__main__":
    sys.exit(main())
