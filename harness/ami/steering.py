"""Attribute steering of one blob: weaken the other channels, strengthen the witnesses.

Written once for NumPy and torch: values stay native arrays, `executor.xp` names their library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from harness.ami.errors import InputError
from harness.ami.network import Blob, Network
from harness.ami.port import Port
from harness.ami.resize import resize_maps, resize_matrix
from harness.ami.statistics import Statistics, measure_blob
from harness.ami.witnesses import Entries

CROP = 2  # pixels that the pool3 rule cuts off on each side
RELATIVE_ZERO = 1e-6  # of the mean: equal float32 sums leave a deviation of about 1e-7 of it


@dataclass(frozen=True)
class Parameters:
    """Weakening alpha, strengthening beta and epsilon of AmI's equations 6 and 7 (no units)."""

    alpha: float = 100.0
    beta: float = 60.0
    epsilon: float = 1.15


@dataclass(frozen=True)
class Steering:
    """What is done to one blob: its witness entries, and those strengthened together, in rounds."""

    blob: str
    entries: Tuple[int, ...]
    rounds: Tuple[Tuple[int, ...], ...]
    resizes: bool


Watch = Callable[[Steering, Statistics], None]


def check_parameters(parameters: Parameters) -> None:
    """Refuse values that the equations cannot take."""
    for name, value in (("alpha", parameters.alpha), ("beta", parameters.beta)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} = {value}: must be a positive number")
    if not math.isfinite(parameters.epsilon):
        raise InputError(f"epsilon = {parameters.epsilon}: must be a number")


def plan_steering(network: Network, entries: Entries, port: Port) -> Dict[str, Steering]:
    """Steering of every blob that the port steers, keyed by blob in the order of `entries`."""
    plan = {}
    for name, lists in entries.items():
        blob = network.blobs[network.index(name)]
        if not any(lists) or (port.fc == "skipped" and is_inner_product(blob)):
            continue
        resizes = name == "pool3" and port.pool3_channels != "none"
        if resizes and min(blob.shape[1:] or (0,)) <= 2 * CROP:
            raise InputError(
                f"blob pool3: maps of {blob.shape} cannot lose {CROP} on each side;"
                " set pool3_channels = 'none'"
            )
        channels, strengthened = list_mentions(lists, port)
        plan[name] = Steering(name, channels, tuple(repeat_rounds(strengthened)), resizes)
    return plan


def list_mentions(lists: Sequence[Sequence[int]], port: Port) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
    """Entries that the statistics are over, and the channels to strengthen, once for every mention."""
    entries = tuple(chain.from_iterable(lists))
    if port.duplicates == "distinct":
        entries = tuple(dict.fromkeys(entries))
    if port.duplicates != "product-per-attribute":
        return entries, entries
    return entries, tuple(chain.from_iterable(dict.fromkeys(channels) for channels in lists))


def is_inner_product(blob: Blob) -> bool:
    """Whether a blob is a fully connected layer's, also where it is the ReLU's behind it: it has no maps."""
    return len(blob.shape) == 1


def repeat_rounds(entries: Sequence[int]) -> List[Tuple[int, ...]]:
    """The first mention of every channel, then every second mention, and so on.

    Channels do not see each other while they are strengthened, so a round can be done at once.
    """
    rounds: List[List[int]] = []
    seen: Dict[int, int] = {}
    for channel in entries:
        mention = seen.get(channel, 0)
        seen[channel] = mention + 1
        if mention == len(rounds):
            rounds.append([])
        rounds[mention].append(channel)
    return [tuple(one) for one in rounds]


def steer(
    executor: Any,
    value: Any,
    steering: Steering,
    port: Port,
    parameters: Parameters,
    watch: Optional[Watch] = None,
) -> Any:
    """Steered copy of a native value (N, C, H, W) or (N, C); `watch` is told its statistics."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # ddof 1 over one witness is 0 / 0
        if steering.resizes and port.pool3_when == "before-statistics":
            value = resize_cropped(executor, value, port)
        measured = measure_blob(executor, value, steering.entries, port)
        if watch is not None:
            watch(steering, measured)
        factors, weakened = find_factors(executor, measured, steering, port, parameters)
        return apply_factors(executor, value, factors, weakened, steering, port)


def find_factors(
    executor: Any, measured: Statistics, steering: Steering, port: Port, parameters: Parameters
) -> Tuple[Any, Any]:
    """What every channel is multiplied with (N, C), and the mask (N, C) of the channels that are weakened."""
    xp, sums = executor.xp, measured.sums
    zero = is_zero(measured, port)
    sigma = xp.where(zero, xp.ones_like(measured.sigma), measured.sigma)
    weakened = find_weakened(executor, sums, measured.mean, steering)
    deviation = (sums - measured.mean) / sigma
    decay = xp.where(zero, xp.ones_like(sums), xp.exp(-deviation / parameters.alpha))
    factors = xp.where(weakened, decay, xp.ones_like(sums))
    return strengthen(
        xp, sums, factors, steering, port, parameters, (measured.minimum, sigma, zero)
    ), weakened


def is_zero(measured: Statistics, port: Port) -> Any:
    """Where a deviation counts as zero; never where it is NaN."""
    if port.zero_sigma == "exact":
        return measured.sigma == 0
    return measured.sigma <= RELATIVE_ZERO * abs(measured.mean)


def find_weakened(executor: Any, sums: Any, mean: Any, steering: Steering) -> Any:
    """Mask (N, C) of the channels above the mean that are no witnesses."""
    others = np.ones((1, sums.shape[1]), dtype=np.float32)
    others[0, list(steering.entries)] = 0
    return (sums > mean) & (executor.to_native(others) > 0)


def strengthen(
    xp: Any,
    sums: Any,
    factors: Any,
    steering: Steering,
    port: Port,
    parameters: Parameters,
    statistics: Tuple[Any, Any, Any],
) -> Any:
    """Factors with every witness entry's strengthening multiplied in.

    The notebook reads a channel's sum again at each mention, which is the sum times the factor; the port
    multiplies factors of the first sum.
    """
    minimum, sigma, zero = statistics
    current = sums * 1
    for channels in map(list, steering.rounds):
        deviation = abs(current[:, channels] - minimum) / sigma
        grown = parameters.epsilon + 1 - xp.exp(-deviation / parameters.beta)
        factor = xp.where(zero, xp.ones_like(grown) * parameters.epsilon, grown)
        factors[:, channels] = factors[:, channels] * factor
        if port.duplicates == "sequential":
            current[:, channels] = current[:, channels] * factor
    return factors


def apply_factors(
    executor: Any, value: Any, factors: Any, weakened: Any, steering: Steering, port: Port
) -> Any:
    """Value times factors, resized first where the pool3 rule says so."""
    if value.ndim == 2:
        return value * factors
    if not steering.resizes or port.pool3_when == "before-statistics":
        return value * factors[:, :, None, None]
    if port.pool3_channels == "all":
        return resize_cropped(executor, value, port) * factors[:, :, None, None]
    steered = value * factors[:, :, None, None]
    steered[weakened] = resize_cropped(executor, value[weakened], port) * factors[weakened][:, None, None]
    return steered


def resize_cropped(executor: Any, maps: Any, port: Port) -> Any:
    """Maps (..., H, W) cropped by CROP on each side and resized back."""
    height, width = maps.shape[-2:]
    rows, columns = (
        executor.to_native(resize_matrix(size - 2 * CROP, size, port.pool3_kernel))
        for size in (height, width)
    )
    return resize_maps(maps[..., CROP : height - CROP, CROP : width - CROP], rows, columns)
