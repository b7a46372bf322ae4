"""What orders predict is held against bits, and wrong both ways is counted."""

from dataclasses import replace

from numerics_readings import order, reading

from harness.numerics.predict import Score, judge_layers, judge_pairs, score


def test_equal_orders_predict_equal_bits_up_to_the_first_that_differs():
    ours, theirs = reading("a", "11", "iabc"), reading("b", "12", "iabd")
    judged = judge_pairs([ours, theirs])
    assert [(one.blob, one.predicted, one.found) for one in judged] == [
        ("conv", True, True), ("pool", True, True), ("fc", False, False)
    ]  # fmt: skip
    assert score(judged) == Score(3, 2, 0, 0)


def test_wrong_predictions_are_counted_either_way():
    same = score(judge_pairs([reading("a", "11", "iabc"), reading("b", "11", "iaxy")]))
    assert (same.wrong_equal, same.wrong_different, same.right) == (2, 0, 1)
    other = score(judge_pairs([reading("a", "11", "iabc"), reading("b", "21", "iabc")]))
    assert (other.wrong_equal, other.wrong_different, other.right) == (0, 3, 0)


def test_one_example_with_other_bits_is_enough():
    theirs = reading("b", "11", "iabc")
    theirs.hashes["e1"]["fc"] = "another"
    assert [one.found for one in judge_pairs([reading("a", "11", "iabc"), theirs])] == [True, True, False]


def test_nothing_is_said_of_other_inputs():
    assert judge_pairs([reading("a", "11", "iabc"), reading("b", "11", "jabc")]) == []


def test_drawn_values_tell_what_masks_do_not():
    theirs = reading("b", "11", "ixyz")
    theirs = replace(theirs, orders={**theirs.orders, "conv": order("conv", "1", bits="others")})
    judged = judge_pairs([reading("a", "11", "iabc"), theirs])
    assert score(judged) == Score(3, 0, 0, 0)
    assert score(judged, by_masks=True) == Score(3, 3, 3, 0)


def test_no_plain_sums_are_equal_where_drawn_values_are():
    odd = {"plain": False, "why": "tiles", "signature": None}
    pair = [
        replace(reading(name, "11", values), orders={"conv": order("conv", **{**odd, "bits": bits})})
        for name, values, bits in (("a", "iabc", "t1"), ("b", "iabc", "t1"), ("c", "ixyz", "t2"))
    ]
    assert score(judge_pairs(pair)) == Score(9, 3, 0, 0)


def test_single_layers_are_judged_by_themselves():
    judged = judge_layers([reading("a", "12", "iabc"), reading("b", "22", "ixbc")])
    assert [(one.blob, one.predicted, one.found) for one in judged] == [
        ("conv", False, False), ("pool", True, True), ("fc", True, True)
    ]  # fmt: skip
    wide = reading("c", "12", "iabc")
    wide = replace(wide, orders={"conv": order("conv", "1", precision="float64")})
    assert judge_layers([reading("a", "12", "iabc"), wide]) == []
