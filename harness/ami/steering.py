"""Attribute steering of one blob: weaken the other channels, strengthen the witnesses.

Written once for NumPy and torch: values stay native arrays, `executor.xp` names their library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from harness.ami.port import Port
from harness.ami.statistics import Statistics, choose_arrays, measure_blob, sum_maps
from harness.ami.witnesses import Entries
from harness.core.errors import InputError
from harness.core.network import Blob, Network
from harness.core.resize import resize_maps, resize_matrix
from harness.core.walk import Arrays, Executor

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


@dataclass(frozen=True)
class Factors:
    """What maps are multiplied with: `first` (N, C) all of them, then `later` some channels each.

    `weakened` (N, C) masks the channels that are no witnesses and lie above the mean. All are arrays of the
    statistics' library.
    """

    first: Any
    weakened: Any
    later: Sequence[Tuple[List[int], Any]] = ()


Hook = Callable[[Steering, Statistics], None]


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
    executor: Executor,
    value: Any,
    steering: Steering,
    port: Port,
    parameters: Parameters,
    hook: Optional[Hook] = None,
) -> Any:
    """Steered copy of a native value (N, C, H, W) or (N, C); `hook` is told its statistics."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # ddof 1 over one witness is 0 / 0
        if steering.resizes and port.pool3_when == "before-statistics":
            value = resize_cropped(executor, value, port)
        measured = measure_blob(executor, value, steering.entries, port)
        if hook is not None:
            hook(steering, measured)
        factors = find_factors(executor, value, measured, steering, port, parameters)
        return apply_factors(executor, value, factors, steering, port)


def find_factors(
    executor: Executor,
    value: Any,
    measured: Statistics,
    steering: Steering,
    port: Port,
    parameters: Parameters,
) -> Factors:
    """What every channel is multiplied with, from the statistics, in whose library it is."""
    arrays = choose_arrays(executor, port)
    xp, zero = arrays.xp, is_zero(measured, port)
    sigma = xp.where(zero, xp.ones_like(measured.sigma), measured.sigma)
    weakened = find_weakened(arrays, measured, steering)

    def grow(current: Any) -> Any:
        distance = abs(current - measured.minimum)
        deviation = xp.where(zero, xp.zeros_like(distance), distance / sigma)
        return parameters.epsilon + 1 - decay(xp, deviation, parameters.beta, port)

    deviation = xp.where(zero, xp.zeros_like(measured.sums), (measured.sums - measured.mean) / sigma)
    decayed = decay(xp, deviation, parameters.alpha, port)
    first = xp.where(weakened, decayed, xp.ones_like(decayed))
    if port.arithmetic == "numpy" and port.duplicates == "sequential":
        return Factors(first, weakened, strengthen_maps(executor, value, first, steering, port, grow))
    return Factors(strengthen(first, measured.sums, steering, port, grow), weakened)


def decay(xp: Any, deviation: Any, scale: float, port: Port) -> Any:
    """exp(-deviation / scale); float64 as the notebook has it, for NumPy 1 takes single numbers to that."""
    if port.arithmetic == "numpy":
        deviation = deviation.astype(np.float64)
    return xp.exp(-deviation / scale)


def is_zero(measured: Statistics, port: Port) -> Any:
    """Where a deviation counts as zero; never where it is NaN."""
    if port.zero_sigma == "exact":
        return measured.sigma == 0
    return measured.sigma <= RELATIVE_ZERO * abs(measured.mean)


def find_weakened(arrays: Arrays, measured: Statistics, steering: Steering) -> Any:
    """Mask (N, C) of the channels above the mean that are no witnesses."""
    others = np.ones((1, measured.sums.shape[1]), dtype=np.float32)
    others[0, list(steering.entries)] = 0
    return (measured.sums > measured.mean) & (arrays.to_native(others) > 0)


def strengthen(factors: Any, sums: Any, steering: Steering, port: Port, grow: Callable[[Any], Any]) -> Any:
    """Factors with every witness entry's strengthening multiplied in.

    At each further mention the sum is the one before times its factor, or the first one, as the port has it.
    """
    current = sums * 1
    for channels in map(list, steering.rounds):
        factor = grow(current[:, channels])
        factors[:, channels] = factors[:, channels] * factor
        if port.duplicates == "sequential":
            current[:, channels] = current[:, channels] * factor
    return factors


def strengthen_maps(
    executor: Executor, value: Any, factors: Any, steering: Steering, port: Port, grow: Callable[[Any], Any]
) -> List[Tuple[List[int], Any]]:
    """As the notebook does: put the first mentions' factors in, and return the later mentions' one by one.

    A later mention's sum is read from the map as it was multiplied so far, of which every value was rounded.
    """
    done: List[Tuple[List[int], Any]] = []
    for channels in map(list, steering.rounds):
        maps = value[:, channels]
        for earlier, grown in done:
            places = [earlier.index(channel) for channel in channels]
            maps = multiply(executor, maps, grown[:, places], port)
        done.append((channels, grow(sum_maps(executor.to_numpy(maps)))))
    first, grown = done[0]
    factors[:, first] = grown
    return done[1:]


def apply_factors(executor: Executor, value: Any, factors: Factors, steering: Steering, port: Port) -> Any:
    """Value times factors, resized first where the pool3 rule says so."""
    late = steering.resizes and port.pool3_when == "after-statistics"
    if late and port.pool3_channels == "all":
        value = resize_cropped(executor, value, port)
    steered = multiply(executor, value, factors.first, port)
    if late and port.pool3_channels == "weakened":
        chosen, factor = factors.weakened, factors.first[factors.weakened]
        if port.arithmetic == "numpy":
            chosen, factor = executor.to_native(chosen) > 0, executor.to_native(factor)
        steered[chosen] = resize_cropped(executor, value[chosen], port) * factor[:, None, None]
    for channels, grown in factors.later:
        steered[:, channels] = multiply(executor, steered[:, channels], grown, port)
    return steered


def multiply(executor: Executor, value: Any, factors: Any, port: Port) -> Any:
    """A native value (N, C, H, W) or (N, C) times factors (N, C).

    The notebook's are float64: NumPy 1 multiplies a single number of fc6 or fc7 with that, a map with what
    it is as float32.
    """
    if value.ndim == 2 and port.arithmetic == "numpy":
        return executor.to_native(executor.to_numpy(value) * factors)
    own = executor.to_native(factors) if port.arithmetic == "numpy" else factors
    return value * (own if value.ndim == 2 else own[:, :, None, None])


def resize_cropped(executor: Executor, maps: Any, port: Port) -> Any:
    """Maps (..., H, W) cropped by CROP on each side and resized back, by torch where it does the rest."""
    height, width = maps.shape[-2:]
    cropped = maps[..., CROP : height - CROP, CROP : width - CROP]
    if port.arithmetic == "torch" and len(maps):
        batch, interpolate = (
            cropped if maps.ndim == 4 else cropped[None],
            executor.xp.nn.functional.interpolate,
        )
        resized = interpolate(batch, size=(height, width), mode=port.pool3_kernel, align_corners=False)
        return resized.reshape(maps.shape)
    rows, columns = (
        executor.to_native(resize_matrix(size - 2 * CROP, size, port.pool3_kernel))
        for size in (height, width)
    )
    return resize_maps(cropped, rows, columns)
