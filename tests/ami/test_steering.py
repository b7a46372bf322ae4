"""Steering against a slow, literal, per-channel loop written from the algorithm's description."""

import itertools
import math

import numpy as np
import pytest
from arrays import NumpyArrays, TorchArrays

from harness.ami.port import Port, read_port
from harness.ami.statistics import measure_terms
from harness.ami.steering import (
    Parameters,
    check_parameters,
    plan_steering,
    repeat_rounds,
    steer,
)
from harness.core.errors import InputError
from harness.core.network import Convolution, InnerProduct, Pooling, build_network
from harness.core.resize import resize_matrix

CHANNELS, SIZE, FC = 12, 9, 10


def small_network():
    return build_network(
        "small",
        "data",
        (3, 2 * SIZE, 2 * SIZE),
        [
            Convolution("conv1_1", "data", "conv1_1", CHANNELS, (3, 3), pad=(1, 1)),
            Pooling("pool3", "conv1_1", "pool3", "max", (2, 2), (2, 2)),
            InnerProduct("fc6", "pool3", "fc6", FC),
            InnerProduct("fc8", "fc6", "fc8", 4),
        ],
    )


def literal_mentions(lists, duplicates):
    """Entries of the statistics, and the channels to strengthen, a mention after the other."""
    entries = [c for one in lists for c in one]
    if duplicates == "distinct":
        entries = list(dict.fromkeys(entries))
    if duplicates == "product-per-attribute":
        return entries, [c for one in lists for c in sorted(set(one))]
    return entries, entries


def literal_steering(value, blob, lists, port, alpha, beta, epsilon):
    """One image's blob (C, H, W) or (C,), channel by channel, as the description says it."""
    maps = value.astype(np.float64).copy()
    entries, strengthened = literal_mentions(lists, port.duplicates)
    if port.fc == "skipped" and blob.startswith("fc"):
        return maps
    resized = {}
    if blob == "pool3" and port.pool3_channels != "none":
        for c in range(len(maps)):
            rows, columns = (resize_matrix(side - 4, side, port.pool3_kernel) for side in maps[c].shape)
            resized[c] = rows @ maps[c, 2:-2, 2:-2] @ columns.T
    if resized and port.pool3_when == "before-statistics":
        maps = np.stack([resized[c] for c in range(len(maps))])
        resized = {}
    first = [maps[c].sum() for c in range(len(maps))]
    listed = [first[c] for c in entries]
    mu, m = np.mean(listed), min(listed)
    variance = sum((s - mu) ** 2 for s in listed)
    sigma = math.sqrt(variance / (len(listed) - port.ddof)) if len(listed) > port.ddof else math.nan
    zero = sigma == 0 if port.zero_sigma == "exact" else sigma <= 1e-6 * abs(mu)
    for c in range(len(maps)):
        weakened = c not in entries and first[c] > mu
        if c in resized and (weakened or port.pool3_channels == "all"):
            maps[c] = resized[c]
        if weakened and not zero:
            maps[c] *= math.exp(-(first[c] - mu) / (alpha * sigma))
    for c in strengthened:
        current = first[c] if port.duplicates.startswith("product") else maps[c].sum()
        if resized and port.pool3_channels == "all" and not port.duplicates.startswith("product"):
            pytest.skip("sums after a resize of all channels are not defined by the description")
        maps[c] *= epsilon if zero else epsilon + 1 - math.exp(-abs(current - m) / (beta * sigma))
    return maps


RULES = [
    {"duplicates": duplicates, "ddof": ddof, "zero_sigma": zero, **pool3}
    for duplicates, ddof, zero, pool3 in itertools.product(
        ("sequential", "product", "product-per-attribute", "distinct"),
        (0, 1),
        ("exact", "relative"),
        (
            {},
            {"pool3_channels": "all", "pool3_when": "before-statistics", "pool3_kernel": "bilinear"},
            {"pool3_channels": "all", "pool3_when": "before-statistics", "pool3_kernel": "bicubic"},
            {"pool3_channels": "weakened", "pool3_kernel": "bilinear"},
            {"pool3_channels": "none"},
        ),
    )
]
LISTS = {  # one list for each attribute; some name a channel twice
    "conv1_1": [(3, 3), (3, 7)],
    "pool3": [(1, 4, 1), (9, 4), (1,)],
    "fc6": [(2, 5, 2)],
}


