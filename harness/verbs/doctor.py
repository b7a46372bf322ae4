"""`harness doctor`."""

from __future__ import annotations

from harness.system.invocation import show_example
from harness.system.streams import print_json
from harness.verbs import options

EXAMPLE = show_example("doctor --json")


def doctor(
    as_json: options.AsJson = False,
) -> None:
    """Tell what this machine can run, and how to get the rest: Pythons, engine, images, emulation, GPU."""
    from dataclasses import asdict

    from harness.matrix.doctor import examine
    from harness.report.diagnosis import print_findings
    from harness.system.consoles import open_output
    from harness.system.project import find_root

    findings = examine(find_root())
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        print_findings(findings, open_output())
