"""Intervals by bootstrap over clusters, against SciPy's and against what has to hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from harness.evaluate.bootstrap import (
    MOST_CLUSTERS,
    REPLICATES,
    count_by_cluster,
    draw_weights,
    number_clusters,
    resample_rates,
)


def resample(hits, of):
    return resample_rates(np.array(hits).reshape(-1, 1), np.array(of).reshape(-1, 1))[0]


def scipy_interval(hits, of, seed):
    result = bootstrap(
        (hits, of),
        lambda k, n, axis: k.sum(axis=axis) / n.sum(axis=axis),
        paired=True, vectorized=True, n_resamples=20000, method="percentile",
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return result.confidence_interval


@pytest.mark.parametrize("clusters", [8, 60, 500])
def test_intervals_are_scipys(clusters):
    generator = np.random.default_rng(clusters)
    of = generator.integers(1, 13, clusters)
    hits = generator.binomial(of, generator.beta(2, 5, clusters))
    low, high = resample(hits, of)
    expected = scipy_interval(hits, of, 1)
    width = expected.high - expected.low
    assert low == pytest.approx(expected.low, abs=0.06 * width)
    assert high == pytest.approx(expected.high, abs=0.06 * width)


def test_ignoring_the_clusters_would_be_seen():
    of = np.full(40, 12)
    hits = np.where(np.arange(40) % 2, 12, 0)
    low, high = resample(hits, of)
    single = resample(np.repeat([0, 1], 240), np.ones(480, int))
    assert high - low > 3 * (single[1] - single[0])


def test_the_same_clusters_give_the_same_numbers():
    assert resample([1, 0, 2], [3, 2, 2]) == resample([1, 0, 2], [3, 2, 2])
    assert resample([1, 0, 2], [3, 2, 2]) != resample([1, 1, 2], [3, 2, 2])


@pytest.mark.parametrize(
    ("hits", "of"),
    [
        ([], []),
        ([3], [7]),
        ([0, 0, 0], [2, 3, 4]),
        ([2, 3], [2, 3]),
        ([1, 2, 0], [2, 4, 0]),
        ([0, 0], [0, 0]),
    ],
)
def test_what_cannot_vary_has_no_interval(hits, of):
    assert resample(np.array(hits, int), np.array(of, int)) is None


def test_replicates_with_nothing_to_count_are_left_out():
    low, high = resample([1, 0] + [0] * 30, [1, 1] + [0] * 30)
    assert (low, high) == (0, 1)


def test_rates_are_resampled_beside_each_other():
    hits, of = np.array([[1, 0], [0, 2], [2, 1]]), np.array([[3, 2], [2, 2], [2, 4]])
    assert resample_rates(hits, of) == [resample(hits[:, 0], of[:, 0]), resample(hits[:, 1], of[:, 1])]


def test_every_replicate_draws_as_many_clusters_as_there_are():
    weights = draw_weights(300)
    assert weights.shape == (REPLICATES, 300)
    assert (weights.sum(axis=1) == 300).all()
    assert weights.mean() == 1
    # A multinomial weight has variance 1 - 1/n.
    assert weights.var() == pytest.approx(1, abs=0.02)


def number(sources, examples):
    return number_clusters(np.array(sources, dtype=object), np.array(examples, dtype=object)).tolist()


@given(st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=20), st.randoms())
def test_clusters_are_numbered_by_name_whatever_their_order(sources, random):
    examples = [f"x{place}" for place in range(len(sources))]
    clusters = number(sources, examples)
    order = list(range(len(sources)))
    random.shuffle(order)
    shuffled = number([sources[place] for place in order], [examples[place] for place in order])
    assert [clusters[place] for place in order] == shuffled
    names = [source or example for source, example in zip(sources, examples)]
    assert len(set(zip(names, clusters))) == len(set(names)) == len(set(clusters))


def test_too_many_clusters_are_put_together_whole():
    sources = [f"s{place // 2}" for place in range(4 * MOST_CLUSTERS)]
    clusters = number(sources, sources)
    assert clusters[::2] == clusters[1::2]
    assert max(clusters) < MOST_CLUSTERS
    assert number(sources[::-1], sources) == clusters[::-1]


def test_putting_clusters_together_keeps_the_interval():
    names = [f"x{place}" for place in range(50000)]
    marked = np.random.default_rng(3).random(50000) < 0.1
    low, high = interval_of(marked, np.array(number([""] * 50000, names)))
    spread = 1.96 * (marked.mean() * (1 - marked.mean()) / 50000) ** 0.5
    assert (high - low) / 2 == pytest.approx(spread, rel=0.06)


def interval_of(marked, clusters):
    count = clusters.max() + 1
    every = np.ones(len(marked), bool)
    return resample(count_by_cluster(marked, clusters, count), count_by_cluster(every, clusters, count))
