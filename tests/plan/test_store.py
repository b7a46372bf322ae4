"""The store: results come back as they were put in, or not at all."""

import errno
import json

import pytest
from fake_worker import make_key

from harness.core.errors import InputError
from harness.plan import store
from harness.plan.store import (
    copy_result,
    find_damage,
    keep_result,
    locate_result,
    make_workplace,
    stamp_execution,
)
from harness.records.cell import read_cell
from harness.records.record import read_records

KEY = make_key("a cell")


@pytest.fixture(name="kept")
def keep(tmp_path):
    return keep_result(tmp_path, KEY, fill(make_workplace(tmp_path, KEY)))


def fill(folder, example="x"):
    (folder / "cell.json").write_text(json.dumps({"schema": 1, "status": "done"}))
    (folder / "records.jsonl").write_text(json.dumps({"example": example}) + "\n")
    (folder / "log.txt").write_text("words\n")
    return folder


def test_a_result_is_found_under_its_key(tmp_path, kept):
    assert kept == locate_result(tmp_path, KEY)
    assert find_damage(kept) is None
    assert read_cell(kept)["status"] == "done"
    assert read_records(kept) == [{"example": "x"}]
    assert not list((tmp_path / "working").iterdir())


def test_an_attempt_goes_on_as_the_same_execution(tmp_path):
    first = make_workplace(tmp_path, KEY)
    (first / "records.jsonl").write_text("{}\n")
    execution = (first / "execution").read_text()
    second = make_workplace(tmp_path, KEY)
    assert (second / "execution").read_text() == execution
    assert (second / "records.jsonl").is_file()
    third = make_workplace(tmp_path, KEY, fresh=True)
    assert (third / "execution").read_text() != execution
    assert not (third / "records.jsonl").exists()
    assert list((tmp_path / "working").iterdir()) == [third]


def test_records_of_nobodys_execution_are_given_one(tmp_path):
    first = make_workplace(tmp_path, KEY)
    (first / "execution").unlink()
    assert len((make_workplace(tmp_path, KEY) / "execution").read_text()) == 32


def test_a_result_says_which_execution_it_is_of(tmp_path):
    workplace = fill(make_workplace(tmp_path, KEY))
    execution = (workplace / "execution").read_text()
    stamp_execution(workplace)
    kept = keep_result(tmp_path, KEY, workplace)
    assert read_cell(kept) == {"schema": 1, "status": "done", "execution": execution}
    assert find_damage(kept) is None
    copy_result(kept, tmp_path / "copy")
    assert read_cell(tmp_path / "copy")["execution"] == execution


@pytest.mark.parametrize("text", ["", "[]", "nothing"])
def test_a_broken_workers_file_is_left_as_it_is(tmp_path, text):
    workplace = make_workplace(tmp_path, KEY)
    stamp_execution(workplace)
    (workplace / "cell.json").write_text(text)
    stamp_execution(workplace)
    assert (workplace / "cell.json").read_text() == text


def test_a_result_replaces_another_where_it_is_to(tmp_path, kept):
    assert keep_result(tmp_path, KEY, fill(make_workplace(tmp_path, KEY), "other"), replace=True) == kept
    assert read_records(kept) == [{"example": "other"}]
    assert not list((tmp_path / "working").iterdir())


def test_no_result_is_no_damage(tmp_path):
    assert find_damage(locate_result(tmp_path, KEY)) is None


@pytest.mark.parametrize("name", ["records.jsonl", "cell.json"])
def test_a_changed_file_is_damage(kept, name):
    text = (kept / name).read_text()
    (kept / name).write_text(text.replace("x", "y").replace("done", "dome"))
    assert "was changed" in find_damage(kept)


@pytest.mark.parametrize("name", ["records.jsonl", "cell.json", "checksums.json"])
def test_a_missing_file_is_damage(kept, name):
    (kept / name).unlink()
    assert "not whole" in find_damage(kept)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_checksums_that_are_none_are_damage(kept, text):
    (kept / "checksums.json").write_text(text)
    assert "not whole" in find_damage(kept)


def test_the_first_of_two_equal_results_stays(tmp_path, kept):
    keep_result(tmp_path, KEY, fill(make_workplace(tmp_path, KEY), "other"))
    assert read_records(kept) == [{"example": "x"}]
    assert not list((tmp_path / "working").iterdir())


def test_a_damaged_result_is_replaced(tmp_path, kept):
    (kept / "records.jsonl").unlink()
    keep_result(tmp_path, KEY, fill(make_workplace(tmp_path, KEY), "other"))
    assert read_records(kept) == [{"example": "other"}]


def test_a_copy_made_while_its_result_is_replaced_is_made_again(tmp_path, kept, monkeypatch):
    def leave(path):
        if path.name == "records.jsonl" and not left:
            left.append(path)
            raise FileNotFoundError(path)
        return copy(path, tmp_path / "copy" / path.name)

    left, copy = [], store.shutil.copyfile
    monkeypatch.setattr(store.shutil, "copyfile", lambda source, _target: leave(source))
    copy_result(kept, tmp_path / "copy", whole=True)
    assert left
    assert find_damage(tmp_path / "copy") is None


def test_copies_leave_out_what_is_not_there(tmp_path, kept):
    (kept / "log.txt").unlink()
    copy_result(kept, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == [
        "cell.json", "checksums.json", "records.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "status": "done"}', '{"schema": 1}'])
def test_a_cell_of_another_version_is_refused(kept, text):
    (kept / "cell.json").write_text(text)
    with pytest.raises(InputError, match=r"cell\.json"):
        read_cell(kept)


@pytest.mark.parametrize("text", ['{"example": "x"}\n{"exam', '{"example": "x"}\n[1]'])
def test_a_line_that_is_no_record_is_named(kept, text):
    (kept / "records.jsonl").write_text(text)
    with pytest.raises(InputError, match=r"records\.jsonl:2"):
        read_records(kept)


def test_a_full_disk_leaves_no_workplace_and_the_one_that_was_there(tmp_path, monkeypatch):
    earlier = fill(make_workplace(tmp_path, KEY))

    def refuse(_source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr("harness.plan.store.shutil.copyfile", refuse)
    with pytest.raises(OSError, match="No space left"):
        make_workplace(tmp_path, KEY)
    assert list((tmp_path / "working").iterdir()) == [earlier]


def test_lines_of_records_end_at_line_feeds_alone(tmp_path):
    records = [{"example": f"a{mark}b"} for mark in ("\u2028", "\u2029", "\x85", "\x0b", "\x1c", "\r")]
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in records)
    (tmp_path / "records.jsonl").write_text(f"{text}\n", encoding="utf-8", newline="")
    assert read_records(tmp_path) == records


NO_RECORDS = ("[" * 100_000, "[]", "7", '{"a": NaN}', f'{{"a": {"9" * 5000}}}', '{"a": 1, "a": 2}')


@pytest.mark.parametrize("line", NO_RECORDS, ids=lambda line: line[:20])
def test_a_line_that_json_does_not_have_is_named(tmp_path, line):
    (tmp_path / "records.jsonl").write_text(f'{{"example": "a"}}\n{line}\n')
    with pytest.raises(InputError, match=r"records\.jsonl:2: is no record"):
        read_records(tmp_path)
