"""One walk: cut anywhere it gives the same bits; edits, watches, and walks of part of the way."""

import nets
import numpy as np
import pytest

from harness.ami.detection import build_detector, list_edits, run_steered
from harness.ami.port import Port
from harness.ami.steering import Parameters
from harness.backends import Settings, find_backend
from harness.core.errors import InputError
from harness.core.walk import walk

NETWORK = nets.face_like_network()
NAMES = [blob.name for blob in NETWORK.blobs][:-1]  # up to the logits
BACKENDS = ("reference", "pytorch", "onnxruntime", "openvino")


class Steps:
    """An executor that notes the steps which it is asked for."""

    def __init__(self, executor):
        self.executor, self.network, self.xp, self.taken = executor, executor.network, executor.xp, []
        self.to_native, self.to_numpy = executor.to_native, executor.to_numpy

    def forward(self, value, start, stop):
        self.taken.append((start, stop))
        return self.executor.forward(value, start, stop)


@pytest.fixture(params=BACKENDS, name="executor")
def make_executor(request):
    try:
        backend = find_backend(request.param)
    except InputError as error:
        pytest.skip(str(error))
    return Steps(backend.load(NETWORK, nets.random_parameters(NETWORK), Settings()))


@pytest.fixture(name="reference")
def make_reference():
    return Steps(find_backend("reference").load(NETWORK, nets.random_parameters(NETWORK), Settings()))


def open_value(executor, count=2):
    return executor.to_native(nets.random_inputs(NETWORK, count))


def same(executor, first, second):
    return executor.to_numpy(first).tobytes() == executor.to_numpy(second).tobytes()


def double(value):
    return value * 2


def add_one(value):
    return value + 1


def test_where_nobody_looks_one_step_is_taken(reference):
    walk(reference, open_value(reference))
    assert reference.taken == [("data", "fc8")]
    walk(reference, open_value(reference), [("conv4_1", double)])
    assert reference.taken[1:] == [("data", "conv4_1"), ("conv4_1", "fc8")]


def test_a_walk_cut_at_any_blob_gives_the_same_bits(executor):
    value = open_value(executor)
    whole = walk(executor, value)
    for name in NAMES:
        told = {}
        assert same(executor, walk(executor, value, (), told.__setitem__, [name]), whole), name
        expected = value if name == "data" else executor.forward(value, "data", name)
        assert list(told) == [name]
        assert same(executor, told[name], expected), name
    assert same(executor, walk(executor, value, (), lambda *_: None, NAMES), whole)


def test_a_walk_can_begin_and_end_at_any_blob(executor):
    value, told = open_value(executor), {}
    whole = walk(executor, value, (), told.__setitem__, NAMES)
    assert list(told) == NAMES
    for name in NAMES:
        assert same(executor, walk(executor, told[name], start=name), whole), name
        assert same(executor, walk(executor, value, stop=name), told[name]), name
        assert same(executor, walk(executor, told[name], start=name, stop=name), told[name]), name


def test_an_edit_is_what_the_walk_goes_on_with_and_what_is_watched(reference):
    value, told = open_value(reference), {}
    logits = walk(reference, value, [("pool3", double), ("fc6", add_one)], told.__setitem__, NAMES)
    middle = reference.forward(value, "data", "pool3") * 2
    behind = reference.forward(middle, "pool3", "fc6") + 1
    assert same(reference, told["pool3"], middle)
    assert same(reference, told["fc6"], behind)
    assert same(reference, logits, reference.forward(behind, "fc6", "fc8"))


def test_both_ends_can_be_edited_and_one_blob_twice(reference):
    value = open_value(reference)
    edits = [("data", double), ("data", add_one), ("fc8", add_one), ("fc8", double)]
    expected = (reference.forward(value * 2 + 1, "data", "fc8") + 1) * 2
    assert same(reference, walk(reference, value, edits), expected)
    other = walk(reference, value, [("data", add_one), ("data", double)])
    assert not same(reference, other, reference.forward(value * 2 + 1, "data", "fc8"))


def test_an_edit_behind_the_last_one_takes_what_was_left_and_loses_what_came_between(reference):
    value, told = open_value(reference), []
    edits = [("conv2_2", double), ("fc7", double), ("pool3", add_one)]
    logits = walk(reference, value, edits, lambda name, _: told.append(name), ["fc6", "pool3"])
    assert same(reference, logits, walk(reference, value, [("conv2_2", double), ("pool3", add_one)]))
    assert told == ["pool3", "fc6", "pool3", "fc6"]
    assert ("pool3", "fc7") not in reference.taken  # fc6 is watched between them


