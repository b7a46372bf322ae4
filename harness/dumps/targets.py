"""What a dump's arrays can be, by the names that traces have, and the names that people write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.errors import InputError
from harness.core.network import Network, Relu
from harness.core.traces import name_plain, name_steered

PARTS = ("before", "after", "sums", "mean", "deviation", "minimum", "weakened", "factors")
NUMBERS = ("mean", "deviation", "minimum")
WHOLE = ("before", "after")
TUPLE, PIXELS, INPUT = "tuple", "pixels", "input"
SLASH = "__"  # in names of MATLAB's variables and of arguments, which take no slash


@dataclass(frozen=True)
class Targets:
    """A network's blobs by shape, from the input to the logits, and those that the cell visits.

    Without the network names of layers stand for nothing.
    """

    network: Network | None
    shapes: Mapping[str, tuple[int, ...]]
    visited: Sequence[str]

    @property
    def logits(self) -> str:
        """The last blob."""
        return list(self.shapes)[-1]

    def find_shape(self, target: str) -> tuple[int, ...] | None:
        """The shape of an array of that name; None for pixels, which are as the file is."""
        kind, _, rest = target.partition("/")
        if target in (PIXELS, TUPLE):
            return None if target == PIXELS else (3,)
        if target == INPUT:
            return next(iter(self.shapes.values()))
        blob, part = self.split(rest) if kind == "steered" else (rest, "after")
        shape = next(one for name, one in self.shapes.items() if name_plain(name) == f"plain/{blob}")
        return shape if part in WHOLE else (1,) if part in NUMBERS else shape[:1]

    def split(self, rest: str) -> tuple[str, str]:
        """A blob's name as traces have it, and the part of its visit."""
        blob, _, part = rest.partition("/")
        return blob, part or "after"

    def read_name(self, text: str) -> str | None:
        """The array that somebody's name stands for; None where it is no name of one."""
        words = text.replace(SLASH, "/").split("/")
        if words[0] == "logits" and len(words) < 3:
            words = [words[1] if len(words) == 2 else "plain", self.logits]
        if len(words) == 2 and words[0] == "sums":
            words = ["steered", words[1], "sums"]
        if len(words) == 1:
            if words[0] in (PIXELS, TUPLE, INPUT):
                return words[0]
            words = ["plain", *words]
        blob = self.find_blob(words[1]) if words[0] in ("plain", "steered") else None
        return None if blob is None else self.write_name(words[0], blob, words[2:])

    def rank(self, text: str) -> int:
        """How late in its blob the layer is that a name is of; of a name that is the blob's, 0."""
        name = text.replace(SLASH, "/").rpartition("/")[2]
        layers = [] if self.network is None else [one.layers for one in self.network.blobs]
        places = (place for ones in layers for place, layer in enumerate(ones) if layer.name == name)
        return next(places, 0)

    def has_relu(self, blob: str) -> bool:
        """Whether a blob is what a ReLU leaves."""
        if self.network is None:
            return False
        layers = self.network.blobs[self.network.index(blob)].layers
        return any(isinstance(one, Relu) and not one.negative_slope for one in layers)

    def find_blob(self, name: str) -> str | None:
        """The blob that a name stands for: its own, or else its layer's."""
        if name in self.shapes:
            return name
        try:
            blob = name if self.network is None else self.network.blob_of(name)
        except InputError:
            return None
        return blob if blob in self.shapes else None

    def write_name(self, which: str, blob: str, rest: Sequence[str]) -> str | None:
        """The array of a blob in a pass; a visited one's value is what its visit leaves."""
        if which == "plain":
            first = next(iter(self.shapes))
            return None if rest else INPUT if blob == first else name_plain(blob)
        if len(rest) > 1 or (rest and rest[0] not in PARTS):
            return None
        part = rest[0] if rest else "after"
        is_passed = part in WHOLE and blob not in self.visited
        return name_steered(blob) if is_passed else f"{name_steered(blob)}/{part}"

    def list_values(self) -> list[str]:
        """The arrays that a value alone may stand for."""
        blobs = list(self.shapes)
        steered = [str(self.write_name("steered", one, ())) for one in blobs[1:]]
        return [INPUT, *map(name_plain, blobs[1:]), *steered]
