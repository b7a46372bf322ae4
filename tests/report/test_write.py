"""All forms beside each other, whole or not at all."""

import json

import pytest
from summaries import make_summary

from harness.core.errors import InputError
from harness.report import write
from harness.report.write import FORMS, write_folder, write_reports


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_gets_every_form(tmp_path):
    write_reports(tmp_path, make_summary())
    assert set(list_names(tmp_path)) >= {*FORMS, "report.txt", "report.md", "junit.xml", "summary.json"}
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["run"] == make_summary().run


def test_a_new_folder_is_made_with_all_above_it(tmp_path):
    write_folder(tmp_path / "a" / "b", make_summary())
    assert set(list_names(tmp_path / "a" / "b")) >= set(FORMS)
    assert list_names(tmp_path / "a") == ["b"]


def test_an_empty_folder_is_taken_and_another_refused(tmp_path):
    (tmp_path / "new").mkdir()
    write_folder(tmp_path / "new", make_summary())
    with pytest.raises(InputError, match="is not empty"):
        write_folder(tmp_path / "new", make_summary())
    assert list_names(tmp_path) == ["new"]


def test_nothing_is_left_where_one_form_fails(tmp_path, monkeypatch):
    def fail(_summary, _folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(write.FORMS, "report.md", fail)
    with pytest.raises(InputError, match="No space left"):
        write_folder(tmp_path / "new", make_summary())
    assert list_names(tmp_path) == []


def test_a_place_below_a_file_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_folder(tmp_path / "file" / "new", make_summary())
