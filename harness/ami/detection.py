"""The plain and the attribute-steered pass, and what is read off their logits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from harness.ami.port import Port
from harness.ami.statistics import check_arithmetic
from harness.ami.steering import Hook, Parameters, Steering, plan_steering, steer
from harness.ami.witnesses import Entries
from harness.core.activations import expose_activations, find_before_relu
from harness.core.errors import InputError
from harness.core.network import Network
from harness.core.walk import Edits, Executor, walk


@dataclass(frozen=True)
class Detector:
    """AmI over an executor: the steering plan in the order in which blobs are visited."""

    executor: Executor
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


def build_detector(executor: Executor, entries: Entries, port: Port, parameters: Parameters) -> Detector:
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


def run_plain(executor: Executor, value: Any) -> Any:
    """Logits (N, classes) of a native input (N, C, H, W)."""
    return walk(executor, value)


def run_steered(detector: Detector, value: Any, hook: Optional[Hook] = None) -> Any:
    """Logits of the steered pass over a native input; `hook` is told every blob's statistics."""
    return walk(detector.executor, value, list_edits(detector, hook))


def run_both(
    detector: Detector, inputs: np.ndarray, hook: Optional[Hook] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Plain and steered logits, (N, classes) each, of inputs (N, C, H, W); `hook` as in `run_steered`."""
    executor = detector.executor
    value = executor.to_native(inputs)
    plain = executor.to_numpy(run_plain(executor, value))
    return plain, executor.to_numpy(run_steered(detector, value, hook))


def list_edits(detector: Detector, hook: Optional[Hook] = None) -> Edits:
    """What the steered pass does to blobs on its walk."""
    return [(steering.blob, partial(edit_blob, detector, steering, hook)) for steering in detector.visits]


def edit_blob(detector: Detector, steering: Steering, hook: Optional[Hook], value: Any) -> Any:
    """What the pass goes on with: the steered value, or the value where the port does not feed that on."""
    steered = steer(detector.executor, value, steering, detector.port, detector.parameters, hook)
    return steered if detector.port.fed_on else value


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


def to_number(value: Any) -> Optional[float]:
    """A finite float, else None (JSON has no NaN)."""
    number = float(value)
    return number if np.isfinite(number) else None
