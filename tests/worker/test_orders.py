"""Orders of addition are read back from layers whose order is known."""

import known_orders
import numpy as np
import pytest
from known_orders import bench, small_network

from harness.worker.orders import NoPlainSumError, hash_bits, read_order
from harness.worker.trees import ADD, BIAS_LEAF, FUSED, read_tree, read_trees

TAPS = 27


def chain(taps, start, how=ADD):
    """A program that adds taps to what comes first, one after the other."""
    program = list(start)
    for tap in taps:
        program += [tap, how]
    return program


def test_one_after_the_other():
    found = read_order(bench(known_orders.one_by_one))
    assert found["plain"]
    assert found["row"] == [1, *range(3, TAPS + 2)]
    assert (found["bias"], found["fused"], found["wide"]) == ("first", False, False)


def test_backwards():
    found = read_order(bench(known_orders.backwards))
    assert found["row"] == [1, *[TAPS] * (TAPS - 1)]
    assert found["bias"] == "last"


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_fused_products(precision):
    assert read_order(bench(known_orders.fused, precision=precision))["fused"]


def test_a_wider_sum():
    assert read_order(bench(known_orders.widely))["wide"]


def test_values_below_normal():
    def flush(values, weight, bias):
        products = values * weight
        return known_orders.one_by_one(np.where(abs(products) < 2.0**-126, 0, values), weight, bias)

    assert read_order(bench(known_orders.one_by_one))["denormals"]
    assert not read_order(bench(flush))["denormals"]


ORDERS = ("one_by_one", "backwards", "fused", "pairwise", "in_lanes", "in_blocks", "widely")


@pytest.mark.parametrize("which", [0, 1], ids=["convolution", "inner product"])
def test_other_orders_have_other_signatures(which):
    benches = [
        bench(getattr(known_orders, name), small_network(size=4, channels=2), which) for name in ORDERS
    ]
    found = [read_order(one)["signature"] for one in benches]
    assert len(set(found)) == len(ORDERS)


@pytest.mark.parametrize("name", ORDERS)
def test_signature_is_the_same_for_every_batch_size(name):
    found = {
        read_order(bench(getattr(known_orders, name), batch_size=size))["signature"] for size in (1, 3, 8)
    }
    assert len(found) == 1


def test_two_products_swapped_in_one_channel_are_seen():
    def swap(values, weight, bias):
        if bias == 0:  # the middle channel
            values = values.copy()
            values[..., [11, 12]] = values[..., [12, 11]]
        return known_orders.one_by_one(values, weight, bias)

    ours, theirs = (read_order(bench(one)) for one in (known_orders.one_by_one, swap))
    assert theirs["plain"]
    assert ours["signature"] != theirs["signature"]


def test_another_order_in_one_place_of_the_batch_is_seen():
    def turn(values, weight, bias):
        found = known_orders.one_by_one(values, weight, bias)
        found[-1] = known_orders.backwards(values[-1:], weight, bias)[0]
        return found

    ours, theirs = (read_order(bench(one)) for one in (known_orders.one_by_one, turn))
    assert ours["signature"] != theirs.get("signature")


def test_tiles_are_no_plain_sum():
    """A window's neighbours go into its output, as they do in Winograd's algorithm, and cancel out there."""

    def tile(values, weight, bias):
        neighbours = values[..., :1].sum(axis=-2, keepdims=True)
        moved = values * weight
        moved = np.concatenate([moved + neighbours, -np.broadcast_to(neighbours, moved.shape)], axis=-1)
        return known_orders.one_by_one(moved, np.float32(1), bias)

    found = read_order(bench(tile))
    assert (found["plain"], found["why"]) == (False, "outputs depend on values outside their windows")


def test_only_bits_tell_a_compensated_sum():
    """What masks lose in a plain sum, Kahan's sum loses too; on drawn values it does not."""
    ours, theirs = bench(known_orders.one_by_one), bench(known_orders.compensated)
    assert read_order(ours)["row"] != read_order(theirs)["row"]  # its bias comes last
    last = bench(lambda values, weight, bias: known_orders.one_by_one(values, weight, None) + (bias or 0))
    assert read_order(last)["signature"] == read_order(theirs)["signature"]
    assert hash_bits(last) != hash_bits(theirs)


