"""Summaries that are read: of this version, or refused with what to do."""

import json

import pytest
from html_samples import make_rich
from judged import OTHER, judge

from harness.core.errors import InputError
from harness.summary.reading import read_summary


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


def spoil(data, *path_and_value):
    *path, last, value = path_and_value
    for key in path:
        data = data[key]
    data[last] = value


@pytest.mark.parametrize(
    ("path_and_value", "words"),
    [
        (
            ("divergences", 0, "baseline_environment", "nobody"),
            "divergences.0: baseline_environment 'nobody'",
        ),
        (("divergences", 0, "tuples", {}), "divergences.0: baseline_environment 'plain' has not"),
        (("divergences", 0, "departing", ["plain"]), "divergences.0: departing are not"),
        (("divergences", 0, "departing", ["ported", "ported"]), "divergences.0: departing are not"),
        (("divergences", 0, "classes", [["plain"]]), "divergences.0: classes do not hold"),
        (("divergences", 0, "classes", 1, []), "divergences.0: classes do not hold"),
        (("divergences", 0, "margins", "nobody", [1, 2]), "divergences.0: margins: 'nobody' has no tuple"),
        (("divergences", 0, "example", "x" * 1025), "divergences.0: has more than 1024 characters"),
        (("labels", "3", "x" * 1025), "labels.3: has more than 1024 characters"),
        (("labels", " 3", "x"), "labels. 3.[key]: "),
        (("labels", "1_0", "x"), "is no whole number in digits 0 to 9"),
        (("agreeing", "attacks", []), "agreeing.attacks: is not of 31 examples"),
        (("agreeing", "tuples", [[1, 1, 1]]), "agreeing.tuples: is not of 31 examples"),
        (("agreement", "pairs", 3, "first", "nobody"), "agreement.pairs: are not every two"),
        (("agreement", "pairs", []), None),
        (("cells", 0, "rates", "detection", "hits", 1 << 64), "more than 64 bits"),
        (("seconds", float("nan")), "NaN"),
    ],
)
def test_parts_that_contradict_each_other_are_named(tmp_path, path_and_value, words):
    data = json.loads(make_rich(12).model_dump_json())
    spoil(data, *path_and_value)
    if words is None:
        assert read(tmp_path, json.dumps(data)).agreement.pairs == ()
        return
    with pytest.raises(InputError) as caught:
        read(tmp_path, json.dumps(data))
    assert words in str(caught.value)


def test_a_key_that_is_given_twice_is_no_summary(tmp_path):
    text = judge(*OTHER).model_dump_json()
    with pytest.raises(InputError, match=r"is no summary .*'run' is given twice"):
        read(tmp_path, '{"run": "x",' + text[1:])
