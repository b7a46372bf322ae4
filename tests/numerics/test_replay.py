"""A layer added up in the order that was read of a backend has that backend's bits."""

import shutil

import nets
import numpy as np
import pytest
from numerics_readings import order
from worker_jobs import NETWORK, make_job, name_caffemodel, run

from harness.core.network_files import read_weights
from harness.core.traces import read_trace
from harness.numerics.orders import read_orders
from harness.numerics.replay import Product, fuse, replay_trace
from harness.worker import fingerprint
from harness.worker.masks import make_parameter

FIXTURES = (make_job,)
LAYERS = ["conv1_1", "conv2_2", "conv4_1", "fc6", "fc7", "fc8"]
EXAMPLES = ["e0", "e3"]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def run_task(job, tmp_path, task, details):
    """Folder of a task's cell."""
    out = tmp_path / f"cell-{task}"
    out.mkdir()
    code, _, cell = run({**job, "task": task, "details": details, "output": str(out)}, tmp_path)
    assert code == 0, cell["error"]
    return out


def read_backend(job, tmp_path, backend):
    """A backend's orders over the masked network, and its trace over the real one."""
    settings = {"threads": 1, **({"winograd": False} if backend == "opencv" else {})}
    job = {**job, "backend": backend, "settings": settings}
    folder = tmp_path / "network"
    if backend == "opencv":
        name_caffemodel(job, tmp_path)
    trace = read_trace(run_task(job, tmp_path, "trace", {"examples": EXAMPLES}))
    weights = {name: np.array(one) for name, one in read_weights(folder, NETWORK).items()}
    shutil.rmtree(folder)
    shapes = NETWORK.parameter_shapes()
    masked = {name: np.array(make_parameter(name, shape)) for name, shape in shapes.items()}
    nets.write_folder(folder, NETWORK, weights=masked)
    if backend == "opencv":
        name_caffemodel(job, tmp_path)
    orders = read_orders(run_task(job, tmp_path, "orders", {"trees": True}))
    return weights, trace, orders


@pytest.mark.parametrize("backend", ["reference", "pytorch", "onnxruntime", "opencv"])
def test_a_backends_order_gives_its_bits(job, tmp_path, backend):
    weights, trace, orders = read_backend(job, tmp_path, backend)
    found = list(replay_trace(NETWORK, weights, trace, orders, EXAMPLES))
    assert [one.blob for one in found] == LAYERS
    assert [(one.equal, one.why) for one in found] == [(one.values, None) for one in found]
    assert all(one.values for one in found)


def turn(program):
    """The program with its taps in reverse."""
    return [27 - 1 - item if item >= 0 else item for item in program]


def test_another_order_gives_others(job, tmp_path):
    weights, trace, orders = read_backend(job, tmp_path, "reference")
    swapped = {
        name: order(name, "other", programs=[(one, turn(program)) for one, program in found.programs])
        for name, found in orders.items()
        if name == "conv1_1"
    }
    found = {one.blob: one for one in replay_trace(NETWORK, weights, trace, swapped, EXAMPLES)}
    assert 0 < found["conv1_1"].equal < found["conv1_1"].values
    assert found["fc6"].why == "its order is not known"


def test_what_cannot_be_added_up_says_why(job, tmp_path):
    weights, trace, _ = read_backend(job, tmp_path, "reference")
    orders = {
        "conv1_1": order("conv1_1", "1", precision="float64", programs=[([0], [0])]),
        "fc6": order("fc6", "1", obstacle="more than two numbers are added at once"),
    }
    found = {one.blob: one for one in replay_trace(NETWORK, weights, trace, orders, EXAMPLES)}
    assert found["conv1_1"].why == "in float64"
    assert found["fc6"].why == "more than two numbers are added at once"


def test_one_rounding_is_one_rounding():
    """Against whole numbers: float64 alone rounds some of these twice, and then otherwise."""
    from fractions import Fraction

    random = np.random.RandomState(2)
    first, second = (random.standard_normal(20_000).astype(np.float32) for _ in range(2))
    exponents = random.randint(-26, 27, 20_000)
    third = np.ldexp(random.standard_normal(20_000), exponents).astype(np.float32)
    halves = (np.float32(1) + np.float32(2.0**-12)) * np.ones(2, np.float32)
    first[:2], second[:2], third[:2] = halves, halves, (2.0**-60, -(2.0**-60))
    found = fuse(Product(first, second), third)
    twice = (first.astype(np.float64) * second + third).astype(np.float32)
    for place in range(20_000):
        exact = Fraction(float(first[place])) * Fraction(float(second[place])) + Fraction(float(third[place]))
        around = [np.nextafter(found[place], np.float32(side)) for side in (-np.inf, np.inf)]
        off = abs(Fraction(float(found[place])) - exact)
        assert all(off <= abs(Fraction(float(one)) - exact) for one in around)
    assert (found != twice).any()


def test_orders_are_read_whole_only_where_asked_for(job, tmp_path):
    _, _, orders = read_backend(job, tmp_path, "reference")
    assert all(one.programs for one in orders.values())
    (tmp_path / "cell-orders").rename(tmp_path / "whole")
    assert not any(one.programs for one in read_orders(run_task(job, tmp_path, "orders", {})).values())
