"""The two passes, the order of visits, and what is read off logits."""

import itertools

import nets
import numpy as np
import pytest

from harness.ami.detection import (
    build_detector,
    read_answers,
    run_plain,
    run_steered,
)
from harness.ami.port import ATTRIBUTES, Port, read_port
from harness.ami.steering import Parameters, plan_steering, steer
from harness.ami.witnesses import concatenate_witnesses
from harness.backends import Settings, reference
from harness.core.activations import expose_activations

NETWORK = nets.face_like_network()
WITNESSES = {
    "leye": {
        "conv1_1": (1, 2),
        "conv2_2": (3,),
        "pool3": (3,),
        "conv4_1": (0, 5),
        "fc6": (1,),
        "fc7": (4, 6),
    },
    "reye": {"conv1_1": (2,), "conv2_2": (1, 4), "conv4_1": (5,)},
    "nose": {"conv1_1": (2,), "pool3": (3, 1), "fc6": (2,), "fc7": (4,)},
    "mouth": {"conv2_2": (0,), "pool3": (6,), "conv4_1": (7,), "fc6": (2, 8, 9)},
}


def load(network=NETWORK):
    return reference.load(network, nets.random_parameters(network), Settings(precision="float64"))


class CaffeLike:
    """Blob storage and a forward(start, end) by layer that does nothing where the start is behind the end."""

    def __init__(self, executor, value):
        self.executor, self.names = executor, [blob.name for blob in executor.network.blobs]
        self.data = {"data": value}
        self.forward("conv1_1", "fc8")

    def forward(self, start, end):
        for name in self.names[self.names.index(start) : self.names.index(end) + 1]:
            below = self.names[self.names.index(name) - 1]
            self.data[name] = self.executor.forward(self.data[below], below, name)


def literal_walk(executor, value, entries, port):
    """The notebook's loop: a dict of blobs, walked in its own order, over a net that keeps its blobs."""
    net, plan = CaffeLike(executor, value), plan_steering(executor.network, entries, port)
    pre = "conv1_1"
    for name in entries:
        post = net.names[net.names.index(name) + 1]
        net.forward(pre, post)
        if name in plan:
            net.data[name] = steer(executor, net.data[name], plan[name], port, Parameters())
        pre = post
    net.forward(pre, "fc8")
    return net.data["fc8"]


@pytest.mark.parametrize("listing", list(itertools.permutations(ATTRIBUTES)), ids="-".join)
def test_every_listing_order_equals_a_net_that_keeps_its_blobs(listing):
    executor = load()
    port = read_port("notebook", {"order": "listing", "listing": listing})
    entries = concatenate_witnesses(WITNESSES, port)
    value = executor.to_native(nets.random_inputs(NETWORK, 3))
    detector = build_detector(executor, entries, port, Parameters())
    np.testing.assert_allclose(
        run_steered(detector, value), literal_walk(executor, value, entries, port), rtol=1e-12
    )


def test_listing_orders_lose_steering_and_harmless_ones_do_not():
    executor = load()
    value = executor.to_native(nets.random_inputs(NETWORK, 3))
    network_order = build_detector(executor, concatenate_witnesses(WITNESSES, Port()), Port(), Parameters())
    plain = run_steered(network_order, value)
    same = {}
    for listing in itertools.permutations(ATTRIBUTES):
        port = read_port("notebook", {"order": "listing", "listing": listing})
        entries = concatenate_witnesses(WITNESSES, port)
        result = run_steered(build_detector(executor, entries, port, Parameters()), value)
        places = [
            NETWORK.index(one.blob) for one in build_detector(executor, entries, port, Parameters()).visits
        ]
        in_order = places == sorted(places)
        same[in_order] = [*same.get(in_order, []), np.allclose(result, plain, rtol=1e-9)]
    assert all(same[True])
    assert not any(same[False])


def test_a_visit_behind_the_last_one_undoes_what_came_between():
    """Visiting fc7 and then fc6 equals never steering fc7."""
    executor, port = load(), Port()
    value = executor.to_native(nets.random_inputs(NETWORK, 2))
    late = read_port("notebook", {"order": "listing", "listing": ATTRIBUTES})
    wrong = build_detector(executor, {"fc7": [(4, 6, 4)], "fc6": [(2, 8)]}, late, Parameters())
    right = build_detector(executor, {"fc6": [(2, 8)]}, port, Parameters())
    np.testing.assert_array_equal(run_steered(wrong, value), run_steered(right, value))


def test_steering_before_the_activation_uses_the_exposed_network():
    exposed = expose_activations(NETWORK)
    executor = reference.load(exposed, nets.random_parameters(NETWORK), Settings(precision="float64"))
    value = executor.to_native(nets.random_inputs(NETWORK, 2))
    np.testing.assert_array_equal(run_plain(executor, value), run_plain(load(), value))
    entries = concatenate_witnesses(WITNESSES, Port())
    before = run_steered(build_detector(executor, entries, Port(), Parameters()), value)
    after = run_steered(build_detector(load(), entries, Port(), Parameters()), value)
    assert not np.allclose(before, after)


def test_a_value_that_is_not_fed_on_changes_nothing():
    executor, port = load(), read_port("notebook", {"fed_on": False})
    value = executor.to_native(nets.random_inputs(NETWORK, 2))
    entries = concatenate_witnesses(WITNESSES, port)
    detector = build_detector(executor, entries, port, Parameters())
    np.testing.assert_allclose(run_steered(detector, value), run_plain(executor, value), rtol=1e-12)


def test_a_batch_equals_its_images_one_by_one():
    executor = load()
    inputs = executor.to_native(nets.random_inputs(NETWORK, 4))
    detector = build_detector(executor, concatenate_witnesses(WITNESSES, Port()), Port(), Parameters())
    together = run_steered(detector, inputs)
    alone = np.concatenate([run_steered(detector, inputs[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(together, alone, rtol=1e-10)


def test_answers():
    nan = np.nan
    answers = read_answers(np.array([[1.0, 5.0, 4.5], [2.0, 2.0, 1.0], [1.0, nan, nan]]))
    assert [answer.winner for answer in answers] == [1, 0, 1]
    assert [answer.margin for answer in answers] == [0.5, 0.0, None]
    assert answers[0].top5 == ((1, 5.0), (2, 4.5), (0, 1.0))
    assert answers[2].top5 == ((1, None), (2, None), (0, 1.0))
