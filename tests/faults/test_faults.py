"""Planted faults are explained blind: the right cause of each, proven, and no other."""

import pytest

from faults.catalogue import FAULTS
from faults.explained import explain_fault

FEW = ("channels reversed", "listed nose leye mouth reye", "deviation of the sample", "no biases")
"""One each of the input, the order, the statistics and the network; all of them with `-m planted`."""


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=fault.name, marks=() if fault.name in FEW else pytest.mark.planted)
        for number, fault in enumerate(FAULTS)
    ],
)
def test_a_planted_fault_is_explained(number, project):
    found = explain_fault(project, FAULTS[number], number)
    assert found.divergences > 0
    assert found.is_right, found.sets
    assert found.executions <= 30
    assert all(line["sentence"] and line["command"] for line in found.lines)
