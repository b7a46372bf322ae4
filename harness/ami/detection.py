"""The plain and the attribute-steered pass, and what is read off their logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from harness.ami.port import Port
from harness.ami.statistics import check_arithmetic
from harness.ami.steering import Parameters, Steering, Watch, plan_steering, steer
from harness.ami.witnesses import Entries
from harness.core.activations import expose_activations, find_before_relu
from harness.core.errors import InputError
from harness.core.network import Network


@dataclass(frozen=True)
class Detector:
    """AmI over an executor: the steering plan in the order in which blobs are visited."""

    executor: Any
    visits: Tuple[Steering, ...]
    port: Port
    parameters: Parameters


@dataclass(frozen=True)
class Answer:
    """What one pass says: class, margin to the second class, five highest (class, logit) pairs.

    Logits that are no finite numbers are None.
    """

    winner: int
    margin: Optional[float]
    top5: Tuple[Tuple[int, Optional[float]], ...]


def build_detector(executor: Any, entries: Entries, port: Port, parameters: Parameters) -> Detector:
    """Detector over witness entries by blob, in the order in which the witness files were read."""
    check_arithmetic(executor, port)
    plan = plan_steering(executor.network, entries, port)
    return Detector(executor, order_visits(executor.network, plan, port), port, parameters)


def choose_blobs(network: Network, entries: Entries, port: Port) -> Tuple[Network, Entries]:
    """The network that the port walks, and the witness entries by the blobs of it that are steered."""
    if port.blob_value == "after-relu":
        return network, entries
    moved: Dict[str, Tuple[Sequence[int], ...]] = {}
    for name, lists in entries.items():
        before = find_before_relu(network, name)
        if before == network.input.name:
            raise InputError(
                f"blob {name!r}: its ReLU reads the input, which is not steered;"
                " set blob_value = 'after-relu'"
            )
        moved[before] = moved.get(before, ()) + tuple(lists)
    return expose_activations(network), moved


def order_visits(network: Network, plan: Mapping[str, Steering], port: Port) -> Tuple[Steering, ...]:
    """Network order, or the order in which a directory listing brought the blobs up."""
    if port.order == "listing":
        return tuple(plan.values())
    return tuple(sorted(plan.values(), key=lambda steering: network.index(steering.blob)))


def run_plain(executor: Any, value: Any) -> Any:
    """Logits (N, classes) of a native input (N, C, H, W)."""
    network = executor.network
    return executor.forward(value, network.input.name, network.logits.name)


def run_steered(detector: Detector, value: Any, watch: Optional[Watch] = None) -> Any:
    """Logits of the steered pass over a native input; `watch` is told every blob's statistics.

    A visit that lies behind the last one steers the value which the pass left there, and the walk goes on
    from it: what was steered further on is computed anew and its steering lost. So does Caffe, whose
    forward(start, end) with the start after the end does nothing and says nothing.
    """
    executor, network = detector.executor, detector.executor.network
    at = network.input.name
    left: Dict[str, Any] = {}
    revisited = find_revisited(network, detector.visits)
    for steering in detector.visits:
        if network.index(steering.blob) > network.index(at):
            value = advance(executor, value, (at, steering.blob), revisited, left)
        else:
            value = left[steering.blob]
        steered = steer(executor, value, steering, detector.port, detector.parameters, watch)
        value = steered if detector.port.fed_on else value
        at = steering.blob
    return executor.forward(value, at, network.logits.name)


def find_revisited(network: Network, visits: Sequence[Steering]) -> List[str]:
    """Blobs that are visited after a later blob, in network order."""
    places = [network.index(steering.blob) for steering in visits]
    late = {place for number, place in enumerate(places) if place < max(places[: number + 1])}
    return [network.blobs[place].name for place in sorted(late)]


def advance(
    executor: Any, value: Any, span: Tuple[str, str], revisited: Sequence[str], left: Dict[str, Any]
) -> Any:
    """Value at the end of a span; what it leaves at blobs to be revisited goes into `left`."""
    network = executor.network
    start, stop = span
    for name in revisited:
        if network.index(start) < network.index(name) < network.index(stop):
            value = left[name] = executor.forward(value, start, name)
            start = name
    return executor.forward(value, start, stop)


def read_answers(logits: np.ndarray) -> List[Answer]:
    """One answer per row of logits (N, classes); as in NumPy, the lower of equal classes wins, and NaN."""
    order = np.argsort(-np.where(np.isnan(logits), np.inf, logits), axis=1, kind="stable")[:, :5]
    return [read_answer(row, top) for row, top in zip(logits, order)]


def read_answer(row: np.ndarray, top: np.ndarray) -> Answer:
    """Answer of one row, given its five highest classes."""
    best = tuple((int(one), to_number(row[one])) for one in top)
    second = row[top[1]] if len(top) > 1 else np.nan
    with np.errstate(invalid="ignore"):
        return Answer(int(np.argmax(row)), to_number(row[top[0]] - second), best)


def score_detection(original: int, attribute_logits: np.ndarray) -> Optional[float]:
    """Highest other logit of the steered pass minus that of Original: above 0 where AmI detects."""
    others = np.delete(attribute_logits, original)
    with np.errstate(invalid="ignore"):
        return to_number(others.max() - attribute_logits[original]) if others.size else None


def to_number(value: Any) -> Optional[float]:
    """A finite float, else None (JSON has no NaN)."""
    number = float(value)
    return number if np.isfinite(number) else None
