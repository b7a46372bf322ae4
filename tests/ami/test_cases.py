"""The five cases."""

import itertools

from harness.ami.cases import CASES, MEANINGS, name_case


def test_every_tuple_has_its_case():
    assert name_case(1, 1, 1) == "X-X-X"
    assert name_case(1, 1, 2) == "X-X-Y"
    assert name_case(1, 2, 1) == "X-Y-X"
    assert name_case(1, 2, 2) == "X-Y-Y"
    assert name_case(1, 2, 3) == "X-Y-Z"


def test_the_cases_are_all_there_are():
    found = {name_case(*tuple_) for tuple_ in itertools.product(range(3), repeat=3)}
    assert found == set(CASES) == set(MEANINGS)
