"""Deviations near 0: read from records, counted by blob, told in every summary."""

import json

import pytest
from judged import judge, record, result

from harness.diff.columns import read_columns, take_columns
from harness.verdict.near_zero import note_near_zero

TIGHT = [["conv3_3", 0.0], ["conv3_3", 2e-7], ["conv4_3", 9.9e-6], ["conv4_3", 1e-5], ["fc6", 0.2], None]


def make_records(ratios):
    return [{**record(f"e{number}"), "sigma_ratio": ratio} for number, ratio in enumerate(ratios)]


def test_ratios_below_the_bound_are_counted_by_blob():
    assert take_columns(make_records(TIGHT)).near_zero == {"conv3_3": 2, "conv4_3": 1}
    assert take_columns([record("x")]).near_zero == {}


def test_parts_of_a_file_are_added_up(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.core.documents.CHUNK_BYTES", 1)
    text = "".join(json.dumps(one) + "\n" for one in make_records(TIGHT))
    (tmp_path / "records.jsonl").write_text(text)
    assert read_columns(tmp_path).near_zero == {"conv3_3": 2, "conv4_3": 1}


@pytest.mark.parametrize("ratio", [["conv3_3"], ["conv3_3", None], [3, 0.1], "conv3_3", {"conv3_3": 0.1}])
def test_what_is_no_ratio_is_a_damaged_record(ratio):
    columns = take_columns(make_records([ratio]))
    assert len(columns.examples) == 0
    assert "is damaged" in columns.broken[0].reason


def test_the_summary_names_blobs_and_cells():
    cells = [result(name, *make_records(ratios)) for name, ratios in (("a", TIGHT[:2]), ("b", TIGHT[1:3]))]
    (note,) = judge(*cells).notes
    found = "conv3_3 (2 examples in a, 1 example in b), conv4_3 (1 example in b)"
    assert note.startswith(f"sigma is below 1e-05 of the mean in {found}:")
    assert "arithmetic in docs/ports.md" in note


def test_equal_counts_are_told_once_and_many_cells_are_cut():
    def tell(*numbers):
        cells = {
            f"c{place}": take_columns(make_records([["conv3_3", 0.0]] * number))
            for place, number in enumerate(numbers)
        }
        (note,) = note_near_zero(cells)
        return note

    assert "conv3_3 (2 examples in each of 3 cells)" in tell(2, 2, 2)
    assert "conv3_3 (1 example in c0)" in tell(1)
    assert "3 examples in c2, and in 1 more cell)" in tell(1, 2, 3, 4)
    assert "(1 example in c0, 2 examples in c1, 3 examples in c2, and in 2 more cells)" in tell(1, 2, 3, 4, 5)


def test_many_blobs_are_cut_and_none_is_no_note():
    columns = take_columns(make_records([[f"b{number}", 0.0] for number in range(5)]))
    (note,) = note_near_zero({"a": columns})
    assert "b2 (1 example in a), and 2 more blobs:" in note
    assert note_near_zero({"a": take_columns([record("x")])}) == []
    assert judge(result("a", record("x")), result("b", record("x"))).notes == ()