@pytest.mark.parametrize("arrays", [NumpyArrays, TorchArrays])
@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(str(value) for value in rules.values()))
@pytest.mark.parametrize("blob", LISTS)
def test_steering_equals_the_literal_loop(arrays, rules, blob):
    executor, port, network = arrays(), read_port("notebook", rules), small_network()
    shape = network.blobs[network.index(blob)].shape
    rng = np.random.default_rng(sum(map(ord, blob)))
    batch = np.maximum(rng.normal(0.3, 1.0, (3, *shape)), 0).astype(np.float32)
    steering = plan_steering(network, {blob: LISTS[blob]}, port)[blob]
    native = executor.to_native(batch)
    steered = executor.to_numpy(steer(executor, native, steering, port, Parameters(90.0, 7.0, 1.3)))
    for image, result in zip(batch, steered):
        expected = literal_steering(image, blob, LISTS[blob], port, 90.0, 7.0, 1.3)
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(executor.to_numpy(native), batch, err_msg="the input was modified")
    assert not np.allclose(steered, batch, rtol=1e-3), "steering did nothing"


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ("duplicates", "product"),
        ("duplicates", "product-per-attribute"),
        ("duplicates", "distinct"),
        ("ddof", 1),
        ("pool3_channels", "none"),
        ("pool3_kernel", "bilinear"),
    ],
)
def test_every_rule_changes_the_result(rule, other):
    network, rng = small_network(), np.random.default_rng(5)
    value = np.maximum(rng.normal(0.3, 1.0, (2, CHANNELS, SIZE, SIZE)), 0).astype(np.float32)
    results = []
    for rules in ({}, {rule: other}):
        port = read_port("notebook", rules)
        steering = plan_steering(network, {"pool3": LISTS["pool3"]}, port)["pool3"]
        results.append(steer(NumpyArrays(), value, steering, port, Parameters()))
    assert not np.array_equal(*results)


def test_hand_computed_case():
    """Sums 4, 8, 2, 6 over one pixel each; witnesses 1 and 2: mu 5, sigma 3, m 2."""
    value = np.array([4.0, 8.0, 2.0, 6.0], dtype=np.float32).reshape(1, 4, 1, 1)
    network = build_network(
        "hand",
        "data",
        (3, 1, 1),
        [Convolution("conv1_1", "data", "conv1_1", 4, (1, 1)), InnerProduct("fc8", "conv1_1", "fc8", 2)],
    )
    port = Port()
    steering = plan_steering(network, {"conv1_1": [(1, 2)]}, port)["conv1_1"]
    steered = steer(
        NumpyArrays(np.float64), value.astype(np.float64), steering, port, Parameters(2.0, 4.0, 1.15)
    )
    expected = [
        4.0,  # no witness, not above the mean
        8.0 * (2.15 - math.exp(-6 / (4 * 3))),  # witness, 6 above the minimum
        2.0 * 1.15,  # the minimum itself
        6.0 * math.exp(-1 / (2 * 3)),  # no witness, 1 above the mean
    ]
    np.testing.assert_allclose(steered.ravel(), expected, rtol=1e-12)


def test_zero_deviation_strengthens_by_epsilon_and_weakens_by_one():
    value = np.array([5.0, 5.0, 9.0], dtype=np.float32).reshape(1, 3, 1, 1)
    network = build_network(
        "hand", "data", (3, 1, 1), [Convolution("conv1_1", "data", "conv1_1", 3, (1, 1)), *fc8("conv1_1")]
    )
    steering = plan_steering(network, {"conv1_1": [(0, 1)]}, Port())["conv1_1"]
    steered = steer(NumpyArrays(), value, steering, Port(), Parameters())
    np.testing.assert_allclose(steered.ravel(), [5.75, 5.75, 9.0], rtol=1e-6)


def fc8(below):
    return [InnerProduct("fc8", below, "fc8", 2)]


