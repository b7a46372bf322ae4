"""Orders of addition as environments' cells tell them: read back, held against each other, put in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.records.record import walk_records
from harness.system.documents import take_shape
from harness.system.numbers import count


class Order(msgspec.Struct, frozen=True):
    """What one environment's cell tells of a blob: how its layer adds up, or why it is no plain sum.

    `bits` is a hash of what it makes of drawn values. `row` is of the first of `taps`, with each of them: how
    many numbers the smallest part of the sum adds that holds both. `programs` are whole orders, each with
    the channels that have it, where they were asked for; `obstacle` is why they could not be read.
    """

    example: str
    layer: str
    kind: str
    precision: str
    plain: bool
    why: str | None
    bits: str
    products: int = 0
    signature: str | None = None
    fused: bool = False
    wide: bool | None = None
    denormals: bool | None = None
    bias: str | None = None
    channels: str | None = None
    taps: tuple[int, ...] = ()
    row: tuple[int, ...] = ()
    programs: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()
    obstacle: str | None = None

    @property
    def blob(self) -> str:
        """The blob that the layer makes."""
        return self.example

    @property
    def sums(self) -> tuple[Any, ...]:
        """What says that two sums are done alike."""
        return (self.precision, self.signature) if self.plain else (self.precision, self.bits)


Orders = Mapping[str, Order]
"""By blob, in the network's order."""


def read_orders(folder: Path) -> dict[str, Order]:
    """What a cell tells."""
    found = [take_shape(line, Order, str(folder)) for line in walk_records(folder)]
    return {one.blob: one for one in found}


def is_same(ours: Order, theirs: Order) -> bool:
    """Whether two environments compute a blob alike, by masks and by drawn values."""
    return ours.sums == theirs.sums and ours.bits == theirs.bits


@dataclass(frozen=True)
class Parting:
    """The first blob that two environments do not compute alike."""

    blob: str
    ours: Order
    theirs: Order


def find_parting(ours: Orders, theirs: Orders, blobs: Sequence[str]) -> Parting | None:
    """The first of some blobs, in their order, that two environments do not compute alike."""
    for blob in blobs:
        if blob in ours and blob in theirs and not is_same(ours[blob], theirs[blob]):
            return Parting(blob, ours[blob], theirs[blob])
    return None


def tell_parting(parting: Parting, names: tuple[str, str]) -> str:
    """The same in a sentence without its end: `conv2_1 adds its 144 products in another order (...)`."""
    ours, theirs = parting.ours, parting.theirs
    layer = ours.layer
    if ours.precision != theirs.precision:
        return (
            f"{layer} is computed in {ours.precision} by {names[0]} and in {theirs.precision} by {names[1]}"
        )
    if ours.plain != theirs.plain:
        name, one = (names[1], theirs) if ours.plain else (names[0], ours)
        return f"{layer} is no plain sum in {name}: {one.why or 'it has no products'}"
    if not ours.plain or ours.signature == theirs.signature:
        return f"{layer} rounds otherwise"
    return f"{layer} {tell_sums(ours, theirs, names)}"


def tell_sums(ours: Order, theirs: Order, names: tuple[str, str]) -> str:
    """How two plain sums of the same products differ."""
    products = count(ours.products, "product")
    if ours.wide != theirs.wide:
        return f"adds its {products} in more than 24 bits in {names[0] if ours.wide else names[1]} alone"
    if describe(ours) == describe(theirs):
        return f"adds its {products} in another order at some of its outputs"
    told = "; ".join(f"{name}: {describe(one)}" for name, one in zip(names, (ours, theirs), strict=True))
    if (ours.row, ours.bias) == (theirs.row, theirs.bias) and ours.fused != theirs.fused:
        return f"rounds each of its {products} before it adds it on one side alone ({told})"
    return f"adds its {products} in another order ({told})"


def describe(order: Order) -> str:
    """`in chains of 288, fused, the bias last`: what the first product's row and the bias tell."""
    if not order.plain:
        return f"no plain sum ({order.why})" if order.why else "no sum"
    words = [describe_row(order)]
    words += ["each product fused with its addition"] if order.fused else ["each product rounded"]
    words += ["in more than 24 bits"] if order.wide else []
    words += [f"in {order.precision}"] if order.precision != "float32" else []
    words += [] if order.bias is None else [f"the bias {order.bias}" if order.bias != "between" else BETWEEN]
    return ", ".join(words)


BETWEEN = "the bias before the last part"


def describe_row(order: Order) -> str:
    """How far the first product's chain goes, and what its parts are joined to."""
    sizes = sorted(set(order.row))
    chain = next((number for number, size in enumerate(sizes) if size - number > sizes[0] + 1), len(sizes))
    if chain == len(sizes):
        return f"{order.products} one after the other from {name_first(order)}"
    joined = [str(one) for one in sizes[chain:]]
    shown = joined if len(joined) <= MOST_JOINED else [*joined[: MOST_JOINED - 1], "…", joined[-1]]
    return f"{chain} one after the other from {name_first(order)}, then parts up to {', '.join(shown)}"


MOST_JOINED = 4


def name_first(order: Order) -> str:
    """Which products follow the first: its neighbours in the kernel, or the same place of other channels."""
    if len(order.row) < 2:
        return "the first"
    follower = order.taps[min(range(1, len(order.row)), key=lambda place: order.row[place])]
    return "neighbour to neighbour" if follower == 1 else f"every {ordinal(follower)}"


def ordinal(number: int) -> str:
    """`9th`."""
    special = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else special.get(number % 10, 'th')}"
