"""Which of a trace's values of the steered pass was computed from which other one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from harness.core.network import Network
from harness.core.traces import name_steered
from harness.core.walk import list_visits


@dataclass(eq=False)
class Held:
    """A value that the pass held at a blob: computed from another blob's, or edited from the blob's own.

    `name` is that of its array, if the trace still has it.
    """

    blob: str
    source: Optional[Held] = None
    edited: bool = False
    name: Optional[str] = None

    def find_source(self) -> Optional[Held]:
        """The nearest value before it that the trace has."""
        found = self.source
        while found is not None and found.name is None:
            found = found.source
        return found


def follow_pass(network: Network, visited: Sequence[str]) -> List[Held]:
    """All values of a pass that visits some blobs, in the order in which it comes to them.

    A pass that comes by a blob several times leaves the last value only, and one that it edits.
    """
    names = tuple(blob.name for blob in network.blobs[: network.index(network.logits.name) + 1])
    edits = [(blob, lambda value: value) for blob in visited]
    ends = (names[0], names[-1])
    held = Held(names[0])
    all_held, left, kept = [held], dict[str, Held](), dict[str, Held]()
    for visit in list_visits(network, edits, names, ends):
        if network.index(visit.blob) > network.index(held.blob):
            held = Held(visit.blob, held)
            all_held.append(held)
        elif visit.blob != held.blob:
            held = left.pop(visit.blob)
        if visit.edit is not None:
            forget(kept, name_steered(visit.blob))
            held = edit(kept, all_held, held)
        elif not held.edited:  # the value that an edit leaves has its name already
            keep(kept, name_steered(visit.blob), held)
        if visit.kept:
            left[visit.blob] = held
    return all_held


def edit(kept: Dict[str, Held], all_held: List[Held], before: Held) -> Held:
    """A visit: the value before it and the one after it have names."""
    keep(kept, f"{name_steered(before.blob)}/before", before)
    after = Held(before.blob, before, edited=True)
    all_held.append(after)
    keep(kept, f"{name_steered(before.blob)}/after", after)
    return after


def keep(kept: Dict[str, Held], name: str, held: Held) -> None:
    """Give a value a name, which an earlier one may have had."""
    forget(kept, name)
    if held.name is None:
        held.name = name
        kept[name] = held


def forget(kept: Dict[str, Held], name: str) -> None:
    """Take a name from the value that has it."""
    if name in kept:
        kept.pop(name).name = None