def test_equal_sums_may_leave_a_deviation_and_the_relative_rule_removes_it():
    candidates = np.linspace(1.0, 2.0, 200, dtype=np.float32)[:, None]
    deviations = measure_terms(NumpyArrays(), candidates, [0, 0, 0], 0).sigma
    value = candidates[deviations != 0][0]
    blob = np.array([value, value * 2], dtype=np.float32).reshape(1, 2, 1, 1)
    network = build_network(
        "hand", "data", (3, 1, 1), [Convolution("conv1_1", "data", "conv1_1", 2, (1, 1)), *fc8("conv1_1")]
    )
    results = {}
    for rule in ("exact", "relative"):
        port = read_port("notebook", {"zero_sigma": rule})
        steering = plan_steering(network, {"conv1_1": [(0, 0, 0)]}, port)["conv1_1"]
        results[rule] = (
            steer(NumpyArrays(), blob, steering, port, Parameters())[0, :, 0, 0] / blob[0, :, 0, 0]
        )
    np.testing.assert_allclose(results["exact"][0], 1.15 * 2.15 * 2.15, rtol=1e-5)
    np.testing.assert_allclose(results["relative"][0], 1.15**3, rtol=1e-5)


def test_statistics_in_torch_are_numpys_bits_but_for_the_root():
    torch_arrays, port, network = TorchArrays(), Port(), small_network()
    steering = plan_steering(network, {"fc6": [(1, 1, 1, 4, 8, 2)]}, port)["fc6"]
    rng = np.random.default_rng(3)
    for _ in range(200):
        sums = rng.normal(size=(4, FC)).astype(np.float32) * np.float32(1e4)
        ours = measure_terms(NumpyArrays(), sums, steering.entries, 0)
        theirs = measure_terms(torch_arrays, torch_arrays.to_native(sums), steering.entries, 0)
        np.testing.assert_array_equal(ours.mean, theirs.mean.numpy())
        np.testing.assert_array_max_ulp(ours.sigma, theirs.sigma.numpy(), maxulp=1)
        np.testing.assert_array_equal(ours.minimum, theirs.minimum.numpy())


def test_equal_sums_have_a_zero_deviation_in_both_libraries_or_in_neither():
    torch_arrays = TorchArrays()
    values = np.random.default_rng(4).random((4000, 1)).astype(np.float32) * np.float32(1e5)
    for mentions in (2, 3, 4, 7):
        ours = measure_terms(NumpyArrays(), values, [0] * mentions, 0).sigma
        theirs = measure_terms(torch_arrays, torch_arrays.to_native(values), [0] * mentions, 0).sigma
        np.testing.assert_array_equal(ours == 0, theirs.numpy() == 0)
        print(f"{mentions} equal sums: deviation above 0 for {100 * float((ours != 0).mean()):.0f} %")


def test_one_witness_with_ddof_1_gives_nan():
    network, port = small_network(), read_port("notebook", {"ddof": 1})
    steering = plan_steering(network, {"fc6": [(2,)]}, port)["fc6"]
    value = np.arange(FC, dtype=np.float32)[None]
    assert np.isnan(steer(NumpyArrays(), value, steering, port, Parameters())[0, 2])


def test_rounds_keep_every_mention():
    assert repeat_rounds([5, 2, 5, 5, 2]) == [(5, 2), (5, 2), (5,)]
    assert repeat_rounds([]) == []


def test_fc_blobs_are_left_alone_where_the_port_skips_them():
    plan = plan_steering(small_network(), LISTS, read_port("notebook", {"fc": "skipped"}))
    assert list(plan) == ["conv1_1", "pool3"]


def test_pool3_too_small_to_crop_is_refused():
    network = build_network(
        "tiny",
        "data",
        (3, 8, 8),
        [Pooling("pool3", "data", "pool3", "max", (2, 2), (2, 2)), *fc8("pool3")],
    )
    with pytest.raises(InputError, match="pool3"):
        plan_steering(network, {"pool3": [(0,)]}, Port())


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"beta": -1.0}, {"beta": math.nan}, {"epsilon": math.inf}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        check_parameters(Parameters(**wrong))
