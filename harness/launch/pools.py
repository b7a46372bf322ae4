"""Pools of what a machine has only so much of: cores, memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.system.stopping import POLL_SECONDS, Stopped


@dataclass
class ResourcePool:
    """Cores or megabytes, lent to cells; one that wants more than there are gets all of them, alone."""

    total: int
    free: int = field(init=False)
    waiting: list[float] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.free = self.total

    @contextlib.contextmanager
    def lend(self, wanted: int, stop: threading.Event, weight: float = 0.0) -> Iterator[None]:
        """Hold `wanted` of them as soon as they are free; Stopped when `stop` is set meanwhile.

        Of those that wait, the one of most weight comes first, also where it wants more than others.
        """
        count = min(wanted, self.total)
        with self.changed:
            self.waiting.append(weight)
            try:
                while self.free < count or weight < max(self.waiting):
                    if stop.is_set():
                        raise Stopped
                    self.changed.wait(POLL_SECONDS)
                self.free -= count
            finally:
                self.waiting.remove(weight)
                self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self.free += count
                self.changed.notify_all()
