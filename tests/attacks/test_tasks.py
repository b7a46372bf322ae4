"""Which image is taken where, in which order."""

import pytest

from harness.attacks.tasks import plan_tasks, read_classes
from harness.core.errors import InputError

GOLD, RIGHT = (0, 3, 6, 2), (True, True, True, False)


def plan(aim, targets=(), ways=1):
    return plan_tasks("a", GOLD, RIGHT, aim, targets, 7, ways)


def walk(planned):
    return [(task.source, task.target) for task in planned.tasks]


def test_wrongly_classified_images_are_left_out():
    planned = plan("away")
    assert walk(planned) == [(0, None), (1, None), (2, None)]
    assert planned.misclassified == 1


def test_first_is_class_0_and_next_the_class_after():
    assert walk(plan("first")) == [(1, 0), (2, 0)]
    assert plan("first").at_target == 1
    assert walk(plan("next")) == [(0, 1), (1, 4), (2, 0)]


def test_each_walks_every_other_class_in_every_way():
    planned = plan("each", (0, 3), ways=2)
    once = [(0, 3), (1, 0), (2, 0), (2, 3)]
    assert walk(planned) == once * 2
    assert [task.way for task in planned.tasks] == [0] * 4 + [1] * 4
    assert [task.id for task in planned.tasks][-1] == "a-0008"
    assert planned.at_target == 2


def test_classes_are_read():
    assert read_classes(None, "away", 3) == (0, 1, 2)
    assert read_classes("2,0,2", "each", 3) == (2, 0)


@pytest.mark.parametrize("text", ["3", "-1", "a", "", "1,,2", "\N{SUPERSCRIPT TWO}", "9" * 5000])
def test_what_is_no_class_is_named(text):
    with pytest.raises(InputError, match="is no class; there are 0 to 2"):
        read_classes(text, "each", 3)


def test_attacks_with_targets_of_their_own_take_none():
    with pytest.raises(InputError, match="has its own targets"):
        read_classes("1", "next", 3)
