"""`harness environments`."""

from __future__ import annotations

from harness.system.invocation import show_example
from harness.verbs import options

EXAMPLE = show_example("environments --json")


def environments(
    as_json: options.AsJson = False,
) -> None:
    """List the environments: their groups, backends, and what each is for."""
    from harness.plan.environments import read_environments
    from harness.plan.register import read_register
    from harness.report.listing import list_environments
    from harness.system.project import find_root

    folder = find_root() / "environments"
    found = read_environments(folder)
    list_environments(found, read_register(folder, found), as_json=as_json)
