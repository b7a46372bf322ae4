"""The stages of a partial trace: every value that it holds, with what it should be by some rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator, Tuple

from harness.core.traces import name_steered
from harness.worker.lineage import Held
from harness.worker.predicted import (
    Case,
    find_place,
    find_source,
    is_steered,
    name_blob,
    name_held,
    predict_plain,
    predict_steered,
    predict_visit,
)
from harness.worker.truth import Truth
from harness.worker.visited import PARTS


@dataclass(frozen=True)
class Stage:
    """A value that the trace holds: its stage, its array, and the layers between it and what it is from."""

    name: str
    array: str
    source: str
    layers: Tuple[str, ...]
    predict: Callable[[], Truth]


def list_stages(case: Case) -> Iterator[Stage]:
    """Every value that the trace holds, in the order in which they follow from each other."""
    blobs = case.rules.blobs
    for place, blob in enumerate(blobs):
        name = name_blob(case, place)
        if name is not None:
            stage = "input" if place == 0 else f"plain {blob.name}"
            source = find_source(case, place)
            begin = "" if source < 0 else str(name_blob(case, source))
            layers = list_layers(case, max(source, 0), place)
            yield Stage(stage, name, begin, layers, bind(predict_plain, case, place))
    for held in case.steps:
        yield from list_held(case, held)


def list_layers(case: Case, start: int, stop: int) -> Tuple[str, ...]:
    """Layers with parameters after one blob and up to another."""
    layers = [layer.name for blob in case.rules.blobs[start + 1 : stop + 1] for layer in blob.layers]
    return tuple(name for name in layers if f"{name}.weight" in case.rules.weights)


def bind(predict: Callable[[Case, Any], Truth], case: Case, what: Any) -> Callable[[], Truth]:
    """A prediction that is made when it is asked for."""
    return lambda: predict(case, what)


def list_held(case: Case, held: Held) -> Iterator[Stage]:
    """The stages of one value of the steered pass: of a visit, all parts that the trace holds."""
    name, source, layers = name_held(case, held), *find_held_source(case, held)
    if held.edited:
        for part, _ in PARTS[:-1]:
            array = f"{name_steered(held.blob)}/{part}"
            if case.find(array) is not None:
                yield Stage(f"steered {held.blob} {part}", array, source, layers, bind_part(case, held, part))
    if name is not None:
        after = " after" if held.edited else " before" if str(held.name).endswith("/before") else ""
        yield Stage(f"steered {held.blob}{after}", name, source, layers, bind(predict_steered, case, held))


def bind_part(case: Case, held: Held, part: str) -> Callable[[], Truth]:
    """The prediction of a visit's part."""
    return lambda: predict_visit(case, held)[part]


def find_held_source(case: Case, held: Held) -> Tuple[str, Tuple[str, ...]]:
    """The nearest array before a value, and the layers between them."""
    one, stop = held.source, find_place(case, held.blob)
    while one is not None and is_steered(one) and name_held(case, one) is None:
        one = one.source
    if one is not None and name_held(case, one) is not None:
        return str(name_held(case, one)), list_layers(case, find_place(case, one.blob), stop)
    place = stop if one is None else find_place(case, one.blob)
    start = place if name_blob(case, place) is not None and one is not None else find_source(case, place)
    begin = "" if start < 0 else str(name_blob(case, start))
    return begin, list_layers(case, max(start, 0), stop)
