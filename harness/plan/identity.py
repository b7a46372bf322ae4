"""What names a cell: ENVIRONMENT[+VARIANT][#REPLICATE] within a run, and that with @RUN where runs meet."""

from __future__ import annotations

import re
from dataclasses import dataclass

# No environment's name has these three signs.
VARIANT, REPLICATE, RUN = "+", "#", "@"
ID = re.compile(r"(?P<environment>[^+#]+)(?:\+(?P<variant>[^+#]+))?(?:#(?P<replicate>[1-9][0-9]{0,8}))?")


@dataclass(frozen=True)
class Identity:
    """An environment, what was varied in it by this run alone, and which of equal executions it is.

    `run` tells cells of several runs apart, and is empty within one.
    """

    environment: str
    variant: str = ""
    replicate: int = 1
    run: str = ""


def write_identity(one: Identity) -> str:
    """`local-pytorch`, `local-pytorch#2`: what is usual has no suffix."""
    variant = f"{VARIANT}{one.variant}" if one.variant else ""
    replicate = f"{REPLICATE}{one.replicate}" if one.replicate > 1 else ""
    run = f"{RUN}{one.run}" if one.run else ""
    return f"{one.environment}{variant}{replicate}{run}"


def read_identity(label: str) -> Identity:
    """A label in its parts; what cannot be one of ours is an environment's name as it stands."""
    name, _, run = label.partition(RUN)
    found = ID.fullmatch(name)
    if found is None:
        return Identity(name, run=run)
    return Identity(found["environment"], found["variant"] or "", int(found["replicate"] or 1), run)


def name_environment(label: str) -> str:
    """The environment of a cell with this label."""
    return read_identity(label).environment
