"""Records on disk: whatever is cut off or damaged, going on gives what an undisturbed run gives."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.examples import Example, hash_bytes
from harness.worker.records import BATCHES, RECORDS, append_batch, keep_whole_batches

EXAMPLES = [Example(f"e{number}", "s", "benign", 0, Path("x"), "0") for number in range(7)]
SIZE = 3


def record(example):
    return {"example": example.id, "original": 1}


def run(output, examples=EXAMPLES, size=SIZE, job="job"):
    """What the worker does; how many examples it found done."""
    batches = cut(examples, size)
    done = keep_whole_batches(output, job, [[one.id for one in batch] for batch in batches])
    for batch in batches[done:]:
        append_batch(output, job, map(record, batch))
    return sum(map(len, batches[:done]))


def cut(examples, size):
    return [examples[start : start + size] for start in range(0, len(examples), size)]


def read(output):
    return (output / RECORDS).read_bytes(), (output / BATCHES).read_bytes()


@pytest.fixture(name="whole")
def undisturbed(tmp_path):
    folder = tmp_path / "whole"
    folder.mkdir()
    assert run(folder) == 0
    return read(folder)


def test_a_finished_cell_is_left_alone(tmp_path, whole):
    for name, data in zip((RECORDS, BATCHES), whole):
        (tmp_path / name).write_bytes(data)
    assert run(tmp_path) == len(EXAMPLES)
    assert read(tmp_path) == whole


@pytest.mark.parametrize("which", [0, 1])
def test_cut_off_at_every_byte(tmp_path, whole, which):
    for size in range(len(whole[which])):
        data = list(whole)
        data[which] = data[which][:size]
        for name, content in zip((RECORDS, BATCHES), data):
            (tmp_path / name).write_bytes(content)
        assert run(tmp_path) < len(EXAMPLES)
        assert read(tmp_path) == whole


def test_any_flipped_byte_is_noticed(tmp_path, whole):
    for place in range(0, len(whole[0]), 5):
        damaged = bytearray(whole[0])
        damaged[place] ^= 1
        (tmp_path / RECORDS).write_bytes(damaged)
        (tmp_path / BATCHES).write_bytes(whole[1])
        assert run(tmp_path) < len(EXAMPLES)
        assert read(tmp_path) == whole


@pytest.mark.parametrize("batches", [b"[]\n", b"{}\n", b'{"bytes": "x"}\n', b"\xff\n", b"\n"])
def test_garbage_in_place_of_vouchers_starts_anew(tmp_path, whole, batches):
    (tmp_path / RECORDS).write_bytes(whole[0])
    (tmp_path / BATCHES).write_bytes(batches)
    assert run(tmp_path) == 0
    assert read(tmp_path) == whole


def test_records_of_other_examples_or_batches_are_not_kept(tmp_path):
    run(tmp_path)
    assert run(tmp_path, EXAMPLES[::-1]) == 0
    assert run(tmp_path, size=SIZE + 1) == 0
    assert run(tmp_path, EXAMPLES[1:]) == 0


def test_records_of_another_job_are_not_kept(tmp_path):
    run(tmp_path)
    assert run(tmp_path, job="another") == 0


def test_no_record_holds_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        append_batch(tmp_path, "job", [{"example": "e0", "score": float("nan")}])
    assert not (tmp_path / RECORDS).exists()


def test_every_batch_is_vouched_for(whole):
    vouchers = [json.loads(line) for line in whole[1].splitlines()]
    assert [one["records"] for one in vouchers] == [3, 3, 1]
    assert sum(one["bytes"] for one in vouchers) == len(whole[0])


@pytest.mark.parametrize(
    "voucher",
    [
        b"[" * 100_000,
        b"[]",
        b'{"bytes": 1e3, "sha256": "0", "job": "job"}',
        b'{"bytes": -1, "sha256": "0", "job": "job"}',
        b'{"bytes": 1000000000000000, "sha256": "0", "job": "job"}',
        b'{"bytes": 9999999999999999999999, "sha256": "0", "job": "job"}',
        b'{"bytes": true, "sha256": "0", "job": "job"}',
    ],
)
def test_a_line_that_vouches_for_nothing_is_cut_off(tmp_path, whole, voucher):
    (tmp_path / RECORDS).write_bytes(whole[0])
    (tmp_path / BATCHES).write_bytes(voucher + b"\n" + whole[1])
    assert run(tmp_path) == 0
    assert read(tmp_path) == whole


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b"[]\n" * 3, b"1\n2\n3\n", b'{"example": [1]}\n' * 3, b"\xff\n"]
)
def test_what_is_vouched_for_and_no_record_is_cut_off(tmp_path, whole, data):
    voucher = {"records": 3, "bytes": len(data), "sha256": hash_bytes(data), "job": "job"}
    (tmp_path / RECORDS).write_bytes(data)
    (tmp_path / BATCHES).write_text(json.dumps(voucher) + "\n")
    assert run(tmp_path) == 0
    assert read(tmp_path) == whole


def test_a_full_disk_is_named_by_the_file(tmp_path, limit_files):
    code = (
        "import pathlib, sys; from harness.worker.records import append_batch\n"
        "append_batch(pathlib.Path(sys.argv[1]), 'job', [{'example': 'x' * 100_000}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_files(50_000),
    )
    assert f"File too large: '{tmp_path / RECORDS}'" in done.stderr
