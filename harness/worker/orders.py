"""How one layer adds up, read from outside: the order, fused products, the width, values below normal."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from harness.worker.masks import (
    MIDDLING,
    MOST_PRODUCTS,
    TINY,
    Bench,
    Mask,
    Probes,
    ask_probes,
    find_silent,
    fused_mask,
    order_mask,
    pivot_probes,
    read_fused,
    read_leaves,
    reads_beyond,
    spread_probes,
)
from harness.worker.sums import Sum, find_obstacle, list_whole

MOST_ROW = 2048  # taps that the first one is paired with
MOST_CHECKED = 256  # of those, taps that a second one is paired with
DIGITS = 24
SEED = 1

Places = Tuple[np.ndarray, np.ndarray]
"""Rows and columns of outputs."""


class NoPlainSumError(Exception):
    """A layer does not add its products up one by one."""


def read_order(bench: Bench) -> Dict[str, Any]:
    """What is found out about a layer's sums; `why` they are no plain sum, where they are none."""
    sum_ = bench.sum
    found: Dict[str, Any] = {"products": sum_.products, "precision": bench.precision.name}
    obstacle = find_obstacle(sum_, MOST_PRODUCTS)
    if obstacle is not None:
        return {**found, "plain": False, "why": obstacle}
    try:
        return {**found, "plain": True, "why": None, **read_plain(bench)}
    except NoPlainSumError as error:
        return {**found, "plain": False, "why": str(error)}


def read_plain(bench: Bench) -> Dict[str, Any]:
    """The signature of a plain sum, and what of it can be told in words; NoPlainSumError where it is none.

    What is done with values below the normal range is told, and no part of the signature: hardly any network
    has such values.
    """
    if reads_beyond(bench):
        raise NoPlainSumError("outputs depend on values outside their windows")
    digest = hashlib.sha256(f"{bench.precision.name} {bench.sum.products}".encode())
    random = np.random.RandomState(SEED)
    fused: List[bool] = []
    for near in (False, True):
        probes = spread_probes(bench.sum, random, near=near)
        for part in take_leaves(bench, probes):
            digest.update(part.tobytes())
        products = read_fused(
            bench.sum, ask_probes(bench, probes, fused_mask(bench.precision)), bench.precision
        )
        if products is None:
            raise NoPlainSumError("products are rounded to other widths")
        digest.update(products.tobytes())
        fused.append(bool(products.any()))
    row = read_rows(bench, digest)
    wide = is_wide(bench)
    digest.update(f"{wide}".encode())
    return {
        "signature": digest.hexdigest()[:DIGITS],
        "fused": any(fused),
        "wide": wide,
        "denormals": keeps_denormals(bench),
        **row,
    }


def take_leaves(bench: Bench, probes: Probes) -> List[np.ndarray]:
    """Sizes of parts, and which hold the bias, in all channels; NoPlainSumError where there are none."""
    found = read_leaves(bench.sum, probes, ask_probes(bench, probes, order_mask()))
    if found is None:
        raise NoPlainSumError("what is left of masked products is no count of them")
    return list(found)


def read_rows(bench: Bench, digest: Any) -> Dict[str, Any]:
    """Two taps with others: the first one's sizes, and where the bias is added.

    NoPlainSumError where no tree has such sizes.
    """
    at = list_whole(bench.sum)
    found = pair_pivots(bench, at)
    if found is None:
        at = (at[0][:1], at[1][:1])  # the order may be another at every output
        found = pair_pivots(bench, at)
    if found is None:
        raise NoPlainSumError("parts of the sum overlap, so there is no order")
    taps, sizes, holds = found
    digest.update(sizes.tobytes() + holds.tobytes())
    channel = max(0, find_silent(sizes.shape[1]) - 1)
    return {
        "taps": taps.tolist(),
        "row": [1, *sizes[:, channel].tolist()],
        "bias": name_bias(sizes[:, channel], holds[:, channel]) if bench.sum.layer.bias else None,
        "channels": "alike" if is_alike(sizes) else "different",
    }


