"""Intervals of rates by bootstrap over clusters: source images are drawn anew, never single examples."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

import numpy as np

REPLICATES = 2000
# More sources than this are put together by a hash of their names, each of them whole, so that time and
# memory stay what they are. Widths then have 1.6 % of noise; the number of replicates leaves 2.2 %.
MOST_CLUSTERS = 2048
SEED = 60
CHUNK = 16  # replicates at a time: as many as a core's cache holds, and too few for BLAS to start threads
ENDS = (0.025, 0.975)


def number_clusters(sources: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """Cluster (n,) of every example, from 0 on: its source image, or its own id where it has none.

    Both are str objects (n,), a source empty where there is none. The order of examples changes nothing.
    """
    names = np.where(sources == "", examples, sources)
    distinct = set(names.tolist())
    if len(distinct) <= MOST_CLUSTERS:
        numbers = {name: number for number, name in enumerate(sorted(distinct))}
    else:
        numbers = {name: crc32(name.encode(errors="surrogatepass")) % MOST_CLUSTERS for name in distinct}
    return np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))


def count_by_cluster(marked: np.ndarray, clusters: np.ndarray, count: int) -> np.ndarray:
    """How many marked examples (n,) each of `count` clusters has."""
    return np.bincount(clusters[marked], minlength=count)


def resample_rates(hits: np.ndarray, of: np.ndarray) -> list[tuple[float, float] | None]:
    """95 % percentile intervals of k rates, from each cluster's hits and denominators (clusters, k).

    None where drawing clusters anew cannot change a rate: fewer than two clusters count, or all have the
    same rate. Sums are of whole numbers, so that the same numbers come out on every machine.
    """
    clusters, rates = hits.shape
    both = np.hstack([hits, of]).astype(np.float64)
    sums = np.concatenate([weights @ both for weights in list_weights(clusters)])
    with np.errstate(invalid="ignore"):
        replicates = sums[:, :rates] / sums[:, rates:]
    return [find_ends(column[~np.isnan(column)]) for column in replicates.T]


def find_ends(replicates: np.ndarray) -> tuple[float, float] | None:
    """Both ends of the interval; None where all replicates are the same."""
    if not replicates.size or replicates.min() == replicates.max():
        return None
    low, high = np.quantile(replicates, ENDS)
    return float(low), float(high)


def list_weights(clusters: int) -> Iterator[np.ndarray]:
    """How often each replicate has drawn each cluster, (some replicates, clusters) at a time."""
    weights = draw_weights(clusters)
    for start in range(0, REPLICATES, CHUNK):
        yield weights[start : start + CHUNK].astype(np.float64)


@lru_cache(maxsize=4)
def draw_weights(clusters: int) -> np.ndarray:
    """Multinomial weights (replicates, clusters), always the same for as many clusters."""
    generator = np.random.default_rng(SEED)
    weights = np.empty((REPLICATES, clusters), np.uint8)
    for row in weights:
        row[:] = np.bincount(generator.integers(clusters, size=clusters), minlength=clusters)
    return weights
