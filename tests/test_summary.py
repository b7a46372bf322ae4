"""Summaries that are read: of this version, or refused with what to do."""

import json

import pytest
from test_judge import OTHER, judge

from harness.ami.errors import InputError
from harness.report.summary import read_summary


def read(folder, text):
    (folder / "summary.json").write_text(text)
    return read_summary(folder)


def test_a_summary_is_read_as_it_was_written(tmp_path):
    summary = judge(*OTHER)
    assert read(tmp_path, summary.model_dump_json()).model_dump() == summary.model_dump()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"schema_version": 1, "run": "r"}', "is of version 1, this harness reads 2"),
        ("{", "is no summary"),
        ("[]", "is no summary"),
        ('{"schema_version": 2}', "is damaged (run: Field required)"),
    ],
)
def test_anything_else_is_refused_with_what_to_do(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert f" diff {tmp_path}` compares the run's records anew" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_wrong_field_is_named(tmp_path):
    data = json.loads(judge(*OTHER).model_dump_json())
    data["divergences"][0]["baseline"] = [1, 2]
    with pytest.raises(InputError, match=r"is damaged \(divergences\.0\.baseline"):
        read(tmp_path, json.dumps(data))


def test_a_folder_without_a_summary_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_summary(tmp_path)
