"""What was read of environments as the summary's part: splits, orders in words, and how predictions did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from harness.core.errors import InputError
from harness.numerics.classes import Split, find_splits
from harness.numerics.orders import describe
from harness.numerics.predict import Judged, judge_layers, judge_pairs, score
from harness.numerics.readings import Reading
from harness.numerics.replay import Replay
from harness.summary.numerics import (
    LayerSummary,
    NumericsSummary,
    OrderSummary,
    PropertySummary,
    ReplaySummary,
    ScoreSummary,
    SplitSummary,
)

MOST_PROPERTIES = 6
ELSEWHERE = "apart from the one above at other outputs"


def summarise(
    readings: Sequence[Reading], replays: Mapping[str, Sequence[Replay]] | None = None
) -> NumericsSummary:
    """The part; InputError where no two environments could be read."""
    read = [one for one in readings if not one.reasons]
    missing = {one.name: "; ".join(one.reasons) for one in readings if one.reasons}
    if len(read) < 2:
        told = "; ".join(f"{name}: {reason}" for name, reason in missing.items())
        raise InputError(f"only {len(read)} environment could be read, and two are compared ({told})")
    single = judge_layers(read)
    return NumericsSummary(
        examples=len(read[0].hashes),
        environments=tuple(one.name for one in read),
        blobs=read[0].blobs,
        splits=tuple(map(make_split, find_splits(read))),
        layers=tuple(list_layers(read)),
        passes=make_score(judge_pairs(read)),
        single=make_score(single),
        masks=make_score(single, by_masks=True),
        unlike={one.name: len(one.unlike) for one in read if one.unlike},
        missing=missing,
        replays={
            name: tuple(ReplaySummary(**asdict(one)) for one in layers)
            for name, layers in (replays or {}).items()
        },
    )


def make_split(split: Split) -> SplitSummary:
    """A split with its first properties."""
    shown = split.properties[:MOST_PROPERTIES]
    return SplitSummary(
        blob=split.blob,
        parts=split.parts,
        properties=tuple(PropertySummary(name=one.name, values=one.values) for one in shown),
        more=len(split.properties) - len(shown),
    )


def list_layers(readings: Sequence[Reading]) -> Iterator[LayerSummary]:
    """The layers with weights, each with the environments that add it up alike."""
    for blob, first in readings[0].orders.items():
        if not first.products:
            continue
        alike: dict[tuple[object, ...], list[Reading]] = {}
        for one in readings:
            alike.setdefault((*one.orders[blob].sums, one.orders[blob].bits), []).append(one)
        orders = tuple(tell_alike(blob, sorted(alike.values(), key=lambda one: -len(one))))
        yield LayerSummary(blob=blob, layer=first.layer, products=first.products, orders=orders)


def tell_alike(blob: str, alike: Sequence[Sequence[Reading]]) -> Iterator[OrderSummary]:
    """Environments that add up a layer alike, and how; those of equal words part at outputs not told of."""
    told = set[str]()
    for members in alike:
        order = members[0].orders[blob]
        words = describe(order)
        more = f"; {ELSEWHERE}" if words in told and order.plain else ""
        told.add(words)
        names = tuple(one.name for one in members)
        yield OrderSummary(environments=names, words=f"{words}{more}", is_plain=order.plain)


def make_score(judged: Sequence[Judged], *, by_masks: bool = False) -> ScoreSummary:
    """How predictions did."""
    return ScoreSummary(**asdict(score(judged, by_masks=by_masks)))