def test_a_blob_that_was_edited_is_come_back_to_as_the_edit_left_it(reference):
    value = open_value(reference)
    edits = [("pool3", double), ("fc7", double), ("pool3", add_one), ("fc6", double), ("pool3", double)]
    middle = (reference.forward(value, "data", "pool3") * 2 + 1) * 2
    assert same(reference, walk(reference, value, edits), reference.forward(middle, "pool3", "fc8"))
    back = walk(reference, value, [("fc6", double), ("data", double)])
    assert same(reference, back, reference.forward(value * 2, "data", "fc8"))


def test_no_value_is_changed_on_the_way(reference):
    value = open_value(reference)
    before = reference.to_numpy(value)
    walk(reference, value, [("data", double), ("fc7", double), ("pool3", double)])
    assert same(reference, value, before)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"edits": [("conv9_9", double)]}, "no blob is named 'conv9_9'"),
        ({"watched": ["conv9_9"]}, "no blob is named 'conv9_9'"),
        ({"start": "conv9_9"}, "no blob is named 'conv9_9'"),
        ({"stop": "conv9_9"}, "no blob is named 'conv9_9'"),
        ({"edits": [("conv1_1", double)], "start": "fc6"}, "'conv1_1' is not on the way from 'fc6' to 'fc8'"),
        ({"edits": [("prob", double)]}, "'prob' is not on the way from 'data' to 'fc8'"),
        ({"watched": ["fc7"], "stop": "fc6"}, "'fc7' is not on the way from 'data' to 'fc6'"),
        ({"start": "fc7", "stop": "fc6"}, "'fc7' is not on the way from 'fc7' to 'fc6'"),
    ],
)
def test_blobs_that_are_not_on_the_way_are_refused_before_any_step(reference, asked, words):
    with pytest.raises(InputError, match=words):
        walk(reference, open_value(reference), **asked)
    assert reference.taken == []


def steer_some(executor):
    entries = {"conv2_2": [(3, 1)], "pool3": [(3,)], "fc6": [(2, 8)]}
    return build_detector(executor, entries, Port(pool3_channels="none"), Parameters())


def test_every_blob_of_the_steered_pass_can_be_traced(reference):
    value, told = open_value(reference), {}
    edits = list_edits(steer_some(reference))
    walk(reference, value, edits, told.__setitem__, NAMES)
    assert list(told) == NAMES
    plain = {name: walk(reference, value, stop=name) for name in NAMES}
    changed = [name for name in NAMES if not same(reference, told[name], plain[name])]
    assert changed == NAMES[NAMES.index("conv2_2") :]
    assert same(reference, told["fc8"], run_steered(steer_some(reference), value))


def test_another_environments_value_can_be_grafted_into_both_passes(reference):
    """Behind the graft, everything is as if the other had gone the whole way."""
    parameters = nets.random_parameters(NETWORK, seed=5)
    other = find_backend("reference").load(NETWORK, parameters, Settings())
    value, place = open_value(reference), NAMES.index("pool3")
    graft = walk(other, value, stop="pool3")
    edits = [edit for edit in list_edits(steer_some(reference)) if NAMES.index(edit[0]) >= place]
    assert [name for name, _ in edits] == ["pool3", "fc6"]
    replaced = [("pool3", lambda _: graft)]
    for steps in ((), edits):
        grafted = walk(reference, graft, steps, start="pool3")
        assert same(reference, grafted, walk(reference, value, [*replaced, *steps]))
        assert not same(reference, grafted, walk(reference, value, steps))


def test_noise_can_be_added_to_a_blob_of_the_steered_pass(reference):
    value, rng = open_value(reference), np.random.default_rng(3)
    edits = list_edits(steer_some(reference))
    noisy = [*edits[:1], ("conv2_2", lambda blob: blob + rng.normal(0, 1e-3, blob.shape).astype(blob.dtype))]
    first, second = (walk(reference, value, one) for one in ([*noisy, *edits[1:]], edits))
    assert 0 < np.abs(first - second).max() < 0.1 * np.abs(second).max()
