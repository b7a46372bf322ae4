"""Pins of the register's entries: how many examples depart in an environment, and with which tuples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.plan.register import Expected

DIGITS = 16  # of a digest: enough for what nobody forges


@dataclass(frozen=True)
class Pin:
    """What an entry speaks of in one environment: `departing` of `examples`, and a digest of their tuples."""

    departing: int
    examples: int
    digest: str

    @property
    def count(self) -> str:
        """`279 of 400`, as the register has it."""
        return f"{self.departing} of {self.examples}"


def make_pin(departing: Iterable[tuple[str, Sequence[int]]], examples: int) -> Pin:
    """The pin of departing examples, which are ids with tuples, among so many that an entry speaks of."""
    lines = sorted(f"{name}\t{'-'.join(map(str, values))}\n" for name, values in departing)
    digest = hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
    return Pin(len(lines), examples, digest[:DIGITS])


def write_pin(pin: Pin) -> str:
    """What to write into the register to pin just this."""
    return f'count = "{pin.count}" and digest = "{pin.digest}"'


def is_comparable(entry: Expected, pin: Pin) -> bool:
    """Whether an entry was pinned among as many examples as there are here."""
    return entry.count is not None and entry.count.rpartition(" ")[2] == str(pin.examples)


def is_broken(entry: Expected, pin: Pin) -> bool:
    """Whether something else departs than what an entry was pinned to."""
    return is_comparable(entry, pin) and (entry.count != pin.count or entry.digest not in (None, pin.digest))
