"""Detectors: one more is one module, which the job names."""

from types import ModuleType

import pytest
from worker_jobs import COUNT, make_job, run

from harness.core.walk import walk
from harness.detectors import DETECTORS
from harness.detectors.detection import Detection

FIXTURES = (make_job,)
ALARM = {"why": "always"}


def add_alarm(monkeypatch, missing=0):
    """What a new file in `harness/detectors` and its line in DETECTORS do: a detector that always alarms."""

    def build(setup):
        executor = setup.load(setup.network)

        def detect(inputs):
            logits = executor.to_numpy(walk(executor, executor.to_native(inputs)))
            return [
                Detection(row, row, detected=True, score=float(row.max()), more=ALARM)
                for row in logits[missing:]
            ]

        return detect

    module = ModuleType("alarm")
    module.build = build
    monkeypatch.setitem(DETECTORS, "alarm", module)


def test_a_new_detector_is_one_module(job, tmp_path, monkeypatch):
    add_alarm(monkeypatch)
    plain = run(job, tmp_path)[1]
    code, records, cell = run({**job, "detector": "alarm"}, tmp_path)
    assert (code, cell["status"], len(records)) == (0, "done", COUNT)
    for record, before in zip(records, plain):
        assert (record["detected"], record["why"]) == (True, "always")
        assert record["original"] == record["attribute"] == before["original"]
        assert record["score"] == pytest.approx(before["top5_original"][0][1])
        assert record["hashes"]["logits_attribute"] == before["hashes"]["logits_original"]
        assert set(before) - set(record) == {"sigma_ratio"}
    assert not all(record["detected"] for record in plain)


def test_ami_is_the_detector_of_a_job_that_names_none(job, tmp_path):
    named = run({**job, "detector": "ami"}, tmp_path)[1]
    assert [{**one, "seconds": 0} for one in named] == [
        {**one, "seconds": 0} for one in run(job, tmp_path)[1]
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [("alarm", "detector 'alarm': unknown; there are ami"), (["ami"], "job: 'detector' must be a text")],
)
def test_a_detector_that_is_not_there_is_bad_input(job, tmp_path, name, words):
    code, records, cell = run({**job, "detector": name}, tmp_path)
    assert (code, records) == (2, [])
    assert words in cell["error"]


def test_a_detector_that_leaves_inputs_out_is_noticed(job, tmp_path, monkeypatch):
    add_alarm(monkeypatch, missing=1)
    cell = run({**job, "detector": "alarm"}, tmp_path)[2]
    assert cell["error"] == "the detector answered 1 of 2 inputs; correct it"
