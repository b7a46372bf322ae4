"""A layer added up here, in NumPy, in the order of another environment: equal bits prove that order is all.

Products that are added without being rounded before are added in float64, rounded to odd there, and so come
out as one rounding to float32 would have it (Boldo and Melquiond, 2008).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.network import Convolution, Dropout, Network, Relu
from harness.core.traces import Trace
from harness.numerics.orders import Order
from harness.worker.sums import Sum, list_sums
from harness.worker.trees import ADD, BIAS_LEAF, FUSED

NO_SUM, UNKNOWN = "no plain sum", "its order was not read whole"
Programs = Sequence[tuple[Sequence[int], Sequence[int]]]
"""Channels, and the program that they are added up by."""


@dataclass(frozen=True)
class Replay:
    """A blob, how many of its values were computed here, and how many are the environment's to the bit."""

    blob: str
    values: int
    equal: int
    why: str | None = None


@dataclass(frozen=True)
class Product:
    """One tap's product at all outputs, not yet rounded: values (1, P), weights (O, 1)."""

    values: np.ndarray
    weights: np.ndarray

    def round(self) -> np.ndarray:
        """The product as a number of its own."""
        return np.asarray(self.values * self.weights)


def replay_trace(
    network: Network,
    weights: Mapping[str, np.ndarray],
    trace: Trace,
    orders: Mapping[str, Order],
    examples: Sequence[str],
) -> Iterator[Replay]:
    """Every layer with weights, from an environment's own values before it, in its order."""
    for sum_ in list_sums(network):
        order = orders.get(sum_.stop.name)
        if order is None or not order.programs:
            yield Replay(sum_.stop.name, 0, 0, name_obstacle(order))
        elif order.precision != "float32":
            yield Replay(sum_.stop.name, 0, 0, f"in {order.precision}")
        else:
            pairs = [replay_example(sum_, weights, trace, order.programs, one) for one in examples]
            equal = sum(int((ours == theirs).sum()) for ours, theirs in pairs)
            yield Replay(sum_.stop.name, sum(ours.size for ours, _ in pairs), equal)


def name_obstacle(order: Order | None) -> str:
    """Why a layer cannot be added up here."""
    if order is None:
        return "its order is not known"
    return order.obstacle or (UNKNOWN if order.plain else NO_SUM)


def replay_example(
    sum_: Sum, weights: Mapping[str, np.ndarray], trace: Trace, programs: Programs, example: str
) -> tuple[np.ndarray, np.ndarray]:
    """One example's blob as it is added up here, and as the environment has it."""
    before, found = (trace.read_plain(example, blob.name) for blob in (sum_.start, sum_.stop))
    ours = compute_blob(sum_, weights, before, programs)
    return ours, found


def compute_blob(
    sum_: Sum, weights: Mapping[str, np.ndarray], value: np.ndarray, programs: Programs
) -> np.ndarray:
    """A blob (C, H, W) or (C,) of the one before, each channel added up by its program."""
    name = sum_.layer.name
    weight = np.asarray(weights[f"{name}.weight"]).reshape(sum_.stop.shape[0], -1)
    bias = np.asarray(weights[f"{name}.bias"]) if sum_.layer.bias else None
    windows = cut_windows(sum_, value)
    outputs = sum_.stop.shape[0] // len(windows)
    found = np.empty((sum_.stop.shape[0], windows.shape[2]), value.dtype)
    for channels, program in programs:
        for group, window in enumerate(windows):
            rows = [one for one in channels if one // outputs == group]
            if rows:
                own = None if bias is None else bias[rows]
                found[rows] = run_program(program, window, weight[rows], own)
    return apply_rest(sum_, found.reshape(sum_.stop.shape))


def apply_rest(sum_: Sum, value: np.ndarray) -> np.ndarray:
    """What the blob's other layers make of a sum."""
    for layer in sum_.stop.layers[sum_.stop.layers.index(sum_.layer) + 1 :]:
        assert isinstance(layer, (Relu, Dropout))  # nothing else is read as a sum
        if isinstance(layer, Relu):
            slope = np.float32(layer.negative_slope)
            value = np.where(value > 0, value, value * slope).astype(value.dtype)
    return value


def cut_windows(sum_: Sum, value: np.ndarray) -> np.ndarray:
    """Values (groups, taps, outputs) under all outputs, zero in the padding."""
    taps = np.arange(sum_.products)
    rows, columns = (one.reshape(-1) for one in np.indices(sum_.outputs))
    if not isinstance(sum_.layer, Convolution):
        return value.reshape(1, -1, 1)
    places = sum_.locate(taps[:, None], rows[None], columns[None])
    flat = np.append(value.reshape(-1), value.dtype.type(0))
    return np.stack([flat[np.where(places >= 0, group + places, -1)] for group in sum_.group_places])


def run_program(
    program: Sequence[int], windows: np.ndarray, weight: np.ndarray, bias: np.ndarray | None
) -> np.ndarray:
    """Outputs (O, P) of windows (taps, P) and weights (O, taps), added up as a program says."""
    stack: list[Product | np.ndarray] = []
    for item in program:
        if item == BIAS_LEAF:
            assert bias is not None
            stack.append(np.broadcast_to(bias[:, None], (len(weight), windows.shape[1])))
        elif item in (ADD, FUSED):
            last, first = stack.pop(), round_part(stack.pop())
            fused = item == FUSED and isinstance(last, Product)
            stack.append(fuse(last, first) if fused else first + round_part(last))  # type: ignore[arg-type]
        else:
            stack.append(Product(windows[item][None], weight[:, item][:, None]))
    (found,) = stack
    return round_part(found)


def round_part(part: Product | np.ndarray) -> np.ndarray:
    """A part of a sum as numbers."""
    return part.round() if isinstance(part, Product) else part


def fuse(product: Product, total: np.ndarray) -> np.ndarray:
    """A product added to a total in float32 with one rounding."""
    exact = product.values.astype(np.float64) * product.weights.astype(np.float64)
    other = total.astype(np.float64)
    found = exact + other
    added = found - exact
    lost = (exact - (found - added)) + (other - added)
    bits = found.view(np.int64)
    step = np.where((lost > 0) == (found > 0), 1, -1)
    odd = np.where((lost != 0) & (bits & 1 == 0), bits + step, bits)
    return odd.view(np.float64).astype(np.float32)
