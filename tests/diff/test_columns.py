"""Columns: what a line holds comes out, and whatever is wrong with it is said."""

import json

import numpy as np
import pytest
from tuple_records import make_record

from harness.core.documents import CHUNK_BYTES
from harness.core.errors import InputError
from harness.diff.columns import read_columns, take_columns
from harness.records.record import STAGES


def read(folder, *lines):
    (folder / "records.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return read_columns(folder)


def encode(*records):
    return [json.dumps(one).encode() for one in records]


def test_a_record_comes_out_as_it_went_in(tmp_path):
    hashes = {name: f"{number:064x}"[::-1] for number, name in enumerate(STAGES, start=1)}
    record = {
        **make_record("x", 3, 4, 5), "source": "s", "attack": "bim", "margin_original": 0.5,
        "margin_attribute": None, "hashes": hashes, "top5_original": [[1, 2.0]], "seconds": 1,
    }  # fmt: skip
    columns = read(tmp_path, *encode(record))
    assert [columns.examples[0], columns.sources[0], columns.attacks[0]] == ["x", "s", "bim"]
    assert columns.tuples.tolist() == [[3, 4, 5]]
    assert columns.margins[0, 0] == 0.5
    assert np.isnan(columns.margins[0, 1])
    assert [f"{value:016x}" for value in columns.hashes[0]] == [text[:16] for text in hashes.values()]


def test_a_missing_hash_is_nought_whatever_the_others_are(tmp_path):
    hashes = [{"file": "1" * 64}, None, {"pixels": "no hash", "logits_attribute": ""}, {"file": "ab"}]
    columns = read(tmp_path, *encode(*(make_record(str(n), hashes=one) for n, one in enumerate(hashes))))
    assert (columns.hashes != 0).tolist() == [
        [True, False, False, False, False],
        [False] * 5,
        [False, True, False, False, False],
        [True, False, False, False, False],
    ]


def test_many_lines_are_read_in_pieces(tmp_path):
    lines = encode(*(make_record(f"{number:05d}", 1, number, 1) for number in range(3000)))
    pad = b" " * (CHUNK_BYTES // 1000)
    columns = read(tmp_path, *(line + pad for line in lines))
    assert columns.tuples[:, 1].tolist() == list(range(3000))
    assert len(set(columns.examples)) == 3000


def test_a_line_of_a_later_piece_is_named_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.core.documents.CHUNK_BYTES", 1)
    with pytest.raises(InputError, match=r"records\.jsonl:3: is no record"):
        read(tmp_path, *encode(make_record("x"), make_record("y")), b"{")


def test_a_broken_record_among_others_is_kept_with_its_reason(tmp_path):
    lines = encode(
        make_record("x"), {"example": "y", "refused": "cut off"}, {"example": "z"}, make_record("w")
    )
    columns = read(tmp_path, *lines)
    assert columns.examples.tolist() == ["x", "w"]
    assert [(one.example, one.reason) for one in columns.broken] == [
        ("y", "was refused: cut off"),
        ("z", "its record holds no tuple"),
    ]


@pytest.mark.parametrize("more", [{"attack": 5}, {"margin_original": "1"}, {"hashes": {"file": 1}}])
def test_a_record_with_a_field_of_another_kind_is_damaged(more):
    (broken,) = take_columns([make_record("x", **more)]).broken
    assert broken.reason.startswith("its record is damaged (Expected")


@pytest.mark.parametrize("line", [b'{"exam', b"[1]", b"", b"null", b'{"example": "\xff"}', b'{"gold": 1e}'])
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    with pytest.raises(InputError, match=r"records\.jsonl:2: is no record"):
        read(tmp_path, *encode(make_record("x")), line)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"records\.jsonl: cannot be read"):
        read_columns(tmp_path)


def test_no_records_are_no_rows(tmp_path):
    (tmp_path / "records.jsonl").write_bytes(b"")
    columns = read_columns(tmp_path)
    assert (columns.examples.shape, columns.tuples.shape) == ((0,), (0, 3))
    assert (columns.margins.shape, columns.hashes.shape) == ((0, 2), (0, 5))
    assert (columns.detected.shape, columns.scores.shape) == ((0,), (0,))


def test_what_a_detector_says_comes_out(tmp_path):
    more = ({"detected": False, "score": 0.25}, {"detected": True, "score": None}, {"score": 2})
    columns = read(tmp_path, *encode(*(make_record(str(n), 1, 1, 2, **one) for n, one in enumerate(more))))
    assert columns.detected.tolist() == [False, True, True]
    assert np.nan_to_num(columns.scores, nan=-1).tolist() == [0.25, -1, 2]


def test_records_that_do_not_say_what_was_detected_are_judged_by_their_tuples():
    columns = take_columns([make_record("x", 1, 1, 1), make_record("y", 1, 1, 2), make_record("z", 1, 2, 1)])
    assert columns.detected.tolist() == [False, True, True]


@pytest.mark.parametrize("more", [{"detected": 1}, {"score": "high"}])
def test_what_no_detector_says_is_damage(more):
    (broken,) = take_columns([make_record("x", **more)]).broken
    assert broken.reason.startswith("its record is damaged (Expected")


def test_a_tuple_of_a_file_that_was_refused_all_the_same_does_not_count(tmp_path):
    columns = read(tmp_path, *encode(make_record("x"), make_record("y", refused="cut off")))
    assert columns.examples.tolist() == ["x"]
    assert [one.reason for one in columns.broken] == ["was refused: cut off"]
