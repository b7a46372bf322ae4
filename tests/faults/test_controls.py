"""What is no cause of a divergence is called by its name, and nothing else is claimed of it."""

from dataclasses import replace

import pytest

from faults.catalogue import HARMLESS, find_fault
from faults.explained import explain_fault
from faults.planting import Edit


@pytest.mark.parametrize("number", range(len(HARMLESS)), ids=lambda number: HARMLESS[number].name)
def test_a_fault_that_changes_no_tuple_is_no_divergence(number, project):
    found = explain_fault(project, HARMLESS[number], 900 + number)
    assert found.divergences == 0
    assert found.lines == ()


@pytest.mark.planted
def test_a_tracer_that_rounds_is_the_harness_and_no_trace_counts(project):
    rounds = Edit("worker/recorder.py", "after = edit(value)", "after = (edit(value) * 2).round() / 2")
    stale = find_fault("one layer stale")
    fault = replace(stale, name="a tracer that rounds", edits=(*stale.edits, rounds))
    found = explain_fault(project, fault, 950)
    assert ("proven", ("harness",)) in found.sets
    assert set(found.sets) <= {("proven", ("harness",)), ("unknown", ())}
    assert all("changes what it watches" in one["sentence"] for one in found.lines if one["causes"])