def test_layers_that_cannot_be_read_say_why():
    wide = small_network(kernel=1, channels=40_000, outputs=1, size=1)
    assert "no more than 32766" in read_order(bench(known_orders.one_by_one, wide))["why"]


def test_bits_are_those_of_the_order():
    ours, again, theirs = (
        hash_bits(bench(one)) for one in (known_orders.pairwise, known_orders.pairwise, known_orders.in_lanes)
    )
    assert ours == again != theirs


@pytest.mark.parametrize("which", [0, 1], ids=["convolution", "inner product"])
@pytest.mark.parametrize("name", [one for one in ORDERS if one != "widely"])  # programs tell no width
@pytest.mark.parametrize("bias", [True, False])
def test_a_tree_gives_the_same_bits(name, which, bias):
    """Whatever was read, adding up by it makes of drawn values what the layer makes of them."""
    network = small_network(bias=bias, size=5)
    one = bench(getattr(known_orders, name), network, which)
    program = read_tree(one, [1])
    assert sorted(item for item in program if item >= 0) == list(range(one.sum.products))
    assert program.count(BIAS_LEAF) == bias
    random = np.random.RandomState(4)
    values = (random.standard_normal((50, 1, one.sum.products)) * 100).astype(np.float32)
    weight = np.float32(1.3)
    offset = np.float32(30.7) if bias else None
    wanted = getattr(known_orders, name)(values, weight, offset)
    assert np.array_equal(walk_program(program, values, weight, offset), wanted)


def test_where_outputs_have_other_orders_one_of_them_is_read():
    def turn(values, weight, bias):
        found = known_orders.pairwise(values, weight, bias)
        first = known_orders.one_by_one(values[:, :25], weight, bias)
        return np.concatenate([first, found[:, 25:]], axis=1)

    found = read_tree(bench(turn), [1])
    assert found == read_tree(bench(known_orders.one_by_one), [1])


def test_a_layer_without_a_whole_window_has_no_tree():
    with pytest.raises(NoPlainSumError, match="no output's window lies inside"):
        read_tree(bench(known_orders.one_by_one, small_network(size=2)), [1])
    found = read_order(bench(known_orders.one_by_one, small_network(size=2)))
    assert found["plain"]


def test_channels_with_another_order_are_read_apart():
    def mix(values, weight, bias):
        mix.channel = (mix.channel + 1) % 4
        known = known_orders.pairwise if mix.channel == 3 else known_orders.one_by_one
        return known(values, weight, bias)

    mix.channel = -1
    found = read_trees(bench(mix))
    assert [channels for channels, _ in found] == [[0, 1, 2], [3]]
    assert found[0][1] == read_tree(bench(known_orders.one_by_one), [1])
    assert found[1][1] == read_tree(bench(known_orders.pairwise), [1])


def walk_program(program, values, weight, bias):
    """What a program makes of windows."""
    stack = []
    for item in program:
        if item in (ADD, FUSED):
            last, first = stack.pop(), stack.pop()
            first = first[0] * weight if isinstance(first, tuple) else first
            if item == FUSED:
                stack.append(known_orders.fuse(last[0], weight, first))
            else:
                stack.append(first + (last[0] * weight if isinstance(last, tuple) else last))
        else:
            stack.append((values[..., item],) if item >= 0 else np.full(values.shape[:-1], bias))
    (found,) = stack
    return found


def test_programs_are_read_exactly():
    chained = read_tree(bench(known_orders.one_by_one), [1])
    assert chained == chain(range(1, TAPS), [BIAS_LEAF, 0, ADD])
    assert read_tree(bench(known_orders.fused), [1]) == chain(range(1, TAPS), [BIAS_LEAF, 0, FUSED], FUSED)
    assert read_tree(bench(known_orders.backwards), [1]) == [
        *chain(range(TAPS - 2, -1, -1), [TAPS - 1]), BIAS_LEAF, ADD
    ]  # fmt: skip
