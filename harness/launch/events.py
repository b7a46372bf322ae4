"""What happens to cells, told while a run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "installing", "queued", "running", "done", "reused", "failed", "unavailable"]


@dataclass(frozen=True)
class Event:
    """Something that happened to a cell; `done` of `total` examples while it runs.

    A `lasting` note is to stay in sight, whatever happens next.
    """

    cell: str
    state: State
    done: int = 0
    total: int = 0
    note: str = ""
    lasting: bool = False
