"""What is no cause of a divergence is called by its name, and nothing else is claimed of it."""

import pytest

from faults.catalogue import HARMLESS
from faults.explained import explain_fault


@pytest.mark.parametrize("number", range(len(HARMLESS)), ids=lambda number: HARMLESS[number].name)
def test_a_fault_that_changes_no_tuple_is_no_divergence(number, project):
    found = explain_fault(project, HARMLESS[number], 900 + number)
    assert found.divergences == 0
    assert found.lines == ()
