"""Which blob a name means: in witness files, in ports' rules, and where they are written."""

import itertools

import nets
import numpy as np
import pytest
from rewritten_nets import move_relus, rename_relus

from harness.ami.detection import build_detector, run_plain, run_steered
from harness.ami.port import Port, read_port
from harness.ami.steering import Parameters, plan_steering
from harness.ami.witnesses import read_witnesses, write_port_witnesses, write_witnesses
from harness.backends import Settings, reference
from harness.core.activations import expose_activations
from harness.core.errors import InputError
from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Pooling,
    Relu,
    Softmax,
    build_network,
)

NETWORK = nets.face_like_network()
MOVED = move_relus(NETWORK)
ENTRIES = {
    "conv1_1": ((1, 2, 2), (2,)),
    "pool3": ((3, 1),),
    "conv4_1": ((0, 5),),
    "fc6": ((1, 2, 0, 3), (5, 8, 9)),
    "fc7": ((4, 6, 0, 1, 2),),
}


def conv(name, bottom, top, width=4):
    return Convolution(name, bottom, top, width, (3, 3), pad=(1, 1))


def finish(*layers):
    """A network of these layers, a class for each of two channels."""
    last = layers[-1].top
    ends = (InnerProduct("answer", last, "answer", 2), Softmax("prob", "answer", "prob"))
    return build_network("named", "data", (3, 6, 6), [*layers, *ends])


LATER = finish(conv("one", "data", "a"), Relu("b", "a", "a"), conv("two", "a", "b"), Relu("c", "b", "b"))


def read(tmp_path, text, network):
    path = tmp_path / "leye_witness.txt"
    path.write_text(text, encoding="utf-8")
    return read_witnesses(path, network)


def test_a_blobs_own_name_wins_over_a_layers(tmp_path):
    assert read(tmp_path, "conv1_1,1,2\nfc6,3\n", MOVED) == {"conv1_1": (1, 2), "fc6": (3,)}
    assert read(tmp_path, "conv1_1a,1\n", MOVED) == {"conv1_1a": (1,)}
    assert read(tmp_path, "b,1\n", LATER) == {"b": (1,)}


def test_a_layers_name_is_good_where_its_value_stays_in_the_blob(tmp_path):
    assert read(tmp_path, "relu1_1->1,2\n", NETWORK) == {"conv1_1": (1, 2)}
    assert read(tmp_path, "relu1_1->1,2\n", MOVED) == {"conv1_1": (1, 2)}
    network = finish(conv("one", "data", "a"), Relu("two", "a", "a"), Dropout("three", "a", "a"))
    assert [network.blob_of(name) for name in ("two", "three")] == ["a", "a"]


@pytest.mark.parametrize(
    ("network", "name", "words"),
    [
        (
            rename_relus(NETWORK, "relu"),
            "relu",
            "'relu' is the name of layers in blobs 'conv1_1' and 'conv2_2'",
        ),
        (LATER, "two", "'two' is a layer whose value layer c replaces in place.* name the blob, 'b'"),
        (rename_relus(LATER, ""), "two", "the unnamed ReLU on 'b' replaces in place"),
        (rename_relus(LATER, ""), "", "no blob is named ''"),
    ],
)
def test_a_name_that_may_mean_two_things_is_refused_with_its_line(tmp_path, network, name, words):
    text = f"{network.blobs[1].name},0\n{name},1\n"
    with pytest.raises(InputError, match=rf"leye_witness\.txt:2: .*{words}"):
        read(tmp_path, text, network)


def make_awkward():
    """Every network of three convolutions whose layers and blobs take their names from a few."""
    for names in itertools.product(("a", "b", "c", ""), repeat=4):
        first, second, relu, last = names
        layers = [conv("k", "data", "a"), Relu(first, "a", "a"), conv("b", "a", "m"), Relu(second, "m", "c")]
        layers += [conv("c", "c", "b"), Relu(relu, "b", "b"), Pooling(last, "b", "p", "max", (2, 2), (2, 2))]
        yield finish(*layers)


def test_what_is_written_is_read_back_as_the_same_blobs(tmp_path):
    for number, network in enumerate([NETWORK, MOVED, LATER, *make_awkward()]):
        names = [blob.name for blob in network.span("data", network.logits.name)][:-1]
        witnesses = {name: (place % 2, place % 3) for place, name in enumerate(names)}
        for write in (
            write_witnesses,
            lambda path, found, one=network: write_port_witnesses(path, found, one),
        ):
            path = tmp_path / f"{number}.txt"
            write(path, witnesses)
            assert read_witnesses(path, network) == witnesses


def test_the_port_names_blobs_by_their_relus_where_that_is_clear(tmp_path):
    write_port_witnesses(tmp_path / "in_place.txt", {}, NETWORK)
    write_port_witnesses(tmp_path / "moved.txt", {}, MOVED)
    written = [line.rstrip("->") for line in (tmp_path / "in_place.txt").read_text().split()]
    assert written == ["relu1_1", "relu2_2", "pool3", "relu4_1", "relu6", "relu7"]
    assert (tmp_path / "moved.txt").read_text().split()[:3] == ["conv1_1a->", "relu1_1->", "conv2_2a->"]


def answer(network, port):
    """Logits of both passes, in float64, over inputs that are the same for every way to say the network."""
    from harness.ami.detection import choose_blobs

    walked, entries = choose_blobs(network, ENTRIES, port)
    executor = reference.load(walked, nets.random_parameters(network), Settings(precision="float64"))
    detector = build_detector(executor, entries, port, Parameters())
    value = executor.to_native(nets.random_inputs(network, 4))
    return run_plain(executor, value), run_steered(detector, value)


RULES = [{}, {"blob_value": "before-relu"}, {"fc": "skipped"}, {"fc": "skipped", "blob_value": "before-relu"}]


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize(
    "again", [MOVED, move_relus(NETWORK, unnamed=True), rename_relus(NETWORK, "conv1_1")]
)
def test_relus_out_of_place_or_of_any_name_change_no_number(rules, again):
    port = read_port("notebook", rules)
    for ours, theirs in zip(answer(NETWORK, port), answer(again, port)):
        np.testing.assert_array_equal(ours, theirs)


def test_the_rules_above_change_numbers():
    """So that the comparison can fail."""
    answers = [answer(MOVED, read_port("notebook", rules))[1] for rules in RULES]
    assert all((one != other).any() for one, other in itertools.combinations(answers, 2))


def test_fully_connected_blobs_are_known_behind_their_relu():
    port = Port(fc="skipped")
    assert list(plan_steering(MOVED, ENTRIES, port)) == list(plan_steering(NETWORK, ENTRIES, port))


def test_exposed_names_are_all_different():
    for network in (rename_relus(NETWORK, "conv2_2"), rename_relus(NETWORK, ""), MOVED, *make_awkward()):
        exposed = expose_activations(network)
        names = [blob.name for blob in exposed.blobs]
        assert len(names) == len(set(names)) == len(network.layers) + 1
        assert build_network(exposed.name, "data", exposed.input.shape, exposed.layers) == exposed