def pair_pivots(bench: Bench, at: Places) -> Optional[Tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Taps, and of the first with each of the others: sizes, and which hold the bias.

    None where, of any three taps of which two are pivots, the two larger parts are not the same.
    """
    taps = list_taps(bench, at)
    sizes, holds = take_leaves(bench, pivot_probes(taps[0], taps[1:], at))
    if len(taps) < 3:
        return taps, sizes, holds
    middle = len(taps) // 2
    chosen = np.unique(np.linspace(1, len(taps) - 1, min(len(taps) - 1, MOST_CHECKED)).astype(np.int64))
    chosen = chosen[chosen != middle]
    theirs, _ = take_leaves(bench, pivot_probes(taps[middle], taps[chosen], at))
    both = np.broadcast_to(sizes[middle - 1], theirs.shape)
    three = np.sort(np.stack([sizes[chosen - 1], theirs, both]), axis=0)
    return (taps, sizes, holds) if (three[1] == three[2]).all() else None


def list_taps(bench: Bench, at: Places) -> np.ndarray:
    """The taps that pivots are paired with, all of them inside."""
    products = bench.sum.products
    taps = np.unique(np.linspace(0, products - 1, min(products, MOST_ROW)).astype(np.int64))
    return find_inside(bench.sum, taps, at)


def find_inside(sum_: Sum, taps: np.ndarray, at: Places) -> np.ndarray:
    """Those of some taps that lie inside the bottom under some outputs."""
    kept = np.ones(len(taps), bool)
    for row, column in zip(*at):
        kept &= sum_.locate(taps, row, column) >= 0
    return taps[kept]


def name_bias(sizes: np.ndarray, holds: np.ndarray) -> str:
    """When the bias is added, as the first tap sees it."""
    if not holds.any():
        return "last"
    return "first" if bool(holds[sizes == sizes.min()].all()) else "between"


def is_alike(sizes: np.ndarray) -> bool:
    """Whether all channels with a bias have the same sizes."""
    others = np.delete(sizes, find_silent(sizes.shape[1]), axis=1)
    return bool((others == others[:, :1]).all())


def is_wide(bench: Bench) -> Optional[bool]:
    """Whether sums are held in more than 24 bits; None where values themselves are."""
    if bench.precision != np.float32:
        return None
    probes = spread_probes(bench.sum, np.random.RandomState(SEED), near=False)
    probes = probes.choose(probes.images < bench.batch_size)
    narrow, large = (ask_probes(bench, probes, order_mask(one)) for one in (MIDDLING, order_mask().first))
    return bool((narrow != large).any())


def keeps_denormals(bench: Bench) -> Optional[bool]:
    """Whether a product below the normal range is kept; None where no channel is without a bias."""
    if bench.precision != np.float32:
        return None
    at = list_whole(bench.sum)
    tap = list_taps(bench, at)[:1]
    probes = pivot_probes(int(tap[0]), tap, (at[0][:1], at[1][:1]))
    found = ask_probes(bench, probes, Mask(0.0, TINY, TINY))
    channel = find_silent(found.shape[1])
    return bool(found[0, channel] > 0) if bench.sum.layer.bias else bool((found > 0).all())


def hash_bits(bench: Bench, images: int = 8) -> str:
    """Hash of what a layer makes of drawn values: equal where two compute alike, whatever they do."""
    random, digest = np.random.RandomState(SEED), hashlib.sha256(bench.precision.name.encode())
    count = -(-images // bench.batch_size) * bench.batch_size
    drawn = random.standard_normal((images, *bench.sum.start.shape))
    values = np.resize(drawn, (count, *bench.sum.start.shape)).astype(np.float32).astype(bench.precision)
    tops = [bench.ask(part) for part in np.split(values, count // bench.batch_size)]
    digest.update((np.concatenate(tops)[:images] + 0).tobytes())  # -0 as 0
    return digest.hexdigest()[:DIGITS]
