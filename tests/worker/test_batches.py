"""Examples run alone: walked among the same neighbours as in a run of all, so that every bit is the same."""

import json
from pathlib import Path

import pytest
from worker_jobs import COUNT, make_job, run, spoil_examples

from harness.core.errors import InputError
from harness.core.examples import Example
from harness.worker.batches import form_batches

FIXTURES = (make_job,)
EXAMPLES = [Example(f"e{number}", "s", "benign", 0, Path("x"), "0") for number in range(7)]
BACKENDS = {"reference": "numpy", "pytorch": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino"}


def form(only, size=3):
    batches = form_batches(EXAMPLES, size, only)
    return [([one.id for one in batch.examples], list(batch.kept)) for batch in batches]


def only(job, *ids):
    return {**job, "examples": {**job["examples"], "only": list(ids)}}


def without_seconds(records):
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def test_without_a_choice_every_record_is_kept():
    assert form(None) == [
        (["e0", "e1", "e2"], ["e0", "e1", "e2"]),
        (["e3", "e4", "e5"], ["e3", "e4", "e5"]),
        (["e6"], ["e6"]),
    ]


def test_batches_of_chosen_examples_stay_whole_and_others_are_left_out():
    assert form(["e6", "e4"]) == [(["e3", "e4", "e5"], ["e4"]), (["e6"], ["e6"])]


def test_an_example_that_is_not_listed_is_named():
    with pytest.raises(InputError, match="'e9' is not in the list"):
        form(["e1", "e9"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_example_alone_has_the_record_that_it_has_among_all(job, tmp_path, backend):
    pytest.importorskip(BACKENDS[backend])
    job["backend"] = backend
    _, full, _ = run(job, tmp_path)
    for number in range(COUNT):
        job["output"] = str(tmp_path / f"alone-{number}")
        Path(job["output"]).mkdir()
        code, records, cell = run(only(job, f"e{number}"), tmp_path)
        assert code == 0
        assert without_seconds(records) == without_seconds(full[number : number + 1])
        assert cell["timings"]["examples"] == 1


def test_neighbours_that_cannot_be_used_change_nothing(job, tmp_path):
    spoil_examples(job, tmp_path)
    _, full, _ = run(job, tmp_path)
    _, records, _ = run(only(job, "e1", "e3"), tmp_path)
    assert without_seconds(records) == without_seconds([full[1], full[3]])


def test_files_of_other_batches_are_not_needed(job, tmp_path):
    (tmp_path / "e0.npy").unlink()
    assert run(only(job, "e4"), tmp_path)[0] == 0
    assert run(only(job, "e1"), tmp_path)[0] == 2


def test_a_killed_job_of_chosen_examples_goes_on_where_it_was(job, tmp_path, capsys):
    chosen = only(job, "e1", "e2", "e3", "e4")
    _, undisturbed, _ = run(chosen, tmp_path)
    events = [json.loads(line)["done"] for line in capsys.readouterr().out.splitlines()]
    assert events == [0, 1, 3, 4]
    path = Path(job["output"]) / "records.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    _, records, cell = run(chosen, tmp_path)
    assert cell["timings"]["resumed"] == 1
    assert without_seconds(records) == without_seconds(undisturbed)
    _, _, cell = run(job, tmp_path)
    assert cell["timings"]["resumed"] == 0


@pytest.mark.parametrize("wrong", ["e1", [1], 5, ["e9"]])
def test_a_wrong_choice_is_bad_input(job, tmp_path, wrong):
    job["examples"]["only"] = wrong
    code, _, cell = run(job, tmp_path)
    assert code == 2
    assert cell["error"].startswith("job: ")
