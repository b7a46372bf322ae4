"""What is run beside each other, so that a single divergence waits for as few workers as can be."""

from dataclasses import replace

import pytest
from looked_cells import Cells
from toy_cells import Toy, make_pair
from toy_cells import make_job as make_toy_job
from worker_jobs import make_job

from harness.explain.explain import STRATEGIES, explain_pair, explain_pairs
from harness.worker import fingerprint

FIXTURES = (make_job,)


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def open_pair(job, tmp_path, monkeypatch):
    """Two sides of another rule, with what answers about them, and what is run at once each time."""
    cells, calls = Cells(tmp_path, monkeypatch), []
    other = {**job, "port": {"preset": "notebook", "rules": {"npy": "convert", "pool3_channels": "all"}}}
    pair, answers = cells.pair(cells.add("one", job), cells.add("two", other))

    def run(questions, errands):
        calls.append(([one.side.label for one in questions], [one.task for one in errands]))
        return cells.answer(questions, errands)

    return pair, replace(answers, run=run), calls


def test_a_single_divergence_is_traced_beside_its_controls_and_grafted_beside_its_audits(
    job, tmp_path, monkeypatch
):
    pair, answers, calls = open_pair(job, tmp_path, monkeypatch)
    pair.diverging = pair.diverging[:1]
    found = explain_pairs(tmp_path, [pair], answers, lambda _: None)
    assert [one.verdict for one in found] == ["proven"]
    assert calls == [(["two", "one"], ["trace", "trace"]), ([], ["audit", "audit", "graft"])]
    assert answers.executions == 7


def test_many_divergences_are_traced_once_their_groups_are_known(job, tmp_path, monkeypatch):
    pair, answers, calls = open_pair(job, tmp_path, monkeypatch)
    assert len(pair.diverging) > 1
    explain_pairs(tmp_path, [pair], answers, lambda _: None)
    assert calls[0] == (["two", "one"], [])
    assert calls[-1] == ([], ["audit", "audit", "graft"])


def test_examples_that_agree_are_run_with_all_differences_undone_and_nothing_else():
    """Each would have the whole batch walked that it is in."""
    rules = make_toy_job({"ddof": 1, "fed_on": False})
    pair, answers, runner = make_pair(Toy("one"), Toy("two", rules))
    pair.agreeing, pair.diverging = pair.diverging[1:], pair.diverging[:1]
    list(explain_pair(pair, pair.diverging, answers, STRATEGIES))
    asked = [
        one for question in runner.questions for one in zip(question.patches, question.only, strict=True)
    ]
    assert [data for data, examples in asked if set(examples) - set(pair.diverging)] == [pair.undoing]
    assert len(asked) == 5
